"""Covariances that hold what they say: factors from validation errors."""

from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.lifting.vocabulary import VOCABULARY

__all__ = ["calibrated", "squared_distances"]

_HOLDS: Final = 0.9
_CHI_SQUARED: Final = 6.2514
"""90 % of normal errors with three axes have a squared Mahalanobis distance below this."""
_ENOUGH: Final = 200


def squared_distances(
    error: Float[Tensor, "batch 40 3"], covariance: Float[Tensor, "batch 40 3 3"]
) -> Float[Tensor, "batch 40"]:
    """Squared Mahalanobis distances."""
    away: Tensor = torch.linalg.solve(covariance, error[..., None])[..., 0]
    return (away * error).sum(-1)


def calibrated(
    error: Float[Tensor, "batch 40 3"],
    covariance: Float[Tensor, "batch 40 3 3"],
    kinds: Sequence[Bool[Tensor, "batch 40"]],
) -> Float[Tensor, "kinds 40"]:
    """Factors by which covariances are multiplied so that 90 % ellipsoids hold 90 % of the joints.

    One row for each kind of joint in a frame (seen, not seen, ...); one factor for both sides; where
    a kind of point has too few errors to tell, the median of the others.
    """
    squared = squared_distances(error, covariance)
    table = torch.full((len(kinds), len(VOCABULARY)), torch.nan)
    for row, chosen in enumerate(kinds):
        for joint, mirror in enumerate(VOCABULARY.flip_permutation):
            both = [joint, mirror]
            values = squared[:, both][chosen[:, both]]
            if joint and len(values) >= _ENOUGH:  # the root's error is 0 by definition
                table[row, joint] = torch.quantile(values[: 2**23], _HOLDS) / _CHI_SQUARED
    usual = table.nanmedian(1, keepdim=True).values
    table = torch.where(table.isfinite(), table, usual)
    return torch.where(table.isfinite(), table, table[:1]).nan_to_num(nan=1.0)
