"""Light on a surface, worked out per vertex in linear RGB.

A body has thousands of small triangles, so light at the vertices is as good as light at the pixels,
and on a machine without a GPU it costs a tenth. The lamps hang on the camera.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

__all__ = ["Topology", "linear_from_srgb", "shade", "srgb_from_linear"]


class Topology:
    """The triangles of a mesh, ready to give vertex normals for any vertices."""

    def __init__(self, faces: Int[ndarray, "faces 3"], vertices: int) -> None:
        self.faces = np.ascontiguousarray(faces, dtype=np.int32)
        corners = self.faces.ravel()
        owner = np.repeat(np.arange(len(faces)), 3)
        ones = np.ones(corners.size, dtype=np.float32)
        self._sum = csr_array((ones, (corners, owner)), shape=(vertices, len(faces)))

    def matches(self, faces: Int[ndarray, "faces 3"], vertices: int) -> bool:
        """Whether this topology was made of these triangles."""
        return self._sum.shape == (vertices, len(faces)) and np.array_equal(self.faces, faces)

    def normals(self, vertices: Float[ndarray, "vertices 3"]) -> Float[ndarray, "vertices 3"]:
        """Unit vertex normals: the mean of the triangles around, weighted by area."""
        a, b, c = (vertices[self.faces[:, corner]] for corner in range(3))
        summed = np.asarray(self._sum @ _cross(b - a, c - a))
        return np.asarray(summed / np.maximum(_length(summed), 1e-20))


def _cross(u: ndarray, v: ndarray) -> ndarray:
    # np.cross spends most of its time in bookkeeping at this size.
    out = np.empty_like(u)
    out[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
    out[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
    out[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return out


def _length(vectors: ndarray) -> ndarray:
    return np.asarray(np.sqrt(np.einsum("vi,vi->v", vectors, vectors))[:, None])


def _unit(x: float, y: float, z: float) -> Float[ndarray, "3"]:
    vector = np.array([x, y, z], dtype=np.float32)
    return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True, slots=True)
class Lamp:
    """A far lamp: the direction towards it (camera axes), its colour, how far it wraps round."""

    towards: Float[ndarray, "3"]
    color: Float[ndarray, "3"]
    wrap: float


def _lamp(towards: tuple[float, float, float], color: tuple[float, ...], wrap: float) -> Lamp:
    return Lamp(_unit(*towards), np.array(color, dtype=np.float32), wrap)


# Camera axes: x right, y down, z away from the viewer.
_LAMPS: Final = (
    _lamp((-0.55, -0.75, -0.70), (1.00, 0.95, 0.88), 0.15),  # key: warm, high on the left
    _lamp((0.85, -0.15, -0.55), (0.13, 0.16, 0.21), 0.40),  # fill: cool, low on the right
    _lamp((0.45, -0.55, 0.80), (0.40, 0.44, 0.50), 0.00),  # rim: from behind
)
_SKY: Final = np.array([0.22, 0.235, 0.26], dtype=np.float32)
_FLOOR: Final = np.array([0.10, 0.093, 0.088], dtype=np.float32)
_EDGE: Final = np.array([0.13, 0.15, 0.19], dtype=np.float32)
_SHEEN: Final = 0.035


def shade(
    points: Float[ndarray, "vertices 3"],
    normals: Float[ndarray, "vertices 3"],
    colors: Float[ndarray, "vertices 3"],
) -> Float[ndarray, "vertices 3"]:
    """What the camera sees of each vertex, in display sRGB [0, 1].

    `points` (metres) and `normals` are in the camera frame, `colors` linear RGB. Wrapped Lambert
    lamps, an ambient light that is brighter from above, a soft highlight of the key lamp
    (Blinn-Phong) and a brighter edge where the surface turns away (Schlick's Fresnel term).
    """
    view = -points / np.maximum(_length(points), 1e-12)
    up = 0.5 - 0.5 * normals[:, 1:2]
    light = _FLOOR + (_SKY - _FLOOR) * up
    for lamp in _LAMPS:
        facing = (normals @ lamp.towards)[:, None]
        light = light + lamp.color * np.clip((facing + lamp.wrap) / (1 + lamp.wrap), 0, None)
    half = view + _LAMPS[0].towards
    half /= np.maximum(_length(half), 1e-12)
    glint = _SHEEN * np.clip(np.einsum("vi,vi->v", normals, half), 0, 1)[:, None] ** 24
    turned = 1 - np.clip(np.einsum("vi,vi->v", normals, view), 0, 1)[:, None]
    edge = _EDGE * up * turned**4
    return srgb_from_linear(_shoulder(colors * light + glint + edge))


def _shoulder(linear: ndarray) -> ndarray:
    """Highlights bend towards white instead of being cut: identity below 0.7, then y' falls to 0."""
    start = 0.7
    over = np.maximum(linear - start, 0)
    return np.asarray(np.minimum(linear, start) + (1 - start) * (1 - np.exp(-over / (1 - start))))


def srgb_from_linear(linear: Float[ndarray, "*any"]) -> Float[ndarray, "*any"]:
    """Display values from linear light, both in [0, 1] (IEC 61966-2-1)."""
    clipped = np.clip(linear, 0, 1)
    bright = 1.055 * np.power(np.maximum(clipped, 0.0031308), 1 / 2.4) - 0.055
    return np.asarray(np.where(clipped <= 0.0031308, 12.92 * clipped, bright))


def linear_from_srgb(srgb: Float[ndarray, "*any"]) -> Float[ndarray, "*any"]:
    """Linear light from display values, both in [0, 1] (IEC 61966-2-1)."""
    clipped = np.clip(srgb, 0, 1)
    bright = np.power((clipped + 0.055) / 1.055, 2.4)
    return np.asarray(np.where(clipped <= 0.04045, clipped / 12.92, bright))
