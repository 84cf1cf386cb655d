"""How far predicted joints are from the truth, pose by pose."""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.alignment import procrustes
from lift3d.skeletons import LIFT_23

__all__ = [
    "AUC_THRESHOLDS",
    "CAPTURED_JOINTS",
    "auc_3d",
    "joint_errors",
    "mpjpe",
    "n_mpjpe",
    "pa_joint_errors",
    "pa_mpjpe",
    "pck_3d",
]

CAPTURED_JOINTS: Final = tuple(
    index
    for index, name in enumerate(LIFT_23.joints)
    if name != "pelvis" and name.split("_")[-1] not in ("nose", "ear", "toe", "heel")
)
"""Joints of `LIFT_23` that motion capture solves, without the root: the ones errors are taken over."""

AUC_THRESHOLDS: Final = tuple(step * 0.005 for step in range(31))
"""0 to 150 mm in steps of 5 mm, in metres."""


def joint_errors(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch joints"]:
    """Euclidean distance per joint in metres; NaN where the mask is false."""
    predicted, target = counted(predicted, target, mask)
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
    p, t = counted(predicted, target, mask)
    dot = (p * t).sum((-1, -2))
    scale = dot / (p * p).sum((-1, -2)).clamp(min=1e-12)
    return mpjpe(predicted * scale[..., None, None], target, mask)


def pa_mpjpe(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """MPJPE after the best similarity transform of the prediction ("protocol 2").

    The transform is `lift3d.geometry.alignment.procrustes`; mirrors are not allowed. The root counts
    in the alignment only where it is among the joints.
    """
    return pa_joint_errors(predicted, target, mask).nanmean(-1)


def pa_joint_errors(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch joints"]:
    """`joint_errors` after the alignment of `pa_mpjpe`."""
    p, t = counted(predicted, target, mask)
    # One pose that cannot be aligned must not spoil the SVD of the batch; it gets NaN at the end.
    good = mask.any(-1) & (p + t).isfinite().all(-1).all(-1)
    weights = torch.where(good[..., None], mask.to(p.dtype), torch.ones_like(p[..., 0]))
    p = torch.where(good[..., None, None], p, torch.zeros_like(p))
    t = torch.where(good[..., None, None], t, torch.zeros_like(t))
    factor, rotmat, translation = procrustes(p, t, weights)
    moved = factor[..., None, None] * p @ rotmat.transpose(-1, -2) + translation[..., None, :]
    return torch.where(good[..., None], joint_errors(moved, target, mask), torch.nan)


def pck_3d(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
    threshold: float = 0.15,
) -> Float[Tensor, "*batch"]:
    """Share of joints nearer than `threshold` metres (Mehta et al., MPI-INF-3DHP, 3DV 2017)."""
    errors = joint_errors(predicted, target, mask)
    return _share_below(errors, threshold)


def auc_3d(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch"]:
    """Mean of `pck_3d` over `AUC_THRESHOLDS` (Mehta et al., 3DV 2017).

    Distances count where they are below a threshold, and none is below the first, 0: a perfect pose
    has 30 / 31 = 0.968, as in the dataset's own evaluation.
    """
    errors = joint_errors(predicted, target, mask)
    return torch.stack([_share_below(errors, t) for t in AUC_THRESHOLDS]).mean(0)


def _share_below(errors: Tensor, threshold: float) -> Tensor:
    below = (errors < threshold).to(errors.dtype)
    return torch.where(errors.isnan(), torch.nan, below).nanmean(-1)


def counted(predicted: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Both point sets with zeros where the mask is false."""
    keep = mask[..., None]
    zero = torch.zeros((), dtype=predicted.dtype, device=predicted.device)
    return torch.where(keep, predicted, zero), torch.where(keep, target, zero)
