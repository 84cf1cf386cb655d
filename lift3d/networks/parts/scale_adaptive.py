"""Targets as wide as the network thinks right, and pixels that weigh as much as they are hard (SAHR).

Luo, Wang, Huang, Wang, Tan and Zhou, "Rethinking the Heatmap Regression for Bottom-up Human Pose
Estimation", CVPR 2021, arXiv:2012.15175, sections 3.2 and 3.3. A Gaussian of s times the width is the
old one to the power 1 / s^2; with a = 1 / s^2 - 1 that is H exp(a log H), for which the paper takes the
first terms of the series, 1 + a log H + (a log H)^2 / 2: it is smooth and never negative.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.losses import Term, mean_of
from lift3d.networks.heatmaps import Goal

__all__ = ["rescaled", "scale_term", "weighted_term"]

_MOST = 0.7
"""Logarithms of scales are kept within this, half to twice the width."""


def rescaled(
    maps: Float[Tensor, "*batch height width"], log_scales: Float[Tensor, "*batch height width"]
) -> Float[Tensor, "*batch height width"]:
    """Gaussians of other widths at each pixel; 0 stays 0."""
    there = maps > 0
    logarithm = torch.where(there, maps, 1.0).log()
    power = (torch.exp(-2 * log_scales.clamp(-_MOST, _MOST)) - 1) * logarithm
    return torch.where(there, maps * (1 + power + 0.5 * power.square()), 0.0)


def weighted_term(
    maps: Float[Tensor, "batch joints height width"],
    log_scales: Float[Tensor, "batch joints height width"],
    goal: Goal,
    gamma: float = 0.01,
) -> Term:
    """Squared error against the rescaled targets, weighted by H^g |1 - P| + |P| (1 - H^g) (WAHR).

    What is easy and found already, mostly empty background, counts little.
    """
    wanted = rescaled(goal.maps, log_scales.float())
    found = maps.float()
    close = torch.where(wanted > 0, wanted, 1.0).pow(gamma) * (wanted > 0)
    weight = close * (1 - found).abs() + found.abs() * (1 - close)
    values = (weight.detach() * (found - wanted).square()).mean((-2, -1))  # [batch joints]
    return mean_of(values, goal.known)


def scale_term(log_scales: Float[Tensor, "batch joints height width"], goal: Goal) -> Term:
    """Keeps the scales near 1 where there is something: mean of (1 / s - 1)^2 there."""
    inverse = torch.exp(-log_scales.float().clamp(-_MOST, _MOST))
    there = (goal.maps > 0.01) & goal.known[..., None, None]
    return mean_of((inverse - 1).square(), there)
