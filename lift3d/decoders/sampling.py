"""Values of maps between pixels."""

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray

__all__ = ["bilinear"]


def bilinear(
    maps: Float[ndarray, "maps height width"],
    which: Int64[ndarray, "#rows #points"],
    x: Float64[ndarray, "rows points"],
    y: Float64[ndarray, "rows points"],
) -> Float64[ndarray, "rows points"]:
    """What map `which` holds at x (column), y (row), from the four pixels around.

    Points must lie within the maps, from 0 to width - 1 and from 0 to height - 1.
    """
    height, width = maps.shape[1:]
    left = np.clip(x.astype(np.int64), 0, max(width - 2, 0))
    top = np.clip(y.astype(np.int64), 0, max(height - 2, 0))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = x - left, y - top
    upper = maps[which, top, left] * (1 - dx) + maps[which, top, right] * dx
    lower = maps[which, below, left] * (1 - dx) + maps[which, below, right] * dx
    value: ndarray = upper * (1 - dy) + lower * dy
    return value
