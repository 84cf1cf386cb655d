"""Every local maximum of heatmaps on which several people stand.

Non-maximum suppression over windows, and where between pixels each maximum lies: along each axis the
top of a parabola through the logarithms of three pixels, which is exact for a Gaussian (the one
dimensional case of DARK's step, Zhang et al., CVPR 2020).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import max_pool2d

from lift3d.errors import InputError

__all__ = ["Peaks", "find_peaks"]

_FLOOR: Final = 1e-3
"""Neighbours count as at least this share of the peak before the logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """Local maxima, ordered by joint and then from the largest on.

    `points` are x, y between pixels and the value of the pixel; `row` and `column` name that pixel.
    """

    joint: Int64[ndarray, " peaks"]
    row: Int64[ndarray, " peaks"]
    column: Int64[ndarray, " peaks"]
    points: Float64[ndarray, "peaks 3"]

    def of(self, joint: int) -> Int64[ndarray, " found"]:
        """The numbers of the peaks of one joint, the largest first."""
        first, last = np.searchsorted(self.joint, (joint, joint + 1))
        return np.arange(first, last)


def find_peaks(
    maps: Float[Tensor, "joints height width"], threshold: float, most: int, window: int = 3
) -> Peaks:
    """Pixels above `threshold` that are the largest of the `window` x `window` pixels around them.

    Of equal pixels beside each other the first, row by row, is the peak. Of each joint the `most`
    largest are kept.

    Raises `InputError` for a threshold that is not finite, no peaks, or an even window.
    """
    if not np.isfinite(threshold) or most < 1 or window < 3 or window % 2 == 0:
        raise InputError(
            "expected a finite threshold, at least 1 peak and an odd window of at least 3, got "
            f"threshold {threshold}, most {most}, window {window}: correct them"
        )
    values = maps.detach().cpu().numpy()
    joint, row, column = _tops(maps, threshold, window)
    scores = values[joint, row, column].astype(np.float64)
    order = np.lexsort((-scores, joint))
    order = order[_rank(joint[order]) < most]
    joint, row, column = joint[order], row[order], column[order]
    x, y = _between(values, joint, row, column)
    return Peaks(joint, row, column, np.stack([x, y, scores[order]], -1))


def _tops(
    maps: Float[Tensor, "joints height width"], threshold: float, window: int
) -> tuple[Int64[ndarray, " peaks"], Int64[ndarray, " peaks"], Int64[ndarray, " peaks"]]:
    """Joint, row and column of each; none has another before it in its window."""
    reach = window // 2
    top = (max_pool2d(maps, window, 1, reach) == maps) & (maps > threshold)
    around = np.pad(top.cpu().numpy(), ((0, 0), (reach, reach), (reach, reach)))
    joint, row, column = np.nonzero(around)
    earlier = np.zeros(len(joint), dtype=bool)
    for before in range(window * reach + reach):
        up, left = before // window - reach, before % window - reach
        earlier |= around[joint, row + up, column + left]
    return joint[~earlier], row[~earlier] - reach, column[~earlier] - reach


def _rank(sorted_joint: Int64[ndarray, " peaks"]) -> Int64[ndarray, " peaks"]:
    """How many peaks of the same joint stand before each."""
    first = np.searchsorted(sorted_joint, sorted_joint)
    return np.arange(len(sorted_joint)) - first


def _between(
    values: Float[ndarray, "joints height width"],
    joint: Int64[ndarray, " peaks"],
    row: Int64[ndarray, " peaks"],
    column: Int64[ndarray, " peaks"],
) -> tuple[Float64[ndarray, " peaks"], Float64[ndarray, " peaks"]]:
    height, width = values.shape[-2:]
    here = values[joint, row, column]
    left = values[joint, row, np.maximum(column - 1, 0)]
    right = values[joint, row, np.minimum(column + 1, width - 1)]
    above = values[joint, np.maximum(row - 1, 0), column]
    below = values[joint, np.minimum(row + 1, height - 1), column]
    x = column + np.where((column > 0) & (column < width - 1), _top(left, here, right), 0.0)
    y = row + np.where((row > 0) & (row < height - 1), _top(above, here, below), 0.0)
    return x, y


def _top(before: ndarray, here: ndarray, after: ndarray) -> Float64[ndarray, " peaks"]:
    """Where the parabola through three logarithms is largest, from the middle one; within 1/2."""
    floor = np.maximum(np.abs(here) * _FLOOR, np.finfo(np.float64).tiny)
    a, b, c = (np.log(np.maximum(value, floor)) for value in (before, here, after))
    bend = a - 2 * b + c
    step = np.where(bend < 0, (a - c) / (2 * np.where(bend < 0, bend, -1.0)), 0.0)
    within: ndarray = np.clip(step, -0.5, 0.5)
    return within
