"""Evaluation by lifters whose errors are known beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.evaluation import PROTOCOL, Evaluation, EvaluationConfig, evaluate_lifter
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

    splits = ("test",)

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


def test_only_measured_and_observed_frames_count() -> None:
    lifter = FlatLifter()
    report = evaluate(lifter)
    assert report.frames == 69
    assert list(report.per_subject_mm) == ["s1"]
    assert list(report.per_clip_mm) == ["random"]
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
    assert first == evaluate(FlatLifter()).figures
    assert first != evaluate(FlatLifter(), seed=1).figures


def test_a_split_without_measured_clips_is_refused() -> None:
    with pytest.raises(InputError, match="measured joints in split 'val'"):
        evaluate_lifter(FlatLifter(), FlatData(), EvaluationConfig(split="val"))


def test_a_report_says_how_it_was_made() -> None:
    report = evaluate(FlatLifter())
    assert report.protocol == PROTOCOL
    assert "middle of the hips" in report.protocol
