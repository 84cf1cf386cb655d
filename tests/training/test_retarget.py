"""Retargeting finds the pose that made the joints, also for bones and definitions of another kind."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.errors import FileFormatError, InputError
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23, SMPL_24
from lift3d.training.pose_bank import read_rotations
from lift3d.training.retarget import LIMB_JOINTS, captured_person, retarget
from lift3d.training.retarget_file import retarget_dataset
from lift3d_body_models import DefaultBody

ARTICULATION = DefaultBody().articulation
TRUNK = ("pelvis", "spine", "thorax", "head")


def walk(frames: int, legs: float = 1.0) -> tuple[BodyParams, Motion[Pose3D]]:
    """A stride on a body whose thighs and shanks are `legs` times as long, and its joints."""
    phase = torch.linspace(0, 6.28, frames)
    axis_angle = torch.zeros(frames, 24, 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing = sign * phase.sin()
        axis_angle[:, SMPL_24.index(f"{side}_hip"), 0] = -0.2 + 0.4 * swing
        axis_angle[:, SMPL_24.index(f"{side}_knee"), 0] = 0.6 + 0.3 * swing
        axis_angle[:, SMPL_24.index(f"{side}_shoulder"), 2] = -1.1 * sign
        axis_angle[:, SMPL_24.index(f"{side}_elbow"), 1] = -0.8 * sign
    transl = torch.stack([0 * phase, 0 * phase + 0.9, phase / 6], -1)
    params = BodyParams(torch.zeros(1, 10), axis_angle[:, 1:], axis_angle[:, 0], transl)
    table = point_table(ARTICULATION)
    template = table.template.clone()
    for name in ("left_knee", "right_knee", "left_ankle", "right_ankle"):
        template[table.names.index(name)] *= legs
    longer = replace(table, template=template)
    places = place_points(
        longer, rotmat_from_axis_angle(axis_angle), transl, torch.zeros(10)
    ).places
    joints = torch.full((frames, 23, 3), torch.nan)
    for joint, name in enumerate(LIFT_23.joints):
        if name in table.names and name not in TRUNK:
            joints[:, joint] = places[:, table.names.index(name)]
    hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
    joints[:, 0] = joints[:, hips].mean(1)
    pose = Pose3D.certain(joints, LIFT_23, "world")
    return params, Motion(pose, 30.0, 0, torch.ones(frames, dtype=torch.bool))


def bend(params: BodyParams) -> Tensor:
    """The angle of both knees (radians)."""
    return rotation_angle(rotmat_from_axis_angle(params.body_pose[:, [3, 4]]))


def test_a_pose_of_the_body_comes_back() -> None:
    params, motion = walk(24)
    done = retarget(ARTICULATION, captured_person(ARTICULATION, [motion]), motion)
    assert done.residual.max() < 0.02
    assert done.ok.all()
    assert (bend(done.params) - bend(params)).abs().max() < 0.15


def test_longer_legs_do_not_bend_the_knees() -> None:
    """Twelve per cent longer legs, crouched to the body's own length, would bend by half a radian."""
    params, motion = walk(24, legs=1.12)
    person = captured_person(ARTICULATION, [motion])
    done = retarget(ARTICULATION, person, motion)
    assert (bend(done.params) - bend(params)).abs().max() < 0.15
    assert done.misfit.max() < 0.01


def test_frames_without_a_person_are_nan_and_not_ok() -> None:
    _, motion = walk(20)
    joints = motion.pose.joints.clone()
    joints[5:8] = torch.nan
    observed = motion.observed.clone()
    observed[5:8] = False
    gap = replace(motion, pose=Pose3D.certain(joints, LIFT_23, "world"), observed=observed)
    done = retarget(ARTICULATION, captured_person(ARTICULATION, [gap]), gap)
    assert done.params.transl[5:8].isnan().all()
    assert done.ok.tolist() == observed.tolist()


def test_a_frame_that_no_body_can_take_is_flagged() -> None:
    _, motion = walk(20)
    joints = motion.pose.joints.clone()
    joints[3, LIFT_23.index("left_wrist")] += 0.8
    odd = replace(motion, pose=Pose3D.certain(joints, LIFT_23, "world"))
    done = retarget(ARTICULATION, captured_person(ARTICULATION, [odd]), odd)
    assert not done.ok[3]
    assert done.ok.sum() == 19


def test_nobody_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="expected observed frames of a person"):
        captured_person(ARTICULATION, [])


@dataclass(frozen=True)
class Clip:
    name: str
    subject: str
    motion: Motion[Pose3D]
    action: str = "walk"


class TwoClips:
    """A dataset with one clip to train on and one to test with."""

    splits = ("train", "test")
    read = 0

    def clips(self, split: str) -> Iterator[MotionClip]:
        TwoClips.read += 1
        yield Clip("../strange name", f"of {split}", walk(12)[1])


def test_a_dataset_becomes_one_file_and_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "poses.h5"
    reports = retarget_dataset(TwoClips(), ARTICULATION, target)
    assert [(r.split, r.frames, r.good) for r in reports] == [("train", 12, 1.0), ("test", 12, 1.0)]
    first = target.read_bytes()
    bank = read_rotations(target, "train")
    assert bank.names == ("../strange name",)
    assert bank.axis_angle.shape == (12, 24, 3)
    assert bank.ok.all()
    target.unlink()
    monkeypatch.setattr("lift3d.training.retarget_file.retarget", None)  # must not be asked again
    retarget_dataset(TwoClips(), ARTICULATION, target)
    assert target.read_bytes() == first
    with pytest.raises(FileFormatError, match="split 'val'"):
        read_rotations(target, "val")


def test_another_hdf5_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["train"] = [1.0]
    with pytest.raises(FileFormatError, match="lift3d-poses"):
        read_rotations(tmp_path / "other.h5")


def test_limb_joints_are_twelve() -> None:
    assert len(LIMB_JOINTS) == len(set(LIMB_JOINTS)) == 12
