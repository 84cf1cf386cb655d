"""Distances along surfaces, against planes, spheres and cubes."""

import numpy as np
import pytest
import trimesh

from lift3d.geometry.geodesics import geodesic_distances, surface_graph


def plane(side: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:side, :side]
    corner = (y * side + x)[:-1, :-1].ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side], -1),
            np.stack([corner + 1, corner + side + 1, corner + side], -1),
        ]
    )
    return np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(float), faces


def test_on_a_plane_they_are_nearly_straight() -> None:
    vertices, faces = plane(31)
    middle = 15 * 31 + 15
    found = geodesic_distances(surface_graph(vertices, faces), np.array([middle]))[0]
    true = np.linalg.norm(vertices - vertices[middle], axis=1)
    ratio = found[true > 0] / true[true > 0]
    assert ratio.min() > 1 - 1e-9
    assert ratio.max() < 1.03
    assert ratio.mean() < 1.01


def test_on_a_sphere_they_are_great_circles() -> None:
    ball = trimesh.creation.icosphere(4)
    vertices, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    found = geodesic_distances(surface_graph(vertices, faces), np.array([0]))[0]
    true = np.arccos(np.clip(vertices @ vertices[0], -1, 1))
    far = true > 0.3
    assert np.abs(found[far] / true[far] - 1).max() < 0.02


def test_opposite_corners_of_a_cubes_faces() -> None:
    """Across an edge of two unit faces: the diagonal of a 1 x 2 rectangle, sqrt(5)."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, -1], [1, 1, -1]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]])
    graph = surface_graph(vertices, faces)
    assert geodesic_distances(graph, np.array([0]))[0, 5] == pytest.approx(np.sqrt(5))
    assert geodesic_distances(graph, np.array([3]))[0, 4] == pytest.approx(np.sqrt(5))


def test_pieces_without_connection_and_limits() -> None:
    vertices, faces = plane(3)
    two = np.concatenate([vertices, vertices + np.array([0, 0, 1])])
    graph = surface_graph(two, np.concatenate([faces, faces + 9]))
    found = geodesic_distances(graph, np.array([0, 9]), limit=2.0)
    assert np.isinf(found[0, 9:]).all()
    assert found[0, 2] == pytest.approx(2)
    assert np.isinf(found[0, 8])
    np.testing.assert_allclose(found[0, :9], found[1, 9:])
