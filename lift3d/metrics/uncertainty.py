"""Whether covariances hold what they say."""

import torch
from jaxtyping import Bool, Float
from scipy.stats import chi2
from torch import Tensor

__all__ = ["coverage"]


def coverage(
    predicted: Float[Tensor, "*batch joints 3"],
    true: Float[Tensor, "*batch joints 3"],
    covariance: Float[Tensor, "*batch joints 3 3"],
    mask: Bool[Tensor, "*batch joints"],
    share: float = 0.9,
) -> Float[Tensor, "*batch"]:
    """Share of joints within the ellipsoids that should hold `share` of them, if errors are normal.

    A joint lies within where its squared Mahalanobis distance is below the quantile of chi squared
    with three degrees of freedom. Joints without a covariance count as uncovered.
    """
    usable = mask & covariance.isfinite().all(-1).all(-1) & predicted.isfinite().all(-1)
    error = torch.where(usable[..., None], predicted - true, torch.zeros_like(true))
    spread = torch.where(usable[..., None, None], covariance, torch.eye(3).to(covariance))
    squared = (torch.linalg.solve(spread, error[..., None])[..., 0] * error).sum(-1)
    within: Tensor = usable & (squared <= float(chi2.ppf(share, 3)))
    return within.sum(-1) / mask.sum(-1)
