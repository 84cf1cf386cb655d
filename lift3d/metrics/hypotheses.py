"""Errors of lifters that give several answers. Every figure made here must say so.

Hypotheses are the first axis. Best-of-N looks at the truth to choose: it says what a lifter could
know, not what it tells. The names are those of Shan et al. (D3DP, ICCV 2023).
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.metrics.positions import joint_errors

__all__ = ["Metric", "aggregated", "best_joints_of", "best_of"]

Metric = Callable[[Tensor, Tensor, Tensor], Tensor]


def best_of(
    metric: Metric,
    predicted: Float[Tensor, "hypotheses *batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """The smallest error of any hypothesis, pose by pose ("P-Best"). Needs the truth."""
    return _smallest(torch.stack([metric(p, target, mask) for p in predicted]))


def best_joints_of(
    predicted: Float[Tensor, "hypotheses *batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """MPJPE with the best hypothesis chosen joint by joint ("J-Best"). Needs the truth."""
    errors = torch.stack([joint_errors(p, target, mask) for p in predicted])
    return _smallest(errors).nanmean(-1)


def aggregated(
    predicted: Float[Tensor, "hypotheses *batch joints 3"],
) -> Float[Tensor, "*batch joints 3"]:
    """The mean pose over hypotheses, one answer without the truth ("P-Agg")."""
    return predicted.nanmean(0)


def _smallest(errors: Tensor) -> Tensor:
    """Over the first axis; NaN only where every hypothesis is."""
    least = torch.where(errors.isnan(), torch.inf, errors).amin(0)
    return torch.where(least.isinf(), torch.nan, least)
