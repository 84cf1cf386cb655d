"""`train_regressor`: from motion capture on disk to the weights that read bodies out of keypoints."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import torch
from torch import Generator

from lift3d.errors import InputError
from lift3d.fitting.detector_points import with_skin_points
from lift3d.lifting.universal import packaged_weights
from lift3d.lifting.universal_net import load_weights
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.regressing.posture_net import PostureConfig, PostureNet
from lift3d.training.data import NOTHING_TO_VALIDATE_ON, held_out, open_sources
from lift3d.training.engine import EngineConfig, EngineState, check, run
from lift3d.training.lifter import TrainReport
from lift3d.training.people import PosedPeople
from lift3d.training.pose_bank import RotationBank, read_rotations, splits_of
from lift3d.training.posed_bodies import BodyFactory, PosedBodies, PosedConfig
from lift3d.training.posture_task import PostureTask, Teacher, posture_samples
from lift3d.training.retarget_file import ClipReport, retarget_dataset
from lift3d.training.shown import ShownConfig
from lift3d.training.trainer import device_named

__all__ = ["RegressorConfig", "train_regressor"]

_RECIPE: Final = EngineConfig(steps=30_000, batch=512, learning_rate=4e-3, average=0.999)


@dataclass(frozen=True, slots=True)
class RegressorConfig:
    """Train the body regressor on motion capture, put onto the default body first."""

    output: Path
    """Folder for weights, checkpoint and logs; a run found there is resumed."""
    bodies: Path | None = None
    """File that scripts/retarget_mocap.py wrote; without it one is made in the output folder."""
    root: tuple[Path, ...] = ()
    """Folder (or file) with the motion capture that it is made from."""
    dataset: tuple[str, ...] = ("mocap_h5",)
    """Name of its reader in `lift3d.datasets`."""
    reader: tuple[str, ...] = ()
    """Options of the reader as NAME=VALUE."""
    hold_out: tuple[str, ...] | None = None
    """Subjects of the training split to validate on too; by default CMU's 127 and 16 where they are."""
    training_split: str = "train"
    """Split to learn from."""
    validation_split: str = "val"
    """Split by which the best step is chosen."""
    validation_poses: int = 1000
    """Poses per validation subject, at most."""
    single: Path | None = None
    """Universal weights of the lifter that the regressor stands on; by default those in the package."""
    engine: EngineConfig = field(default_factory=lambda: _RECIPE)
    """How it is trained."""
    network: PostureConfig = field(default_factory=PostureConfig)
    """The network."""
    posed: PosedConfig = field(default_factory=lambda: PosedConfig(size=0.0))
    """How bodies are posed; betas tell all of their size."""
    shown: ShownConfig = field(default_factory=ShownConfig)
    """How they are shown."""
    device: str = "auto"
    """Where to train: auto, cpu or cuda."""
    seed: int = 0
    """Seed of weights, data order, cameras and noise."""


def train_regressor(
    config: RegressorConfig,
    progress: Callable[[EngineState], None] = lambda _: None,
    retargeting: Callable[[ClipReport, int, int], None] = lambda _clip, _done, _all: None,
) -> TrainReport:
    """Train, keep the weights that validate best, and write them as `posture.safetensors`.

    `retargeting` is told each clip that was put onto the body, how many are done, and how many there
    are. Raises `Lift3dError` where data, configuration or an earlier run do not fit.
    """
    if config.posed.size != 0 or config.validation_poses < 1:
        raise InputError(
            "expected posed.size of 0, since betas tell a body's size, and validation_poses of at least "
            f"1, got {config.posed.size} and {config.validation_poses}: correct them"
        )
    check(config.engine, config.output)
    device = device_named(config.device)
    body = body_models["default"]()
    path = config.bodies or _retargeted(config, body, retargeting)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(config.seed)
        task, poses = _task(config, path, body, device)
        done = run(task, config.engine, config.output, progress, _identity(config))
    return TrainReport(done.weights, done.step, done.best_step, task.finish(done.weights), poses)


def _identity(config: RegressorConfig) -> dict[str, object]:
    """What makes two runs the same one: everything but where their files lie and what computes."""
    fields = asdict(config)
    for name in ("output", "bodies", "root", "single", "device", "engine"):
        fields.pop(name)
    return fields


def _retargeted(
    config: RegressorConfig, body: BodyModel, tell: Callable[[ClipReport, int, int], None]
) -> Path:
    """The motion capture on the default body; what was done before a stop is kept."""
    target = config.output / "bodies.h5"
    if not target.exists():
        if len(config.root) > 1 or len(config.dataset) > 1:
            raise InputError(
                "expected one dataset to put onto bodies, got several: put them there one by one with "
                "scripts/retarget_mocap.py"
            )
        source = open_sources(config.dataset, config.root, config.reader)[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        retarget_dataset(source.dataset, body.articulation, target, progress=tell)
    return target


def _task(
    config: RegressorConfig, path: Path, body: BodyModel, device: torch.device
) -> tuple[PostureTask, int]:
    rotations = read_rotations(path, config.training_split)
    held = held_out(config.hold_out, sorted(set(rotations.subjects)))
    learned = rotations.without(held)
    judged = [(rotations, held)]
    if config.validation_split in splits_of(path):
        other = read_rotations(path, config.validation_split)
        judged.append((other, tuple(sorted(set(other.subjects)))))
    articulation = with_skin_points(body)
    people = PosedPeople(BodyFactory(learned, articulation, config.posed))
    network = PostureNet(
        replace(config.network, betas=body.articulation.joints_shapedirs.shape[-1])
    ).to(device)
    lifter = load_weights(config.single or packaged_weights("universal"))
    teacher = Teacher(body)
    judge = teacher.to(device)
    task = PostureTask(network, people, lifter, teacher, judge, {}, config.shown)
    subjects: dict[str, PosedBodies] = {}
    for bank, names in judged:
        for name in sorted(names):
            one = bank.without(set(bank.subjects) - {name})
            factory = BodyFactory(one, articulation, replace(config.posed, share=0.0, mirror=0.0))
            subjects[name] = _judged(factory, one, config)
    if not subjects:
        raise InputError(NOTHING_TO_VALIDATE_ON)
    samples = posture_samples(task, subjects, config.seed * 1000)
    moved = {name: batch.to(device) for name, batch in samples.items()}
    return replace(task, samples=moved), int((learned.frame_weights() > 0).sum())


def _judged(factory: BodyFactory, bank: RotationBank, config: RegressorConfig) -> PosedBodies:
    count = min(config.validation_poses, int((bank.frame_weights() > 0).sum()))
    return factory.bodies(count, 1, Generator().manual_seed(config.seed))
