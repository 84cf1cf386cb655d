"""Heatmaps of neighbouring frames carried along by the picture's motion, and pooled.

Pfister, Charles and Zisserman, Flowing ConvNets for Human Pose Estimation in Videos (ICCV 2015),
sections 2.1 and 2.2: the heatmaps of the frames around frame t are warped to t by dense optical flow and
summed with one weight for each neighbour (learned there; given here, equal if not).
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import grid_sample

from lift3d.decoders.checks import expect_shape, readable
from lift3d.errors import InputError

__all__ = ["flow_to_neighbours", "fuse_over_time", "warp_maps"]


def flow_to_neighbours(
    frames: UInt8[ndarray, "frames picture_height picture_width 3"],
    map_size: tuple[int, int],
    reach: int = 2,
) -> Float[Tensor, "frames neighbours 2 height width"]:
    """Where each heat-map pixel of a frame lies in the frames up to `reach` before and after it.

    Neighbours stand from the earliest to the latest, the frame itself in the middle; those beyond the
    clip are NaN. Values are x, y displacements in heat-map pixels, from OpenCV's dense inverse search
    on the pictures as they are.

    Raises `InputError` for frames that are no bytes of RGB, and for maps or a reach of nothing.
    """
    if frames.ndim != 4 or frames.dtype != np.uint8 or min(map_size) < 1 or reach < 0:
        raise InputError(
            f"expected frames of bytes [frames, height, width, 3], got {frames.dtype} of shape "
            f"{list(frames.shape)}, maps of {tuple(map_size)} and reach {reach}: correct them"
        )
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = torch.full((len(grey), 2 * reach + 1, 2, *map_size), torch.nan)
    for here in range(len(grey)):
        for there in range(max(0, here - reach), min(len(grey), here + reach + 1)):
            found = _flow(finder, grey[here], grey[there], map_size)
            flows[here, there - here + reach] = torch.from_numpy(found)
    return flows


def fuse_over_time(
    heatmaps: Float[Tensor, "frames joints height width"],
    flows: Float[Tensor, "frames neighbours 2 height width"],
    weights: Sequence[float] | None = None,
) -> Float[Tensor, "frames joints height width"]:
    """The weighted mean of each frame's heatmaps and its neighbours', carried to it.

    `flows` as of `flow_to_neighbours`; `weights` has one number for each neighbour, all equal where it
    is not given. Neighbours beyond the clip (NaN) do not count.

    Raises `InputError` where weights leave nothing of a frame, or flows reach beyond the clip.
    """
    maps = readable(heatmaps, "frames joints height width")
    frames, neighbours = len(maps), flows.shape[1] if flows.ndim == 5 else 1
    expect_shape(flows, (frames, neighbours, 2, *maps.shape[2:]), "flows", "these heatmaps")
    shares = _weights(neighbours, weights)
    total, mass = torch.zeros_like(maps), maps.new_zeros(frames, 1, 1, 1)
    for place, share in enumerate(shares):
        flow = flows[:, place].to(maps.dtype)
        known = flow.isfinite().all(-1).all(-1).all(-1)
        here = torch.nonzero(known)[:, 0]
        there = here + place - neighbours // 2
        if bool(((there < 0) | (there >= frames)).any()):
            raise InputError(
                "expected NaN flows to frames beyond the clip, got numbers: keep them NaN"
            )
        total[here] += share * warp_maps(maps[there], flow[here])
        mass[here] += share
    if not bool((mass > 0).all()):
        raise InputError("expected a neighbour with weight for each frame, got none: give flows")
    return total / mass


def warp_maps(
    maps: Float[Tensor, "*batch joints height width"], flow: Float[Tensor, "*batch 2 height width"]
) -> Float[Tensor, "*batch joints height width"]:
    """Maps of another frame as seen from this one: each pixel p takes the value at p + flow(p).

    Bilinear; 0 from outside the map. `flow` is x, y in heat-map pixels.
    """
    height, width = maps.shape[-2:]
    xs = torch.arange(width, dtype=maps.dtype, device=maps.device)
    ys = torch.arange(height, dtype=maps.dtype, device=maps.device)
    # grid_sample counts from -1, the first pixel's edge, to 1, the last one's.
    x = (2 * (flow[..., 0, :, :] + xs) + 1) / width - 1
    y = (2 * (flow[..., 1, :, :] + ys[:, None]) + 1) / height - 1
    grid = torch.stack([x, y], -1).reshape(-1, height, width, 2)
    flat = maps.reshape(-1, *maps.shape[-3:])
    return grid_sample(flat, grid, align_corners=False).reshape(maps.shape)


def _flow(
    finder: cv2.DISOpticalFlow, here: ndarray, there: ndarray, map_size: tuple[int, int]
) -> Float[ndarray, "2 height width"]:
    if here is there:
        return np.zeros((2, *map_size), np.float32)
    height, width = map_size
    found = finder.calc(here, there, np.zeros((*here.shape, 2), np.float32))
    small = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA))
    scale = np.array([width / here.shape[1], height / here.shape[0]], np.float32)
    return np.ascontiguousarray((small * scale).transpose(2, 0, 1))


def _weights(neighbours: int, weights: Sequence[float] | None) -> list[float]:
    shares = [1.0] * neighbours if weights is None else [float(weight) for weight in weights]
    if neighbours % 2 == 0 or len(shares) != neighbours or not all(s >= 0 for s in shares):
        raise InputError(
            f"expected an odd number of neighbours with a weight of 0 or more each, got {neighbours} "
            f"with {shares}: correct them"
        )
    return shares
