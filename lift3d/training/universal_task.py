"""The universal lifter as a task: people through random cameras, in anybody's layout, with noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.lifting.universal_net import (
    Numbers,
    UniversalNet,
    factors,
    features_of,
    load_weights,
    placed,
    save_weights,
)
from lift3d.losses import Term
from lift3d.skeletons import LIFT_23
from lift3d.training.people import Crowd
from lift3d.training.shown import Shown, ShownConfig, show
from lift3d.training.task import Forward, Scores
from lift3d.training.validation import Validation, calibration_of, validate

__all__ = ["UniversalTask", "distances", "spread_term", "weights_of_joints"]

_MORE: Final = 0.3
"""How much points beyond `LIFT_23` count."""
_SPREAD: Final = 0.003
_SEVERAL: Final = 0.3
_EVERYBODY: Final = 0.05
_ODDS: Final = 0.01
_TAILS: Final = 4.0
"""Degrees of freedom of the errors' t distribution: its tails are those of limbs taken for flipped."""


@dataclass(frozen=True, slots=True)
class UniversalTask:
    """Root-relative joints in the virtual camera, their spread, and different answers.

    `samples` are the validation views per subject, without and with noise.
    """

    network: UniversalNet
    crowd: Crowd
    samples: Mapping[str, tuple[Shown, Shown]]
    config: ShownConfig

    @property
    def name(self) -> str:
        return "universal"

    @property
    def terms(self) -> tuple[str, ...]:
        return ("joints", "spread", "several")

    def draw(self, count: int, generator: Generator) -> Shown:
        """Fresh people in random order, so that each part of them is a mixture of the crowd."""
        shown = show(self.crowd.draw(count, 1, generator, fps=30.0), self.config, generator)
        return shown[torch.randperm(count, generator=generator, device=generator.device)]

    def part(self, batch: Shown, rows: slice) -> Shown:
        return batch[rows]

    def losses(self, forward: Forward, batch: Shown) -> dict[str, Term]:
        """Mean distances (metres), log likelihood of the errors, and the best of several answers."""
        said = Numbers.of(forward(features_of(batch.view)).float())
        joints = placed(said.places, batch.view)
        weights = weights_of_joints(batch.counts)
        return {
            "joints": Term((distances(joints, batch.target) * weights).sum(), weights.sum()),
            "spread": spread_term(joints, said.spreads, batch.target, weights),
            "several": _several_term(said, batch, weights),
        }

    def validate(self) -> Scores:
        return _scores(validate(self.network, self.samples))

    def save(self, path: Path) -> None:
        save_weights(self.network, path)

    def finish(self, weights: Path) -> Scores:
        """Calibrate the best network's covariances on the validation views; its scores."""
        best = load_weights(weights).to(next(self.network.parameters()).device)
        best.calibration.copy_(calibration_of(best, self.samples))
        save_weights(best, weights)
        return _scores(validate(best, self.samples))


def _scores(validation: Validation) -> Scores:
    named = {f"clean/{subject}": mm for subject, mm in validation.clean.items()}
    named |= {f"noisy/{subject}": mm for subject, mm in validation.noisy.items()}
    return Scores(validation.score_mm, named)


def weights_of_joints(known: Bool[Tensor, "batch 40"]) -> Float[Tensor, "batch 40"]:
    """How much each joint counts: 0 where it is not known."""
    weights = known.float()
    weights[:, len(LIFT_23) :] *= _MORE
    return weights


def distances(
    joints: Float[Tensor, "*batch 3"], target: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch"]:
    """Lengths, rounded at zero (0.1 mm): ones that small would all pull at full strength."""
    return ((joints - target).square().sum(-1) + 1e-8).sqrt()


def spread_term(
    joints: Float[Tensor, "batch 40 3"],
    spreads: Float[Tensor, "batch numbers"],
    target: Float[Tensor, "batch 40 3"],
    weights: Float[Tensor, "batch 40"],
) -> Term:
    """Negative log likelihood of the errors under a t distribution; it teaches spreads only."""
    factor = factors(spreads)
    x, y, z = (joints - target).detach().clamp(-1, 1).unbind(-1)
    # Forward substitution: factor @ unit = error.
    first = x / factor[..., 0, 0]
    second = (y - factor[..., 1, 0] * first) / factor[..., 1, 1]
    third = (z - factor[..., 2, 0] * first - factor[..., 2, 1] * second) / factor[..., 2, 2]
    squared = first.square() + second.square() + third.square()
    logs = torch.diagonal(factor, dim1=-2, dim2=-1).log().sum(-1)
    unlikely = logs + (_TAILS + 3) / 2 * (squared / _TAILS).log1p()
    unlikely = torch.where(weights > 0, unlikely, torch.zeros_like(unlikely))
    return Term((unlikely * weights).sum() * _SPREAD, weights.sum())


def _several_term(said: Numbers, batch: Shown, weights: Tensor) -> Term:
    """The best of the different answers, a little of all of them, and which was the best.

    Guzman-Rivera, Batra and Kohli, "Multiple choice learning", NIPS 2012, equation 4, relaxed.
    """
    across = Numbers(said.places.detach(), said.spreads, said.depths, said.odds)
    joints = placed(across.several, batch.view)  # [batch answers 40 3]
    away = distances(joints, batch.target[:, None]) * weights[:, None]
    each = away.sum(-1) / weights.sum(-1, keepdim=True).clamp(min=1e-6)
    best, which = each.min(-1)
    odds = torch.nn.functional.cross_entropy(said.odds, which, reduction="none")
    known = (weights.sum(-1) > 0).float()
    total = (best + _EVERYBODY * each.mean(-1) + _ODDS * odds) * known
    return Term(total.sum() * _SEVERAL, known.sum())
