"""Whom lifters learn from: points of the vocabulary, alike in single frames and in clips."""

from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.fitting.detector_points import with_skin_points
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23, SMPL_24
from lift3d.training.bank import gather
from lift3d.training.joint_clips import CapturedClips, joint_clips, runs_of
from lift3d.training.people import CapturedPeople, MixedPeople, PosedPeople
from lift3d.training.pose_bank import RotationBank
from lift3d.training.posed_bodies import BodyFactory, PosedConfig
from lift3d.training.recombine import RecombineConfig
from lift3d.training.temporal_task import ClipConfig, draw_clips
from lift3d_body_models import DefaultBody

STILL = PosedConfig(share=0.0, beta=0.0, size=0.0, mirror=0.0, speed=1.0)
AS_CAPTURED = RecombineConfig(share=0.0, swap=0.0, bend=0.0, bone=0.0, body=0.0)
PLACES = {
    "pelvis": (0, 0, 0), "spine": (0, 0.3, 0), "thorax": (0, 0.45, 0), "head": (0, 0.62, 0),
    "nose": (0, 0.67, 0.13), "ear": (0.075, 0.68, 0.02), "hip": (0.09, 0, 0),
    "knee": (0.1, -0.42, 0.02), "ankle": (0.1, -0.83, -0.02), "toe": (0.11, -0.9, 0.16),
    "heel": (0.1, -0.89, -0.07), "shoulder": (0.18, 0.5, 0), "elbow": (0.22, 0.22, -0.02),
    "wrist": (0.23, -0.03, 0.05),
}  # fmt: skip


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def at(joints: Tensor, name: str) -> Tensor:
    return joints[..., VOCABULARY.index(name), :]


def posed(config: PosedConfig = STILL, frames: int = 80) -> PosedPeople:
    """A body at rest that walks sideways."""
    bank = RotationBank(
        SMPL_24.joints,
        torch.zeros(frames, 24, 3),
        torch.arange(frames)[:, None] * torch.tensor([0.01, 0.0, 0.0]),
        torch.ones(frames, dtype=torch.bool),
        torch.tensor([0, frames]),
        torch.tensor([30.0], dtype=torch.float64),
        torch.ones(1, dtype=torch.float64),
        ("walk",),
        ("ann",),
    )
    return PosedPeople(BodyFactory(bank, with_skin_points(DefaultBody()), config))


class StandingClip:
    """Somebody who stands, then moves a hand up, in LIFT_23; the thorax is not known."""

    def __init__(self, name: str = "stand", frames: int = 60, fps: float = 30.0) -> None:
        rows = []
        for joint in LIFT_23.joints:
            x, y, z = PLACES[joint.split("_")[-1]]
            rows.append((-x if joint.startswith("right_") else x, y, z))
        joints = torch.tensor(rows).repeat(frames, 1, 1) + torch.tensor([1.0, 0.9, 2.0])
        joints[:, LIFT_23.index("left_wrist"), 1] += torch.linspace(0, 0.5, frames)
        joints[:, LIFT_23.index("thorax")] = torch.nan
        pose = Pose3D.certain(joints, LIFT_23, "world")
        self.name, self.subject, self.action = name, "ann", "stand"
        self.motion = Motion(pose, fps, 0, torch.ones(frames, dtype=torch.bool))


def test_a_posed_body_has_all_points_where_they_belong() -> None:
    people = posed().draw(64, 1, generator(), fps=30.0)
    assert people.valid.all()
    joints = people.joints[:, 0]
    assert (joints[:, 0] == 0).all()
    assert (at(joints, "left_hip")[:, 0] > 0).all()
    heights = [at(joints, n)[:, 1].mean().item() for n in
               ("left_heel", "left_knee", "left_hip", "spine", "thorax", "left_shoulder",
                "upper_neck", "head_top")]  # fmt: skip
    assert heights == sorted(heights)
    front, back = at(joints, "nose")[:, 2], at(joints, "left_ear")[:, 2]
    assert (front > back + 0.05).all()
    assert (at(joints, "left_small_toe")[:, 0] > at(joints, "left_big_toe")[:, 0]).all()


def test_hips_are_defined_somewhere_between_deep_inside_and_skin() -> None:
    width = at(posed().draw(500, 1, generator(), fps=30.0).joints[:, 0], "left_hip")[:, 0]
    assert width.min() < 0.09
    assert width.max() > 0.14


def test_cmu_has_its_trunk_where_it_is_trained_to_be() -> None:
    """Mean places of CMU's skeletons: spine at 0.64 of the trunk, thorax 6 cm below shoulders."""
    joints = posed().draw(200, 1, generator(), fps=30.0).joints[:, 0]
    shoulders = (at(joints, "left_shoulder") + at(joints, "right_shoulder"))[:, 1] / 2
    assert (at(joints, "spine")[:, 1] / shoulders).mean().item() == pytest.approx(0.64, abs=0.03)
    assert (shoulders - at(joints, "thorax")[:, 1]).mean().item() == pytest.approx(0.06, abs=0.015)
    assert (at(joints, "head")[:, 1] - shoulders).mean().item() == pytest.approx(0.12, abs=0.03)


def test_clips_move_and_single_frames_do_not() -> None:
    clip = posed().draw(4, 30, generator(), fps=30.0)
    assert torch.allclose(clip.path[:, -1, 0], torch.full((4,), 0.29), atol=1e-4)
    assert (clip.joints - clip.joints[:, :1]).abs().max() < 1e-5


def test_captured_clips_keep_time_and_unknown_joints() -> None:
    source = CapturedClips(joint_clips([StandingClip()]), AS_CAPTURED)
    fast = source.draw(8, 20, generator(), fps=30.0)
    assert not fast.valid[:, VOCABULARY.index("thorax")].any()
    assert not fast.valid[:, VOCABULARY.index("left_eye")].any()
    moved = torch.maximum(
        at(fast.joints, "left_wrist")[..., 1], at(fast.joints, "right_wrist")[..., 1]
    )
    per_frame = moved.diff(dim=1)[:, 1:]
    assert (per_frame > 0.5 / 59 / 1.41).all()
    assert (per_frame < 0.5 / 59 * 1.41).all()


def test_runs_are_as_captured() -> None:
    people = runs_of([StandingClip(), StandingClip("again")], 24, 5)
    assert people.joints.shape == (5, 24, 40, 3)
    bone = at(people.joints, "left_knee") - at(people.joints, "left_hip")
    assert torch.allclose(bone, torch.tensor([0.01, -0.42, 0.02]).expand_as(bone), atol=1e-6)
    short = runs_of([StandingClip(frames=6)], 24, 5)
    assert short.joints.shape == (1, 24, 40, 3)  # stands still at its end
    assert (short.joints[:, 5:] - short.joints[:, 5:6]).abs().max() == 0


def test_clips_that_are_too_short_say_so() -> None:
    source = CapturedClips(joint_clips([StandingClip(frames=10)]), AS_CAPTURED)
    with pytest.raises(InputError, match="ask for fewer frames"):
        source.draw(2, 30, generator(), fps=30.0)


def test_single_poses_are_no_clips() -> None:
    with pytest.raises(InputError, match="expected 1 frame"):
        CapturedPeople(gather([StandingClip()]), AS_CAPTURED).draw(2, 5, generator(), fps=30.0)


def test_a_mixture_has_some_of_each() -> None:
    captured = CapturedClips(joint_clips([StandingClip()]), AS_CAPTURED)
    people = MixedPeople(captured, posed(), 0.25).draw(40, 10, generator(), fps=30.0)
    assert people.valid[:, VOCABULARY.index("left_eye")].float().mean().item() == 0.75


def test_clips_with_lost_frames_keep_their_targets() -> None:
    """Target and camera of a frame in which nobody was found are those between its neighbours'."""
    config = ClipConfig(frames=20, lost=0.0, sparse=0.0)
    people = posed().draw(6, 20, generator(1), fps=30.0)
    whole = draw_clips(people, config, generator(2))
    lost = draw_clips(people, replace(config, lost=0.4), generator(2))
    gone = whole.enough & ~lost.enough
    assert gone.any()
    assert (lost.weights[gone & (lost.weights.sum(-1) > 0)].amax(-1) - 0.3).abs().max() < 1e-6
    camera = whole.target @ whole.view.virtual
    again = lost.target @ lost.view.virtual
    assert (camera - again).abs().max() < 1e-4
