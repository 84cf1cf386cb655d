"""The protocol with random cameras: what is shown, what counts, and that its figures stay."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.evaluation import PROTOCOL, Evaluation, EvaluationConfig, evaluate_lifter, protocol_of
from lift3d.metrics import CAPTURED_JOINTS
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23


@dataclass(frozen=True)
class FlatClip:
    name: str
    subject: str
    action: str
    motion: Motion[Pose3D]
    measured: bool = True


class FlatData:
    """Seventy frames of random joints, one frame unseen, and a clip that must not count."""

    splits = ("test", "val", "bare")

    def clips(self, split: str) -> Iterator[FlatClip]:
        generator = torch.Generator().manual_seed(1)
        joints = torch.randn(70, 23, 3, generator=generator) * 0.3
        joints[:, 0] = 0
        joints[:, LIFT_23.index("spine")] = torch.nan
        joints[3] = torch.nan
        observed = torch.ones(70, dtype=torch.bool)
        observed[3] = False
        motion = Motion(Pose3D.certain(joints, LIFT_23, "world"), 30.0, 0, observed)
        if split == "test":
            yield FlatClip("random", "s1", "none", motion)
            yield FlatClip("unmeasured", "s2", "none", motion, measured=False)
        if split == "bare":
            yield FlatClip("unmeasured", "s2", "none", motion, measured=False)


class FlatLifter:
    """Puts every keypoint at its place in the picture, 5 m away; counts what it is shown."""

    def __init__(self) -> None:
        self.shown: list[Motion[Pose2D]] = []

    @property
    def skeleton(self) -> Skeleton:
        return LIFT_23

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        self.shown.append(keypoints)
        seen = keypoints.pose.seen[..., None]
        rays = camera.rays(keypoints.pose.keypoints.nan_to_num())
        joints = torch.where(seen, rays / rays[..., 2:] * 5, torch.zeros(()))
        hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
        joints[:, 0] = joints[:, hips].mean(1)
        pose = Pose3D.certain(joints, LIFT_23, "camera")
        return Motion(pose, keypoints.fps, keypoints.person, keypoints.observed)


def evaluate(lifter: FlatLifter, seed: int = 0) -> Evaluation:
    return evaluate_lifter(lifter, FlatData(), EvaluationConfig(seed=seed))


def test_figures_of_the_protocol_stay_as_they_were_published() -> None:
    """Recorded with the version whose figures stand on the card of the weights."""
    figures = evaluate(FlatLifter()).figures
    recorded = {
        "mpjpe_mm": 1081.101,
        "pa_mpjpe_mm": 432.132,
        "n_mpjpe_mm": 466.667,
        "mpjve_mm": 582.389,
        "limbs_mpjpe_mm": 1081.101,
        "limbs_pa_mpjpe_mm": 432.132,
        "noisy_mpjpe_mm": 1381.163,
        "noisy_pa_mpjpe_mm": 433.395,
        "noisy_n_mpjpe_mm": 468.283,
        "lifted_share": 1.0,
    }
    assert {key: figures[key] for key in recorded} == pytest.approx(recorded, abs=0.01)


def test_only_measured_and_observed_frames_count() -> None:
    lifter = FlatLifter()
    report = evaluate(lifter)
    assert report.frames == 69
    assert list(report.per_subject) == ["s1"]
    assert list(report.per_clip) == ["random"]
    # Two windows (60 and 9 frames), each shown perfect, limbs only, and noisy.
    assert [len(m) for m in lifter.shown] == [60, 60, 60, 9, 9, 9]


def test_what_is_shown_is_what_the_protocol_says() -> None:
    lifter = FlatLifter()
    evaluate(lifter)
    perfect, limbs, noisy = (motion.pose.seen[0] for motion in lifter.shown[:3])
    names = [name for name, seen in zip(LIFT_23.joints, perfect, strict=True) if seen]
    assert len(names) == 19
    assert not {"pelvis", "spine", "thorax", "head"} & set(names)
    assert limbs.sum() == 12
    assert not (noisy & ~perfect).any()


def test_figures_are_in_millimetres_and_ordered() -> None:
    figures = evaluate(FlatLifter()).figures
    assert figures["pa_mpjpe_mm"] < figures["n_mpjpe_mm"] < figures["mpjpe_mm"]
    # Joints are spread by 0.3 m; all depth and the spread of distances is lost.
    assert 200 < figures["mpjpe_mm"] < 2000
    assert figures["lifted_share"] == 1
    assert "noisy_mpjpe_mm" in figures


def test_unknown_joints_are_not_judged() -> None:
    report = evaluate(FlatLifter())
    assert report.per_joint_mm["spine"] != report.per_joint_mm["spine"]  # NaN: never known
    assert len(report.per_joint_mm) == len(CAPTURED_JOINTS)


def test_the_seed_decides() -> None:
    first = evaluate(FlatLifter()).figures
    assert first == pytest.approx(evaluate(FlatLifter()).figures, abs=0, nan_ok=True)
    assert first != evaluate(FlatLifter(), seed=1).figures


def test_whole_clips_keep_their_gaps() -> None:
    lifter = FlatLifter()
    config = EvaluationConfig(window=0)
    report = evaluate_lifter(lifter, FlatData(), config)
    assert report.frames == 69
    assert [len(m) for m in lifter.shown] == [70, 70, 70]
    assert lifter.shown[0].observed.tolist() == [frame != 3 for frame in range(70)]
    assert report.windows[0].frames.tolist() == [*range(3), *range(4, 70)]
    assert "one for each clip" in report.protocol.cameras
    assert report.figures["lifted_share"] == 1


def test_joints_of_human36m_with_random_cameras() -> None:
    config = EvaluationConfig(joints="h36m_17")
    report = evaluate_lifter(FlatLifter(), FlatData(), config)
    assert list(report.per_joint_mm)[:2] == ["pelvis", "right_hip"]
    assert report.per_joint_mm["pelvis"] == 0
    assert report.per_joint_mm["left_knee"] == evaluate(FlatLifter()).per_joint_mm["left_knee"]


def test_what_cannot_be_judged_is_refused() -> None:
    for split, sentence in (
        ("val", "measured joints in split 'val', got none"),
        ("bare", "measured joints in split 'bare', got none"),
        ("tset", "a split of test, val, bare, got 'tset'"),
    ):
        with pytest.raises(InputError, match=sentence):
            evaluate_lifter(FlatLifter(), FlatData(), EvaluationConfig(split=split))
    for config in (EvaluationConfig(subjects=("s9",)), EvaluationConfig(actions=("walk",))):
        with pytest.raises(InputError, match="got none: it has subjects s1; actions none"):
            evaluate_lifter(FlatLifter(), FlatData(), config)
    for numbers in ({"window": -1}, {"every": 0}, {"hypotheses": 0}):
        with pytest.raises(InputError, match="at least"):
            EvaluationConfig(**numbers)


def test_unmeasured_clips_are_judged_on_demand_and_told() -> None:
    report = evaluate_lifter(FlatLifter(), FlatData(), EvaluationConfig(unmeasured=True))
    assert list(report.per_subject) == ["s1", "s2"]
    assert "also those whose joints were not solved" in report.protocol.clips


def test_a_restriction_is_part_of_the_protocol() -> None:
    config = EvaluationConfig(subjects=("s1",), every=2)
    report = evaluate_lifter(FlatLifter(), FlatData(), config)
    assert report.frames == 60
    assert "only subjects s1" in report.protocol.clips
    assert "one of every 2" in report.protocol.clips


def test_a_report_says_how_it_was_made() -> None:
    report = evaluate(FlatLifter())
    assert report.protocol == PROTOCOL == protocol_of(EvaluationConfig())
    said = str(report.protocol)
    for words in ("middle of the hips", "mean over actions", "12 mm", "without sight of the truth"):
        assert words in said
