"""The loss that makes one person's joints carry one tag, and different people's different ones.

Newell, Huang and Deng, "Associative Embedding: End-to-End Learning for Joint Detection and Grouping",
NIPS 2017, arXiv:1611.05424, section 3.3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.losses import Term
from lift3d.networks.heatmaps import in_maps
from lift3d.networks.network import Targets

__all__ = ["tag_terms"]


def tag_terms(
    tags: Float[Tensor, "batch joints height width"], targets: Targets, stride: int
) -> tuple[Term, Term]:
    """Pull: how far a joint's tag is from its person's mean, squared. Push: exp(-d^2 / 2) of two means.

    Tags are read at the pixels nearest to visible joints; joints outside the maps do not count.
    """
    read, seen = _at_joints(tags.float(), targets, stride)
    count = seen.sum(-1)  # [batch people]
    means = (read * seen).sum(-1) / count.clamp(min=1)  # [batch people]
    away = ((read - means[..., None]).square() * seen).sum(-1) / count.clamp(min=1)
    there = count > 0
    pull = Term(away.sum(), there.sum().to(away.dtype))
    return pull, _push(means, there)


def _push(means: Float[Tensor, "batch people"], there: Bool[Tensor, "batch people"]) -> Term:
    """Over pairs of different people; the paper also counts each with itself, which adds a constant."""
    difference = means[:, :, None] - means[:, None]
    people = torch.eye(means.shape[1], dtype=torch.bool, device=means.device)
    pairs = there[:, :, None] & there[:, None] & ~people
    close = torch.exp(-0.5 * difference.square())
    return Term((close * pairs).sum(), pairs.sum().to(means.dtype))


def _at_joints(
    tags: Float[Tensor, "batch joints height width"], targets: Targets, stride: int
) -> tuple[Float[Tensor, "batch people joints"], Bool[Tensor, "batch people joints"]]:
    height, width = tags.shape[-2:]
    pixels = in_maps(targets.keypoints.float(), stride).round()
    limit = pixels.new_tensor([width, height])
    seen = targets.visible & ((pixels >= 0) & (pixels < limit)).all(-1)
    safe = torch.where(seen[..., None], pixels, 0.0).long()
    places = safe[..., 1] * width + safe[..., 0]  # [batch people joints]
    read = tags.flatten(2).gather(2, places.transpose(1, 2))  # [batch joints people]
    return read.transpose(1, 2), seen
