"""The universal lifter as a task: random cameras, recombined limbs, detector-like noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Generator, Tensor

from lift3d.lifting.universal import UniversalNet, View, load_weights, save_weights
from lift3d.losses import Term
from lift3d.training.bank import PoseBank
from lift3d.training.samples import AugmentConfig, Sample, training_sample
from lift3d.training.task import Forward, Scores
from lift3d.training.validation import Validation, error_covariance, validate

__all__ = ["UniversalTask"]


@dataclass(frozen=True, slots=True)
class UniversalTask:
    """Root-relative joints in the virtual camera, from views of poses of a bank.

    `samples` are the validation views per subject, without and with noise.
    """

    network: UniversalNet
    bank: PoseBank
    samples: Mapping[str, tuple[Sample, Sample]]
    augment: AugmentConfig

    @property
    def name(self) -> str:
        return "universal"

    @property
    def terms(self) -> tuple[str, ...]:
        return ("joints",)

    def draw(self, count: int, generator: Generator) -> Sample:
        return training_sample(self.bank, count, self.augment, generator)

    def part(self, batch: Sample, rows: slice) -> Sample:
        view = View(batch.view.points[rows], batch.view.seen[rows], batch.view.virtual[rows])
        return Sample(view, batch.target[rows], batch.counts[rows])

    def losses(self, forward: Forward, batch: Sample) -> dict[str, Term]:
        """Mean distance over the joints that count (metres): L1 in joints, L2 in axes."""
        predicted = forward(batch.view.features).float()
        return {"joints": _distance(predicted, batch.target, batch.counts)}

    def validate(self) -> Scores:
        return _scores(validate(self.network, self.samples))

    def save(self, path: Path) -> None:
        save_weights(self.network, path)

    def finish(self, weights: Path) -> Scores:
        """Write the best network's error covariance beside its weights; its scores."""
        best = load_weights(weights).to(self.bank.until.device)
        best.covariance.copy_(error_covariance(best, self.samples))
        save_weights(best, weights)
        return _scores(validate(best, self.samples))


def _scores(validation: Validation) -> Scores:
    named = {f"clean/{subject}": mm for subject, mm in validation.clean.items()}
    named |= {f"noisy/{subject}": mm for subject, mm in validation.noisy.items()}
    return Scores(validation.score_mm, named)


def _distance(predicted: Tensor, target: Tensor, counts: Tensor) -> Term:
    """Rounded at zero (0.1 mm): distances that small would all pull at full strength."""
    distance = ((predicted - target).square().sum(-1) + 1e-8).sqrt()
    return Term((distance * counts).sum(), counts.sum().to(distance.dtype))
