"""A quarter of a pixel towards the larger neighbour.

Newell, Yang and Deng, Stacked Hourglass Networks for Human Pose Estimation (ECCV 2016), section 3.2:
the prediction is moved a quarter of a pixel from the largest value towards the next largest.
"""

from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lift3d.decoders.argmax import as_keypoints, largest_pixels
from lift3d.decoders.checks import readable

__all__ = ["decode_quarter_shift"]

_SHIFT: Final = 0.25


def decode_quarter_shift(
    heatmaps: Float[Tensor, "*batch joints height width"],
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels, and the largest value as confidence.

    Along an axis on which a neighbour is missing or both are equal, the whole pixel stays. A map
    without a value above 0 gives a missing joint (NaN, NaN, 0).
    """
    maps = readable(heatmaps, "joints height width")
    columns, rows, values = largest_pixels(maps)
    x = columns + _SHIFT * _towards(maps, columns, rows, (1, 0))
    y = rows + _SHIFT * _towards(maps, columns, rows, (0, 1))
    return as_keypoints(x, y, values)


def _towards(
    maps: Float[Tensor, "*batch height width"],
    columns: Int64[Tensor, "*batch"],
    rows: Int64[Tensor, "*batch"],
    step: tuple[int, int],
) -> Float[Tensor, "*batch"]:
    """1, -1 or 0: the side of the larger neighbour along `step` (columns, rows)."""
    height, width = maps.shape[-2:]
    inside = (columns >= step[0]) & (columns < width - step[0])
    inside &= (rows >= step[1]) & (rows < height - step[1])
    flat = maps.flatten(-2)
    here = rows * width + columns
    by = step[1] * width + step[0]
    last = height * width - 1
    after, before = (
        flat.gather(-1, (here + sign * by).clamp(0, last)[..., None])[..., 0] for sign in (1, -1)
    )
    return torch.where(inside, (after - before).sign(), torch.zeros_like(after))
