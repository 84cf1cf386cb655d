"""Compiled normals and light equal their formulas written out in NumPy."""

import numpy as np
import pytest
import trimesh

from lift3d.errors import InputError
from lift3d_viewer.shading import KEY_LAMP, Topology, light, shade


def summed_normals(vertices, faces):
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    out = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(out, faces[:, corner], np.cross(b - a, c - a))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-20)


@pytest.fixture(scope="module")
def ball():
    """A bumpy ball 3 m before the camera."""
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    bumps = 1 + 0.1 * np.sin(7 * np.asarray(sphere.vertices)).sum(1, keepdims=True)
    points = (np.asarray(sphere.vertices) * bumps + [0.2, -0.1, 3.0]).astype(np.float32)
    return points, np.asarray(sphere.faces)


def test_normals_are_the_means_of_the_triangles_around(ball):
    points, faces = ball
    normals = Topology(faces, len(points)).normals(points)
    np.testing.assert_allclose(normals, summed_normals(points, faces), atol=1e-6)


def test_a_corner_that_is_not_finite_leaves_other_triangles_their_normals(ball):
    points, faces = ball
    broken = points.copy()
    broken[5] = np.nan
    normals = Topology(faces, len(points)).normals(broken)
    kept = faces[(faces != 5).all(1)]
    np.testing.assert_allclose(normals, summed_normals(points, kept), atol=1e-6)


def test_topologies_know_their_triangles_and_refuse_wrong_ones(ball):
    points, faces = ball
    topology = Topology(faces, len(points))
    assert topology.matches(faces.astype(np.int64), len(points))
    assert not topology.matches(faces[::-1], len(points))
    assert not topology.matches(faces, len(points) + 1)
    for wrong in (np.array([[0, 1, -1]]), np.array([[0, 1, len(points)]])):
        with pytest.raises(InputError, match="corners from 0 to"):
            Topology(wrong, len(points))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def shaded_by_formula(points, normals, colors, key=1.0):
    """Three lamps wrapped round, ambient from above and below, a glint, a brighter edge; float64."""
    points, normals = points.astype(np.float64), normals.astype(np.float64)
    lamps = (
        ((-0.55, -0.75, -0.70), (1.00, 0.95, 0.88), 0.15, key),
        ((0.85, -0.15, -0.55), (0.13, 0.16, 0.21), 0.40, 1.0),
        ((0.45, -0.55, 0.80), (0.40, 0.44, 0.50), 0.00, 1.0),
    )
    up = 0.5 - 0.5 * normals[:, 1:2]
    lit = np.array([0.10, 0.093, 0.088]) * (1 - up) + np.array([0.22, 0.235, 0.26]) * up
    for towards, color, wrap, reaching in lamps:
        facing = (normals @ unit(np.array(towards)))[:, None]
        lit = lit + reaching * np.array(color) * np.maximum((facing + wrap) / (1 + wrap), 0)
    view = unit(-points)
    half = unit(view + unit(np.array(lamps[0][0])))
    glint = key * 0.035 * np.clip((normals * half).sum(1, keepdims=True), 0, 1) ** 24
    turned = 1 - np.clip((normals * view).sum(1, keepdims=True), 0, 1)
    linear = colors * lit + glint + np.array([0.13, 0.15, 0.19]) * up * turned**4
    bent = np.where(linear < 0.7, linear, 0.7 + 0.3 * (1 - np.exp(-(linear - 0.7) / 0.3)))
    return np.where(bent <= 0.0031308, 12.92 * bent, 1.055 * bent ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("key", [None, 0.3])
def test_light_equals_its_formula(ball, key):
    points, faces = ball
    normals = Topology(faces, len(points)).normals(points)
    colors = np.random.default_rng(2).uniform(0, 1, points.shape).astype(np.float32)
    reaching = None if key is None else np.full(len(points), key, np.float32)
    found = shade(points, normals, colors, reaching)
    expected = shaded_by_formula(points, normals, colors, 1.0 if key is None else key)
    np.testing.assert_allclose(found, expected, atol=3e-6)


def test_the_key_lamp_is_a_unit_vector_up_left_and_on_the_viewers_side():
    assert np.linalg.norm(KEY_LAMP) == pytest.approx(1)
    assert (KEY_LAMP < 0).all()


def test_light_is_what_multiplies_a_colour_and_what_is_added():
    point, normal = np.array([[0, 0, 3]], np.float32), np.array([[0, 0, -1]], np.float32)
    dark = light(point, normal, np.zeros(1, np.float32))
    full = light(point, normal)
    assert (full[0, :3] > dark[0, :3] + 0.3).all()
    assert (full[0, 3:] >= dark[0, 3:]).all()
