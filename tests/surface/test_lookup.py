"""From charts back to the body, and to the body's other side."""

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import Atlas, mirrored_part
from lift3d.surface.lookup import Lookup, lookup_of
from lift3d.surface.mirror import TableMirror, mirror_of, mirrored_map, other_side
from lift3d.surface.surface_map import SurfaceMap
from tests.helpers.drawn_people import at_rest, drawn, people


def square() -> Atlas:
    """Part 3: the unit square of two triangles, cut off at U = 3 / 4."""
    uv = np.array([[[0, 0], [0.75, 0], [0.75, 1]], [[0, 0], [0.75, 1], [0, 1]]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return Atlas(np.array([3, 3], np.int32), uv, faces)


def test_hand_computed_places() -> None:
    part = np.array([3, 3, 3, 4])
    found = lookup_of(square()).places(
        part, np.array([[0.375, 0.25], [0.25, 0.9], [1, 0.5], [0, 0]])
    )
    assert found.faces.tolist() == [0, 1, 0, -1]
    np.testing.assert_allclose(found.barycentric[0], [0.5, 0.25, 0.25], atol=1e-7)
    np.testing.assert_allclose(found.barycentric[2], [0, 0.5, 0.5], atol=1e-7)
    np.testing.assert_allclose(found.beside, [0, 0, 0.25, np.inf], atol=1e-7)
    alone = lookup_of(square()).places(part, np.array([[1, 0.5]] * 4), beside=False)
    assert (alone.faces == -1).all()


def test_points_of_the_body_come_back_exactly(body: BodyModel, lookup: Lookup) -> None:
    rest, atlas = at_rest(body).double().numpy(), lookup.atlas
    rng = np.random.default_rng(0)
    faces = rng.integers(0, len(atlas.faces), 20_000)
    shares = rng.dirichlet(np.ones(3), len(faces))
    part = atlas.part[faces].astype(np.int64)
    uv = (atlas.uv[faces].astype(float) * shares[..., None]).sum(1)
    found = lookup.places(part, uv)
    place = (rest[atlas.faces[faces]] * shares[..., None]).sum(1)
    back = (rest[atlas.faces[found.faces]] * found.barycentric[..., None]).sum(1)
    away = np.linalg.norm(back - place, axis=1)
    assert found.beside.max() == 0
    flat = part < 23  # eyes and lids lie on each other in the charts of the head
    assert away[flat].max() < 1e-6
    assert np.quantile(away, 0.99) < 0.005


def test_mirroring_on_the_body(body: BodyModel, lookup: Lookup) -> None:
    rest, atlas = at_rest(body), lookup.atlas
    mirror = mirror_of(lookup, rest)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, len(atlas.faces), 5000)
    shares = rng.dirichlet(np.ones(3), len(faces))
    part = atlas.part[faces].astype(np.int64)
    uv = (atlas.uv[faces].astype(float) * shares[..., None]).sum(1)
    assert [mirrored_part(int(p)) for p in part[:50]] == other_side(part[:50]).tolist()
    found = lookup.places(other_side(part), mirror(part, uv))
    points = rest.double().numpy()
    place = (points[atlas.faces[faces]] * shares[..., None]).sum(1)
    there = (points[atlas.faces[found.faces]] * found.barycentric[..., None]).sum(1)
    away = np.linalg.norm(there * [-1, 1, 1] - place, axis=1)
    assert away[part < 23].max() < 1e-4
    assert np.quantile(away, 0.99) < 0.005


def test_the_mirrored_map_is_that_of_the_mirrored_person(body: BodyModel, lookup: Lookup) -> None:
    params = people(0.0, 0.3)
    other = people(0.0, -0.3)  # a symmetric person turned the other way
    mirror = mirror_of(lookup, at_rest(body))
    (first,), (second,) = drawn(body, lookup.atlas, params), drawn(body, lookup.atlas, other)
    turned = mirrored_map(first.map, mirror)
    true = second.map
    agree = turned.part == true.part
    assert agree.float().mean() > 0.995
    both = agree & true.seen
    assert (turned.uv - true.uv).abs()[:, both].mean() < 0.003
    again = mirrored_map(turned, mirror)
    assert torch.equal(again.part, first.map.part)
    assert (again.uv - first.map.uv).abs()[:, again.seen].median() < 1e-4


def test_tables_are_read_by_row_v_and_column_u() -> None:
    u, v = np.zeros((24, 256, 256), np.float32), np.zeros((24, 256, 256), np.float32)
    u[6, 51, 102], v[6, 51, 102] = 0.3, 0.7
    found = TableMirror(u, v)(np.array([7, 7]), np.array([[0.4 + 1e-6, 0.2 + 1e-6], [0.2, 0.4]]))
    np.testing.assert_allclose(found, [[0.3, 0.7], [0, 0]], atol=1e-6)


def test_maps_of_unknown_pictures_cannot_be_mirrored() -> None:
    one = SurfaceMap(
        torch.ones(2, 2, dtype=torch.long), torch.zeros(2, 2, 2), torch.tensor([0.0, 0, 2, 2])
    )
    tables = TableMirror(np.zeros((24, 2, 2), np.float32), np.zeros((24, 2, 2), np.float32))
    with pytest.raises(InputError, match="size"):
        mirrored_map(one, tables)
