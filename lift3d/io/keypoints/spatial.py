"""Joints in space that a file has beside those in the picture, person by person."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from numpy import ndarray
from torch import Tensor

__all__ = ["Spatial", "spatial_of"]


@dataclass(frozen=True, slots=True)
class Spatial:
    """One person's joints in space as the file has them, over the frames of the clip.

    NaN and confidence 0 where there is none. `unit` says what the numbers are: what a detector calls
    space is metres for one and whatever the cameras were calibrated in for another.
    """

    joints: Float[Tensor, "frames joints 3"]
    confidence: Float[Tensor, "frames joints"]
    unit: str


def spatial_of(
    points: Float64[ndarray, "rows joints 4"],
    frames: Int64[ndarray, " rows"],
    chosen: Bool[ndarray, " rows"],
    length: int,
    unit: str,
) -> Spatial:
    """The rows of one person over `length` frames; `frames` count from the clip's first."""
    dense = np.full((length, points.shape[1], 4), np.nan, dtype=np.float32)
    dense[..., 3] = 0.0
    row, joint = np.nonzero(chosen[:, None] & (points[..., 3] > 0))
    dense[frames[row], joint] = points[row, joint]
    values = torch.from_numpy(dense)
    return Spatial(values[..., :3], values[..., 3], unit)
