"""Textures from pictures of a person: unwrapped by a surface map, merged, and filled up.

Between four neighbouring cells of one part, place and colour are bilinear; samples between them fall
into texels. How many pixels a texel gets says how near and how squarely it was seen, and is its weight.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy import ndarray
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

from lift3d.errors import InputError
from lift3d.surface.atlas_picture import (
    COLUMNS,
    ROWS,
    BodyTexture,
    atlas_positions,
    spread_in_tiles,
    texel_points,
)
from lift3d.surface.lookup import Lookup
from lift3d.surface.mirror import Mirror, other_side
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["filled", "merged", "unwrapped"]

_TORN: Final = 0.12
"""Neighbouring cells further apart in U or V lie on different limbs, or over a cut of the chart."""
_FINEST: Final = 12
_LEAST: Final = 1e-3
"""Pixels that a texel needs to count as seen."""
_TO_THE_MEAN: Final = 1e-6
_STIFFNESS: Final = 0.01
"""How much a difference along an edge counts beside a miss at a vertex that was well seen."""


def unwrapped(
    picture: UInt8[ndarray, "height width 3"], surface: SurfaceMap, tile: int = 200
) -> BodyTexture:
    """What one picture (display RGB) shows of a person, on tiles of so many texels.

    Cells at the person's outline are left out: they show the background as well. Raises `InputError`
    where the map is not of a picture of that size.
    """
    size = (picture.shape[0], picture.shape[1])
    if surface.image_size not in (None, size):
        raise InputError(
            f"expected the picture that the map is of ({surface.image_size}), got {size}: resize it"
        )
    on_picture = surface.on_picture(size)
    part = on_picture.part.numpy()
    uv = on_picture.uv.detach().double().numpy().transpose(1, 2, 0)
    inner = np.asarray(cv2.erode((part > 0).astype(np.uint8), np.ones((3, 3), np.uint8)))
    part = np.where(inner > 0, part, 0)
    corners = [np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[1:, 1:]]
    whole = (part[:-1, :-1] > 0) & np.all([part[c] == part[:-1, :-1] for c in corners], axis=0)
    at = np.stack([uv[c][whole] for c in corners])
    whole_parts = part[:-1, :-1][whole].astype(np.int64)
    kept = (at.max(0) - at.min(0) < _TORN).all(-1)
    colors = np.stack([picture[c][whole][kept] for c in corners]).astype(np.float64)
    return _splatted(whole_parts[kept], at[:, kept], colors, tile)


def merged(textures: Sequence[BodyTexture], sharpness: float = 2.0) -> BodyTexture:
    """One texture of several pictures: means by weight to the power of `sharpness`.

    With a high one each texel comes from the picture that saw it best, at the price of seams.
    """
    if not textures:
        raise InputError("expected at least one texture to merge, got none: unwrap a picture first")
    weight = np.stack([one.weight for one in textures])
    share = weight**sharpness
    total = np.maximum(share.sum(0), 1e-12)
    colors = sum(s[..., None] * one.colors for s, one in zip(share, textures, strict=True))
    return BodyTexture((colors / total[..., None]).astype(np.float32), weight.sum(0))


def filled(texture: BodyTexture, lookup: Lookup, mirror: Mirror | None = None) -> BodyTexture:
    """The same without holes; weights stay as they were.

    With a `mirror` (`mirror_of`) what was seen on one side only is taken over to the other. The rest
    is the smoothest skin between what was seen: harmonic over the triangles, so it knows no borders
    of charts.
    """
    part, uv = texel_points(texture.tile)
    places = lookup.places(part, uv, beside=False)
    on_chart = places.faces >= 0
    colors, known = texture.colors.reshape(-1, 3).copy(), texture.weight.ravel() > _LEAST
    if mirror is not None:
        source = _twins(part[on_chart], uv[on_chart], mirror, texture.tile)
        borrowed = np.flatnonzero(on_chart)[~known[on_chart] & known[source]]
        colors[borrowed] = colors[source[~known[on_chart] & known[source]]]
        known[borrowed] = True
    if not known.any():
        raise InputError("expected a texture with something seen on it, got none: unwrap first")
    faces = lookup.atlas.faces
    seen, unseen = on_chart & known, on_chart & ~known
    corners, weights = faces[places.faces], places.barycentric
    skin = _harmonic(corners[seen], weights[seen], colors[seen], faces)
    colors[unseen] = (skin[corners[unseen]] * weights[unseen][..., None]).sum(1)
    whole = spread_in_tiles(
        colors.reshape(texture.colors.shape), on_chart.reshape(texture.weight.shape)
    )
    return BodyTexture(whole, texture.weight)


def _splatted(
    part: ndarray,
    at: Float64[ndarray, "4 cells 2"],
    colors: Float64[ndarray, "4 cells 3"],
    tile: int,
) -> BodyTexture:
    """Samples between cells, as many as texels need so that none between them stays empty."""
    height, width = ROWS * tile, COLUMNS * tile
    span = (at.max(0) - at.min(0)).max(-1) * tile
    needed = np.clip(np.ceil(span * 1.5), 1, _FINEST).astype(np.int64)
    samples = [_between(part, at, colors, needed == n, int(n), tile) for n in np.unique(needed)]
    texel = np.concatenate([np.zeros(0, np.int64), *(one[0] for one in samples)])
    color = np.concatenate([np.zeros((0, 3)), *(one[1] for one in samples)])
    share = np.concatenate([np.zeros(0), *(one[2] for one in samples)])
    weight = np.bincount(texel, share, height * width)
    total = [np.bincount(texel, color[:, k] * share, height * width) for k in range(3)]
    means = np.stack(total, -1) / np.maximum(weight, 1e-12)[:, None]
    return BodyTexture(
        means.reshape(height, width, 3).astype(np.float32),
        weight.reshape(height, width).astype(np.float32),
    )


def _between(
    part: ndarray, at: ndarray, colors: ndarray, here: ndarray, steps: int, tile: int
) -> tuple[ndarray, ndarray, ndarray]:
    """Texel, colour and share of a pixel of `steps` by `steps` samples in each of some cells."""
    across = (np.arange(steps) + 0.5) / steps
    down, along = (grid.ravel() for grid in np.meshgrid(across, across, indexing="ij"))
    mix = np.stack(
        [(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along], -1
    )
    spot = np.einsum("sk,kcd->csd", mix, at[:, here]).reshape(-1, 2)
    x, y = np.rint(atlas_positions(part[here].repeat(steps**2), spot, tile)).astype(np.int64).T
    color = np.einsum("sk,kcd->csd", mix, colors[:, here]).reshape(-1, 3)
    return y * COLUMNS * tile + x, color, np.full(len(x), 1 / steps**2)


def _twins(
    part: ndarray, uv: Float64[ndarray, "texels 2"], mirror: Mirror, tile: int
) -> Int64[ndarray, " texels"]:
    """For each texel that on the body's other side."""
    at = np.clip(mirror(part, uv), 0, 1)
    x, y = np.rint(atlas_positions(other_side(part), at, tile)).astype(np.int64).T
    return np.asarray(y * COLUMNS * tile + x)


def _harmonic(
    corners: ndarray, weights: ndarray, colors: Float32[ndarray, "texels 3"], faces: ndarray
) -> Float64[ndarray, "vertices 3"]:
    """Vertex colours near to the texels', and as smooth as can be elsewhere.

    Minimises the squared misses at texels plus a little of the squared differences along edges.
    """
    count = int(faces.max()) + 1
    mass = np.bincount(corners.ravel(), weights.ravel(), count)
    seen = np.stack(
        [
            np.bincount(corners.ravel(), (weights * colors[:, k, None]).ravel(), count)
            for k in range(3)
        ],
        -1,
    )
    edges = np.unique(
        np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0
    )
    ends = np.concatenate([edges, edges[:, ::-1]])
    links = csc_array(
        (np.full(len(ends), _STIFFNESS), (ends[:, 0], ends[:, 1])), shape=(count, count)
    )
    mean = colors.mean(0)
    pull = np.minimum(mass, 1.0)
    own = np.asarray(links.sum(1)).ravel() + pull + _TO_THE_MEAN
    at = np.arange(count)
    system = csc_array((own, (at, at)), shape=(count, count)) - links
    right = seen * (pull / np.maximum(mass, 1e-12))[:, None] + _TO_THE_MEAN * mean
    return np.asarray(spsolve(system, right))
