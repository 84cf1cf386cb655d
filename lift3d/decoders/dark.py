"""Where a heatmap's peak lies between pixels, by a Taylor step on its logarithm.

Zhang, Zhu, Dai, Ye and Zhu, Distribution-Aware Coordinate Representation for Human Pose Estimation
(DARK, CVPR 2020), eq. 3 to 10. The log of a Gaussian is a parabola, so one Newton step from the
largest pixel m reaches its centre: mu = m - H^-1 g. A blur as wide as the training's Gaussian first
smooths away other bumps. Differences as in MMPose (mmpose/codecs/utils/refinement.py): first ones
over 2 pixels, second ones over 4, and none within two pixels of the border.

Padding with zeros would pull joints near the border inwards. Here the blur is narrowed until it
stays within the map; where it has room, it is the published one.
"""

from functools import cache
from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from lift3d.decoders.argmax import as_keypoints, largest_pixels
from lift3d.decoders.checks import readable
from lift3d.errors import InputError

__all__ = ["decode_dark"]

_REACH: Final = 2
"""Pixels from the peak that the differences look at."""
_LEAST: Final = 1e-10
"""Values below count as this before the logarithm is taken (MMPose)."""


def decode_dark(
    heatmaps: Float[Tensor, "*batch joints height width"], kernel: int = 11
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels, and the largest value as confidence.

    `kernel` is the width of the blur in pixels, odd: 11 for maps of 64 x 48 (a Gaussian of 2 pixels),
    17 for 96 x 72, 1 for none. A peak within two pixels of the border, or where the blurred map has
    no maximum nearby, keeps its whole pixel. A map without a value above 0 gives a missing joint.

    Raises `InputError` for a kernel that is not odd.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise InputError(f"expected an odd kernel width of at least 1, got {kernel}: 11 is usual")
    maps = readable(heatmaps, "joints height width")
    columns, rows, values = largest_pixels(maps)
    steps = _steps(maps.flatten(0, -3), columns.flatten(), rows.flatten(), kernel // 2)
    x, y = steps.to(maps.dtype).reshape(*columns.shape, 2).unbind(-1)
    return as_keypoints(columns + x, rows + y, values)


def _steps(
    maps: Float[Tensor, "maps height width"],
    columns: Int64[Tensor, " maps"],
    rows: Int64[Tensor, " maps"],
    radius: int,
) -> Float[Tensor, "maps 2"]:
    """From each largest pixel to the peak (x, y); 0 where the step is not defined."""
    height, width = maps.shape[-2:]
    patches = _patches(maps, columns, rows, radius + _REACH).double()
    kernels = _kernels(radius).to(maps.device)
    room_x, room_y = _room(columns, width), _room(rows, height)
    across, down = (kernels[room.clamp(0, radius)] for room in (room_x, room_y))
    blurred = down @ patches @ across.transpose(-1, -2)
    return _newton(blurred.clamp(min=_LEAST).log(), (room_x >= 0) & (room_y >= 0))


def _room(at: Int64[Tensor, " maps"], size: int) -> Int64[Tensor, " maps"]:
    """How many pixels lie beyond the differences on the nearer side; negative where they lack some."""
    return torch.minimum(at, size - 1 - at) - _REACH


def _patches(
    maps: Float[Tensor, "maps height width"],
    columns: Int64[Tensor, " maps"],
    rows: Int64[Tensor, " maps"],
    reach: int,
) -> Float[Tensor, "maps side side"]:
    """The pixels around each largest one; beyond the border the outermost are repeated."""
    height, width = maps.shape[-2:]
    around = torch.arange(-reach, reach + 1, device=maps.device)
    ys = (rows[:, None] + around).clamp(0, height - 1)
    xs = (columns[:, None] + around).clamp(0, width - 1)
    every = torch.arange(len(maps), device=maps.device)[:, None, None]
    return maps[every, ys[:, :, None], xs[:, None, :]]


@cache
def _kernels(radius: int) -> Float[Tensor, "radii out side"]:
    """For each radius up to `radius` the matrix that blurs a patch's rows into the five in its middle.

    A kernel of width 2r + 1 has OpenCV's standard deviation for that width, 0.3 (r - 1) + 0.8.
    """
    to = torch.arange(-_REACH, _REACH + 1, dtype=torch.float64)[:, None]
    side = torch.arange(-radius - _REACH, radius + _REACH + 1, dtype=torch.float64)
    away = (side - to).abs()
    matrices = [
        torch.where(away <= r, torch.exp(-0.5 * (away / (0.3 * (r - 1) + 0.8)) ** 2), 0.0)
        for r in range(radius + 1)
    ]
    return torch.stack([matrix / matrix.sum(-1, keepdim=True) for matrix in matrices])


def _newton(
    logs: Float[Tensor, "maps 5 5"], inside: Bool[Tensor, " maps"]
) -> Float[Tensor, "maps 2"]:
    """-H^-1 g at the middle of 5 x 5 logarithms, 0 where that is no step to a maximum nearby."""
    middle = logs[:, 2, 2]
    gx, gy = (logs[:, 2, 3] - logs[:, 2, 1]) / 2, (logs[:, 3, 2] - logs[:, 1, 2]) / 2
    xx = (logs[:, 2, 4] - 2 * middle + logs[:, 2, 0]) / 4
    yy = (logs[:, 4, 2] - 2 * middle + logs[:, 0, 2]) / 4
    xy = (logs[:, 3, 3] - logs[:, 3, 1] - logs[:, 1, 3] + logs[:, 1, 1]) / 4
    det = xx * yy - xy * xy
    usable = inside & (xx < 0) & (det > 0)
    safe = torch.where(usable, det, torch.ones_like(det))
    step = torch.stack([xy * gy - yy * gx, xy * gx - xx * gy], -1) / safe[:, None]
    usable &= (step.abs() <= _REACH).all(-1)
    return torch.where(usable[:, None], step, torch.zeros_like(step))
