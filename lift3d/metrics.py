"""How far predicted joints are from the truth. All results are in metres, one value per pose.

`mask` says which joints count; the others may hold anything, also NaN. A pose without a counted
joint gets NaN. Nothing is moved to a root here: give root-relative joints where that is meant.
"""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.alignment import procrustes
from lift3d.skeletons import LIFT_23

__all__ = ["CAPTURED_JOINTS", "joint_errors", "mpjpe", "mpjve", "n_mpjpe", "pa_mpjpe"]

CAPTURED_JOINTS: Final = tuple(
    index
    for index, name in enumerate(LIFT_23.joints)
    if name != "pelvis" and name.split("_")[-1] not in ("nose", "ear", "toe", "heel")
)
"""Joints of `LIFT_23` that motion capture solves, without the root: the ones errors are taken over."""


def joint_errors(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch joints"]:
    """Euclidean distance per joint in metres; NaN where the mask is false."""
    predicted, target = _counted(predicted, target, mask)
    distance = torch.linalg.vector_norm(predicted - target, dim=-1)
    return torch.where(mask, distance, torch.nan)


def mpjpe(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """Mean per-joint position error (Ionescu et al., Human3.6M, PAMI 2014, eq. 8; "protocol 1")."""
    return joint_errors(predicted, target, mask).nanmean(-1)


def n_mpjpe(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """MPJPE after the least-squares scale of the prediction (Rhodin et al., CVPR 2018).

    Both poses stay where they are; the scale is <predicted, target> / <predicted, predicted>.
    """
    p, t = _counted(predicted, target, mask)
    dot = (p * t).sum((-1, -2))
    scale = dot / (p * p).sum((-1, -2)).clamp(min=1e-12)
    return mpjpe(predicted * scale[..., None, None], target, mask)


def pa_mpjpe(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """MPJPE after the best similarity transform of the prediction ("protocol 2").

    The transform is `lift3d.geometry.alignment.procrustes`; mirrors are not allowed.
    """
    p, t = _counted(predicted, target, mask)
    # One pose that cannot be aligned must not spoil the SVD of the batch; it gets NaN at the end.
    good = mask.any(-1) & (p + t).isfinite().all(-1).all(-1)
    weights = torch.where(good[..., None], mask.to(p.dtype), torch.ones_like(p[..., 0]))
    p = torch.where(good[..., None, None], p, torch.zeros_like(p))
    t = torch.where(good[..., None, None], t, torch.zeros_like(t))
    factor, rotmat, translation = procrustes(p, t, weights)
    moved = factor[..., None, None] * p @ rotmat.transpose(-1, -2) + translation[..., None, :]
    return torch.where(good, mpjpe(moved, target, mask), torch.nan)


def mpjve(
    predicted: Float[Tensor, "*batch frames joints 3"],
    target: Float[Tensor, "*batch frames joints 3"],
    mask: Bool[Tensor, "*batch frames joints"],
) -> Float[Tensor, "*batch frames_but_one"]:
    """Mean per-joint velocity error in metres per frame (Pavllo et al., VideoPose3D, CVPR 2019).

    Velocities are differences of neighbouring frames; a joint counts where both frames do.
    """
    if predicted.shape[-3] < 2:
        raise InputError(f"expected at least 2 frames for a velocity, got {predicted.shape[-3]}")
    both = mask[..., 1:, :] & mask[..., :-1, :]
    return mpjpe(predicted.diff(dim=-3), target.diff(dim=-3), both)


def _counted(predicted: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Both point sets with zeros where the mask is false."""
    keep = mask[..., None]
    zero = torch.zeros((), dtype=predicted.dtype, device=predicted.device)
    return torch.where(keep, predicted, zero), torch.where(keep, target, zero)
