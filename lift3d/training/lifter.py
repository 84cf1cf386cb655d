"""`train_lifter`: from motion capture on disk to a weights file.

Data order, cameras and noise depend on the seed and the step only, so a run that was stopped and
resumed ends in the same weights, bit for bit, on the same machine.
"""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Generator, Tensor

from lift3d.errors import InputError, OutputError
from lift3d.lifting.martinez import (
    Martinez,
    MartinezConfig,
    View,
    load_weights,
    save_weights,
)
from lift3d.plugins import datasets
from lift3d.protocols import Dataset, MotionClip
from lift3d.training.body import Poses
from lift3d.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from lift3d.training.samples import AugmentConfig, PoseBank, Sample, gather, training_sample
from lift3d.training.validation import Validation, error_covariance, validate, validation_samples

__all__ = ["TrainConfig", "TrainReport", "TrainState", "train_lifter"]

_BATCHES_PER_DRAW = 8
"""Batches augmented at once: random numbers come cheaper by the thousand."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Train the frame lifter on motion capture."""

    root: Path
    """Folder (or file) with the motion capture."""
    output: Path
    """Folder for weights, checkpoint and log; a run found there is resumed."""
    dataset: str = "mocap_h5"
    """Name of the reader in `lift3d.datasets`."""
    steps: int = 45_000
    """Optimiser steps; the learning rate falls to zero over them."""
    batch: int = 512
    """Poses per step."""
    learning_rate: float = 4e-3
    """Highest learning rate, after the warm-up."""
    weight_decay: float = 0.01
    """AdamW's weight decay on matrices."""
    warmup: int = 200
    """Steps over which the learning rate rises."""
    seed: int = 0
    """Seed of weights, data order, cameras and noise."""
    validate_every: int = 2000
    """Steps between validations and checkpoints."""
    validation_poses: int = 1000
    """Poses per validation subject, at most."""
    hold_out: tuple[str, ...] = ("127", "16")
    """Subjects of the training split that are kept for validation."""
    network: MartinezConfig = field(default_factory=MartinezConfig)
    """The network."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Changes of poses and keypoints."""


@dataclass(frozen=True, slots=True)
class TrainState:
    """What `progress` is told at each validation. Seconds are wall-clock, since start or resume."""

    step: int
    steps: int
    loss: float
    steps_per_second: float
    validation: Validation


@dataclass(frozen=True, slots=True)
class TrainReport:
    """How a run ended: the weights of the best step by validation, and its errors."""

    weights: Path
    best_step: int
    validation: Validation
    training_poses: int


def train_lifter(
    config: TrainConfig, progress: Callable[[TrainState], None] = lambda _: None
) -> TrainReport:
    """Train, keep the weights that validate best, and write them with their covariance.

    Writes `martinez.safetensors`, `checkpoint.safetensors` and `log.jsonl` to `config.output`.
    Raises `Lift3dError` where data, configuration or an earlier run do not fit.
    """
    _check(config)
    bank, held = _load(config)
    samples = validation_samples(held, config.augment.noise, config.seed)
    weights = config.output / "martinez.safetensors"
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        torch.manual_seed(config.seed)
        network = Martinez(config.network)
        _run(config, network, bank, samples, weights, progress)
    best = load_weights(weights)
    best.covariance.copy_(error_covariance(best, samples))
    save_weights(best, weights)
    done = json.loads((config.output / "log.jsonl").read_text().splitlines()[-1])
    return TrainReport(weights, done["best_step"], validate(best, samples), len(bank.poses))


def _check(config: TrainConfig) -> None:
    """Refuse, before anything is loaded, what cannot train."""
    network = config.network
    wrong = {
        "steps": config.steps < 1,
        "batch": config.batch < 2,  # batch normalisation needs two
        "learning_rate": not 0 < config.learning_rate < math.inf,
        "weight_decay": not 0 <= config.weight_decay < math.inf,
        "warmup": config.warmup < 0,
        "validate_every": config.validate_every < 1
        or bool(config.validate_every % _BATCHES_PER_DRAW),
        "validation_poses": config.validation_poses < 1,
        "network.width": network.width < 1,
        "network.blocks": network.blocks < 0,
        "network.dropout": not 0 <= network.dropout < 1,
    }
    if any(wrong.values()):
        names = ", ".join(name for name, bad in wrong.items() if bad)
        raise InputError(
            "expected positive sizes and rates, and validate_every a multiple of "
            f"{_BATCHES_PER_DRAW}, got others for {names}: correct them"
        )
    if config.output.exists() and not config.output.is_dir():
        raise OutputError(
            f"expected a folder to train in, got the file '{config.output}': choose another"
        )


def _load(config: TrainConfig) -> tuple[PoseBank, dict[str, Poses]]:
    """Training poses, and validation poses per subject: the val split and the held-out subjects."""
    dataset: Dataset = datasets[config.dataset](config.root)
    held: dict[str, list[MotionClip]] = defaultdict(list)

    def training() -> Iterator[MotionClip]:
        for clip in dataset.clips("train"):
            if clip.subject not in config.hold_out:
                yield clip
            elif _measured(clip):
                held[clip.subject].append(clip)

    bank = gather(training())
    for clip in dataset.clips("val"):
        if _measured(clip):
            held[clip.subject].append(clip)
    if not held:
        raise InputError("expected clips to validate on, got none: name subjects in hold_out")
    return bank, {subject: _spread(clips, config) for subject, clips in held.items()}


def _measured(clip: MotionClip) -> bool:
    """Whether a clip judges accuracy; datasets without such a distinction say nothing."""
    return bool(getattr(clip, "measured", True))


def _spread(clips: Iterable[MotionClip], config: TrainConfig) -> Poses:
    """At most `validation_poses` poses, evenly over a subject's clips."""
    poses = gather(clips).poses
    count = min(len(poses), config.validation_poses)
    return poses[torch.linspace(0, len(poses) - 1, count).long()]


def _run(
    config: TrainConfig,
    network: Martinez,
    bank: PoseBank,
    samples: dict[str, tuple[Sample, Sample]],
    weights: Path,
    progress: Callable[[TrainState], None],
) -> None:
    optimizer = _optimizer(network, config)
    checkpoint, identity = config.output / "checkpoint.safetensors", _identity(config)
    at = load_checkpoint(checkpoint, network, optimizer, identity)
    started, first = time.monotonic(), at.step
    losses: list[float] = []
    while at.step < config.steps:
        count = min(_BATCHES_PER_DRAW, config.steps - at.step)
        losses += _draw_and_step(network, optimizer, bank, config, at.step, count)
        at = replace(at, step=at.step + count)
        if at.step % config.validate_every and at.step < config.steps:
            continue
        validation = validate(network, samples)
        if validation.score_mm / 1000 < at.best:
            at = replace(at, best=validation.score_mm / 1000, best_step=at.step)
            save_weights(network, weights)
        save_checkpoint(checkpoint, network, optimizer, at, identity)
        speed = (at.step - first) / (time.monotonic() - started)
        state = TrainState(at.step, config.steps, sum(losses) / len(losses), speed, validation)
        _log(config.output / "log.jsonl", state, at)
        progress(state)
        losses = []


def _identity(config: TrainConfig) -> str:
    """What makes two runs the same one: everything but where their files lie."""
    fields = asdict(config)
    del fields["root"], fields["output"]
    return json.dumps(fields)


def _optimizer(network: Martinez, config: TrainConfig) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _draw_and_step(
    network: Martinez,
    optimizer: torch.optim.Optimizer,
    bank: PoseBank,
    config: TrainConfig,
    step: int,
    count: int,
) -> list[float]:
    """One draw of samples and `count` steps; all randomness follows from the seed and the step."""
    seed = config.seed * 1_000_003 + step
    torch.manual_seed(seed)  # dropout
    generator = Generator().manual_seed(seed)
    sample = training_sample(bank, config.batch * count, config.augment, generator)
    network.train()
    losses: list[float] = []
    for index in range(count):
        rate = _learning_rate(step + index, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        part = slice(index * config.batch, (index + 1) * config.batch)
        losses.append(_step(network, optimizer, sample, part))
    return losses


def _learning_rate(step: int, config: TrainConfig) -> float:
    """A linear warm-up, then half a cosine down to zero."""
    rising = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    falling = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.learning_rate * rising * falling


def _step(
    network: Martinez, optimizer: torch.optim.Optimizer, sample: Sample, part: slice
) -> float:
    view = View(sample.view.points[part], sample.view.seen[part], sample.view.virtual[part])
    features = view.features
    with torch.autocast("cpu", torch.bfloat16):
        predicted = network(features)
    loss = _loss(predicted.float(), sample.target[part], sample.counts[part])
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss.detach())


def _loss(predicted: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Mean distance over the joints that count (metres): L1 in joints, L2 in axes."""
    squared = (predicted - target).square().sum(-1)
    return ((squared + 1e-8).sqrt() * counts).sum() / counts.sum().clamp(min=1)


def _log(path: Path, state: TrainState, at: Progress) -> None:
    entry = {
        "step": state.step,
        "loss_mm": round(state.loss * 1000, 2),
        "score_mm": round(state.validation.score_mm, 2),
        "clean_mm": {k: round(v, 1) for k, v in state.validation.clean.items()},
        "noisy_mm": {k: round(v, 1) for k, v in state.validation.noisy.items()},
        "steps_per_second": round(state.steps_per_second, 2),
        "best_step": at.best_step,
    }
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")
