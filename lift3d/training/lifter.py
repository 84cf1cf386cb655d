"""`train_lifter`: from motion capture on disk to a weights file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import torch

from lift3d.capture import Capture
from lift3d.errors import InputError
from lift3d.lifting.martinez import LAYOUTS, MartinezNet
from lift3d.lifting.temporal_net import WHOLE, TemporalConfig, TemporalNet, load_temporal
from lift3d.lifting.universal import packaged_weights
from lift3d.lifting.universal_net import UniversalNet, load_weights
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17, LIFT_23
from lift3d.training.bank import Corpus, PoseBank
from lift3d.training.body import Poses
from lift3d.training.cache import cached_corpus
from lift3d.training.config import STREAMING, LifterName, TrainConfig
from lift3d.training.crowds import crowd_of, posed_people
from lift3d.training.data import (
    NOTHING_TO_VALIDATE_ON,
    Source,
    held_out,
    measured,
    open_sources,
    read_corpus,
    split_corpus,
)
from lift3d.training.engine import EngineState, check, run
from lift3d.training.joint_clips import CapturedClips, joint_clips, runs_of
from lift3d.training.martinez_task import MartinezTask, standardise
from lift3d.training.people import Crowd, MixedPeople, People
from lift3d.training.task import Scores, Task
from lift3d.training.temporal_task import TemporalTask, clip_samples
from lift3d.training.trainer import device_named
from lift3d.training.universal_task import UniversalTask
from lift3d.training.validation import validation_samples
from lift3d.training.views import (
    RandomShots,
    Seen,
    Shooter,
    by_subject,
    captured_shots,
    seen_at_random,
    spread,
)

__all__ = ["TrainReport", "train_lifter"]


@dataclass(frozen=True, slots=True)
class TrainReport:
    """How a run ended: the weights of the best step by validation, and its errors."""

    weights: Path
    step: int
    best_step: int
    scores: Scores
    training_poses: int


@runtime_checkable
class _LifterTask(Task[Any], Protocol):
    """A task whose best weights get something more at the end."""

    def finish(self, weights: Path) -> Scores: ...


def train_lifter(
    config: TrainConfig, progress: Callable[[EngineState], None] = lambda _: None
) -> TrainReport:
    """Train, keep the weights that validate best, and write them with their covariance.

    Writes `universal.safetensors` or `martinez.safetensors`, `checkpoint.safetensors`, `config.json`,
    `log.jsonl` and events for TensorBoard to `config.output`. Raises `Lift3dError` where data,
    configuration or an earlier run do not fit.
    """
    _check(config)
    device = device_named(config.device)
    sources = open_sources(config.dataset, config.root, config.reader)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):  # the caller's random numbers stay as they are
        torch.manual_seed(config.seed)
        task, poses = _TASKS[config.lifter](config, sources, device)
        done = run(task, config.engine, config.output, progress, _identity(config))
    return TrainReport(done.weights, done.step, done.best_step, task.finish(done.weights), poses)


def _check(config: TrainConfig) -> None:
    """Refuse, before anything is loaded, what cannot train."""
    network, captured = config.network, config.cameras == "captured"
    wrong = {
        "validation_poses": config.validation_poses < 1,
        "network.width": network.width < 1,
        "network.blocks": network.blocks < 0,
        "network.dropout": not 0 <= network.dropout < 1,
        "network.hypotheses": network.hypotheses < 1,
        "people.captured": not 0 <= config.people.captured <= 1,
        "bodies": config.bodies is not None and config.lifter == "martinez",
        "cameras": captured and config.lifter != "martinez",
        "clips.frames": config.clips.frames < 2,
        "baseline.width": config.baseline.width < 1,
        "baseline.blocks": config.baseline.blocks < 0,
        "baseline.dropout": not 0 <= config.baseline.dropout < 1,
        "reprojection": config.reprojection < 0 or (config.reprojection > 0 and not captured),
        "cache": config.cache is not None and captured,
    }
    if any(wrong.values()):
        names = ", ".join(name for name, bad in wrong.items() if bad)
        raise InputError(
            "expected sizes above 0, captured cameras and their options for the baseline only, and a "
            f"cache for random ones, got others for {names}: correct them"
        )
    check(config.engine, config.output)


def _identity(config: TrainConfig) -> dict[str, object]:
    """What makes two runs the same one: everything but where their files lie and what computes."""
    fields = asdict(config)
    moved = ("root", "output", "cache", "bodies", "single", "device", "compile")
    for name in (*moved, *asdict(config.engine)):
        fields.pop(name, None)
    return fields


def _universal(
    config: TrainConfig, sources: tuple[Source, ...], device: torch.device
) -> tuple[UniversalTask, int]:
    bank, held = _poses(config, sources, LIFT_23)
    samples = validation_samples(held, config.shown, config.seed)
    crowd = crowd_of(_resident(bank, config, device), config.bodies, tuple(held), config.people)
    network = UniversalNet(config.network).to(device)
    moved = {name: (a.to(device), b.to(device)) for name, (a, b) in samples.items()}
    return UniversalTask(network, crowd, moved, config.shown), len(crowd)


def _martinez(
    config: TrainConfig, sources: tuple[Source, ...], device: torch.device
) -> tuple[MartinezTask, int]:
    network = MartinezNet(config.baseline).to(device)
    load = _captured_views if config.cameras == "captured" else _random_views
    shooter, samples = load(config, sources, device)
    standardise(network, shooter, config.seed)
    return MartinezTask(network, shooter, samples, config.reprojection), len(shooter)


def _temporal(
    config: TrainConfig, sources: tuple[Source, ...], device: torch.device
) -> tuple[TemporalTask, int]:
    single = load_weights(config.single or packaged_weights("universal"))
    latency = STREAMING if config.lifter == "streaming" else WHOLE
    network = TemporalNet(
        TemporalConfig(
            config.over_time.width, config.over_time.dropout, latency, single=single.config
        )
    )
    if config.initial is not None:
        network.load_state_dict(load_temporal(config.initial).state_dict())
    network.single.load_state_dict(single.state_dict())
    network.single.requires_grad_(False)
    crowd, held = clip_crowd(sources, config)
    samples = clip_samples(held, config.clips, config.seed)
    moved = {name: (a.to(device), b.to(device)) for name, (a, b) in samples.items()}
    return TemporalTask(network.to(device), crowd, moved, config.clips, config.lifter), len(crowd)


_Maker = Callable[[TrainConfig, tuple[Source, ...], torch.device], tuple[_LifterTask, int]]

_TASKS: Final[Mapping[LifterName, _Maker]] = {
    "universal": _universal,
    "temporal": _temporal,
    "streaming": _temporal,
    "martinez": _martinez,
}


def clip_crowd(sources: tuple[Source, ...], config: TrainConfig) -> tuple[Crowd, dict[str, People]]:
    """Clips to learn from, and those of the people held out."""
    training = [clip for s in sources for clip in s.clips(config.training_split)]
    other = [clip for s in sources for clip in s.clips(config.validation_split)]
    held = held_out(config.hold_out, [clip.subject for clip in training])
    judged = [clip for clip in training if clip.subject in held] + other
    judged = [clip for clip in judged if measured(clip) or config.unmeasured]
    if not judged:
        raise InputError(NOTHING_TO_VALIDATE_ON)
    captured = CapturedClips(
        joint_clips(clip for clip in training if clip.subject not in held), config.people.recombine
    )
    subjects = sorted({clip.subject for clip in judged})
    frames = config.clips.frames
    several = max(1, config.validation_poses // frames)
    people = {
        name: runs_of([clip for clip in judged if clip.subject == name], frames, several)
        for name in subjects
    }
    if config.bodies is None:
        return captured, people
    posed = posed_people(config.bodies, subjects, config.people.posed)
    return MixedPeople(captured, posed, config.people.captured), people


def _poses(
    config: TrainConfig, sources: tuple[Source, ...], skeleton: Skeleton
) -> tuple[PoseBank, dict[str, Poses]]:
    splits = (config.training_split, config.validation_split)
    corpus: Corpus = (
        read_corpus(sources, splits, skeleton)
        if config.cache is None
        else cached_corpus(config.cache, sources, splits, skeleton)
    )
    return split_corpus(
        corpus, splits, config.hold_out, config.validation_poses, unmeasured=config.unmeasured
    )


def _resident(bank: PoseBank, config: TrainConfig, device: torch.device) -> PoseBank:
    """On the device, but for a cache, which stays where it is."""
    return bank if config.cache is not None else bank.to(device)


def _random_views(
    config: TrainConfig, sources: tuple[Source, ...], device: torch.device
) -> tuple[Shooter, dict[str, Seen]]:
    layout = LAYOUTS[config.baseline.layout]
    skeleton = LIFT_23 if config.baseline.layout == "lift_16" else H36M_17
    bank, held = _poses(config, sources, skeleton)
    samples: dict[str, Seen] = {}
    for index, (subject, poses) in enumerate(sorted(held.items())):
        generator = torch.Generator().manual_seed(config.seed * 1000 + index)
        samples[subject] = seen_at_random(poses, skeleton, layout, generator).to(device)
    return RandomShots(_resident(bank, config, device), skeleton, layout), samples


def _captured_views(
    config: TrainConfig, sources: tuple[Source, ...], device: torch.device
) -> tuple[Shooter, dict[str, Seen]]:
    layout = LAYOUTS[config.baseline.layout]
    training = list(_captures(sources, config.training_split))
    held = held_out(config.hold_out, [clip.subject for clip in training])
    judged = [clip for clip in training if clip.subject in held]
    judged += _captures(sources, config.validation_split)
    judged = [clip for clip in judged if clip.measured or config.unmeasured]
    if not judged:
        raise InputError(NOTHING_TO_VALIDATE_ON)
    shooter = captured_shots((c for c in training if c.subject not in held), layout)
    subjects = by_subject(judged)
    views = {name: captured_shots(clips, layout).views for name, clips in subjects.items()}
    samples = {n: spread(v, config.validation_poses).to(device) for n, v in views.items()}
    return shooter.to(device), samples


def _captures(sources: tuple[Source, ...], split: str) -> Iterator[Capture]:
    for source in sources:
        for clip in source.clips(split):
            if isinstance(clip, Capture):
                yield clip
