"""How far detected keypoints are from annotated ones, in the picture."""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["COCO_SIGMAS", "HALPE_26_SIGMAS", "oks", "pck_2d", "pckh"]

COCO_SIGMAS: Final = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
"""Spread of annotations per joint of COCO_17, as a share of the person's size."""

HALPE_26_SIGMAS: Final = (*COCO_SIGMAS, 0.08, 0.08, 0.08, *(0.089,) * 6)
"""The same for Halpe_26 (AlphaPose)."""


def pck_2d(
    predicted: Float[Tensor, "*batch joints 2"],
    target: Float[Tensor, "*batch joints 2"],
    mask: Bool[Tensor, "*batch joints"],
    size: Float[Tensor, "*#batch"],
    share: float = 0.2,
) -> Float[Tensor, "*batch"]:
    """Share of keypoints at most `share` of `size` pixels off (Yang and Ramanan, PAMI 2013).

    `size` is the longer side of the person's box or the torso's length, as the dataset has it. A
    keypoint that was not found (NaN) is wrong. NaN where the mask is false everywhere.
    """
    distance = torch.linalg.vector_norm(predicted - target, dim=-1)
    right = (distance <= share * size[..., None]).to(distance.dtype)
    return torch.where(mask, right, torch.nan).nanmean(-1)


def pckh(
    predicted: Float[Tensor, "*batch joints 2"],
    target: Float[Tensor, "*batch joints 2"],
    mask: Bool[Tensor, "*batch joints"],
    head_size: Float[Tensor, "*#batch"],
) -> Float[Tensor, "*batch"]:
    """PCKh@0.5: at most half a head off (Andriluka et al., MPII, CVPR 2014).

    `head_size` in pixels is 0.6 times the diagonal of MPII's head box.
    """
    return pck_2d(predicted, target, mask, head_size, share=0.5)


def oks(
    predicted: Float[Tensor, "*batch joints 2"],
    target: Float[Tensor, "*batch joints 2"],
    mask: Bool[Tensor, "*batch joints"],
    area: Float[Tensor, "*#batch"],
    sigmas: Float[Tensor, " joints"],
) -> Float[Tensor, "*batch"]:
    """Object keypoint similarity: mean over labelled joints of exp(-d^2 / (2 area (2 sigma)^2)).

    COCO's definition (cocodataset.org, keypoint evaluation); `area` is the person's, in square
    pixels. A keypoint that was not found (NaN) adds 0. NaN where no joint is labelled.
    """
    squared = (predicted - target).square().sum(-1)
    similar = torch.exp(-squared / (2 * area[..., None] * (2 * sigmas).square())).nan_to_num(0.0)
    return torch.where(mask, similar, torch.nan).nanmean(-1)
