"""Parametric pose NMS: each rule of the criterion alone, on poses whose figures are worked out here."""

import numpy as np
import pytest

from lift3d.tracking import FULL_BODY_POSE_NMS, PoseNms, parametric_pose_nms
from lift3d.tracking.pose_nms import pose_redundancy

JOINTS = 17


def pose(size: float, confidence: float = 0.9, x: float = 0.0) -> np.ndarray:
    """Seventeen keypoints on a line `size` long."""
    line = np.linspace(0, size, JOINTS)
    return np.stack([x + 0 * line, line, np.full(JOINTS, confidence)], -1)


def redundant(a: np.ndarray, b: np.ndarray, options: PoseNms | None = None) -> bool:
    return bool(pose_redundancy(a, b[None], options or PoseNms())[0])


def test_soft_criterion() -> None:
    """Bodies 5 pixels high: no two keypoints lie within a tenth of that, so only the sum decides.

    0.9 pixels apart: K = 17 tanh(0.9)^2 = 8.72, H = 17 exp(-0.81 / 2.65) = 12.52, and
    8.72 + 1.7 * 12.52 = 30.0 > 22.48. At 1.1 pixels nothing counts for K, and 1.7 * 10.77 = 18.3.
    """
    assert 17 * np.tanh(0.9) ** 2 + 1.7 * 17 * np.exp(-0.81 / 2.65) == pytest.approx(30.0, abs=0.05)
    assert redundant(pose(5), pose(5, x=0.9))
    assert not redundant(pose(5), pose(5, x=1.1))


def test_confidence_counts() -> None:
    """At confidence 0.1 K is 0.17, and 0.17 + 21.29 = 21.5 < 22.48."""
    assert not redundant(pose(5, 0.1), pose(5, 0.1, x=0.9))


@pytest.mark.parametrize(("matching", "gone"), [(4, False), (5, True)])
def test_five_matches(matching: int, gone: bool) -> None:
    other = pose(50, x=40.0)
    other[:matching, 0] = 4.9  # a tenth of 50 is 5
    assert redundant(pose(50), other) is gone


def test_matches_reach_seven_pixels_at_most() -> None:
    assert redundant(pose(400), pose(400, x=6.9))
    assert not redundant(pose(400), pose(400, x=7.1))


def test_missing_keypoints_match_nothing() -> None:
    half = pose(400)
    half[4:] = [np.nan, np.nan, 0]
    assert not redundant(pose(400), half)
    assert not redundant(half, pose(400))


def test_merging_by_hand() -> None:
    """Keypoints within 15 pixels are averaged by confidence; one that lies further off is not."""
    best, double, other = pose(400, 0.8), pose(400, 0.4, x=6.0), pose(400, 0.7, x=200.0)
    double[3, 0] = 16.0
    rows, poses = parametric_pose_nms(np.stack([other, double, best]), np.zeros(3))
    assert rows.tolist() == [2, 0]
    assert poses[0, 0, 0] == pytest.approx((0.8 * 0 + 0.4 * 6) / 1.2)
    assert poses[0, 0, 2] == pytest.approx((0.8**2 + 0.4**2) / 1.2)
    assert poses[0, 3].tolist() == pytest.approx([0, 75, 0.8])
    assert np.allclose(poses[1], other)


def test_order_by_mean_and_largest_confidence_and_score() -> None:
    """mean + box + 1.25 max: 0.5 + 0.625 = 1.125 against 0.1 + 0.8/17 + 1.125 = 1.27."""
    even, peaked = pose(400, 0.5), pose(400, 0.1, x=200)
    peaked[0, 2] = 0.9
    points = np.stack([even, peaked])
    assert parametric_pose_nms(points, np.zeros(2))[0].tolist() == [1, 0]
    assert parametric_pose_nms(points, np.array([0.2, 0.0]))[0].tolist() == [0, 1]


def test_faint_poses_go() -> None:
    points = np.stack([pose(400, 0.29), pose(400, 0.31, x=200)])
    assert parametric_pose_nms(points, np.ones(2))[0].tolist() == [1]
    assert parametric_pose_nms(points, np.ones(2), FULL_BODY_POSE_NMS)[0].tolist() == [1, 0]


def test_nobody() -> None:
    rows, poses = parametric_pose_nms(np.zeros((0, 17, 3)), np.zeros(0))
    assert rows.tolist() == []
    assert poses.shape == (0, 17, 3)
