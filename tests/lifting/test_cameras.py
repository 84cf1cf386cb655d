"""Known cameras are exact: what a crop, a zoom or a turn of the camera changes is undone."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.conventions import DEFAULT_FOV, WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.io import read_keypoints
from lift3d.lifting.level import LevelLifter, level_from_camera
from lift3d.motion import Motion
from lift3d.plugins import lifters
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from lift3d.skeletons import LIFT_23

SIZE = (1080, 1920)
MILLIMETRE = 1e-3


@lru_cache
def lifter_named(name: str) -> Lifter:
    return lifters[name]()


def level_camera(focal: float = 1500.0) -> Camera:
    """Upright in the world, with a lens that bends."""
    flat = Camera.from_intrinsics(SIZE, focal, (900.0, 500.0), (-0.05, 0.02, 1e-3, -1e-3))
    placed = rigid_from(WORLD_FROM_CAMERA, torch.tensor([0.0, 1.2, 0.0]).double())
    return replace(flat, cam_from_world=placed.float())


def real_clip(shared: Path, name: str) -> Motion[Pose2D]:
    folder = {"balancing": "pose2sim/balancing/cam03_json"}.get(name, f"openpose_body25/{name}")
    motion = read_keypoints(shared / "keypoints" / folder, fps=30.0, image_size=SIZE).people[0]
    pose = motion.pose
    some = Pose2D(pose.keypoints[::20], pose.confidence[::20], pose.skeleton, SIZE)
    return Motion(some, motion.fps, 0, motion.observed[::20])


def with_pixels(motion: Motion[Pose2D], pixels: Tensor, size: tuple[int, int]) -> Motion[Pose2D]:
    pose = motion.pose
    points = pixels.to(pose.keypoints.dtype)
    moved = Pose2D.from_detections(points, pose.confidence, pose.skeleton, size)
    return replace(motion, pose=moved)


def after_turn(motion: Motion[Pose2D], camera: Camera, turn: Tensor) -> Motion[Pose2D]:
    """What the camera sees once it has turned: each pixel along its ray."""
    rays = camera.rays(motion.pose.keypoints.nan_to_num().float()).double() @ turn.T
    pixels = pixels_from_points(rays, camera.intrinsics.double(), camera.distortion.double())
    return with_pixels(motion, pixels, camera.image_size)


def largest_change(first: Tensor, second: Tensor) -> float:
    assert torch.equal(first.isnan(), second.isnan())
    return float((first - second).nan_to_num().norm(dim=-1).max())


@pytest.mark.parametrize("clip", ["clip_a", "clip_b", "balancing"])
@pytest.mark.parametrize("name", ["universal", "martinez", "matching"])
def test_cropped_zoomed_and_turned_pictures_give_the_same_people(
    name: str, clip: str, shared: Path
) -> None:
    lifter, camera = lifter_named(name), level_camera()
    motion = real_clip(shared, clip)
    before = lifter(motion, camera).pose.joints
    pixels = motion.pose.keypoints.double()
    crop = with_pixels(motion, pixels - torch.tensor([310.0, 95.5]), (700, 800))
    after = lifter(crop, camera.cropped(310.0, 95.5, (700, 800))).pose.joints
    assert largest_change(before, after) < MILLIMETRE
    zoom = with_pixels(motion, (pixels + 0.5) * 2.3 - 0.5, (2484, 4416))
    assert largest_change(before, lifter(zoom, camera.zoomed(2.3)).pose.joints) < MILLIMETRE
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).double()
    shift = torch.tensor([1079.0, 0.0]).double()
    turned = with_pixels(motion, pixels @ quarter.T + shift, (1920, 1080))
    beside = camera.warped(quarter, shift, (1920, 1080))
    assert largest_change(before, lifter(turned, beside).pose.joints) < MILLIMETRE


@pytest.mark.parametrize("angles", [(0.3, 0.0, 0.0), (0.0, 0.35, 0.0), (-0.2, 0.2, 2.5)])
@pytest.mark.parametrize("name", ["universal", "martinez", "matching"])
def test_a_camera_that_turned_about_its_centre_sees_the_same_people(
    name: str, angles: tuple[float, float, float], shared: Path
) -> None:
    lifter, camera = LevelLifter(lifter_named(name)), level_camera()
    turn = rotmat_from_axis_angle(torch.tensor(angles).double())
    motion = real_clip(shared, "clip_a")
    before = lifter(motion, camera).pose
    after = lifter(after_turn(motion, camera, turn), camera.turned(turn)).pose
    assert largest_change(before.joints.double() @ turn.T, after.joints.double()) < MILLIMETRE
    spread = turn @ before.covariance.double() @ turn.T
    torch.testing.assert_close(
        spread, after.covariance.double(), atol=1e-5, rtol=1e-3, equal_nan=True
    )


def test_what_is_not_told_cannot_be_undone(shared: Path) -> None:
    # Without the tilt a picture on its side shows somebody who lies.
    plain, motion = lifter_named("universal"), real_clip(shared, "clip_a")
    camera = replace(level_camera(), cam_from_world=torch.eye(4))
    turn = rotmat_from_axis_angle(torch.tensor([0.0, 0.0, 1.5]).double())
    lifter = LevelLifter(plain)
    before = lifter(motion, camera).pose.joints
    torch.testing.assert_close(before, plain(motion, camera).pose.joints, equal_nan=True)
    assert camera.turned(turn) is camera
    after = lifter(after_turn(motion, camera, turn), camera).pose.joints.double()
    assert largest_change(before.double() @ turn.T, after) > 0.05


def test_a_level_camera_looks_at_the_person_with_its_x_axis_level() -> None:
    up = torch.nn.functional.normalize(torch.tensor([0.3, -1.0, 0.4]).double(), dim=0)
    rays = torch.nn.functional.normalize(
        torch.randn(5, 4, 3).double() + torch.eye(3)[2] * 4, dim=-1
    )
    seen = torch.ones(5, 4, dtype=torch.bool)
    seen[4] = False
    turns = level_from_camera(rays, seen, up)
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).double().expand(5, 3, 3))
    assert (torch.linalg.det(turns) > 0).all()
    middle = torch.nn.functional.normalize(rays[:4].sum(1), dim=-1)
    ahead = (turns[:4] @ middle[..., None])[..., 0]
    torch.testing.assert_close(ahead, torch.eye(3)[2].double().expand(4, 3))
    assert (turns[:, 0] @ up).abs().max() < 1e-9
    assert (turns[:, 1] @ up < 0).all()
    plumb = level_from_camera(up.expand(1, 1, 3), torch.ones(1, 1, dtype=torch.bool), up)
    assert plumb.isfinite().all()
    unknown = level_from_camera(rays, seen, up * torch.nan)
    assert unknown.isfinite().all()


def test_a_camera_that_moves_levels_each_frame_by_its_own_tilt(shared: Path) -> None:
    motion, camera = real_clip(shared, "clip_a"), level_camera()
    frames = len(motion)
    angles = torch.zeros(frames, 3).double()
    angles[:, 2] = torch.linspace(0, 1, frames)
    turns = rotmat_from_axis_angle(angles)
    still = LevelLifter(lifter_named("universal"))(motion, camera).pose.joints.double()
    rays = camera.rays(motion.pose.keypoints.nan_to_num().float()).double() @ turns.mT
    pixels = pixels_from_points(rays, camera.intrinsics.double(), camera.distortion.double())
    placed = rigid_from(turns, torch.zeros(frames, 3).double()) @ camera.cam_from_world.double()
    rolling = replace(
        camera,
        intrinsics=camera.intrinsics.expand(frames, 3, 3),
        cam_from_world=placed.float(),
        distortion=camera.distortion.expand(frames, 5),
    )
    moved = LevelLifter(lifter_named("universal"))(with_pixels(motion, pixels, SIZE), rolling)
    assert largest_change(still @ turns.mT, moved.pose.joints.double()) < MILLIMETRE


def test_lifters_made_level_are_lifters() -> None:
    inner = lifter_named("universal")
    assert isinstance(LevelLifter(inner), Lifter)
    assert LevelLifter(inner).skeleton == LIFT_23


def test_pictures_and_their_cameras_change_together() -> None:
    """Where a point is seen in a changed picture follows from where it was seen before."""
    camera = level_camera()
    points = torch.tensor([[0.3, 1.0, -4.0], [-0.5, 1.5, -3.0]])
    pixels = camera.project(points)
    crop = camera.cropped(100.0, 50.0, (300, 400))
    torch.testing.assert_close(crop.project(points), pixels - torch.tensor([100.0, 50.0]))
    assert crop.image_size == (300, 400)
    half = camera.zoomed(0.5)
    torch.testing.assert_close(half.project(points), (pixels + 0.5) / 2 - 0.5)
    assert half.image_size == (540, 960)
    assert float(half.field_of_view) == pytest.approx(float(camera.field_of_view))
    turn = rotmat_from_axis_angle(torch.tensor([0.1, -0.2, 0.3]).double())
    away = (
        camera.turned(turn).cam_from_world[:3, :3].double()
        @ camera.cam_from_world[:3, :3].mT.double()
    )
    assert rotation_angle(away @ turn.T) < 1e-3


def test_a_field_of_view_makes_a_camera_and_comes_back() -> None:
    for angle in (0.3, DEFAULT_FOV, 2.0):
        camera = Camera.from_field_of_view(SIZE, angle)
        assert float(camera.field_of_view) == pytest.approx(angle, rel=1e-5)
    assert float(Camera.default((1000, 500)).intrinsics[0, 0]) == pytest.approx(1000.0)
    for angle in (0.0, -1.0, 3.2, math.nan):
        with pytest.raises(InputError, match="field of view"):
            Camera.from_field_of_view(SIZE, angle)


def changed(change: Callable[[Tensor], None]) -> Tensor:
    intrinsics = level_camera().intrinsics.clone()
    change(intrinsics)
    return intrinsics


def put(row: int, column: int, value: float) -> Callable[[Tensor], None]:
    def change(intrinsics: Tensor) -> None:
        intrinsics[row, column] = value

    return change


@pytest.mark.parametrize(
    ("intrinsics", "words"),
    [
        (changed(put(0, 0, -1500.0)), "focal lengths above 0"),
        (
            level_camera().intrinsics * torch.tensor([[-1.0], [-1.0], [1.0]]),
            "focal lengths above 0",
        ),
        (changed(put(1, 1, 0.0)), "focal lengths above 0"),
        (changed(put(0, 0, 20.0)), "of about one size"),
        (changed(put(0, 1, 1e6)), "focal lengths above 0"),
        (changed(put(0, 0, math.nan)), "NaN or infinity"),
        (changed(put(1, 2, math.inf)), "NaN or infinity"),
        (changed(put(0, 2, 1e5)), "principal point near the picture"),
        (changed(put(2, 0, 0.1)), "last row"),
        (level_camera().intrinsics.mT.contiguous(), "last row"),
        (torch.zeros(3, 3), "focal lengths above 0"),
        (torch.diag(torch.tensor([35.0, 35.0, 1.0])), "in pixels, not in millimetres"),
        (torch.diag(torch.tensor([1e8, 1e8, 1.0])), "in pixels"),
    ],
)
def test_intrinsics_that_no_camera_has_are_refused(intrinsics: Tensor, words: str) -> None:
    camera = level_camera()
    with pytest.raises(InputError, match=words):
        replace(camera, intrinsics=intrinsics)
    many = torch.stack([camera.intrinsics, intrinsics])
    with pytest.raises(InputError, match=words):
        Camera(many, camera.cam_from_world.expand(2, 4, 4), camera.distortion.expand(2, 5), SIZE)


@pytest.mark.parametrize("factor", [2.0, -1.0])
def test_a_place_that_is_not_rigid_is_refused(factor: float) -> None:
    placed = torch.eye(4)
    placed[0, 0] = factor
    with pytest.raises(InputError, match="rotation and a shift"):
        replace(level_camera(), cam_from_world=placed)


def test_a_lens_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="distortion"):
        replace(level_camera(), distortion=torch.tensor([0.0, math.nan, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize("crop", [(0.0, 0.0, 60), (1500.0, 900.0, 100), (-400.0, -300.0, 3000)])
def test_odd_but_possible_crops_are_cameras(crop: tuple[float, float, int]) -> None:
    left, top, side = crop
    assert level_camera(8000.0).cropped(left, top, (side, side)).image_size == (side, side)
