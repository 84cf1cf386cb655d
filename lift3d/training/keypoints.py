"""`train_keypoints`: from annotated pictures on disk to the weights of a keypoint network."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from lift3d.errors import InputError
from lift3d.io.files.json_values import read_bytes
from lift3d.networks import KeypointNetwork
from lift3d.networks.catalogue import NetworkName, configured
from lift3d.plugins import datasets
from lift3d.protocols import PictureDataset
from lift3d.training.engine import EngineConfig, EngineState, Finish, check, run
from lift3d.training.keypoint_task import KeypointTask, PictureChanges
from lift3d.training.person_pictures import PersonPictures, read_person_pictures
from lift3d.training.trainer import device_named

__all__ = ["KeypointTrainConfig", "KeypointTrainReport", "train_keypoints"]

_RECIPE: Final = EngineConfig(
    steps=20_000, batch=32, learning_rate=1e-3, draws=1, validate_every=500, warmup=500
)
_SEVERAL: Final[tuple[NetworkName, ...]] = ("associative", "dekr", "paf")


@dataclass(frozen=True, slots=True)
class KeypointTrainConfig:
    """Train a 2D keypoint network on annotated pictures."""

    pictures: Path
    """Folder of the dataset: its annotations, and the pictures unless --picture-folder says where."""
    output: Path
    """Folder for weights, checkpoint and logs; a run found there is resumed."""
    network: NetworkName = "simple_baseline"
    """Which network."""
    shape: Path | None = None
    """JSON file with what of the network differs from its paper: {"backbone": {"depth": 18}}."""
    size: tuple[int, int] = (256, 192)
    """Height and width of the network's input."""
    dataset: str = "coco"
    """Name of the reader in `lift3d.datasets`: one of pictures."""
    picture_folder: Path | None = None
    """What the pictures' file names are relative to."""
    training_split: str = "train"
    """Split to learn from."""
    validation_split: str = "val"
    """Split by which the best step is chosen."""
    most: int = 0
    """Crops to learn from, at most; 0 for all. They are held in memory."""
    validation_most: int = 1000
    """Crops to validate on, at most."""
    engine: EngineConfig = field(default_factory=lambda: _RECIPE)
    """How it is trained."""
    changes: PictureChanges = field(default_factory=PictureChanges)
    """How pictures are changed before they are learned from."""
    device: str = "auto"
    """Where to train: auto, cpu or cuda."""
    seed: int = 0
    """Seed of weights, data order and changes."""


@dataclass(frozen=True, slots=True)
class KeypointTrainReport:
    """How a run ended; `error` is the mean distance on the validation pictures, in pixels."""

    weights: Path
    step: int
    best_step: int
    error: float
    pictures: int
    parameters: int


def train_keypoints(
    config: KeypointTrainConfig, progress: Callable[[EngineState], None] = lambda _: None
) -> KeypointTrainReport:
    """Train until the steps are done; keep what validates best (see `lift3d.training.engine.run`).

    Raises `InputError` for datasets without pictures, unknown splits and shapes that cannot be, and
    `FileFormatError` for annotations and pictures that cannot be read.
    """
    check(config.engine, config.output)
    device = device_named(config.device)
    learned, held = (
        _read(config, split, most)
        for split, most in (
            (config.training_split, config.most),
            (config.validation_split, config.validation_most),
        )
    )
    torch.manual_seed(config.seed)
    made = configured(config.network, learned.skeleton, config.size, _shape(config.shape))
    network: KeypointNetwork[Any] = made.build().to(device)
    task = KeypointTask(network, learned, held, config.changes)
    finish = run(task, config.engine, config.output, progress, _about(config, made, learned))
    return _report(finish, network, len(learned))


def _read(config: KeypointTrainConfig, split: str, most: int) -> PersonPictures:
    reader: Any = datasets[config.dataset]
    if not hasattr(reader, "pictures"):
        raise InputError(
            f"expected a dataset of pictures (coco, crowdpose, mpii), got '{config.dataset}': choose "
            "another"
        )
    data: PictureDataset = reader(config.pictures)
    if split not in data.splits:
        raise InputError(
            f"expected a split of '{config.dataset}' in '{config.pictures}' "
            f"({', '.join(data.splits)}), got '{split}': name one of them"
        )
    folder = config.picture_folder or config.pictures
    several = config.network in _SEVERAL
    return read_person_pictures(
        data.pictures(split), folder, config.size, several=several, most=most
    )


def _shape(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        shape = json.loads(read_bytes(path))
    except ValueError as error:
        raise InputError(
            f"expected a JSON file with fields of the network in '{path}', got {error}: correct it"
        ) from error
    if not isinstance(shape, dict):
        raise InputError(
            f"expected named fields of the network in '{path}', got a {type(shape).__name__}: write "
            '{"name": value}'
        )
    return shape


def _about(config: KeypointTrainConfig, made: Any, learned: PersonPictures) -> dict[str, object]:
    return {
        "network": config.network,
        "shape": asdict(made),
        "changes": asdict(config.changes),
        "pictures": len(learned),
        "size": list(config.size),
        "seed": config.seed,
    }


def _report(finish: Finish, network: KeypointNetwork[Any], pictures: int) -> KeypointTrainReport:
    parameters = sum(each.numel() for each in network.parameters())
    return KeypointTrainReport(
        finish.weights, finish.step, finish.best_step, finish.best, pictures, parameters
    )
