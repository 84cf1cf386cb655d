"""Rigid transforms as 4 x 4 matrices: `a_from_b @ point_in_b = point_in_a`."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["inverse_rigid", "rigid_from", "transform_points"]


def rigid_from(
    rotmat: Float[Tensor, "*batch 3 3"], translation: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 4 4"]:
    """The 4 x 4 matrix that rotates first and translates (metres) afterwards."""
    top = torch.cat([rotmat, translation[..., None]], -1)
    bottom = torch.tensor([0, 0, 0, 1], dtype=top.dtype, device=top.device)
    return torch.cat([top, bottom.expand(*top.shape[:-2], 1, 4)], -2)


def inverse_rigid(a_from_b: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """The inverse, `b_from_a`, without solving: (R', -R' t)."""
    back = a_from_b[..., :3, :3].transpose(-1, -2)
    return rigid_from(back, -(back @ a_from_b[..., :3, 3:])[..., 0])


def transform_points(
    a_from_b: Float[Tensor, "*#batch 4 4"], points: Float[Tensor, "*#batch points 3"]
) -> Float[Tensor, "*#batch points 3"]:
    """The same points in frame a."""
    rotated = points @ a_from_b[..., :3, :3].transpose(-1, -2)
    return rotated + a_from_b[..., None, :3, 3]
