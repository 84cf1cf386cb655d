"""Light on a surface, worked out per vertex in linear RGB.

A body has thousands of small triangles, so light at the vertices is as good as light at the pixels,
and on a machine without a GPU it costs a tenth. The lamps hang on the camera.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy import ndarray

from lift3d.errors import InputError

__all__ = [
    "KEY_LAMP",
    "Topology",
    "displayed",
    "light",
    "linear_from_srgb",
    "shade",
    "srgb_from_linear",
]


class Topology:
    """The triangles of a mesh, ready to give vertex normals for any vertices."""

    def __init__(self, faces: Int[ndarray, "faces 3"], vertices: int) -> None:
        """Copy the triangles. Raises `InputError` for corners that are no vertices' numbers."""
        if faces.size and (int(faces.min()) < 0 or int(faces.max()) >= vertices):
            raise InputError(
                f"expected triangles with corners from 0 to {vertices - 1}, got {faces.min()} to "
                f"{faces.max()}: give the faces that belong to the vertices"
            )
        self.faces = np.array(faces, dtype=np.int32, order="C")
        self.vertices = vertices

    def matches(self, faces: Int[ndarray, "faces 3"], vertices: int) -> bool:
        """Whether this topology was made of these triangles."""
        return self.vertices == vertices and np.array_equal(self.faces, faces)

    def normals(self, vertices: Float[ndarray, "vertices 3"]) -> Float32[ndarray, "vertices 3"]:
        """Unit vertex normals: the mean of the triangles around, weighted by area.

        0 at vertices without triangles. Triangles with a corner that is not finite do not count.
        """
        from lift3d.geometry.normals import vertex_normals

        out = np.empty(vertices.shape, dtype=np.float32)
        vertex_normals(_float32(vertices), self.faces, out)
        return out


def _float32(values: Float[ndarray, "*any"]) -> Float32[ndarray, "*any"]:
    return np.ascontiguousarray(values, dtype=np.float32)


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


KEY_LAMP: Final = _LAMPS[0].towards
"""The direction towards the brightest lamp, in camera axes."""

_LAMP_ROWS: Final = np.stack([np.array([*n.towards, *n.color, n.wrap], np.float32) for n in _LAMPS])
_AMBIENT: Final = np.stack([_SKY, _FLOOR, _EDGE])
_ALL_LIT: Final = np.ones(0, dtype=np.float32)


def shade(
    points: Float[ndarray, "vertices 3"],
    normals: Float[ndarray, "vertices 3"],
    colors: Float[ndarray, "vertices 3"],
    key: Float[ndarray, " vertices"] | None = None,
) -> Float32[ndarray, "vertices 3"]:
    """What the camera sees of each vertex, in display sRGB [0, 1].

    `points` (metres) and `normals` are in the camera frame, `colors` linear RGB. Wrapped Lambert
    lamps, an ambient light that is brighter from above, a soft highlight of the key lamp
    (Blinn-Phong) and a brighter edge where the surface turns away (Schlick's Fresnel term).
    Highlights bend towards white instead of being cut: above 0.7 by an exponential. `key` is how
    much of the key lamp reaches a vertex, all of it where None.
    """
    return displayed(colors, light(points, normals, key))


def light(
    points: Float[ndarray, "vertices 3"],
    normals: Float[ndarray, "vertices 3"],
    key: Float[ndarray, " vertices"] | None = None,
) -> Float32[ndarray, "vertices 6"]:
    """The first half of `shade`: linear RGB that multiplies a colour, then what is added to it."""
    from lift3d_viewer.kernels.surface import light as kernel

    out = np.empty((len(points), 6), dtype=np.float32)
    reaching = _ALL_LIT if key is None else _float32(key)
    args = (_float32(points), _float32(normals), reaching, _LAMP_ROWS, _AMBIENT, _SHEEN)
    kernel(*args, out)
    return out


def displayed(
    colors: Float[ndarray, "vertices 3"], lights: Float32[ndarray, "vertices 6"]
) -> Float32[ndarray, "vertices 3"]:
    """The second half of `shade`: display sRGB in [0, 1]; 0 where a number is not one."""
    from lift3d_viewer.kernels.surface import display

    out = np.empty((len(colors), 3), dtype=np.float32)
    display(_float32(colors), lights, out)
    return out


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
