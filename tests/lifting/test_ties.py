"""Frames tied together: lengths that rays tell, the camera's laws, gaps, long clips, noise."""

import math

import pytest
import torch
from torch import Tensor

from lift3d.lifting.bones import BONES
from lift3d.lifting.sights import Sights
from lift3d.lifting.ties import TieOptions, tied
from lift3d.lifting.vocabulary import FLIP, VOCABULARY
from lift3d.plugins import body_models
from lift3d.skeletons import COCO_17, LIFT_23
from tests.regressing.people import vocabulary_points, walking

SHOWN = torch.tensor([name in COCO_17.joints or "heel" in name for name in VOCABULARY.joints])
ELBOW, WRIST, SHOULDER = (
    VOCABULARY.index(f"left_{name}") for name in ("elbow", "wrist", "shoulder")
)


def sights_of(lifted: Tensor, seen: Tensor, shown: Tensor = SHOWN, std: float = 0.06) -> Sights:
    """Lifted points, with keypoints where `seen` points really are."""
    frames = len(lifted)
    return Sights(
        lifted,
        (torch.eye(3) * std**2).expand(frames, len(VOCABULARY), 3, 3).contiguous(),
        seen[..., :2] / seen[..., 2:],
        shown.float().expand(frames, -1).contiguous(),
    )


def walker(frames: int) -> Tensor:
    return vocabulary_points(body_models["default"]().articulation, walking(frames)).float()


def too_deep(truth: Tensor, centimetres: float = 6.0) -> Tensor:
    """The same rays, but each point's depth is off, slowly changing."""
    draw = torch.Generator().manual_seed(5)
    phase = torch.rand(len(VOCABULARY), generator=draw) * 2 * math.pi
    time = torch.arange(len(truth))[:, None] / 40
    off = centimetres / 100 * torch.sin(2 * math.pi * time + phase)
    return truth * (1 + off / truth[..., 2])[..., None]


def error(points: Tensor, truth: Tensor) -> float:
    """Mean distance of points that were shown, from the middle of the hips (metres)."""
    hips = [VOCABULARY.index(f"{side}_hip") for side in ("left", "right")]
    away = points - points[:, hips].mean(1, keepdim=True)
    away = away - truth + truth[:, hips].mean(1, keepdim=True)
    return float(away[:, SHOWN].norm(dim=-1).mean())


def lengths(points: Tensor) -> Tensor:
    rigid = [b for b in BONES if b.spread < 0.005 and SHOWN[b.upper] and SHOWN[b.lower]]
    ends = ([b.upper for b in rigid], [b.lower for b in rigid])
    found: Tensor = torch.linalg.vector_norm(points[:, ends[0]] - points[:, ends[1]], dim=-1)
    return found


@pytest.fixture(scope="module")
def truth() -> Tensor:
    return walker(60)


def test_a_length_seen_across_tells_the_depth_elsewhere() -> None:
    """By hand: a forearm of 250 mm at 3 m that swings by 60 degrees to the camera and back.

    The lifter takes it for half as deep. In the middle it lies across: that tells its length, and with
    it how much nearer the wrist is where it points at the camera: 0.25 sin 60 = 0.2165 m.
    """
    angle = math.radians(60) * torch.cos(torch.linspace(0, 2 * math.pi, 61))
    points = torch.zeros(61, len(VOCABULARY), 3)
    points[..., 2] = 3.0
    points[:, SHOULDER] = torch.tensor([-0.3, 0.0, 3.0])
    points[:, WRIST, 0] = 0.25 * angle.cos()
    points[:, WRIST, 2] = 3 - 0.25 * angle.sin()
    lifted = points.clone()
    lifted[:, WRIST, 2] = (points[:, WRIST, 2] + 3) / 2
    lifted[:, WRIST, :2] *= (lifted / points)[:, WRIST, 2:]
    shown = torch.zeros(len(VOCABULARY), dtype=torch.bool)
    shown[[SHOULDER, ELBOW, WRIST]] = True
    found = tied(sights_of(lifted, points, shown), torch.arange(61), 30.0).joints
    at = found[:, WRIST, 2] - found[:, ELBOW, 2]
    assert lifted[0, WRIST, 2] == pytest.approx(2.892, abs=1e-3)
    assert at[0] == pytest.approx(-0.2165, abs=0.025)
    assert at[30] == pytest.approx(0.2165, abs=0.025)


def test_depths_that_wander_come_back(truth: Tensor) -> None:
    lifted = too_deep(truth)
    found = tied(sights_of(lifted, truth), torch.arange(60), 30.0)
    assert error(lifted, truth) > 0.03
    assert error(found.joints, truth) < 0.6 * error(lifted, truth)
    assert (lengths(found.joints).std(0) < 0.5 * lengths(lifted).std(0)).all()
    assert found.std < 0.003


def test_the_truth_stays(truth: Tensor) -> None:
    found = tied(sights_of(truth, truth), torch.arange(60), 30.0).joints
    assert error(found, truth) < 0.006


def test_what_was_seen_stays_on_its_ray(truth: Tensor) -> None:
    found = tied(sights_of(too_deep(truth), truth), torch.arange(60), 30.0).joints
    slopes = truth[..., :2] / truth[..., 2:]
    beside = (found[..., :2] - slopes * found[..., 2:])[:, SHOWN].norm(dim=-1)
    assert beside.max() < 0.01


def test_trembling_keypoints_are_believed_less(truth: Tensor) -> None:
    noise = 0.012 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    seen = truth + noise
    lifted = too_deep(truth) * (seen / truth)[..., 2:]
    lifted[..., :2] = seen[..., :2] / seen[..., 2:] * lifted[..., 2:]
    found = tied(sights_of(lifted, seen), torch.arange(60), 30.0)
    assert 0.008 < found.std <= 0.03
    assert error(found.joints, truth) < 0.8 * error(lifted, truth)


def test_one_outlier_pulls_nobody(truth: Tensor) -> None:
    seen = truth.clone()
    seen[30, WRIST, 0] += 0.5
    lifted = too_deep(truth)
    calm = tied(sights_of(lifted, truth), torch.arange(60), 30.0).joints
    found = tied(sights_of(lifted, seen), torch.arange(60), 30.0).joints
    assert (found - calm)[:, SHOWN].norm(dim=-1).max() < 0.15
    assert (found - calm)[:, SHOWN].norm(dim=-1).mean() < 0.01


def test_a_mirrored_clip_gives_mirrored_points(truth: Tensor) -> None:
    sign = torch.tensor([-1.0, 1, 1])
    lifted = too_deep(truth)
    found = tied(sights_of(lifted, truth), torch.arange(60), 30.0).joints
    other = sights_of(lifted[:, FLIP] * sign, truth[:, FLIP] * sign)
    mirrored = tied(other, torch.arange(60), 30.0).joints
    assert (mirrored[:, FLIP] * sign - found).abs().max() < 1e-4


def test_a_picture_turned_about_its_axis_turns_the_points(truth: Tensor) -> None:
    turn = torch.tensor([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    lifted = too_deep(truth)
    found = tied(sights_of(lifted, truth), torch.arange(60), 30.0).joints
    turned = tied(sights_of(lifted @ turn.T, truth @ turn.T), torch.arange(60), 30.0).joints
    assert (turned @ turn - found).abs().max() < 5e-3


def test_nothing_is_tied_across_a_gap(truth: Tensor) -> None:
    """Somebody who is elsewhere after ten seconds does not hurry there."""
    far = truth.clone()
    far[30:] += torch.tensor([1.5, 0.0, 2.0])
    lifted = too_deep(far)
    frames = torch.arange(60)
    frames[30:] += 300
    found = tied(sights_of(lifted, far), frames, 30.0).joints
    assert error(found, far) < 0.7 * error(lifted, far)
    jump = (found[30] - found[29])[SHOWN].norm(dim=-1)
    assert jump.min() > 2.2


def test_long_clips_are_one_piece() -> None:
    truth = walker(700)
    lifted = too_deep(truth, 3)
    found = tied(sights_of(lifted, truth), torch.arange(700), 30.0).joints
    assert error(found, truth) < 0.6 * error(lifted, truth)
    steps = (found - truth).diff(dim=0)[:, SHOWN].norm(dim=-1).amax(-1)
    assert steps[446:514].max() < 0.03  # frames 448 to 511 are of two parts
    assert lengths(found).std(0).max() < 0.006


def test_points_that_nobody_saw_go_along(truth: Tensor) -> None:
    lifted = truth.clone()
    head = torch.tensor(
        [name in ("nose", "left_ear", "right_ear", "head_top") for name in VOCABULARY.joints]
    )
    lifted[:, head, 2] += 0.1 * torch.sin(torch.arange(60) / 6)[:, None]
    found = tied(sights_of(lifted, truth), torch.arange(60), 30.0).joints
    top, nose = VOCABULARY.index("head_top"), VOCABULARY.index("nose")
    assert not SHOWN[top]
    moved = (found - lifted)[..., 2]
    assert moved[:, nose].abs().max() > 0.02
    assert torch.corrcoef(moved[:, [top, nose]].T)[0, 1] > 0.9


def test_frame_rates_mean_the_same_motion(truth: Tensor) -> None:
    """Every second frame at half the rate: the same answer but for what the left out frames told."""
    lifted = too_deep(truth)
    all_of_them = tied(sights_of(lifted, truth), torch.arange(60), 30.0).joints
    half = tied(sights_of(lifted[::2], truth[::2]), torch.arange(30), 15.0).joints
    assert (half - all_of_them[::2])[:, SHOWN].norm(dim=-1).mean() < 0.02


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_too_few_frames_stay_as_they_are(frames: int, truth: Tensor) -> None:
    lifted = too_deep(truth)[:frames]
    found = tied(sights_of(lifted, truth[:frames]), torch.arange(frames), 30.0)
    assert torch.equal(found.joints, lifted)


def test_points_without_a_bone_stay_as_they_are(truth: Tensor) -> None:
    lifted = too_deep(truth)
    shown = torch.zeros_like(SHOWN)
    shown[[WRIST, VOCABULARY.index("right_ankle")]] = True
    found = tied(sights_of(lifted, truth, shown), torch.arange(60), 30.0)
    assert torch.equal(found.joints, lifted)


def test_options_say_how_people_move(truth: Tensor) -> None:
    """Nobody who may hardly speed up trembles."""
    lifted = too_deep(truth)
    slow = TieOptions(acceleration=0.5, trunk_acceleration=0.5)
    seen = truth + 0.012 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    sights = sights_of(lifted, seen)
    calm, usual = (
        tied(sights, torch.arange(60), 30.0, options)
        .joints.diff(n=2, dim=0)[:, SHOWN]
        .norm(dim=-1)
        .mean()
        for options in (slow, None)
    )
    assert calm < 0.5 * usual


def test_bones_are_each_there_once_on_both_sides() -> None:
    pairs = [frozenset((bone.upper, bone.lower)) for bone in BONES]
    assert len(set(pairs)) == len(pairs)
    assert all(bone.upper > bone.lower for bone in BONES)
    assert {frozenset(FLIP[end] for end in pair) for pair in pairs} == set(pairs)
    names = {name for bone in BONES for name in (bone.upper, bone.lower)}
    assert {VOCABULARY.index(name) for name in LIFT_23.joints} <= names
