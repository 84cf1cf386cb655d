"""Belief maps with a background, as convolutional pose machines give them.

Wei, Ramakrishna, Kanade and Sheikh, Convolutional Pose Machines (CVPR 2016), section 3: each stage
gives one map for each joint and one for the background, 46 x 46 for a picture of 368 x 368; the last
stage's maps are read. The background believes that no joint is there.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.checks import readable
from lift3d.decoders.heatmaps import HeatmapMode, decode_heatmaps
from lift3d.errors import InputError

__all__ = ["decode_beliefs"]


def decode_beliefs(
    beliefs: Float[Tensor, "*batch joints_and_background height width"],
    joints: int,
    mode: HeatmapMode = "dark",
    most_background: float = 0.9,
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels and confidence, of the maps before the last, background
    one.

    A joint is missing (NaN, NaN, 0) where the background believes more than `most_background` at its
    peak: the joint is then not in the picture. 1 or more never leaves one out.

    Raises `InputError` for another number of maps than the joints and a background.
    """
    maps = readable(beliefs, "joints_and_background height width", "belief maps")
    if maps.shape[-3] != joints + 1:
        raise InputError(
            f"expected {joints} belief maps and one background, got {maps.shape[-3]} maps: say how "
            "many joints the network has, and give its last stage"
        )
    found = decode_heatmaps(maps[..., :-1, :, :], mode)
    at = maps[..., :-1, :, :].flatten(-2).argmax(-1)
    background = maps[..., -1, :, :].flatten(-2).gather(-1, at)
    nothing = found.new_tensor([torch.nan, torch.nan, 0.0])
    return torch.where((background > most_background)[..., None], nothing, found)
