"""Darker creases: depth unsharp masking (Luft et al., 2006), as `offscreen` has it, on our samples."""

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lift3d_viewer.software.cover import Covered

__all__ = ["brightness"]


def brightness(drawn: Covered, strength: float, side: int) -> Float32[ndarray, "height width"]:
    """What colours are multiplied by: below 1 where something nearer stands beside a surface.

    Worked out at half size, since the result is smooth. `side` is the picture's longer one.
    """
    shape = (drawn.where.height, drawn.where.width)
    if strength <= 0:
        return np.ones(shape, np.float32)
    from lift3d_viewer.kernels.picture import half_depth

    half = ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    total, weight = np.empty(half, np.float32), np.empty(half, np.float32)
    half_depth(np.asarray(drawn.nearness), total, weight)
    around = _around(total, weight, 0.006 * side)
    behind = np.clip((total / np.maximum(weight, 1e-6) - around) / 0.09, 0, 1)
    dark = cv2.GaussianBlur(behind * np.float32(strength), (0, 0), 1)
    full = cv2.resize(dark, (2 * half[1], 2 * half[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(1 - full[: shape[0], : shape[1]])


def _around(
    total: Float32[ndarray, "h w"], weight: Float32[ndarray, "h w"], sigma: float
) -> Float32[ndarray, "h w"]:
    """The mean depth around each place; wide means are made of fewer, larger places."""
    size = (total.shape[1], total.shape[0])
    coarse = max(1, int(sigma / 2.5))
    small = (-(-size[0] // coarse), -(-size[1] // coarse))
    sums = [
        cv2.GaussianBlur(
            cv2.resize(values, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / coarse
        )
        for values in (total, weight)
    ]
    mean = sums[0] / np.maximum(sums[1], 1e-6)
    if coarse == 1:
        return np.asarray(mean)
    return np.asarray(cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR))
