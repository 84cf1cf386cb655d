"""`run`: the one loop that trains every lifter and regressor.

All randomness follows from the seed and the step, so a run that was killed and resumed ends in the
same weights, bit for bit, on the same machine. Started by `torchrun`, several processes share each
batch (see `parallel`).
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lift3d.errors import InputError, OutputError
from lift3d.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from lift3d.training.journal import Journal
from lift3d.training.parallel import Ranks, group_of_processes
from lift3d.training.task import Scores, Task
from lift3d.training.trainer import EngineConfig, Trainer

__all__ = ["EngineConfig", "EngineState", "Finish", "check", "run"]


@dataclass(frozen=True, slots=True)
class EngineState:
    """What `progress` is told after each draw.

    `losses` are means over the draw. `scores` are those of the last validation, if any; `validated`
    says that it was at this step. Rates are wall-clock, since start or resume.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    scores: Scores | None
    validated: bool
    samples_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended: steps done, and the weights of the best step by validation."""

    weights: Path
    step: int
    best_step: int
    best: float


def run(
    task: Task[Any],
    config: EngineConfig,
    output: Path,
    progress: Callable[[EngineState], None] = lambda _: None,
    about: Mapping[str, object] | None = None,
) -> Finish:
    """Train until the steps are done or validation stops falling; keep what validates best.

    Writes the weights (`<task>.safetensors`), `checkpoint.safetensors`, `config.json`, `log.jsonl`
    and events for TensorBoard to `output`. A run found there is resumed. `about` is what else makes
    two runs the same one (data, network): a run with another configuration is refused.

    Raises `InputError` for a configuration that cannot train or a loss that is no number any more,
    `FileFormatError` for a checkpoint that does not belong to it.
    """
    check(config, output)
    device = next(task.network.parameters()).device
    with group_of_processes(device) as ranks, torch.random.fork_rng(_devices(device)):
        if config.batch % ranks.count:
            raise InputError(
                f"expected a batch that {ranks.count} processes can share, got {config.batch}: "
                "give a multiple"
            )
        return _Run(Trainer(task, config, ranks), output, about or {}, progress).to_the_end()


def _devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def check(config: EngineConfig, output: Path) -> None:
    """Refuse, before anything is touched, what cannot train."""
    wrong = {
        "steps": config.steps < 1,
        "batch": config.batch < 2,  # batch normalisation needs two
        "learning_rate": not 0 < config.learning_rate < math.inf,
        "weight_decay": not 0 <= config.weight_decay < math.inf,
        "final": not 0 < config.final <= 1,
        "warmup": config.warmup < 0,
        "max_norm": not 0 <= config.max_norm < math.inf,
        "clip": not 0 <= config.clip < math.inf,
        "average": not 0 <= config.average < 1,
        "draws": config.draws < 1,
        "patience": config.patience < 0,
        "validate_every": config.validate_every < 1
        or bool(config.validate_every % max(config.draws, 1)),
    }
    if any(wrong.values()):
        names = ", ".join(name for name, bad in wrong.items() if bad)
        raise InputError(
            "expected positive sizes and rates, and validate_every a multiple of "
            f"{config.draws}, got others for {names}: correct them"
        )
    if output.exists() and not output.is_dir():
        raise OutputError(f"expected a folder to train in, got the file '{output}': choose another")


class _Run:
    """One call of `run`."""

    def __init__(
        self,
        trainer: Trainer,
        output: Path,
        about: Mapping[str, object],
        progress: Callable[[EngineState], None],
    ) -> None:
        self.trainer, self.config, self.tell = trainer, trainer.config, progress
        self.ranks: Ranks = trainer.ranks
        named = {"task": trainer.task.name, **asdict(self.config), **about}
        del named["compile"]  # what computes may change, what is computed not
        self.identity = json.dumps(named, default=str)
        self.checkpoint = output / "checkpoint.safetensors"
        self.weights = output / f"{trainer.task.name}.safetensors"
        self.at = load_checkpoint(
            self.checkpoint, trainer.modules, trainer.optimizer, self.identity
        )
        self.journal = Journal(output, self.identity, self.at.step) if self.ranks.leads else None
        self.scores: Scores | None = None
        self.started, self.first, self.cpu = time.monotonic(), self.at.step, time.process_time()

    def to_the_end(self) -> Finish:
        try:
            while self.at.step < self.config.steps and not self._tired():
                self._draw()
        finally:
            if self.journal is not None:
                self.journal.close()
        return Finish(self.weights, self.at.step, self.at.best_step, self.at.best)

    def _tired(self) -> bool:
        return 0 < self.config.patience <= self.at.stale

    def _draw(self) -> None:
        """Steps up to the next validation, or one draw."""
        step, config = self.at.step, self.config
        count = min(config.draws, config.steps - step)
        losses = self.trainer.train(step, count)
        if not all(math.isfinite(loss) for loss in losses.values()):
            raise InputError(
                f"expected losses that are numbers, got {losses} at step {step + count}: "
                "lower the learning rate"
            )
        self.at = replace(self.at, step=step + count)
        due = self.at.step % config.validate_every == 0 or self.at.step >= config.steps
        if due:
            self._validate(losses)
        self.tell(self._state(losses, due))

    def _validate(self, losses: Mapping[str, float]) -> None:
        if self.ranks.leads:
            with self.trainer.validated_network():
                self.scores = self.trainer.task.validate()
                if self.scores.chosen < self.at.best:
                    self.trainer.task.save(self.weights)
        own = self.scores.chosen if self.scores is not None else 0.0
        score = self.ranks.told_by_leader(own, self.trainer.device)
        self.at = _judged(self.at, score)
        if self.journal is not None:  # the log first: what it says too early is taken back
            self.journal.write(self.at.step, self._figures(losses, self.journal.cpu_seconds))
            save_checkpoint(
                self.checkpoint,
                self.trainer.modules,
                self.trainer.optimizer,
                self.at,
                self.identity,
            )

    def _figures(self, losses: Mapping[str, float], before: float) -> dict[str, float | int]:
        values = self.scores.values if self.scores is not None else {}
        unit = self.scores.unit if self.scores is not None else ""
        return {
            **{f"loss/{name}": value for name, value in losses.items()},
            **{f"{unit}/{name}": value for name, value in values.items()},
            "score": self.scores.chosen if self.scores is not None else math.nan,
            "samples_per_second": self._speed(),
            "cpu_seconds": before + time.process_time() - self.cpu,
            "best_step": self.at.best_step,
        }

    def _speed(self) -> float:
        steps = self.at.step - self.first
        return steps * self.config.batch / max(time.monotonic() - self.started, 1e-9)

    def _state(self, losses: Mapping[str, float], validated: bool) -> EngineState:
        speed, left = self._speed(), (self.config.steps - self.at.step) * self.config.batch
        return EngineState(
            self.at.step, self.config.steps, losses, self.scores, validated, speed, left / speed
        )


def _judged(at: Progress, score: float) -> Progress:
    if score < at.best:
        return replace(at, best=score, best_step=at.step, stale=0)
    return replace(at, stale=at.stale + 1)
