"""Whether a network's tensors can be decoded at all; every decoder looks here first."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["expect_shape", "readable"]


def readable(maps: Tensor, axes: str, what: str = "heatmaps") -> Tensor:
    """The same numbers in float32 or finer, after a look at them.

    `axes` names the last axes, as in "joints height width". Raises `InputError` where there are
    fewer axes, where maps have no pixels, and for whole numbers, NaN or infinity.
    """
    names = axes.split()
    if maps.ndim < len(names) or not maps.is_floating_point():
        raise InputError(
            f"expected {what} as decimal numbers of shape [..., {', '.join(names)}], got "
            f"{str(maps.dtype).removeprefix('torch.')} of shape {list(maps.shape)}: reorder the "
            "axes, or convert with .float()"
        )
    if "width" in names and 0 in maps.shape[-2:]:
        raise InputError(
            f"expected {what} of at least 1 x 1 pixels, got shape {list(maps.shape)}: give the "
            "network's output as it is"
        )
    if not bool(maps.isfinite().all()):
        raise InputError(
            f"expected finite {what}, got NaN or infinity: look at what the network was given"
        )
    return maps if maps.dtype == torch.float64 else maps.float()


def expect_shape(tensor: Tensor, shape: Sequence[int], what: str, like: str) -> None:
    """Raise `InputError` where `tensor` has not the shape that `like` asks for."""
    if tuple(tensor.shape) != tuple(shape):
        raise InputError(
            f"expected {what} of shape {list(shape)} for {like}, got {list(tensor.shape)}: give both "
            "outputs of one network for the same picture"
        )
