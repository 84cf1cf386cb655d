"""The mean of the heatmaps of a picture and of its mirror image.

Flip testing of Newell et al. (Stacked Hourglass, ECCV 2016); the shift by one pixel is Xiao, Wu and
Wei's (Simple Baselines, ECCV 2018): where a pixel of a heatmap stands at the first of `stride` pixels
of the picture and not at their middle, mirrored maps land (stride - 1) / stride of a pixel too far to
the left.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.checks import expect_shape, readable
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["merge_flipped", "unflip"]


def merge_flipped(
    heatmaps: Float[Tensor, "*batch joints height width"],
    of_mirrored: Float[Tensor, "*batch joints height width"],
    skeleton: Skeleton,
    *,
    shift: bool = False,
) -> Float[Tensor, "*batch joints height width"]:
    """Both in the picture's frame, averaged. `of_mirrored` is what the network gave for the mirrored
    picture, as it came; `shift` moves it one pixel to the right."""
    maps = readable(heatmaps, "joints height width")
    expect_shape(of_mirrored, heatmaps.shape, "mirrored heatmaps", "these heatmaps")
    return (maps + unflip(of_mirrored, skeleton, shift=shift)) / 2


def unflip(
    of_mirrored: Float[Tensor, "*batch joints height width"],
    skeleton: Skeleton,
    *,
    shift: bool = False,
) -> Float[Tensor, "*batch joints height width"]:
    """The heatmaps of a mirrored picture in the frame of the picture: columns reversed, left and right
    joints swapped; with `shift` one pixel to the right, the first column staying as it is.

    Raises `InputError` for another number of maps than the skeleton has joints.
    """
    maps = readable(of_mirrored, "joints height width", "mirrored heatmaps")
    if maps.shape[-3] != len(skeleton):
        raise InputError(
            f"expected one map for each of the {len(skeleton)} joints of '{skeleton.name}', got "
            f"{maps.shape[-3]}: name the network's skeleton, and leave a background out"
        )
    turned = maps[..., list(skeleton.flip_permutation), :, :].flip(-1)
    return torch.cat([turned[..., :1], turned[..., :-1]], -1) if shift else turned
