"""Gaps in keypoints are bridged up to a limit, and what nobody saw is marked by its confidence."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.errors import InputError
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17
from lift3d.tracking import bridge_gaps, fill_keypoint_gaps


def line(length: int = 10) -> np.ndarray:
    at = np.arange(length, dtype=np.float64)
    return np.stack([3 * at, 100 - at, np.full(length, 0.8)], -1)[:, None]


def without(points: np.ndarray, frames: list[int]) -> np.ndarray:
    gappy = points.copy()
    gappy[frames] = [np.nan, np.nan, 0]
    return gappy


def test_by_hand() -> None:
    points = without(line(), [3, 4, 5])
    filled = fill_keypoint_gaps(points, 3)
    assert np.allclose(filled[..., :2], line()[..., :2])
    assert filled[[3, 4, 5], 0, 2].tolist() == pytest.approx([0.2] * 3)
    assert filled[[0, 2, 6], 0, 2].tolist() == [0.8] * 3
    assert np.array_equal(fill_keypoint_gaps(points, 2), points, equal_nan=True)


def test_ends_stay_open() -> None:
    points = without(line(), [0, 9])
    assert np.array_equal(fill_keypoint_gaps(points, 5), points, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 6))
def test_what_was_seen_stays_and_gaps_beyond_the_limit_too(seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(1, 100, (30, 4, 3))
    points[..., 2] = rng.uniform(0.1, 1, (30, 4))
    points[rng.random((30, 4)) < 0.4] = [np.nan, np.nan, 0]
    filled = fill_keypoint_gaps(points, longest)
    seen, now = points[..., 2] > 0, filled[..., 2] > 0
    assert np.array_equal(filled[seen], points[seen])
    assert np.array_equal(now, np.isfinite(filled).all(-1))
    for joint in range(4):
        at = np.flatnonzero(now[:, joint])
        gaps = np.diff(at) - 1
        assert not ((gaps > 0) & (gaps <= longest)).any()


def test_motions_stay_unobserved_where_nobody_was_seen() -> None:
    points = np.repeat(line(), 17, 1)
    values = torch.from_numpy(without(points, [4, 5]))
    pose = Pose2D.from_detections(values[..., :2], values[..., 2], COCO_17, (480, 640))
    motion = Motion(pose, 10.0, 2, pose.seen.any(-1), 5)
    bridged = bridge_gaps(motion, 0.2)
    assert bridged.observed.tolist() == motion.observed.tolist()
    assert bridged.inferred.nonzero()[:, 0].tolist() == [4, 5]
    assert torch.allclose(bridged.pose.keypoints, torch.from_numpy(points[..., :2]))
    assert torch.equal(bridge_gaps(motion, 0.1).pose.confidence, pose.confidence)
    assert len(bridge_gaps(motion, float("inf"))) == 10


def test_limits_are_checked() -> None:
    with pytest.raises(InputError, match="expected gaps of 0 frames or more"):
        fill_keypoint_gaps(line(), -1)
    pose = Pose2D.from_detections(torch.ones(1, 17, 2), torch.ones(1, 17), COCO_17)
    with pytest.raises(InputError, match="expected a longest gap"):
        bridge_gaps(Motion(pose, 10.0, 0, torch.ones(1, dtype=torch.bool)), float("nan"))
