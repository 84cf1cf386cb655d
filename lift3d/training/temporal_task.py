"""The temporal lifter as a task: clips through still and moving cameras, with lasting noise and gaps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.lifting.temporal_net import (
    ClipNumbers,
    TemporalNet,
    bridged,
    clip_inputs,
    corrected,
    load_temporal,
    predict_clips,
    save_temporal,
)
from lift3d.lifting.universal_net import placed
from lift3d.lifting.view import View
from lift3d.losses import Term
from lift3d.metrics import CAPTURED_JOINTS, mpjpe
from lift3d.training.calibration import calibrated
from lift3d.training.detector import now_and_then
from lift3d.training.people import Crowd, People
from lift3d.training.shown import MIN_KEYPOINTS, ShownConfig, show
from lift3d.training.task import Forward, Scores
from lift3d.training.trainer import half_precision
from lift3d.training.universal_task import distances, spread_term, weights_of_joints

__all__ = ["ClipBatch", "ClipConfig", "TemporalTask", "clip_samples", "draw_clips"]

_JUDGED: Final = list(CAPTURED_JOINTS)
_UNSEEN: Final = 0.3
_VELOCITY: Final = 1.0
_SLOW: Final = 0.9
"""How much of a gap's cause is still there in the next frame: gaps last about 10 frames."""


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """How clips are cut and spoiled over time."""

    frames: int = 72
    """Frames per clip, at the network's frame rate."""
    lost: float = 0.03
    """Share of frames, in bursts, in which nobody is found at all."""
    sparse: float = 0.15
    """Share of clips of which only every second or third frame is there, as at low frame rates."""
    shown: ShownConfig = field(default_factory=ShownConfig)
    """How people are shown."""


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Clips as the network reads them, and what it should say; rows are frames, clip after clip.

    `weights` are 0 for joints that nobody knows, small in frames where nobody was seen.
    """

    view: View
    enough: Bool[Tensor, " rows"]
    target: Float[Tensor, "rows 40 3"]
    weights: Float[Tensor, "rows 40"]
    frames: int

    def __len__(self) -> int:
        return len(self.enough) // self.frames

    def to(self, device: torch.device) -> "ClipBatch":
        """The same on a device."""
        enough, target, weights = (x.to(device) for x in (self.enough, self.target, self.weights))
        return ClipBatch(self.view.to(device), enough, target, weights, self.frames)

    def __getitem__(self, clips: slice) -> "ClipBatch":
        first, last, _ = clips.indices(len(self))
        rows = slice(first * self.frames, last * self.frames)
        return ClipBatch(
            self.view[rows], self.enough[rows], self.target[rows], self.weights[rows], self.frames
        )


def draw_clips(
    people: People, config: ClipConfig, generator: Generator, *, hold: bool = False
) -> ClipBatch:
    """People as clips: shown, with frames missing, and with a virtual camera in every frame.

    `hold` is as in `bridged`.
    """
    count, frames = people.joints.shape[:2]
    shown = show(people, config.shown, generator)
    lost = _lost(count, frames, config, generator).flatten()
    view = View(
        shown.view.points * ~lost[:, None, None],
        shown.view.seen & ~lost[:, None],
        shown.view.virtual,
    )
    enough = view.seen.sum(-1) >= MIN_KEYPOINTS
    turned = bridged(view, enough, frames, hold=hold)
    target = shown.target @ shown.view.virtual @ turned.virtual.mT
    weights = weights_of_joints(people.valid).repeat_interleave(frames, 0)
    some = torch.unflatten(enough, 0, (count, frames)).any(1).repeat_interleave(frames)
    share = torch.where(enough, 1.0, _UNSEEN) * some
    return ClipBatch(turned, enough, target, weights * share[:, None], frames)


def _lost(
    count: int, frames: int, config: ClipConfig, generator: Generator
) -> Bool[Tensor, "clips frames"]:
    lost = now_and_then((count, frames), config.lost, _SLOW, generator)
    device = generator.device
    step = torch.randint(2, 4, (count, 1), generator=generator, device=device)
    off = torch.rand(count, 1, generator=generator, device=device) < config.sparse
    return lost | (off & (torch.arange(frames, device=device) % step > 0))


def clip_samples(
    subjects: Mapping[str, People], config: ClipConfig, seed: int
) -> dict[str, tuple[ClipBatch, ClipBatch]]:
    """Per subject the same clips without and with noise, from cameras that depend on the seed."""
    noise = replace(config.shown.noise, definition=0.0)
    usual = replace(config.shown, scarce=0.0, layout="found", still=0.0)
    clean = replace(
        config, lost=0.0, sparse=0.0, shown=replace(usual, noise=replace(noise, clean=1.0))
    )
    noisy = replace(clean, shown=replace(usual, noise=replace(noise, clean=0.0)))
    out: dict[str, tuple[ClipBatch, ClipBatch]] = {}
    for index, (subject, people) in enumerate(sorted(subjects.items())):
        out[subject] = (
            draw_clips(people, clean, Generator().manual_seed(seed * 1000 + index)),
            draw_clips(people, noisy, Generator().manual_seed(seed * 1000 + index)),
        )
    return out


@dataclass(frozen=True, slots=True)
class TemporalTask:
    """Corrections of the single-frame answers, and how sure they are.

    `samples` are the validation clips per subject, without and with noise.
    """

    network: TemporalNet
    crowd: Crowd
    samples: Mapping[str, tuple[ClipBatch, ClipBatch]]
    config: ClipConfig
    stem: str = "temporal"

    @property
    def name(self) -> str:
        return self.stem

    @property
    def terms(self) -> tuple[str, ...]:
        return ("joints", "velocity", "spread")

    def draw(self, count: int, generator: Generator) -> ClipBatch:
        fps = self.network.config.fps
        people = self.crowd.draw(count, self.config.frames, generator, fps=fps)
        people = people[torch.randperm(count, generator=generator, device=generator.device)]
        hold = not self.network.config.waits
        return draw_clips(people, self.config, generator, hold=hold)

    def part(self, batch: ClipBatch, rows: slice) -> ClipBatch:
        return batch[rows]

    def losses(self, forward: Forward, batch: ClipBatch) -> dict[str, Term]:
        """Mean distances of joints and of their steps (metres), log likelihood of the errors."""
        self.network.single.eval()
        device = batch.enough.device
        with torch.autocast(device.type, torch.bfloat16, enabled=half_precision(device, "auto")):
            single, features = clip_inputs(self.network, batch.view, batch.enough, batch.frames)
        said: ClipNumbers = corrected(single, forward(features))
        joints = placed(said.places, batch.view)
        return {
            "joints": Term(
                (distances(joints, batch.target) * batch.weights).sum(), batch.weights.sum()
            ),
            "velocity": _velocity_term(joints, batch),
            "spread": spread_term(joints, said.spreads, batch.target, batch.weights),
        }

    def validate(self) -> Scores:
        return _scores(self.network, self.samples)

    def save(self, path: Path) -> None:
        save_temporal(self.network, path)

    def finish(self, weights: Path) -> Scores:
        """Calibrate the best network's covariances on the validation clips; its scores."""
        best = load_temporal(weights).to(next(self.network.parameters()).device)
        best.calibration.copy_(_calibration(best, self.samples))
        save_temporal(best, weights)
        return _scores(best, self.samples)


def _velocity_term(joints: Tensor, batch: ClipBatch) -> Term:
    """Steps from frame to frame: what keeps joints from trembling."""
    shape = (-1, batch.frames)
    step = torch.unflatten(joints, 0, shape).diff(dim=1)
    true = torch.unflatten(batch.target, 0, shape).diff(dim=1)
    weights = torch.unflatten(batch.weights, 0, shape)
    weights = torch.minimum(weights[:, 1:], weights[:, :-1])
    return Term((distances(step, true) * weights).sum() * _VELOCITY, weights.sum())


@torch.inference_mode()
def _scores(network: TemporalNet, samples: Mapping[str, tuple[ClipBatch, ClipBatch]]) -> Scores:
    network.eval()
    values: dict[str, float] = {}
    for kind, which in (("clean", 0), ("noisy", 1)):
        for subject, pair in samples.items():
            batch = pair[which]
            answer = predict_clips(network, batch.view, batch.enough, batch.frames, flip=True)
            counts = (batch.weights > 0) & batch.enough[:, None]
            error = mpjpe(answer.joints[:, _JUDGED], batch.target[:, _JUDGED], counts[:, _JUDGED])
            values[f"{kind}/{subject}"] = float(error.nanmean()) * 1000
    return Scores(sum(values.values()) / len(values), values)


@torch.inference_mode()
def _calibration(
    network: TemporalNet, samples: Mapping[str, tuple[ClipBatch, ClipBatch]]
) -> Float[Tensor, "3 40"]:
    network.eval()
    batches = [batch for pair in samples.values() for batch in pair]
    answers = [predict_clips(network, b.view, b.enough, b.frames, flip=True) for b in batches]
    error = torch.cat([a.joints - b.target for a, b in zip(answers, batches, strict=True)])
    covariance = torch.cat([answer.covariance for answer in answers])
    seen, enough = (
        torch.cat(x) for x in zip(*((b.view.seen, b.enough) for b in batches), strict=True)
    )
    known = torch.cat([batch.weights > 0 for batch in batches])
    kinds = (known & seen, known & ~seen & enough[:, None], known & ~enough[:, None])
    return calibrated(error, covariance, kinds) * network.calibration
