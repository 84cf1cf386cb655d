"""How much of a lamp reaches points, by what the lamp sees."""

from math import floor

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from lift3d.geometry.compiled import fast

__all__ = ["reaching"]


@fast
def reaching(  # noqa: PLR0917 - kernels take plain arrays
    seen: Float64[ndarray, "points 3"],
    nearness: Float32[ndarray, "size size"],
    top: int,
    left: int,
    reach: int,
    margin: float,
    out: Float32[ndarray, " points"],
) -> None:
    """The share of a square of texels, `reach` to each side, that are not nearer to the lamp.

    `seen` are homogeneous texels; a texel is nearer where its depth is less by `margin` (metres).
    """
    for n in range(len(seen)):
        depth = seen[n, 2]
        out[n] = 1
        if not depth > 0:
            continue
        limit = np.float32(1 / (depth - margin))
        row = floor(seen[n, 1] / depth + 0.5) - top
        column = floor(seen[n, 0] / depth + 0.5) - left
        hidden, taps = 0, (2 * reach + 1) ** 2
        for i in range(max(row - reach, 0), min(row + reach + 1, nearness.shape[0])):
            for j in range(max(column - reach, 0), min(column + reach + 1, nearness.shape[1])):
                if nearness[i, j] > limit:
                    hidden += 1
        out[n] = 1 - np.float32(hidden / taps)
