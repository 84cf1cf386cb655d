"""What people's perspective says of a camera, and how it is said."""

import math
import statistics
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

import lift3d
from lift3d.camera import Camera
from lift3d.conventions import DEFAULT_FOV, WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io import read_keypoints
from lift3d.lifting.field_of_view import (
    FieldOfView,
    Perspective,
    camera_for,
    estimate_field_of_view,
    perspective_of,
    slope_at,
)
from lift3d.lifting.matching import MatchingLifter, MatchingOptions
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.samples import balancing
from lift3d.skeletons import LIFT_23

SIZE = (1000, 1000)
DETECTED = torch.tensor(
    [not name.endswith(("pelvis", "spine", "thorax", "head")) for name in LIFT_23.joints]
)


@lru_cache
def matching() -> MatchingLifter:
    return MatchingLifter(options=MatchingOptions(warp=False))


def people_of_the_library(angle: float, frames: int, away: float, seed: int) -> Motion[Pose2D]:
    """Poses that matching knows, turned at random, before a camera of that field of view."""
    generator = Generator().manual_seed(seed)
    poses = matching().library.joints.float()
    some = poses[torch.randperm(len(poses), generator=generator)[:frames]]
    turns = torch.zeros(frames, 3)
    turns[:, 1] = torch.rand(frames, generator=generator) * 2 * math.pi
    place = torch.tensor([0.2, 0.1, 1.0]) * away
    y_down = WORLD_FROM_CAMERA.float()
    joints = some @ rotmat_from_axis_angle(turns).mT @ y_down + place
    camera = Camera.from_field_of_view(SIZE, angle)
    pixels = camera.project(joints)
    seen = DETECTED.expand(pixels.shape[:2]).float()
    return Motion(
        Pose2D.from_detections(pixels, seen, LIFT_23, SIZE), 30.0, 0, torch.ones(frames) > 0
    )


@pytest.mark.parametrize("degrees", [45.0, 80.0])
def test_perspective_agrees_at_the_true_angle_and_not_beside_it(degrees: float) -> None:
    true = math.radians(degrees)
    shown = people_of_the_library(true, 12, 2.5, 3)
    found = perspective_of(shown, SIZE, matching())
    assert found is not None
    at_truth, _ = slope_at(found, true)
    wider, _ = slope_at(found, 1.4 * true)
    narrower, _ = slope_at(found, true / 1.4)
    assert wider > at_truth > narrower
    assert abs(at_truth) < 0.12


def test_wide_cameras_are_found_wider_than_narrow_ones() -> None:
    wide, narrow = (
        estimate_field_of_view([people_of_the_library(math.radians(d), 12, 2.0, 5)], SIZE)
        for d in (85.0, 42.0)
    )
    assert wide.told
    assert wide.angle > narrow.angle + math.radians(10)
    assert wide.low < wide.angle < wide.high


def test_what_cannot_be_told_stays_the_prior() -> None:
    far = people_of_the_library(math.radians(40.0), 6, 300.0, 3)
    few = people_of_the_library(math.radians(85.0), 3, 2.0, 3)
    for people in ([], [far], [few]):
        found = estimate_field_of_view(people, SIZE)
        assert not found.told
        assert found.angle == DEFAULT_FOV
        assert found.low < found.angle < found.high
        assert "does not tell" in found.note
        assert "53.1 degrees assumed" in found.note


def test_the_size_of_the_picture_changes_nothing() -> None:
    # The same picture at twice the size has the same field of view.
    shown = people_of_the_library(math.radians(70.0), 8, 2.5, 3)
    twice = Pose2D.from_detections(
        2 * shown.pose.keypoints + 0.5, shown.pose.confidence, LIFT_23, (2000, 2000)
    )
    first = estimate_field_of_view([shown], SIZE)
    second = estimate_field_of_view([Motion(twice, 30.0, 0, shown.observed)], (2000, 2000))
    assert first.angle == pytest.approx(second.angle, abs=2e-3)


def test_the_slope_between_candidates_is_on_the_line_between_theirs() -> None:
    slope: Tensor = torch.linspace(0.3, -0.3, 7).double()
    found = Perspective(slope, torch.ones(7).double())
    value, strength = slope_at(found, math.radians(60.0))
    assert value == pytest.approx(float(slope[3]), abs=1e-9)
    assert strength == pytest.approx(1.0)


def test_what_was_assumed_or_found_is_said() -> None:
    camera, note = camera_for([], SIZE, "prior")
    assert float(camera.intrinsics[0, 0]) == pytest.approx(1000.0)
    assert "53.1 degrees" in note
    assert "assumed" in note
    told = FieldOfView(math.radians(61), math.radians(50), math.radians(73), told=True)
    assert "61 degrees" in told.note
    assert "50 to 73" in told.note


def test_lifting_says_what_it_assumed_or_estimated() -> None:
    with balancing() as path:
        plain = lift3d.lift(path, options=lift3d.LiftOptions(body_model=""))
        options = lift3d.LiftOptions(body_model="", field_of_view="estimate")
        found = lift3d.lift(path, options=options)
        assert "53.1 degrees along the longer side assumed" in plain.note
        assert "field of view" in found.note
        assert float(found.camera.field_of_view) != pytest.approx(DEFAULT_FOV)
        with pytest.raises(InputError, match="expected no camera"):
            lift3d.lift(path, camera=Camera.default((1920, 1080)), options=options)


@pytest.mark.parametrize("camera", ["01", "03"])
def test_a_calibrated_cameras_field_of_view_is_found_within_a_quarter(
    camera: str, shared: Path
) -> None:
    # The calibration says 59.4 degrees.
    folder = shared / "keypoints/pose2sim/balancing" / f"cam{camera}_json"
    people = read_keypoints(folder, fps=60.0, image_size=(1920, 1088)).people[:1]
    found = estimate_field_of_view(people, (1920, 1088))
    ratio = math.tan(math.radians(59.4) / 2) / math.tan(found.angle / 2)
    assert abs(math.log(ratio)) < 0.25


def test_estimates_beat_the_prior_on_captured_people(shared: Path) -> None:
    dataset = lift3d.datasets["mocap_h5"](shared / "mocap")
    generator = Generator().manual_seed(1)
    ours, prior = [], []
    for number, clip in enumerate(dataset.clips("val")):
        joints = clip.motion.pose.to(LIFT_23).joints.float()
        joints = joints[joints[:, 0].isfinite().all(-1)][:150:12]
        if number % 6 or len(joints) < 6:
            continue
        angle = (0.65, 1.5)[len(ours) % 2]
        focal = 500 / math.tan(angle / 2)
        turn = rotmat_from_axis_angle(torch.tensor([[math.pi - 0.1, 0.0, 0.0], [0.0, 2.0, 0.0]]))
        away = (joints - joints[:1, :1]) @ (turn[0] @ turn[1]).mT
        camera = Camera.from_field_of_view(SIZE, angle)
        pixels = camera.project(away + torch.tensor([0.0, 0.0, focal * 1.7 / 600]))
        pixels += 2.0 * torch.randn(pixels.shape, generator=generator)
        seen = (DETECTED & joints.isfinite().all(-1)).float()
        pose = Pose2D.from_detections(pixels, seen, LIFT_23, SIZE)
        found = estimate_field_of_view([Motion(pose, 2.0, 0, seen.any(-1))], SIZE)
        ours.append(abs(math.log(math.tan(angle / 2) / math.tan(found.angle / 2))))
        prior.append(abs(math.log(2 * math.tan(angle / 2))))
    assert statistics.mean(ours) < 0.8 * statistics.mean(prior)
