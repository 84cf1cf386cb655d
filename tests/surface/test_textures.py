"""Textures of drawn people: what was seen comes back, and the rest is filled up."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from lift3d.body import BodyMesh
from lift3d.errors import InputError
from lift3d.protocols import BodyModel
from lift3d.surface.atlas_picture import (
    COLUMNS,
    ROWS,
    BodyTexture,
    atlas_positions,
    rebaked,
    texel_points,
    texture_corners,
)
from lift3d.surface.lookup import Lookup
from lift3d.surface.mirror import mirror_of
from lift3d.surface.surface_map import SurfaceMap
from lift3d.surface.unwrapping import filled, merged, unwrapped
from lift3d_viewer.software import SoftwareViewer, Texture
from tests.helpers.drawn_people import CAMERA, Drawn, at_rest, drawn, people

TILE = 48


@pytest.fixture(scope="module")
def viewer() -> Iterator[SoftwareViewer]:
    with SoftwareViewer(crevices=0.0) as made:
        yield made


def painted(body: BodyModel) -> np.ndarray:
    """Colours of vertices by their places at rest."""
    rest = at_rest(body)
    return ((rest - rest.amin(0)) / (rest.amax(0) - rest.amin(0)) * 200 + 30).numpy()


def picture_of(one: Drawn, lookup: Lookup, colors: np.ndarray) -> np.ndarray:
    part, uv = one.map.part.numpy(), one.map.uv.double().numpy()
    here = part > 0
    found = lookup.places(part[here].astype(np.int64), uv[:, here].T)
    picture = np.zeros((*part.shape, 3), np.uint8)
    shown = (colors[lookup.atlas.faces[found.faces]] * found.barycentric[..., None]).sum(1)
    picture[here] = np.clip(np.rint(shown), 0, 255)
    return picture


def test_tiles_go_down_the_columns() -> None:
    at = atlas_positions(np.array([1, 2, 7, 24]), np.array([[0, 1], [0, 1], [0.5, 0.5], [1, 0]]), 9)
    assert at.tolist() == [[0, 0], [0, 9], [13, 4], [35, 53]]
    part, uv = texel_points(9)
    back = atlas_positions(part, uv, 9)
    assert back.tolist() == [[x, y] for y in range(ROWS * 9) for x in range(COLUMNS * 9)]


def test_what_was_seen_comes_back(body: BodyModel, lookup: Lookup) -> None:
    (one,) = drawn(body, lookup.atlas, people(0.0, 0.2))
    colors = painted(body)
    texture = unwrapped(picture_of(one, lookup, colors), one.map, TILE)
    part, uv = texel_points(TILE)
    found = lookup.places(part, uv, beside=False)
    true = (colors[lookup.atlas.faces[found.faces]] * found.barycentric[..., None]).sum(1)
    known = (texture.weight.ravel() > 0.2) & (found.faces >= 0) & (part < 23)
    assert known.mean() > 0.15
    off = np.abs(texture.colors.reshape(-1, 3)[known] - true[known])
    assert np.quantile(off, 0.95) < 5


def test_both_sides_make_a_whole_skin(
    body: BodyModel, lookup: Lookup, viewer: SoftwareViewer
) -> None:
    textures = []
    for turn in (0.0, 3.1):
        (one,) = drawn(body, lookup.atlas, people(0.0, turn))
        colors = painted(body)
        textures.append(unwrapped(picture_of(one, lookup, colors), one.map, TILE))
    both = merged(textures)
    assert (both.weight > 0).sum() > max((one.weight > 0).sum() for one in textures)
    whole = filled(both, lookup, mirror_of(lookup, at_rest(body)))
    (other,) = drawn(body, lookup.atlas, people(0.3, 1.0))
    uv, corners = texture_corners(lookup.atlas, TILE)
    mesh = BodyMesh(
        other.mesh.vertices,
        other.mesh.joints,
        torch.from_numpy(lookup.atlas.faces).long(),
        other.mesh.skeleton,
    )
    dark = [torch.zeros(len(mesh.vertices), 3)]
    drawn_again, covered = viewer.render(
        [mesh], dark, CAMERA, textures=[Texture(whole.picture, uv, corners)]
    )
    true = picture_of(other, lookup, colors)
    plain, _ = viewer.render([mesh], [torch.ones(len(mesh.vertices), 3)], CAMERA)
    lit = covered & (plain.min(-1) > 120)
    hues = [
        x[lit] / np.maximum(x[lit].sum(-1, keepdims=True), 1) for x in (drawn_again * 1.0, true)
    ]
    assert np.abs(hues[0] - hues[1]).mean() < 0.08


def test_unseen_skin_is_smooth_and_sides_are_borrowed(body: BodyModel, lookup: Lookup) -> None:
    shape = (ROWS * TILE, COLUMNS * TILE)
    colors, weight = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    left_arm = (slice(0, TILE), slice(3 * TILE, 4 * TILE))  # part 19
    colors[left_arm], weight[left_arm] = [200, 0, 0], 1
    trunk = (slice(0, TILE), slice(0, TILE))  # part 1
    colors[trunk], weight[trunk] = [0, 0, 200], 1
    texture = BodyTexture(colors, weight)
    whole = filled(texture, lookup).picture.astype(int)
    assert (whole[left_arm] == [200, 0, 0]).all()
    right_arm = (slice(TILE, 2 * TILE), slice(3 * TILE, 4 * TILE))  # part 20
    assert whole[right_arm][..., 2].mean() > 150
    assert (whole[..., 1] <= 2).all()
    mirrored = filled(texture, lookup, mirror_of(lookup, at_rest(body))).picture.astype(int)
    assert mirrored[right_arm][..., 0].mean() > 190


def test_the_bodys_own_layout(body: BodyModel, lookup: Lookup) -> None:
    shape = (ROWS * TILE, COLUMNS * TILE)
    colors = np.zeros((*shape, 3), np.float32)
    for part in range(1, 25):
        column, row = divmod(part - 1, ROWS)
        colors[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = 10 * part
    texture = BodyTexture(colors, np.ones(shape, np.float32))
    own = rebaked(texture, lookup.atlas, body.surface, 256)
    corners = body.surface.uv[body.surface.uv_faces].mean(1).numpy()
    x, y = (corners[:, 0] * 256).astype(int), ((1 - corners[:, 1]) * 256).astype(int)
    assert (own[y, x, 0] == 10 * lookup.atlas.part).mean() > 0.97


def test_what_cannot_be_a_texture(lookup: Lookup) -> None:
    empty = SurfaceMap.over_picture(torch.zeros(9, 9, dtype=torch.long), torch.zeros(2, 9, 9))
    nothing = unwrapped(np.zeros((9, 9, 3), np.uint8), empty, 16)
    assert nothing.weight.sum() == 0
    with pytest.raises(InputError, match="seen"):
        filled(nothing, lookup)
    with pytest.raises(InputError, match="picture"):
        unwrapped(np.zeros((8, 9, 3), np.uint8), empty, 16)
    with pytest.raises(InputError, match="at least one"):
        merged([])
