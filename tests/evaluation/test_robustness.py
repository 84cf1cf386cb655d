"""What is spoilt along each axis, seen by a lifter that remembers what it was shown."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from lift3d.capture import Capture
from lift3d.errors import InputError
from lift3d.evaluation import Curve, EvaluationConfig, Robustness, evaluate_robustness
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23


def recorded() -> Capture:
    """A person of 23 random joints in 12 frames."""
    joints = torch.randn(12, 23, 3, generator=torch.Generator().manual_seed(5)) * 0.3
    joints[:, 0] = 0
    observed = torch.ones(12, dtype=torch.bool)
    motion = Motion(Pose3D.certain(joints, LIFT_23, "world"), 30.0, 0, observed)
    return Capture("walk", "s1", "walk", motion)


@pytest.fixture(scope="module")
def tried(flat) -> tuple[Robustness, dict[str, list]]:
    """The curves of a lifter that puts all joints on the root, and what it was shown by axis."""
    lifter = flat.FlatLifter(torch.zeros_like, LIFT_23)
    result = evaluate_robustness(lifter, flat.FlatData((recorded(),)), EvaluationConfig())
    shown = iter(lifter.shown)
    return result, {c.axis: [next(shown) for _ in c.levels] for c in result.curves}


def curve(result: Robustness, axis: str) -> Curve:
    return next(c for c in result.curves if c.axis == axis)


def pixels(shown, level: int) -> torch.Tensor:
    return shown[level][0].pose.keypoints


def test_the_error_of_a_point_is_the_mean_distance_from_the_root(tried) -> None:
    result, _ = tried
    joints = recorded().motion.pose.joints
    judged = [
        i for i, name in enumerate(LIFT_23.joints)
        if name != "pelvis" and name.split("_")[-1] not in ("nose", "ear", "toe", "heel")
    ]  # fmt: skip
    expected = 1000 * joints[:, judged].norm(dim=-1).mean()
    for axis in ("keypoint noise", "missing keypoints", "roll of the camera", "cut off"):
        for level in curve(result, axis).levels:
            assert level.mpjpe_mm == pytest.approx(float(expected), abs=0.02)
    every_fourth = 1000 * joints[::4, judged].norm(dim=-1).mean()
    for level in curve(result, "frame rate").levels:
        assert level.mpjpe_mm == pytest.approx(float(every_fourth), abs=0.02)
    assert (result.frames, result.windows) == (12, 1)


def test_noise_has_the_size_that_it_says(tried) -> None:
    shown = tried[1]["keypoint noise"]
    unit = (pixels(shown, 1) - pixels(shown, 0)) / 5
    for level, millimetres in ((2, 10), (3, 20), (4, 40)):
        assert torch.allclose(
            pixels(shown, level) - pixels(shown, 0), unit * millimetres, atol=0.05, equal_nan=True
        )
    # 3 to 7 m away with a focal length of 1145 pixels, 1 mm is 0.16 to 0.38 pixels.
    assert 0.14 < float(unit[unit.isfinite()].std()) < 0.42


def test_ever_more_keypoints_are_missing(tried) -> None:
    seen = [keypoints.pose.seen for keypoints, _ in tried[1]["missing keypoints"]]
    counts = [int(s.sum()) for s in seen]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 12 * 19
    assert counts[-1] == pytest.approx(12 * 19 / 2, rel=0.2)
    assert all(bool((few <= many).all()) for many, few in pairwise(seen))


def test_the_focal_length_told_is_wrong_and_the_picture_is_not(tried) -> None:
    shown = tried[1]["focal length told"]
    assert [float(camera.intrinsics[0, 0]) / 1145 for _, camera in shown] == pytest.approx(
        [0.5, 0.7, 1, 1.4, 2]
    )
    assert all(torch.equal(pixels(shown, k)[:, 1], pixels(shown, 0)[:, 1]) for k in range(5))


def test_rolling_turns_the_picture_about_its_middle(tried) -> None:
    shown = tried[1]["roll of the camera"]
    upright, quarter, half = (pixels(shown, k) - 499.5 for k in (0, 5, 8))
    assert torch.allclose(half, -upright, atol=0.05, equal_nan=True)
    turned = torch.stack([-upright[..., 1], upright[..., 0]], -1)
    assert torch.allclose(quarter, turned, atol=0.05, equal_nan=True)


def test_what_is_cut_off_is_missing(tried) -> None:
    result, shown = tried
    lost = {}
    for level, (keypoints, _) in zip(
        curve(result, "cut off").levels, shown["cut off"], strict=True
    ):
        seen = keypoints.pose.seen[0]
        lost[level.label] = {
            name for name, s in zip(LIFT_23.joints, seen, strict=True) if not s
        } - {"pelvis", "spine", "thorax", "head"}
    assert lost["nothing"] == set()
    assert len(lost["legs"]) == 8
    assert lost["upper body only"] == lost["legs"] | {"left_hip", "right_hip"}
    assert lost["right side"] == {name for name in LIFT_23.joints if name.startswith("right_")}


def test_slower_frames_are_shown_at_their_rate(tried) -> None:
    shown = tried[1]["frame rate"]
    assert [len(keypoints) for keypoints, _ in shown] == [12, 6, 3]
    assert [keypoints.fps for keypoints, _ in shown] == [30, 15, 7.5]
    assert torch.equal(pixels(shown, 2)[1, 1], pixels(shown, 0)[4, 1])


def test_frames_that_are_not_lifted_are_told(flat) -> None:
    def only_the_first(joints: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(joints)
        out[3:] = torch.nan
        return out

    data = flat.FlatData((recorded(),))
    result = evaluate_robustness(flat.FlatLifter(only_the_first, LIFT_23), data)
    assert curve(result, "roll of the camera").levels[0].lifted_share == pytest.approx(0.25)


def test_joints_are_those_of_the_configuration(flat) -> None:
    config = EvaluationConfig(cameras="captured", joints="h36m_14")
    result = evaluate_robustness(flat.FlatLifter(torch.zeros_like), flat.FlatData(), config)
    assert result.protocol.joints.startswith("h36m_14")
    assert "from the seed" in result.protocol.cameras


def test_the_seed_chooses_the_windows_and_progress_is_told(flat) -> None:
    clip = recorded()
    data = flat.FlatData(tuple(replace(clip, name=f"clip {n}") for n in range(5)))
    config, told = EvaluationConfig(window=4), list[tuple[int, int]]()
    lifter = flat.FlatLifter(torch.zeros_like, LIFT_23)
    first = evaluate_robustness(lifter, data, config, windows=3, progress=lambda *x: told.append(x))
    assert (first.windows, first.frames) == (3, 12)
    assert first == evaluate_robustness(lifter, data, config, windows=3)
    assert told[-1] == (len(told), len(told))
    assert "3 windows" in first.protocol.clips
    with pytest.raises(InputError, match="at least 1 window"):
        evaluate_robustness(lifter, data, config, windows=0)
