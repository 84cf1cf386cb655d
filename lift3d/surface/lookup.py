"""From part, U and V back to the body: which triangle, and where in it.

Each part's unit square is cut into cells that list the triangles over them; a point is looked for
among those of its cell. Inside a chart the answer is exact. A point beside its chart goes to the
nearest triangle of the nearest cell that has any.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray
from scipy.ndimage import distance_transform_edt

from lift3d.geometry.closest import closest_on_triangles
from lift3d.surface.atlas import Atlas
from lift3d.surface.surface_map import PARTS

__all__ = ["ChartPlaces", "Lookup", "lookup_of"]

_SIDE: Final = 64
"""Cells along each side: two or three triangles over each."""
_EDGE: Final = 1e-6
"""How far outside of a triangle (barycentric) still counts as on its edge."""


@dataclass(frozen=True, slots=True)
class ChartPlaces:
    """Places on a body: triangles (-1: the atlas has no such part), barycentric weights of corners.

    `beside` is how far outside of its chart a point was, in units of U and V.
    """

    faces: Int64[ndarray, " points"]
    barycentric: Float64[ndarray, "points 3"]
    beside: Float64[ndarray, " points"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The cells of an atlas: cell c has the triangles `members[starts[c] : starts[c + 1]]`."""

    atlas: Atlas
    starts: Int64[ndarray, " cells_and_one"]
    members: Int64[ndarray, " entries"]
    nearest: Int64[ndarray, " cells"]
    """The nearest cell of the same part that has triangles; -1 where the part has none."""

    def places(
        self,
        part: Int64[ndarray, " points"],
        uv: Float64[ndarray, "points 2"],
        *,
        beside: bool = True,
    ) -> ChartPlaces:
        """The places of points given by part (1 to 24), U and V.

        Points beside their chart have the triangle -1 where `beside` is not wanted, which is faster.
        """
        cells = self.nearest[_cells(part, uv)]
        faces = np.full(len(part), -1, np.int64)
        weights = np.zeros((len(part), 3))
        away = np.full(len(part), np.inf)
        counts = np.where(cells >= 0, self.starts[cells + 1] - self.starts[cells], 0)
        left = np.flatnonzero(counts > 0)
        for slot in range(int(counts.max(initial=0))):
            left = left[counts[left] > slot]
            tried = self.members[self.starts[cells[left]] + slot]
            found, inside = _barycentric(self.atlas.uv[tried].astype(np.float64), uv[left])
            hit = left[inside]
            faces[hit], weights[hit], away[hit] = tried[inside], found[inside], 0.0
            left = left[~inside]
        outside = np.flatnonzero((faces < 0) & (counts > 0)) if beside else left[:0]
        for slot in range(int(counts[outside].max(initial=0))):
            here = outside[counts[outside] > slot]
            tried = self.members[self.starts[cells[here]] + slot]
            found, far = _nearest(self.atlas.uv[tried].astype(np.float64), uv[here])
            better = far < away[here]
            hit = here[better]
            faces[hit], weights[hit], away[hit] = tried[better], found[better], far[better]
        return ChartPlaces(faces, weights, away)


def lookup_of(atlas: Atlas) -> Lookup:
    """The cells of an atlas; some tens of milliseconds, worth keeping."""
    low = _steps(atlas.uv.min(1).astype(np.float64))
    high = _steps(atlas.uv.max(1).astype(np.float64))
    wide, tall = (high - low + 1).T
    counts = wide * tall
    owner = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    across, up = low[owner, 0] + nth % wide[owner], low[owner, 1] + nth // wide[owner]
    cells = (atlas.part[owner].astype(np.int64) * _SIDE + up) * _SIDE + across
    order = np.argsort(cells, kind="stable")
    total = (PARTS + 1) * _SIDE * _SIDE
    starts = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=total))]).astype(np.int64)
    return Lookup(atlas, starts, owner[order].astype(np.int64), _nearest_cells(np.diff(starts) > 0))


def _steps(uv: Float64[ndarray, "points 2"]) -> Int64[ndarray, "points 2"]:
    return np.asarray(np.clip(np.floor(uv * _SIDE), 0, _SIDE - 1), np.int64)


def _cells(
    part: Int64[ndarray, " points"], uv: Float64[ndarray, "points 2"]
) -> Int64[ndarray, " points"]:
    steps = _steps(uv)
    return np.asarray((part * _SIDE + steps[:, 1]) * _SIDE + steps[:, 0])


def _nearest_cells(taken: Bool[ndarray, " cells"]) -> Int64[ndarray, " cells"]:
    out = np.full((PARTS + 1, _SIDE, _SIDE), -1, np.int64)
    for part, here in enumerate(taken.reshape(out.shape)):
        if here.any():
            rows, columns = distance_transform_edt(
                ~here, return_distances=False, return_indices=True
            )
            out[part] = (part * _SIDE + rows) * _SIDE + columns
    return out.ravel()


def _barycentric(
    corners: Float64[ndarray, "points 3 2"], uv: Float64[ndarray, "points 2"]
) -> tuple[Float64[ndarray, "points 3"], Bool[ndarray, " points"]]:
    """Weights of the corners, and whether the point lies in its triangle."""
    a = corners[:, 0]
    along, across, to = corners[:, 1] - a, corners[:, 2] - a, uv - a
    area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    safe = np.where(np.abs(area) > 1e-14, area, 1.0)
    second = (to[:, 0] * across[:, 1] - to[:, 1] * across[:, 0]) / safe
    third = (along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]) / safe
    weights = np.stack([1 - second - third, second, third], -1)
    inside = (weights >= -_EDGE).all(1) & (np.abs(area) > 1e-14)
    return np.clip(weights, 0, 1) / np.clip(weights, 0, 1).sum(1, keepdims=True), inside


def _nearest(
    corners: Float64[ndarray, "points 3 2"], uv: Float64[ndarray, "points 2"]
) -> tuple[Float64[ndarray, "points 3"], Float64[ndarray, " points"]]:
    """Weights of the nearest place of each triangle, and how far away it is."""
    flat = np.concatenate([corners, np.zeros_like(corners[..., :1])], -1)
    points = np.concatenate([uv, np.zeros_like(uv[:, :1])], -1)
    weights = closest_on_triangles(torch.from_numpy(points), torch.from_numpy(flat)).numpy()
    place = (weights[..., None] * corners).sum(1)
    return weights, np.linalg.norm(place - uv, axis=1)
