"""Heatmaps as targets, as losses, and read: what the networks that give them share.

A map's pixel covers `stride` x `stride` pixels of the picture, edge to edge (`half_pixel` in
`lift3d.decoders.pixels`), so that x of the picture is (x + 1/2) / stride - 1/2 of the map.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d import losses
from lift3d.decoders import decode_dark, gaussian_maps, to_picture
from lift3d.losses import Term
from lift3d.networks.network import Targets

__all__ = [
    "Goal",
    "Heatmaps",
    "coarse_to_fine",
    "hard_term",
    "in_maps",
    "in_picture",
    "people_goal",
    "person_goal",
    "read_maps",
    "summed",
    "term",
]


class Heatmaps(NamedTuple):
    """Maps [batch joints height width] of each stage, in order; the last stage's are the answer."""

    stages: tuple[Tensor, ...]


class Goal(NamedTuple):
    """What maps should be, and of which joints that is known."""

    maps: Float[Tensor, "batch joints height width"]
    known: Bool[Tensor, "batch joints"]


def in_maps(points: Float[Tensor, "*batch 2"], stride: int) -> Float[Tensor, "*batch 2"]:
    """Pixels of the picture as pixels of maps."""
    return (points + 0.5) / stride - 0.5


def in_picture(
    found: Float[Tensor, "*batch joints columns"], map_size: tuple[int, int], stride: int
) -> Float[Tensor, "*batch joints columns"]:
    """Pixels of maps as pixels of the picture; what follows x and y stays."""
    height, width = map_size
    crop = found.new_tensor([0.0, 0.0, width * stride, height * stride])
    return to_picture(found, map_size, crop)


def person_goal(targets: Targets, like: Tensor, stride: int, sigma: float) -> Goal:
    """A Gaussian at each joint of the one person; `like` has the maps' shape, sigma their pixels."""
    points, visible = targets.person(like.shape[1])
    size = (like.shape[-2], like.shape[-1])
    return Goal(gaussian_maps(in_maps(points.float(), stride), size, sigma), visible)


def people_goal(targets: Targets, like: Tensor, stride: int, sigma: float) -> Goal:
    """The largest of all people's Gaussians; joints that nobody shows are known to be nowhere."""
    targets.expect_joints(like.shape[1])
    size = (like.shape[-2], like.shape[-1])
    hidden = torch.where(targets.visible[..., None], targets.keypoints.float(), torch.nan)
    maps = gaussian_maps(in_maps(hidden, stride), size, sigma).amax(1)
    return Goal(maps, torch.ones_like(targets.visible[:, 0]))


def term(maps: Float[Tensor, "batch joints height width"], goal: Goal) -> Term:
    """Mean squared difference over the maps of known joints (Tompson et al., NIPS 2014, eq. 1)."""
    return losses.squared(maps.float().flatten(2)[..., None], *_flat(goal, maps))


def summed(terms: Sequence[Term]) -> Term:
    """The losses of several stages as one: their means added up, over the count of the first."""
    return Term(torch.stack([one.total for one in terms]).sum(), terms[0].count)


def hard_term(maps: Float[Tensor, "batch joints height width"], goal: Goal, k: int) -> Term:
    """The same over each picture's k hardest joints only (`lift3d.losses.ohkm`)."""
    each = (maps.float() - goal.maps).square().mean((-2, -1))  # [batch joints]
    return losses.ohkm(each, goal.known, min(k, each.shape[1]))


def read_maps(
    maps: Float[Tensor, "batch joints height width"], stride: int, sigma: float = 2.0
) -> Float[Tensor, "batch joints 3"]:
    """x, y in pixels of the picture and confidence, by DARK with a blur that suits sigma."""
    found = decode_dark(maps.detach().float(), kernel=2 * int(2.75 * sigma) + 1)
    return in_picture(found, (maps.shape[-2], maps.shape[-1]), stride)


def coarse_to_fine(stages: int, coarse: float, fine: float) -> tuple[float, ...]:
    """Sigmas of the stages' targets, from coarse to fine in equal steps.

    Li et al., Rethinking on Multi-Stage Networks for Human Pose Estimation (MSPN, 2019), section 3.4:
    early stages only have to find the neighbourhood. One stage gets the fine one.
    """
    if stages == 1:
        return (fine,)
    return tuple(coarse + (fine - coarse) * stage / (stages - 1) for stage in range(stages))


def _flat(goal: Goal, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Every pixel as a joint of one axis, so that the library's losses take maps."""
    flat = goal.maps.flatten(2)[..., None]
    return flat, goal.known[..., None].expand(-1, -1, maps.shape[-2] * maps.shape[-1])
