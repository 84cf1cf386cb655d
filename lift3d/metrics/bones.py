"""Lengths of bones: how right they are, and how steady.

`bones` are (parent, child) index pairs, as in `Skeleton.bones`; a bone counts where the mask is true
at both its ends.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["bone_length_error", "bone_length_spread", "bone_lengths"]

Bones = Sequence[tuple[int, int]]


def bone_lengths(
    joints: Float[Tensor, "*batch joints 3"], mask: Bool[Tensor, "*batch joints"], bones: Bones
) -> Float[Tensor, "*batch bones"]:
    """Lengths in metres; NaN where an end does not count."""
    parents, children = (list(ends) for ends in zip(*bones, strict=True))
    lengths = torch.linalg.vector_norm(joints[..., children, :] - joints[..., parents, :], dim=-1)
    return torch.where(mask[..., children] & mask[..., parents], lengths, torch.nan)


def bone_length_error(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
    bones: Bones,
) -> Float[Tensor, "*batch"]:
    """Mean over bones of |predicted length - true length|, in metres."""
    lengths = (bone_lengths(joints, mask, bones) for joints in (predicted, target))
    found, true = lengths
    return (found - true).abs().nanmean(-1)


def bone_length_spread(
    predicted: Float[Tensor, "*batch frames joints 3"],
    mask: Bool[Tensor, "*batch frames joints"],
    bones: Bones,
) -> Float[Tensor, "*batch"]:
    """Standard deviation over the frames of each bone's length (metres), mean over bones.

    0 for a rigid skeleton, whatever its size. The deviation is that of all frames (divided by their
    number); a bone without a frame does not count.
    """
    lengths = bone_lengths(predicted, mask, bones)
    mean = lengths.nanmean(-2, keepdim=True)
    return (lengths - mean).square().nanmean(-2).sqrt().nanmean(-1)
