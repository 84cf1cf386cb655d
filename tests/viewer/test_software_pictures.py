"""How its pictures look: kept ones, pyrender's, textures and shadows."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d_viewer.shading import linear_from_srgb
from lift3d_viewer.software import SoftwareViewer, Texture, rasterise

FRONT = [[0, 3, 2], [0, 2, 1]]
UV = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])  # of `wall`, upright


@pytest.fixture(scope="module")
def script():
    path = Path(__file__).parents[2] / "scripts" / "make_golden_pictures.py"
    spec = importlib.util.spec_from_file_location("make_golden_pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def wall(mesh_of, depth, half=0.5, x=0.0, y=0.0):
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + [x, y]
    return mesh_of(np.column_stack([corners, np.full(4, depth)]), FRONT)


def assert_alike(found, expected):
    """Machines round differently, which may move an edge's sample now and then."""
    off = np.abs(found.astype(int) - expected).max(-1)
    assert (off > 2).mean() < 1e-3
    assert off.mean() < 0.05


@pytest.mark.parametrize("name", ["front", "side", "close", "three"])
def test_bodies_look_as_in_the_pictures_that_were_kept(script, name):
    with SoftwareViewer() as viewer:
        assert_alike(script.draw(viewer, script.SCENES[name]()), script.golden(name, "software"))


@pytest.mark.parametrize("name", ["shadows", "textured"])
def test_shadows_and_textures_look_as_in_the_pictures_that_were_kept(script, name):
    assert_alike(script.SOFTWARE[name](), script.golden(name, "software"))


@pytest.mark.parametrize("name", ["front", "side", "close", "three"])
def test_it_draws_what_pyrender_draws(viewer, script, name):
    """Edges have other samples, and pyrender's colours reach beyond triangles there."""
    scene = script.SCENES[name]()
    with SoftwareViewer() as software:
        mine, here = software.render(scene.meshes, scene.colors, scene.camera, scene.background)
    other, there = viewer.render(scene.meshes, scene.colors, scene.camera, scene.background)
    # Its mask takes in what two of four samples cover, ours what the centre covers.
    assert (here & there).sum() / (here | there).sum() > 0.97
    kernel = np.ones((3, 3), np.uint8)
    for one, both in ((here, here & there), (there, here & there)):
        assert (cv2.dilate(both.astype(np.uint8), kernel)[one] == 1).mean() > 0.999
    off = np.abs(mine.astype(int) - other).max(-1)
    inner = cv2.erode((here & there).astype(np.uint8), kernel).astype(bool)
    outer = ~cv2.dilate((here | there).astype(np.uint8), kernel).astype(bool)
    assert np.median(off[inner]) <= 1
    assert off[inner].mean() < 2.5
    assert off[outer].max() == 0
    assert off.mean() < 1.2


def test_a_texture_of_one_colour_is_that_colour(mesh_of):
    rgb = np.array([200, 90, 30], np.uint8)
    texture = Texture(np.tile(rgb, (8, 8, 1)), UV, torch.tensor(FRONT))
    camera, mesh = Camera.from_intrinsics((60, 60), 60.0), wall(mesh_of, 2.0)
    color = torch.from_numpy(linear_from_srgb(rgb / 255)).float().expand(4, 3)
    viewer = SoftwareViewer()
    painted, _ = viewer.render([mesh], [torch.zeros(4, 3)], camera, textures=[texture])
    colored, _ = viewer.render([mesh], [color], camera)
    np.testing.assert_allclose(painted.astype(int), colored, atol=1)


def test_uv_counts_from_the_lower_left_and_half_texels_blend(mesh_of):
    """Red above left, green above right, blue below left: as the picture, on a wall that fills it."""
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0, 0] = picture[0, 1, 1] = picture[1, 0, 2] = 255
    camera = Camera.from_intrinsics((80, 80), 80.0, dtype=torch.float64)
    mesh = wall(mesh_of, 1.0)
    texture = Texture(picture, UV, torch.tensor(FRONT))
    rgb, covered = SoftwareViewer().render([mesh], [torch.zeros(4, 3)], camera, textures=[texture])
    assert covered.all()
    assert [rgb[8, 8].argmax(), rgb[8, 72].argmax(), rgb[72, 8].argmax()] == [0, 1, 2]
    assert np.ptp(rgb[72, 72].astype(int)) < 30
    middle = rgb[8, 39:41].astype(int).mean(0)
    assert abs(middle[0] - middle[1]) < 12


def test_textures_are_true_to_perspective(mesh_of):
    """On a floor from 2 to 6 m the stripe between black and white lies at 4 m, not half-way up."""
    corners = [[-2, 1, 6], [2, 1, 6], [2, 1, 2], [-2, 1, 2]]
    mesh = mesh_of(corners, FRONT)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32] = 255
    camera = Camera.from_intrinsics((100, 100), 90.0, dtype=torch.float64)
    texture = Texture(picture, UV, torch.tensor(FRONT))
    rgb, covered = SoftwareViewer(crevices=0.0).render(
        [mesh], [torch.zeros(4, 3)], camera, textures=[texture]
    )
    column = rgb[:, 50].astype(int).sum(-1)
    change = np.abs(np.diff(column[covered[:, 50]])).argmax() + np.flatnonzero(covered[:, 50])[0]
    assert abs(change + 0.5 - (49.5 + 90.0 / 4)) < 1.0


def test_small_bodies_take_smaller_pictures(mesh_of):
    """Black and white texels far smaller than a pixel are grey there, not noise."""
    noise = np.random.default_rng(0).integers(0, 2, (512, 512, 1), dtype=np.uint8) * 255
    texture = Texture(np.repeat(noise, 3, 2), UV, torch.tensor(FRONT))
    camera = Camera.from_intrinsics((40, 40), 40.0, dtype=torch.float64)
    mesh = wall(mesh_of, 1.5)
    rgb, covered = SoftwareViewer().render([mesh], [torch.zeros(4, 3)], camera, textures=[texture])
    inner = cv2.erode(covered.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert rgb[inner].std(0).max() < 12


@pytest.mark.parametrize(
    ("picture", "uv", "faces", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), UV, FRONT, "picture of bytes"),
        (np.zeros((4, 4, 3), np.uint8), UV, [[0, 1, 4]], "uv_faces from 0 to 3"),
        (np.zeros((4, 4, 3), np.uint8), UV, [[0, 1, -1]], "uv_faces from 0 to 3"),
    ],
)
def test_textures_that_do_not_fit_are_refused(picture, uv, faces, message):
    with pytest.raises(InputError, match=message):
        Texture(picture, uv, torch.tensor(faces))


def test_a_board_casts_its_shadow_down_and_to_the_right_behind_it(mesh_of):
    """The key lamp stands at (-0.55, -0.75, -0.70): 0.7 m farther back, a shadow lies 0.55 m to the
    right and 0.75 m lower."""
    camera = Camera.from_intrinsics((200, 200), 150.0, dtype=torch.float64)
    rows, columns = np.mgrid[:100, :100]
    corners = np.column_stack([columns.ravel(), rows.ravel(), np.zeros(10000)]) / 25 - [2, 2, -3.7]
    start = (rows[:-1, :-1] * 100 + columns[:-1, :-1]).ravel()
    halves = [[start, start + 100, start + 101], [start, start + 101, start + 1]]
    screen = mesh_of(corners, np.concatenate([np.column_stack(half) for half in halves]))
    board = wall(mesh_of, 3.0, half=0.25, x=-0.3, y=-0.6)
    grey = [torch.full((10000, 3), 0.4), torch.full((4, 3), 0.4)]
    with_shadow, without = (
        SoftwareViewer(crevices=0.0, shadows=shadows).render([screen, board], grey, camera)[0]
        for shadows in (1.0, 0.0)
    )
    assert (rasterise([screen], camera).mesh_ids == 0)[100, 100]
    darker = without.astype(int).sum(-1) - with_shadow.astype(int).sum(-1)
    y, x = np.nonzero(darker > 60)
    expected = camera.project(torch.tensor([[0.25, 0.15, 3.7]], dtype=torch.float64))[0]
    np.testing.assert_allclose([x.mean(), y.mean()], expected, atol=2.0)
    assert darker.min() > -6
