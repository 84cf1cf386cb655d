"""Pose flows: chains, doubles, windows and gaps."""

import numpy as np
import pytest

from lift3d.errors import InputError
from lift3d.tracking import PoseFlow, track_poseflow
from lift3d.tracking.flows import flows_of


def body(x: float, confidence: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(5)
    xy = rng.uniform(-0.5, 0.5, (17, 2)) * [80, 200] + [x, 300]
    return np.concatenate([xy, np.full((17, 1), confidence)], -1)


def test_ids_count_from_zero_in_order_of_appearance() -> None:
    frames = np.array([4, 3, 3, 4, 5])
    points = np.stack([body(500), body(100), body(500), body(100), body(900)])
    assert track_poseflow(frames, points).tolist() == [1, 0, 1, 0, 2]


def test_ids_last_over_many_windows() -> None:
    frames = np.repeat(np.arange(90), 2)
    points = np.stack([body(100 + 3 * f if n % 2 else 900 - 2 * f) for n, f in enumerate(frames)])
    assert track_poseflow(frames, points).tolist() == [0, 1] * 90


def test_flows_gather_the_most_confidence() -> None:
    """Two chains of three frames: the surer is built first, and each pose is in one flow."""
    frames = np.repeat(np.arange(3), 2)
    points = np.stack(
        [body(100, 0.5), body(600), body(600), body(100, 0.5), body(600), body(100, 0.5)]
    )
    turns = [(f, np.flatnonzero(frames == f)) for f in range(3)]
    flows = flows_of(turns, frames, points, PoseFlow())
    assert [flow.tolist() for flow in flows] == [[1, 2, 4], [0, 3, 5]]


def test_doubles_of_a_person_share_an_id() -> None:
    """Pose flow NMS: a second, fainter detection of one body in every frame."""
    frames = np.repeat(np.arange(30), 3)
    double = np.array([0, 2, -0.5])
    points = np.stack([
        [body(100 + 3 * f), body(100 + 3 * f) + double, body(800)][n % 3]
        for n, f in enumerate(frames)
    ])  # fmt: skip
    assert track_poseflow(frames, points).tolist() == [0, 0, 1] * 30


@pytest.mark.parametrize("gap", [3, 20])
def test_who_comes_back_is_known(gap: int) -> None:
    frames = np.concatenate([np.arange(20), np.arange(20 + gap, 40 + gap)])
    points = np.stack([body(100 + (2 * min(f, 20))) for f in frames])
    assert set(track_poseflow(frames, points).tolist()) == {0}
    assert set(track_poseflow(frames, points, PoseFlow(memory=2, patience=1)).tolist()) == {0, 1}


def test_options_are_checked() -> None:
    for wrong in ({"window": 1}, {"patience": 0}, {"tolerance": 0.0}):
        with pytest.raises(InputError, match="expected a window"):
            PoseFlow(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected similarities"):
        PoseFlow(redundant=1.0)
