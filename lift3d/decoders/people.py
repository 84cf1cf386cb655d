"""What the decoders for several people return."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["People", "sorted_people"]


@dataclass(frozen=True, slots=True)
class People:
    """The people in one picture, the best scored first; there may be none.

    `keypoints` are x (column), y (row) in heat-map pixels and confidence; a missing joint is
    NaN, NaN, 0. What `scores` mean is said by the decoder.
    """

    keypoints: Float[Tensor, "people joints 3"]
    scores: Float[Tensor, " people"]

    def __post_init__(self) -> None:
        if self.scores.shape != self.keypoints.shape[:1]:
            raise InputError(
                f"expected one score for each of {len(self.keypoints)} people, got "
                f"{list(self.scores.shape)}: give each one"
            )

    def __len__(self) -> int:
        return len(self.scores)


def sorted_people(
    keypoints: Float[ndarray, "people joints 3"], scores: Float[ndarray, " people"], like: Tensor
) -> People:
    """The best scored first, as tensors of the type and on the device of `like`.

    Joints without confidence are made NaN, NaN, 0.
    """
    order = np.argsort(-scores, kind="stable")
    points = torch.as_tensor(keypoints[order], dtype=like.dtype, device=like.device)
    # Looked at in the type that goes out: there the smallest confidences are 0.
    missing = points.new_tensor([torch.nan, torch.nan, 0.0])
    return People(
        torch.where(points[..., 2:] > 0, points, missing),
        torch.as_tensor(scores[order], dtype=like.dtype, device=like.device),
    )
