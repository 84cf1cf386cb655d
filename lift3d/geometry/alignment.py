"""Procrustes alignment: the similarity or rigid transform that best maps one point set to another."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["procrustes", "procrustes_align"]


def procrustes(
    source: Float[Tensor, "*batch points 3"],
    target: Float[Tensor, "*batch points 3"],
    weights: Float[Tensor, "*batch points"] | None = None,
    *,
    scale: bool = True,
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch 3 3"], Float[Tensor, "*batch 3"]]:
    """Scale s, rotation R and translation t that minimise sum w |s R source + t - target|^2.

    The closed form of Umeyama (PAMI 1991, eq. 40 to 42); R is a proper rotation, never a mirror.
    With `scale=False`, s is 1. Where no point has a weight, nothing turns and t is 0.
    """
    if weights is None:
        weights = torch.ones_like(source[..., 0])
    total = weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    w = (weights / total)[..., None]
    source_mean, target_mean = (w * source).sum(-2), (w * target).sum(-2)
    a, b = source - source_mean[..., None, :], target - target_mean[..., None, :]
    covariance = (w * b).transpose(-1, -2) @ a
    u, singular, vh = torch.linalg.svd(covariance)
    sign = torch.ones_like(singular)
    sign[..., 2] = torch.linalg.det(u @ vh).sign()
    rotmat = (u * sign[..., None, :]) @ vh
    factor = torch.ones_like(singular[..., 0])
    if scale:
        factor = (singular * sign).sum(-1) / (w * a * a).sum((-1, -2)).clamp(min=1e-12)
    moved = (rotmat @ source_mean[..., None])[..., 0] * factor[..., None]
    return factor, rotmat, target_mean - moved


def procrustes_align(
    source: Float[Tensor, "*batch points 3"],
    target: Float[Tensor, "*batch points 3"],
    *,
    scale: bool = True,
) -> Float[Tensor, "*batch points 3"]:
    """`source`, moved onto `target` by `procrustes`."""
    factor, rotmat, translation = procrustes(source, target, scale=scale)
    return factor[..., None, None] * source @ rotmat.transpose(-1, -2) + translation[..., None, :]
