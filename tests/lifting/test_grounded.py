"""The ground under standing feet, people's sizes, and feet that stay where they stand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import lift3d
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.contacts import contact_speed, find_contacts, soles
from lift3d.geometry.planes import Plane, fit_ground
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.footing import Footing, drift_of, root_correction
from lift3d.lifting.grounded import ground_motions, scaled, stature
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.samples import balancing
from lift3d.skeletons import LIFT_23

FPS = 30.0
NAMES = LIFT_23.joints
# The left side of somebody 1.80 m tall who stands, y up, metres; the right mirrors it.
_LEFT = {
    "pelvis": (0.0, 0.94, 0.0),
    "hip": (0.10, 0.94, 0.0),
    "knee": (0.10, 0.51, 0.02),
    "ankle": (0.10, 0.08, 0.0),
    "heel": (0.10, 0.03, -0.05),
    "big_toe": (0.10, 0.02, 0.17),
    "shoulder": (0.18, 1.44, 0.0),
    "elbow": (0.22, 1.14, 0.0),
    "wrist": (0.22, 0.89, 0.05),
    "ear": (0.07, 1.65, 0.0),
    "spine": (0.0, 1.18, 0.0),
    "thorax": (0.0, 1.44, 0.0),
    "head": (0.0, 1.62, 0.02),
    "nose": (0.0, 1.63, 0.11),
}


def standing() -> Tensor:
    places = []
    for name in NAMES:
        side, _, part = name.partition("_")
        x, y, z = _LEFT[part if side in ("left", "right") else name]
        places.append((-x if side == "right" else x, y, z))
    return torch.tensor(places, dtype=torch.float64)


def walking(frames: int = 120, speed: float = 1.2) -> Tensor:
    """Steps of half a second along x: one foot stands while the other swings; y up, floor at 0."""
    time = torch.arange(frames, dtype=torch.float64) / FPS
    body = standing() + torch.stack([speed * time, 0 * time, 0 * time], -1)[:, None]
    for number, side in enumerate(("left", "right")):
        phase = (time - 0.5 * number) % 1.0  # stands in the first half of its second
        swing = ((phase - 0.5) / 0.5).clamp(0, 1)
        ahead = torch.where(phase < 0.5, 0.25 - phase, 0.5 * swing - 0.25) * speed
        up = 0.15 * (math.pi * swing).sin()
        for name, share in (("knee", 0.5), ("ankle", 1.0), ("heel", 1.0), ("big_toe", 1.0)):
            joint = LIFT_23.index(f"{side}_{name}")
            body[:, joint, 0] += share * ahead
            body[:, joint, 1] += share * up
    return body


def camera(pitch: float = 0.2, height: float = 1.5, away: float = 6.0) -> tuple[Tensor, Tensor]:
    """R and t of a camera that looks down by `pitch`: p_camera = R p + t."""
    turn = rotmat_from_axis_angle(torch.tensor([pitch, 0.0, 0.0]).double()) @ WORLD_FROM_CAMERA
    return turn, -turn @ torch.tensor([2.0, height, away]).double()


def seen(world: Tensor, view: tuple[Tensor, Tensor]) -> Motion[Pose3D]:
    joints = world @ view[0].T + view[1]
    pose = Pose3D.certain(joints, LIFT_23, "camera")
    return Motion(pose, FPS, 0, torch.ones(len(joints), dtype=torch.bool))


def test_the_ground_is_below_standing_feet_and_the_camera_above_it() -> None:
    motion = seen(walking(), camera())
    grounding, (held,) = ground_motions([motion], heights=(1.80,))
    assert grounding.plane is not None
    up = camera()[0][:, 1]
    assert torch.rad2deg(torch.arccos((grounding.plane.normal @ up).clamp(-1, 1))) < 3
    assert grounding.camera_moves is False
    assert grounding.scale[0] == pytest.approx(1.0, abs=0.05)
    assert grounding.plane.offset == pytest.approx(1.5 * grounding.scale[0], abs=0.12)
    true = find_contacts(NAMES, motion.pose.joints, FPS, up)
    assert (grounding.contacts[0] == true).double().mean() > 0.9
    assert held.pose.joints.isfinite().all()
    assert "seems to stand still" in grounding.note
    assert "from 8 stands" in grounding.note


def test_feet_that_stand_slide_less_and_the_pose_stays() -> None:
    world = walking()
    turn = 2 * math.pi * 0.7 * torch.arange(len(world)).double()[:, None, None] / FPS
    tremble = turn.sin() * torch.tensor([0.005, 0.01, 0.06]).double()  # most in depth
    motion = seen(world, camera())
    shaken = Motion(
        Pose3D.certain(motion.pose.joints + tremble, LIFT_23, "camera"), FPS, 0, motion.observed
    )
    grounding, (held,) = ground_motions([shaken], camera_moves=False, heights=(1.80,))
    assert grounding.foot_speed_after < 0.7 * grounding.foot_speed_before
    stands = find_contacts(NAMES, motion.pose.joints, FPS, camera()[0][:, 1])
    factor = grounding.scale[0]
    before = contact_speed(NAMES, shaken.pose.joints, stands, FPS)
    assert contact_speed(NAMES, held.pose.joints / factor, stands, FPS) < 0.7 * before
    for found in (held.pose.joints / factor, shaken.pose.joints):
        pose = found - found[:, :1]
        torch.testing.assert_close(pose, motion.pose.joints - motion.pose.joints[:, :1])


def test_a_known_height_scales_size_and_distance_and_not_the_picture() -> None:
    motion = seen(walking(), camera())
    small = scaled(motion, 0.8)
    grounding, (found,) = ground_motions([small], camera_moves=True, heights=(1.80,))
    lifted = stature(small.pose.joints, LIFT_23)
    assert grounding.scale[0] == pytest.approx(1.80 / lifted)
    assert stature(found.pose.joints, LIFT_23) == pytest.approx(1.80)
    picture = [p[..., :2] / p[..., 2:] for p in (found.pose.joints, motion.pose.joints)]
    torch.testing.assert_close(*picture)
    assert "known heights" in grounding.note


def test_a_likely_height_pulls_what_is_unlikely_towards_it() -> None:
    for factor in (0.6, 1.5):
        small = scaled(seen(walking(), camera()), factor)
        grounding, _ = ground_motions([small], camera_moves=True)
        assert abs(math.log(grounding.scale[0] * factor)) < abs(math.log(factor))
        assert "not measured" in grounding.note


def test_the_height_of_somebody_who_stands() -> None:
    assert stature(standing()[None], LIFT_23) == pytest.approx(1.80, abs=0.03)
    without = standing()[None].clone()
    without[:, LIFT_23.index("left_knee")] = torch.nan
    assert math.isnan(stature(without, LIFT_23))


def test_a_camera_that_follows_is_noticed_and_nothing_is_held() -> None:
    motion = seen(walking(speed=1.6), camera())
    joints = motion.pose.joints
    followed = joints - joints[:, :1] + joints[:1, :1]
    moving = Motion(Pose3D.certain(followed, LIFT_23, "camera"), FPS, 0, motion.observed)
    grounding, (same,) = ground_motions([moving], heights=(1.80,))
    assert grounding.camera_moves is True
    assert grounding.plane is None
    assert not grounding.contacts[0].any()
    assert math.isnan(grounding.foot_speed_before)
    assert "seems to move" in grounding.note
    torch.testing.assert_close(same.pose.joints, followed * grounding.scale[0])


def test_a_camera_that_sweeps_past_somebody_who_stands_is_noticed() -> None:
    joints = seen(standing().expand(90, 23, 3), camera()).pose.joints
    turns = torch.zeros(90, 3).double()
    turns[:, 1] = 0.25 * torch.arange(90) / FPS
    swept = joints @ rotmat_from_axis_angle(turns).mT
    feet = soles(NAMES, swept)
    assert drift_of(feet, swept[:, 0], FPS).camera_moves is True
    assert drift_of(soles(NAMES, joints), joints[:, 0], FPS).camera_moves is False
    assert drift_of(feet[:4], swept[:4, 0], FPS).camera_moves is None


def test_what_is_said_of_the_camera_is_believed() -> None:
    motion = seen(walking(), camera())
    for said, words in ((True, "camera moves (as said)"), (False, "stands still (as said)")):
        grounding, _ = ground_motions([motion], camera_moves=said)
        assert grounding.camera_moves is said
        assert words in grounding.note


def test_nobody_and_nobody_with_feet_have_no_ground() -> None:
    grounding, people = ground_motions([])
    assert people == ()
    assert grounding.plane is None
    bust = seen(walking(), camera())
    joints = bust.pose.joints.clone()
    joints[:, [i for i, name in enumerate(NAMES) if "toe" in name or "ankle" in name]] = torch.nan
    headless = Motion(Pose3D.certain(joints, LIFT_23, "camera"), FPS, 0, bust.observed)
    for moves in (None, False):
        grounding, (same,) = ground_motions([headless], camera_moves=moves)
        assert grounding.plane is None
        assert grounding.camera_moves is moves
        torch.testing.assert_close(same.pose.joints, joints, equal_nan=True)
        assert torch.equal(same.observed, bust.observed)


@pytest.mark.parametrize("heights", [(17.5,), (1.7, 1.8)])
def test_heights_that_make_no_sense_are_refused(heights: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="height"):
        ground_motions([seen(walking(), camera())], heights=heights)


def test_frames_without_anybody_stay_so() -> None:
    motion = seen(walking(), camera())
    joints, observed = motion.pose.joints.clone(), motion.observed.clone()
    joints[40:60], observed[40:60] = torch.nan, False
    holed = Motion(Pose3D.certain(joints, LIFT_23, "camera"), FPS, 0, observed)
    grounding, (held,) = ground_motions([holed], camera_moves=False)
    assert grounding.plane is not None
    assert torch.equal(held.pose.joints.isnan(), joints.isnan())
    assert not grounding.contacts[0][40:60].any()


def test_the_correction_solves_the_least_squares_it_says() -> None:
    frames, footing = 9, Footing()
    feet = torch.randn(frames, 2, 3).double() * 0.05 + torch.tensor([0.0, 1.0, 4.0])
    root = torch.randn(frames, 3).double() * 0.05 + torch.tensor([0.0, 0.0, 4.0])
    contacts = torch.rand(frames, 2) > 0.4
    plane, above = Plane(torch.tensor([0.0, -1.0, 0.0]).double(), 1.1), 0.03
    rows: list[np.ndarray] = []
    right: list[float] = []

    def wish(blocks: dict[int, np.ndarray], value: np.ndarray, sigma: float) -> None:
        for axis in range(len(value)):
            row = np.zeros((frames, 3))
            for frame, block in blocks.items():
                row[frame] += block[axis]
            rows.append(row.reshape(-1) / sigma)
            right.append(value[axis] / sigma)

    eye, zero = np.eye(3), np.zeros(3)
    for t in range(frames):
        distance = float(root[t].norm())
        ray = (root[t] / distance).numpy()
        wish({t: eye - np.outer(ray, ray)}, zero, footing.across)
        wish({t: ray[None]}, zero[:1], max(footing.along * distance, footing.across))
        if 0 < t < frames - 1:
            wish({t - 1: eye, t: -2 * eye, t + 1: eye}, zero, footing.push / FPS**2)
        for foot in range(2):
            q = feet[:, foot].numpy()
            if contacts[t, foot]:
                off = -(float(plane.heights(feet[t, foot])) - above)
                wish({t: plane.normal.numpy()[None]}, np.array([off]), footing.height)
            if t and contacts[t, foot] and contacts[t - 1, foot]:
                wish({t: eye, t - 1: -eye}, q[t - 1] - q[t], footing.slide / FPS)
    expected, *_ = np.linalg.lstsq(np.stack(rows), np.array(right), rcond=None)
    found = root_correction(feet, contacts, root, FPS, (plane, above), footing)
    np.testing.assert_allclose(found, expected.reshape(frames, 3), atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2])
def test_clips_of_one_and_two_frames_are_left_as_they_are(frames: int) -> None:
    motion = seen(standing().expand(frames, 23, 3), camera())
    grounding, (same,) = ground_motions([motion], camera_moves=False, heights=(1.80,))
    assert grounding.plane is None
    torch.testing.assert_close(same.pose.joints, motion.pose.joints * grounding.scale[0])


def test_the_ground_is_found_among_points_of_which_some_lie_elsewhere() -> None:
    flat = torch.rand(60, 3).double() * torch.tensor([4.0, 0.0, 4.0])
    slope = torch.tensor([0.05, 1.0, -0.08]).double()
    points = flat - torch.tensor([0.0, 1.0, 0.0]) * (flat @ slope)[:, None]
    points[::6, 1] += 0.5
    points[3] = torch.nan
    plane = fit_ground(points, torch.tensor([0.0, 1.0, 0.0]), tilt=0.2)
    angle = torch.arccos(plane.normal @ torch.nn.functional.normalize(slope, dim=0))
    assert torch.rad2deg(angle) < 0.5
    on = torch.ones(60, dtype=torch.bool)
    on[::6] = False
    on[3] = False
    assert plane.heights(points[on]).abs().max() < 0.02
    nothing = fit_ground(points[:0], torch.tensor([0.0, 2.0, 0.0]))
    assert nothing.normal.tolist() == [0, 1, 0]


def test_points_in_one_place_do_not_tilt_the_ground() -> None:
    points = torch.tensor([0.3, -1.2, 4.0]) + 0.01 * torch.randn(20, 3)
    up = torch.nn.functional.normalize(torch.tensor([0.1, -1.0, 0.2]), dim=0).double()
    plane = fit_ground(points, up)
    assert plane.normal @ up > math.cos(math.radians(1.0))
    assert abs(float(plane.heights(points.double()).mean())) < 0.02


def test_the_sample_stands_on_its_ground() -> None:
    options = lift3d.LiftOptions(body_model="", grounded=True, smoothing="kalman", height=1.7)
    with balancing() as path:
        clip = lift3d.lift(path, options=options)
    assert "above the ground" in clip.note
    assert stature(clip.people[0].joints.pose.joints, LIFT_23) == pytest.approx(1.7, rel=1e-3)
    placed = clip.camera.cam_from_world.double()
    joints = clip.people[0].joints.pose.joints.double()
    world = (joints - placed[:3, 3]) @ placed[:3, :3]
    heights = soles(NAMES, world)[..., 1]
    assert abs(float(heights.nanquantile(0.2)) - 0.043) < 0.05


def test_a_known_height_puts_captured_people_nearer_to_where_they_are(shared: Path) -> None:
    # The lifter's guess of the size is wrong by some percent: so are all distances.
    assert (shared / "mocap").is_dir()
    generator = torch.Generator().manual_seed(0)
    lifter = lift3d.lifters["universal"]()
    plain, told, sliding = [], [], []
    for number, clip in enumerate(lift3d.datasets["mocap_h5"](shared / "mocap").clips("val")):
        joints = clip.motion.pose.to(LIFT_23).joints.double()
        joints = joints[joints[:, 0].isfinite().all(-1)][:90]
        if number % 8 or len(joints) < 60:
            continue
        true = (joints - joints[:1, :1]) @ camera(0.15)[0].T + torch.tensor([0.0, 0.0, 5.0])
        view = lift3d.Camera.from_intrinsics((1000, 1000), 1145.0)
        pixels = view.project(true.float())
        pixels += 2.5 * torch.randn(pixels.shape, generator=generator)
        known = true.isfinite().all(-1)
        known[:, [LIFT_23.index(name) for name in ("pelvis", "spine", "thorax", "head")]] = False
        pose = lift3d.Pose2D.from_detections(pixels, known.float(), LIFT_23, (1000, 1000))
        keypoints = Motion(pose, FPS, 0, known.any(-1))
        lifted = lift3d.lifting.steady.steady_motion(lifter(keypoints, view), smoothing="kalman")
        height = stature(true, LIFT_23)
        grounding, (found,) = ground_motions([lifted], camera_moves=False, heights=(height,))
        for out, people in ((plain, lifted), (told, found)):
            out.append((people.pose.joints[:, 0] - true[:, 0]).norm(dim=-1).nanmean())
        sliding.append(grounding.foot_speed_after / grounding.foot_speed_before)
    assert torch.stack(told).mean() < 0.7 * torch.stack(plain).mean()
    assert np.nanmean(sliding) < 0.8
