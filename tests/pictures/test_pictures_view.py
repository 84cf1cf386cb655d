"""Windows, orbits, which way is up, and the floor."""

import math

import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.pictures.ground import Room, floor_under
from lift3d.pictures.skeleton3d import draw_skeletons, points_on_bones
from lift3d.pictures.theme import DARK, LimbColors
from lift3d.pictures.view import Window, camera_through, orbit, window_around
from lift3d.skeleton import Skeleton


def cloud(count=40):
    points = torch.rand(count, 3, dtype=torch.float64) - 0.5
    return points * torch.tensor([1.0, 1.8, 0.6], dtype=torch.float64) + torch.tensor([0.2, 0, 4.0])


def test_a_window_maps_pixel_areas_onto_pixel_areas():
    """A window of 100 pixels shown at half size: its first shown pixel is its first two."""
    window = Window(40.0, 10.0, 0.5, (30, 50))
    # Pixels 40 and 41 cover [39.5, 41.5), as seen from the corner [40, 42): centre 40.5.
    shown = window.through(torch.tensor([[40.5, 10.5], [138.5, 68.5]]))
    torch.testing.assert_close(shown, torch.tensor([[0.0, 0.0], [49.0, 29.0]]))


@pytest.mark.parametrize("distortion", [(), (-0.2, 0.05, 0.001, 0.002, 0.0)])
def test_the_camera_of_a_window_projects_to_where_the_window_shows_it(distortion):
    camera = Camera.from_intrinsics(
        (1920, 1080), 1500.0, (530.0, 970.5), distortion, dtype=torch.float64
    )
    window = Window(101.5, 333.0, 0.41, (720, 540))
    points = cloud()
    torch.testing.assert_close(
        camera_through(camera, window).project(points), window.through(camera.project(points))
    )


def test_a_window_around_points_shows_them_in_its_middle():
    points = torch.tensor([[100.0, 200.0], [300.0, 1000.0], [200.0, 500.0]])
    window = window_around(points, (600, 500), margin=0.1)
    shown = window.through(points.double())
    assert shown[:, 1].min() == pytest.approx(600 * 0.1 / 1.2, abs=1)
    assert shown[:, 1].max() == pytest.approx(600 * 1.1 / 1.2, abs=1)
    assert (shown[0] + shown[1]).tolist() == pytest.approx([499, 599], abs=0.01)


def test_an_orbit_from_the_front_looks_as_the_camera_does():
    camera = orbit(cloud(), WORLD_FROM_CAMERA, (400, 300), yaw=0.0, elevation=0.0)
    torch.testing.assert_close(camera.cam_from_world[:3, :3], torch.eye(3))


def test_an_orbit_walks_to_the_right_and_up():
    points = cloud()
    middle = (points.amin(0) + points.amax(0)) / 2
    camera = orbit(points, WORLD_FROM_CAMERA, (400, 300), math.radians(60), math.radians(10))
    rotation = camera.cam_from_world[:3, :3].double()
    eye = -rotation.T @ camera.cam_from_world[:3, 3].double() - middle
    distance = float(eye.norm())
    # OpenCV axes: to the right +x, up -y, towards the real camera -z.
    expected = distance * np.array(
        [math.sin(math.radians(60)) * math.cos(math.radians(10)), -math.sin(math.radians(10)),
         -math.cos(math.radians(60)) * math.cos(math.radians(10))]
    )  # fmt: skip
    np.testing.assert_allclose(eye.numpy(), expected, atol=1e-5)
    assert float(torch.linalg.det(rotation)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", [(400, 300), (300, 640)])
@pytest.mark.parametrize("yaw", [-1.0, 0.4, 2.0])
def test_an_orbit_shows_all_points_and_fills_the_picture(size, yaw):
    points = cloud()
    pixels = orbit(points, WORLD_FROM_CAMERA, size, yaw, 0.2).project(points.float()).numpy()
    assert (pixels >= 0).all()
    assert (pixels <= np.array(size)[::-1] - 1).all()
    share = np.ptp(pixels, axis=0) / np.array(size)[::-1]
    assert share.max() == pytest.approx(1 / 1.2, abs=0.01)


def room_below(points, height):
    floor = floor_under(points, WORLD_FROM_CAMERA, height)
    camera = orbit(points, WORLD_FROM_CAMERA, (300, 300), 0.5, 0.5)
    return floor, camera, Room(camera, floor, DARK)


def test_a_shadow_lies_on_the_floor_below_its_point():
    points = cloud()
    floor, camera, room = room_below(points, -1.0)
    ball = torch.tensor([[0.4, 0.95, 4.1]], dtype=torch.float64)
    ball = ball + 0.06 * torch.randn(400, 3, dtype=torch.float64).clamp(-1, 1)
    below = torch.tensor([[0.4, 1.0, 4.1]])
    assert float(floor.up @ below[0].double() - floor.up @ floor.origin) == pytest.approx(0)
    darker = room.empty().astype(int) - room.with_shadows([ball], spread=0.03).astype(int)
    weight = darker.clip(min=0).sum(-1)
    weight[weight < weight.max() / 3] = 0
    rows, columns = np.indices(weight.shape)
    centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
    np.testing.assert_allclose(centre, camera.project(below)[0].numpy(), atol=4)


def test_nothing_casts_a_shadow_in_an_empty_room():
    _, _, room = room_below(cloud(), -1.0)
    np.testing.assert_array_equal(room.with_shadows([]), room.empty())


def test_grid_lines_pass_where_the_floor_says():
    floor, camera, room = room_below(cloud(), -0.5)
    u, v = floor.axes
    on_line = floor.origin + 0.5 * u + torch.linspace(0.1, 0.4, 20)[:, None] * v
    between = on_line - 0.25 * u
    picture = room.empty().mean(-1)

    def brightness(points):
        x, y = camera.project(points.float()).round().long().T.numpy()
        return picture[y, x].mean()

    assert brightness(on_line) > brightness(between) + 4


def test_near_limbs_hide_far_ones_and_are_thicker():
    skeleton = Skeleton("stick", ("top", "end"), (-1, 0))
    camera = Camera.from_intrinsics((200, 200), 200.0)
    red = LimbColors((0, 0, 0), (0, 0, 0), centre=(230, 20, 20))
    blue = LimbColors((0, 0, 0), (0, 0, 0), centre=(20, 20, 230))
    upright = torch.tensor([[0.0, -0.8, 2.0], [0.0, 0.8, 2.0]])
    level = torch.tensor([[-1.2, 0.0, 4.0], [1.2, 0.0, 4.0]])
    for order in (1, -1):
        picture = np.full((200, 200, 3), 40, np.uint8)
        people = [(upright, skeleton, red), (level, skeleton, blue)][::order]
        draw_skeletons(picture, people, camera)
        assert picture[100, 100].argmax() == 0
    near_width = (picture[60] != 40).any(-1).sum()
    far_width = (picture[:, 70] != 40).any(-1).sum()
    assert 1.5 < near_width / far_width < 2.8


def test_missing_joints_leave_their_limbs_out():
    skeleton = Skeleton("stick", ("top", "end"), (-1, 0))
    joints = torch.tensor([[0.0, 0.0, 2.0], [torch.nan] * 3])
    picture = np.full((50, 50, 3), 40, np.uint8)
    colors = LimbColors((9, 9, 9), (9, 9, 9), (200, 200, 200))
    draw_skeletons(picture, [(joints, skeleton, colors)], Camera.from_intrinsics((50, 50), 50.0))
    changed = (picture != 40).any(-1)
    assert changed[24:26, 24:26].all()
    assert changed.sum() < 30
    assert points_on_bones(joints, skeleton).isnan().any()
