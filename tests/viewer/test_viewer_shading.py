"""Normals, light and colour."""

import numpy as np
import pytest
import torch
import trimesh

from lift3d.camera import Camera
from lift3d_viewer.shading import Topology, linear_from_srgb, shade, srgb_from_linear


def test_normals_agree_with_trimesh_up_to_its_weights():
    torus = trimesh.creation.torus(1.0, 0.3, major_sections=60, minor_sections=40)
    vertices = np.asarray(torus.vertices, dtype=np.float32)
    normals = Topology(np.asarray(torus.faces), len(vertices)).normals(vertices)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    # trimesh weighs by angle, we by area: on a smooth surface both tend to the same.
    cosine = np.einsum("vi,vi->v", normals, torus.vertex_normals)
    assert cosine.min() > 0.999


def test_a_vertex_without_triangles_has_no_normal_and_no_nan():
    normals = Topology(np.array([[0, 1, 2]]), 4).normals(np.eye(4, 3, dtype=np.float32))
    assert np.isfinite(normals).all()
    np.testing.assert_allclose(normals[0], np.full(3, 3**-0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("linear", "srgb"),
    [(0.0, 0.0), (0.0031308, 0.04045), (0.18, 0.46135613), (0.5, 0.73535698), (1.0, 1.0)],
)
def test_convention_srgb_curve(linear, srgb):
    assert srgb_from_linear(np.array(linear)) == pytest.approx(srgb, abs=1e-5)
    assert linear_from_srgb(np.array(srgb)) == pytest.approx(linear, abs=1e-5)


def lit(color, normal=(0.0, 0.0, -1.0)):
    point = np.array([[0.0, 0.0, 3.0]], dtype=np.float32)
    return shade(point, np.array([normal], np.float32), np.array([color], np.float32))[0]


def test_a_red_surface_looks_red_and_a_grey_one_grey():
    red, green, blue = lit((0.6, 0.02, 0.02))
    assert red > 0.6
    assert max(green, blue) < 0.35
    grey = lit((0.3, 0.3, 0.3))
    assert np.ptp(grey) < 0.05


def test_light_comes_from_above_left():
    grey = (0.4, 0.4, 0.4)
    assert lit(grey, (0, -0.8, -0.6)).mean() > lit(grey, (0, 0.8, -0.6)).mean() + 0.1
    assert lit(grey, (-0.8, 0, -0.6)).mean() > lit(grey, (0.8, 0, -0.6)).mean() + 0.05


def test_no_surface_is_burnt_out_or_black():
    directions = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = np.tile(np.array([0, 0, 3], np.float32), (500, 1))
    facing = directions[:, 2] < 0
    white = shade(points, directions, np.ones((500, 3), np.float32))[facing]
    skin = shade(points, directions, np.tile(np.float32([0.55, 0.3, 0.2]), (500, 1)))[facing]
    assert white.max() <= 1
    assert skin.min() > 0.15
    assert skin.max() < 0.99


def test_a_red_wall_fills_the_picture_with_red(viewer, mesh_of):
    wall = torch.tensor([[-2, -2, 3], [2, -2, 3], [2, 2, 3], [-2, 2, 3]], dtype=torch.float64)
    camera = Camera.from_intrinsics((120, 160), 150.0)
    color = torch.tensor([0.7, 0.01, 0.01]).expand(4, 3)
    rgb, mask = viewer.render([mesh_of(wall, [[0, 3, 2], [0, 2, 1]])], [color], camera)
    assert mask.all()
    assert rgb[..., 0].min() > 170
    assert rgb[..., 1:].max() < 90
