"""Where the viewer draws a point is where `Camera.project` says."""

import numpy as np
import pytest
import torch
import trimesh

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle

GREY = 0.5


def ball(centre, radius=0.02):
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    return np.asarray(sphere.vertices) + np.asarray(centre), np.asarray(sphere.faces)


def centre_of(mask):
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def camera_at(image_size, centre, distortion=(), lens="brown_conrady", turned=False):
    base = Camera.from_intrinsics(image_size, 700.0, centre, distortion, dtype=torch.float64)
    pose = base.cam_from_world
    if turned:
        turn = rotmat_from_axis_angle(torch.tensor([0.1, -0.4, 0.7], dtype=torch.float64))
        pose = rigid_from(turn, torch.tensor([0.2, -0.1, 0.5], dtype=torch.float64))
    return Camera(base.intrinsics, pose, base.distortion, image_size, lens)


CAMERAS = {
    "centred": camera_at((480, 480), None),
    "wide, principal point off centre": camera_at((300, 640), (201.25, 222.5)),
    "tall": camera_at((601, 333), (150.0, 340.75)),
    "in a turned world": camera_at((400, 500), (240.0, 190.0), turned=True),
    "with a lens": camera_at((400, 500), (240.0, 190.0), (-0.22, 0.08, 0.002, -0.003, 0.01)),
    "with Human3.6M's lens": camera_at(
        (400, 500), (240.0, 190.0), (-0.2, 0.2, 0.004, 0.003, 0.0), "human36m"
    ),
}


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("pixel_share", [(0.5, 0.5), (0.2, 0.3), (0.85, 0.75)])
def test_a_small_ball_appears_where_the_camera_projects_it(viewer, mesh_of, name, pixel_share):
    camera = CAMERAS[name]
    height, width = camera.image_size
    wanted = torch.tensor([[pixel_share[0] * width, pixel_share[1] * height]], dtype=torch.float64)
    centre = camera.unproject(wanted, torch.tensor([2.7], dtype=torch.float64))
    vertices, faces = ball(centre[0].numpy())
    mesh = mesh_of(vertices, faces)
    _, mask = viewer.render([mesh], [torch.full_like(mesh.vertices, GREY).float()], camera)
    np.testing.assert_allclose(centre_of(mask), camera.project(centre)[0], atol=0.15)


def test_a_rectangle_covers_exactly_the_pixels_whose_centres_it_holds(viewer, mesh_of):
    """Pixel i covers [i - 0.5, i + 0.5): a wall from 99.5 to 219.5 is columns 100 to 219."""
    camera = camera_at((240, 320), (163.0, 110.0))
    corners = torch.tensor(
        [[99.5, 49.5], [219.5, 49.5], [219.5, 89.5], [99.5, 89.5]], dtype=torch.float64
    )
    wall = camera.unproject(corners, torch.full((4,), 3.0, dtype=torch.float64))
    # A hair smaller, so that rounding in float32 does not decide.
    wall = wall.mean(0) + (wall - wall.mean(0)) * 0.9999
    mesh = mesh_of(wall, [[0, 3, 2], [0, 2, 1]])
    _, mask = viewer.render([mesh], [torch.full((4, 3), GREY)], camera)
    expected = np.zeros((240, 320), dtype=bool)
    expected[50:90, 100:220] = True
    np.testing.assert_array_equal(mask, expected)


def test_the_mask_holds_all_vertices_and_not_more(viewer, capsules):
    body = capsules.CapsuleBody()
    posed = body(capsules.walk(6)[5:6])
    mesh = type(posed)(posed.vertices[0], posed.joints[0], posed.faces, posed.skeleton)
    camera = camera_at((720, 640), (300.0, 340.0))
    _, mask = viewer.render([mesh], [body.surface.colors], camera)
    pixels = camera.project(mesh.vertices).numpy()
    column, row = np.round(pixels).astype(int).T
    grown = np.pad(mask, 2)
    near = np.any([np.roll(grown, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], 0)
    assert near[row + 2, column + 2].all()
    rows, columns = np.nonzero(mask)
    np.testing.assert_allclose(
        [columns.min(), columns.max(), rows.min(), rows.max()],
        [pixels[:, 0].min(), pixels[:, 0].max(), pixels[:, 1].min(), pixels[:, 1].max()],
        atol=1.0,
    )


def test_points_far_outside_a_strong_lens_do_not_fold_back_into_the_picture(viewer, mesh_of):
    camera = camera_at((400, 500), (250.0, 200.0), (-0.35, 0.0, 0.0, 0.0, 0.0))
    vertices, faces = ball((7.0, 0.0, 3.0), radius=0.3)
    assert torch.all(camera.project(torch.tensor([[7.0, 0.0, 3.0]]).double())[0, 0] < 250)
    mesh = mesh_of(vertices, faces)
    _, mask = viewer.render([mesh], [torch.full((len(vertices), 3), GREY)], camera)
    assert not mask.any()
