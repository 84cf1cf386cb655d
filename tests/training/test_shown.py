"""Augmentations keep bodies bodies, and cameras see what they should."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.skeletons import LIFT_23
from lift3d.training.body import Poses, indices, lower_frame
from lift3d.training.cameras import random_shots
from lift3d.training.noise import NoiseConfig
from lift3d.training.people import as_people
from lift3d.training.recombine import RecombineConfig, recombined
from lift3d.training.shown import Shown, ShownConfig, other_definitions, show

PLACES = {
    "pelvis": (0, 0, 0), "spine": (0, 0.3, 0), "thorax": (0, 0.45, 0), "head": (0, 0.62, 0),
    "nose": (0, 0.67, 0.13), "ear": (0.075, 0.68, 0.02), "hip": (0.09, 0, 0),
    "knee": (0.1, -0.42, 0.02), "ankle": (0.1, -0.83, -0.02), "toe": (0.11, -0.9, 0.16),
    "heel": (0.1, -0.89, -0.07), "shoulder": (0.18, 0.5, 0), "elbow": (0.22, 0.22, -0.02),
    "wrist": (0.23, -0.03, 0.05),
}  # fmt: skip
BONES = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
STILL = RecombineConfig(share=0.0, swap=0.0, bend=0.0, bone=0.0, body=0.0)
SILENT = NoiseConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
CLEAN = ShownConfig(noise=NoiseConfig(definition=0.0, clean=1.0), scarce=0.0, layout="found")


def bodies(count: int) -> Poses:
    rows = []
    for name in LIFT_23.joints:
        x, y, z = PLACES[name.split("_")[-1]]
        rows.append((-x if name.startswith("right_") else x, y, z))
    return Poses(torch.tensor(rows).repeat(count, 1, 1), torch.ones(count, 23, dtype=torch.bool))


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def length(joints: Tensor, side: str, bone: tuple[str, str]) -> Tensor:
    a, b = indices(f"{side}_{bone[0]}", f"{side}_{bone[1]}")
    return (joints[:, a] - joints[:, b]).norm(dim=-1)


def test_recombined_limbs_and_bends_keep_bone_lengths() -> None:
    poses = bodies(50)
    out = recombined(poses, RecombineConfig(1.0, 0.5, 0.2, bone=0.0, body=0.0), generator()).joints
    assert (out - poses.joints).abs().max() > 0.05
    for side in ("left", "right"):
        for bone in BONES:
            assert torch.allclose(
                length(out, side, bone), length(poses.joints, side, bone), atol=1e-5
            )


def test_bones_scale_alike_on_both_sides() -> None:
    out = recombined(
        bodies(50), RecombineConfig(0.0, 0.0, 0.0, bone=0.1, body=0.1), generator()
    ).joints
    for bone in BONES:
        assert torch.allclose(length(out, "left", bone), length(out, "right", bone), atol=1e-5)
        assert length(out, "left", bone).std() > 0.01


def test_a_mirrored_body_still_has_its_left_on_the_left() -> None:
    left, right = indices("left_shoulder", "right_shoulder")
    out = recombined(bodies(50), STILL, generator())
    assert (out.joints[:, left, 0] > out.joints[:, right, 0]).all()


def test_unknown_joints_stay_unknown_and_spoil_nothing() -> None:
    poses = bodies(64)
    valid = poses.valid.clone()
    valid[::2, indices("thorax", "nose")] = False
    joints = poses.joints * valid[..., None]
    out = recombined(Poses(joints, valid), RecombineConfig(), generator())
    assert out.joints.isfinite().all()
    assert (out.joints[~out.valid] == 0).all()
    assert out.valid[:, indices("left_wrist", "right_ankle")].all()


def test_lower_frame_is_left_up_forward() -> None:
    assert torch.allclose(lower_frame(bodies(1).joints)[0], torch.eye(3), atol=1e-6)


def test_cameras_stand_all_around_and_mostly_upright() -> None:
    shots = random_shots(4000, generator())
    assert (torch.linalg.det(shots.rotmat) - 1).abs().max() < 1e-5
    up = shots.rotmat @ torch.tensor([0.0, 1.0, 0.0])
    assert (up[:, 1] < -0.7).float().mean() > 0.7
    towards = shots.rotmat.mT @ torch.tensor([0.0, 0.0, 1.0])
    yaw = torch.atan2(towards[:, 0], towards[:, 2])
    counts = torch.histc(yaw, 8, -math.pi, math.pi)
    assert counts.min() > 0.8 * 4000 / 8
    assert shots.root[:, 2].min() > 1.49
    assert shots.inside(shots.root[:, None, :2] / shots.root[:, None, 2:]).all()


def shown(config: ShownConfig, count: int = 100) -> Shown:
    return show(as_people(bodies(count)), config, generator())


def test_a_perfect_view_shows_the_target() -> None:
    """Target plus its depth, projected in the virtual camera, are the points that are seen."""
    perfect = shown(CLEAN)
    hips = indices("left_hip", "right_hip")
    assert perfect.target[:, hips].mean(1).norm(dim=-1).max() < 1e-5
    silent = shown(replace(CLEAN, noise=SILENT))
    both = perfect.view.seen & silent.view.seen
    assert both.sum() > 100
    assert torch.allclose(perfect.view.points[both], silent.view.points[both], atol=1e-4)
    root = root_from_rays(perfect.target, perfect.view.rays, perfect.view.seen.float())
    placed = perfect.target + root[:, None]
    assert torch.allclose(
        (placed[..., :2] / placed[..., 2:])[perfect.view.seen],
        perfect.view.points[perfect.view.seen],
        atol=1e-4,
    )


def test_layouts_give_their_own_points_only() -> None:
    seen = shown(replace(CLEAN, layout="any"), 3000).view.seen
    at = VOCABULARY.index
    nose, wrist, pelvis = (
        seen[:, at(j)].float().mean().item() for j in ("nose", "left_wrist", "pelvis")
    )
    assert wrist > nose > 0.6  # all layouts have wrists
    assert 0.03 < pelvis < 0.15  # only those of H36M and MPII have a pelvis
    eyes, spine = seen[:, at("left_eye")], seen[:, at("spine")]
    assert not eyes.any()  # not known of these people, whatever the layout
    assert seen[spine][:, at("pelvis")].all()


def test_scarce_points_are_missing_here_and_there() -> None:
    """Half of the people chosen lose between none and half of their points."""
    whole, some = shown(CLEAN, 4000), shown(replace(CLEAN, scarce=1.0), 4000)
    share = some.view.seen.sum() / whole.view.seen.sum()
    assert share.item() == pytest.approx(0.75, abs=0.02)


def test_other_definitions_are_small_and_mostly_symmetrical() -> None:
    people = as_people(bodies(2000)).joints
    shift = (other_definitions(people, 0.02, generator()) - people)[:, 0]
    left, right = shift[:, indices("left_knee", "right_knee")].unbind(1)
    assert left[:, 1].std().item() == pytest.approx(0.016, abs=0.002)
    assert torch.corrcoef(torch.stack([left[:, 1], right[:, 1]]))[0, 1] > 0.8
    assert torch.corrcoef(torch.stack([left[:, 0], right[:, 0]]))[0, 1] < -0.8
    assert (shift[:, 0] == 0).all()


def test_a_definition_stays_over_a_clip() -> None:
    people = as_people(bodies(20)).joints.expand(-1, 5, -1, -1)
    shift = other_definitions(people, 0.02, generator()) - people
    assert (shift - shift[:, :1]).abs().max() < 1e-6


def test_keypoints_outside_the_picture_are_not_seen() -> None:
    close = shown(CLEAN, 3000).view.seen
    ankle, hip = (close[:, VOCABULARY.index(f"left_{j}")].float().mean() for j in ("ankle", "hip"))
    assert ankle < hip
