"""The nearest triangle at each sample, inside the rectangle that the triangles may reach."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray

from lift3d_viewer.software.scene import NEAR, Outlines

__all__ = ["CENTRE", "FIVE", "Covered", "Rectangle", "Scratch", "covered_samples"]

CENTRE: Final = np.zeros(1)
"""One sample a pixel, at its centre."""

FIVE: Final = np.array([-0.2, 0.4, 0.0, -0.4, 0.2])
"""Five samples a pixel, at the heights -0.4, -0.2, 0, 0.2 and 0.4: a square lattice that is turned
so that no two stand in one row or column, the third at the centre."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


@dataclass(frozen=True, slots=True)
class Covered:
    """1 / depth (0 where nothing is), and 1 + which of the outlines is nearest (else 0)."""

    where: Rectangle
    nearness: Float32[ndarray, "rows columns"] | Float64[ndarray, "rows columns"]
    owner: Int32[ndarray, "rows columns"]


class Scratch:
    """Memory that pictures are made in, kept from one to the next since fresh memory is slow.

    Threads that draw at once get pieces of their own.
    """

    def __init__(self) -> None:
        self._free: list[tuple[ndarray, ndarray]] = []

    def take(self, size: int) -> tuple[Float32[ndarray, " size"], Int32[ndarray, " size"]]:
        """Two arrays of at least `size` numbers, with anything in them."""
        try:
            pair = self._free.pop()
        except IndexError:
            pair = (np.empty(0, np.float32), np.empty(0, np.int32))
        if len(pair[0]) >= size:
            return pair
        return np.empty(size, np.float32), np.empty(size, np.int32)

    def give_back(self, pair: tuple[ndarray, ndarray]) -> None:
        """Let the next picture have them."""
        self._free.append(pair)

    def clear(self) -> None:
        """Free the memory."""
        self._free.clear()


def rectangle_of(found: Outlines, samples: int) -> Rectangle:
    """What the triangles may reach; at least one triangle."""
    first, left = found.boxes[:, [0, 2]].min(0).tolist()
    last, right = found.boxes[:, [1, 3]].max(0).tolist()
    top, bottom = first // samples, last // samples
    return Rectangle(top, left, bottom + 1 - top, right + 1 - left)


def covered_samples(
    found: Outlines,
    shifts: Float64[ndarray, " samples"],
    nearness: Float32[ndarray, " size"] | Float64[ndarray, " size"],
    owner: Int32[ndarray, " size"],
    *,
    where: Rectangle,
    near: float = NEAR,
) -> Covered:
    """Draw the triangles into memory that holds the rectangle's samples."""
    from lift3d.geometry.raster import cover

    shape = (len(shifts) * where.height, where.width)
    size = shape[0] * shape[1]
    nearness, owner = nearness[:size].reshape(shape), owner[:size].reshape(shape)
    nearness.fill(0)
    owner.fill(0)
    corner = (len(shifts) * where.top, where.left)
    cover(found.planes, found.boxes, shifts, near, *corner, nearness, owner)
    return Covered(where, nearness, owner)
