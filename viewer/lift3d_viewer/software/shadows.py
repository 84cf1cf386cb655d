"""Shadows that bodies cast on themselves and each other: what the key lamp does not see is dark."""

from typing import Final

import numpy as np
from jaxtyping import Float, Float32, Float64
from numpy import ndarray

from lift3d_viewer.shading import KEY_LAMP
from lift3d_viewer.software.cover import CENTRE, Scratch, covered_samples, rectangle_of
from lift3d_viewer.software.scene import Placed, outlines

__all__ = ["reached_by_key"]

_SIZE: Final = 768
"""Texels along each side of what the lamp sees."""
_FAR: Final = 30.0
"""Distance of the lamp, in radii of the scene: so far that its rays are nearly parallel."""
_SOFT: Final = 0.012
"""Half the width of a shadow's edge (metres)."""
_OFF: Final = 0.02
"""How far from its surface a point looks for the lamp (metres), lest it be in its own shadow."""


def reached_by_key(
    parts: list[Placed], normals: list[Float32[ndarray, "_ 3"]], scratch: Scratch
) -> list[Float32[ndarray, " _"]]:
    """For each vertex the share of the key lamp that reaches it; what is not drawn casts none."""
    low, high = _bounds(parts)
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-3)
    matrix, shift = _lamp(((low + high) / 2), radius)
    seen = [Placed(part.topology, part.points, part.points @ matrix.T + shift) for part in parts]
    found = outlines(seen, (_SIZE, _SIZE), CENTRE, both_sides=True, near=radius)
    if not len(found.faces):
        return [np.ones(len(part.points), np.float32) for part in parts]
    pair = scratch.take(_SIZE * _SIZE)
    drawn = covered_samples(found, CENTRE, *pair, where=rectangle_of(found, 1), near=radius)
    from lift3d_viewer.kernels.shadow import reaching

    texel = 2 * radius / _SIZE
    out = [np.empty(len(part.points), np.float32) for part in parts]
    for part, normal, shares in zip(parts, normals, out, strict=True):
        lifted = (part.points + _OFF * normal) @ matrix.T + shift
        corner = (drawn.where.top, drawn.where.left)
        reach = max(1, min(4, round(_SOFT / texel)))
        reaching(lifted, np.asarray(drawn.nearness), *corner, reach, _OFF / 2, shares)
    scratch.give_back(pair)
    return out


def _bounds(parts: list[Placed]) -> tuple[Float64[ndarray, "3"], Float64[ndarray, "3"]]:
    points = np.concatenate([np.zeros((0, 3)), *(part.points for part in parts)])
    points = points[np.isfinite(points[:, 0])]
    if not len(points):
        return np.zeros(3), np.zeros(3)
    return points.min(0), points.max(0)


def _lamp(
    middle: Float[ndarray, "3"], radius: float
) -> tuple[Float64[ndarray, "3 3"], Float64[ndarray, "3"]]:
    """A pinhole far off at the key lamp: point p is seen at the homogeneous texel M p + t."""
    forward = -KEY_LAMP.astype(np.float64) / np.linalg.norm(KEY_LAMP)
    across = np.cross(forward, (0.0, 0.0, 1.0))
    across /= np.linalg.norm(across)
    turn = np.stack([across, np.cross(forward, across), forward])
    # The sphere around the scene fills the picture.
    focal = (_SIZE / 2 - 2) * np.sqrt(_FAR**2 - 1)
    centre = (_SIZE - 1) / 2
    matrix = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1]]) @ turn
    eye = middle - _FAR * radius * forward
    return matrix, -matrix @ eye
