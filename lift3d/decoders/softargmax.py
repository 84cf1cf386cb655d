"""Coordinates as the mean over a heatmap, differentiable: soft-argmax, in the plane and in space.

Sun, Xiao, Wei, Liang and Wei, Integral Human Pose Regression (ECCV 2018), eq. 2 and 3: softmax over
all cells of a map makes weights that sum to 1, and the joint is their centre of mass. Every cell
pulls, so a flat background draws the answer to the middle: a larger `sharpness` (the factor before
the softmax, 1 in the paper, where it is learned within the network) makes it near to argmax.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.checks import readable
from lift3d.errors import InputError

__all__ = ["decode_soft_argmax_2d", "decode_soft_argmax_3d"]


def decode_soft_argmax_2d(
    heatmaps: Float[Tensor, "*batch joints height width"], sharpness: float = 1.0
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels, and the largest weight of a pixel as confidence.

    The confidence is near 1 for one sharp peak, and 1 over the number of pixels for a flat map.
    """
    weights = _weights(readable(heatmaps, "joints height width"), 2, sharpness)
    x, y = _mean(weights.sum(-2)), _mean(weights.sum(-1))
    return torch.stack([x, y, weights.flatten(-2).amax(-1)], -1)


def decode_soft_argmax_3d(
    volumes: Float[Tensor, "*batch joints depth height width"], sharpness: float = 1.0
) -> Float[Tensor, "*batch joints 4"]:
    """x (column), y (row), z (plane) in cells, and the largest weight of a cell as confidence."""
    weights = _weights(readable(volumes, "joints depth height width", "volumes"), 3, sharpness)
    x, y = _mean(weights.sum((-3, -2))), _mean(weights.sum((-3, -1)))
    z = _mean(weights.sum((-2, -1)))
    return torch.stack([x, y, z, weights.flatten(-3).amax(-1)], -1)


def _weights(maps: Tensor, axes: int, sharpness: float) -> Tensor:
    if not 0 < sharpness < float("inf"):
        raise InputError(f"expected a sharpness above 0, got {sharpness}: 1 is the paper's")
    if 0 in maps.shape[-axes:]:
        raise InputError(
            f"expected maps with cells, got shape {list(maps.shape)}: give at least one cell"
        )
    flat = maps.flatten(-axes)
    below = flat - flat.detach().amax(-1, keepdim=True)  # at most 0, so that nothing overflows
    return (below * sharpness).softmax(-1).reshape(maps.shape)


def _mean(weights: Float[Tensor, "*batch cells"]) -> Float[Tensor, "*batch"]:
    cells = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    return weights @ cells
