"""Nearest places on triangles and meshes."""

import pytest
import torch
import trimesh

from lift3d.geometry.closest import closest_on_mesh, closest_on_triangles


def test_hand_computed_places() -> None:
    triangle = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    cases = {
        (0.25, 0.25, 3.0): (0.5, 0.25, 0.25),  # above the inside
        (-1.0, -1.0, 0.0): (1.0, 0.0, 0.0),  # beyond a corner
        (0.5, -2.0, 1.0): (0.5, 0.5, 0.0),  # beyond an edge
        (1.0, 1.0, 0.0): (0.0, 0.5, 0.5),  # beyond the long edge
    }
    points = torch.tensor(list(cases), dtype=torch.float64)
    weights = closest_on_triangles(points, triangle.expand(len(points), 3, 3))
    torch.testing.assert_close(weights, torch.tensor(list(cases.values()), dtype=torch.float64))


def test_a_triangle_without_area_is_its_longest_edge() -> None:
    line = torch.tensor([[0.0, 0, 0], [2, 0, 0], [1, 0, 0]])
    weights = closest_on_triangles(torch.tensor([1.5, 1.0, 0.0]), line)
    torch.testing.assert_close(weights @ line, torch.tensor([1.5, 0.0, 0.0]))


@pytest.mark.parametrize("width", [0.0, 1e-7, 1e-5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slivers_are_as_near_as_their_edges(width: float, dtype: torch.dtype) -> None:
    """A foot on a sliver's plane is mostly rounding; it once lay 20 cm from the nearest place."""
    torch.manual_seed(0)
    corners = torch.rand(2000, 3, 3, dtype=torch.float64) * 0.2
    share = torch.rand(2000, 1, dtype=torch.float64)
    corners[:, 2] = corners[:, 0] * share + corners[:, 1] * (1 - share)
    corners[:, 2] += width * torch.randn(2000, 3, dtype=torch.float64)
    points = torch.rand(2000, 3, dtype=torch.float64) * 0.2
    weights = closest_on_triangles(points.to(dtype), corners.to(dtype)).double()
    away = ((weights[..., None] * corners).sum(1) - points).norm(dim=-1)
    steps = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, a, None] * (1 - steps) + corners[:, b, None] * steps
        assert (away <= (edge - points[:, None]).norm(dim=-1).amin(1) + 1e-6).all()


def test_as_near_as_a_dense_sampling_of_the_mesh() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    vertices = torch.from_numpy(ball.vertices.copy())
    faces = torch.from_numpy(ball.faces.copy()).long()
    torch.manual_seed(0)
    points = torch.randn(50, 3, dtype=torch.float64) * 2
    face, weights, distance = closest_on_mesh(points, vertices, faces)
    place = (weights[..., None] * vertices[faces[face]]).sum(1)
    torch.testing.assert_close((place - points).norm(dim=-1), distance)
    samples = torch.rand(200_000, 3, dtype=torch.float64)
    samples = samples / samples.sum(1, keepdim=True)
    chosen = torch.randint(len(faces), (200_000,))
    dense = (samples[..., None] * vertices[faces[chosen]]).sum(1)
    best = torch.cdist(points, dense).amin(1)
    assert (distance <= best + 1e-9).all()
    assert (best - distance).max() < 2e-3


@pytest.mark.parametrize("gap", [0.01, 0.2])
def test_a_point_lands_on_the_side_that_it_faces(gap: float) -> None:
    """Two sheets back to back: a point that faces up belongs to the one that faces up."""
    square = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    vertices = torch.cat([square, square - torch.tensor([0.0, 0, gap])])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 6, 5], [4, 7, 6]])
    point, up = torch.tensor([[0.3, 0.4, -gap]]), torch.tensor([[0.0, 0, 1]])
    face, _, distance = closest_on_mesh(point, vertices, faces, up)
    assert int(face) < 2
    torch.testing.assert_close(distance, torch.tensor([gap]))
    assert int(closest_on_mesh(point, vertices, faces, -up)[0]) >= 2
