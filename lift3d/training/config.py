"""What a training of a lifter can be told, and how each lifter is trained where nothing is said."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from lift3d.lifting.martinez import MartinezConfig
from lift3d.lifting.universal_net import UniversalConfig
from lift3d.training.crowds import CrowdConfig
from lift3d.training.engine import EngineConfig
from lift3d.training.shown import ShownConfig
from lift3d.training.temporal_task import ClipConfig
from lift3d.training.trainer import Precision

__all__ = ["RECIPES", "STREAMING", "LayersConfig", "LifterName", "TrainConfig"]

LifterName = Literal["universal", "temporal", "streaming", "martinez"]

_CLIPS: Final = EngineConfig(
    steps=8_000, batch=24, learning_rate=2e-3, average=0.998, validate_every=400
)

RECIPES: Final[Mapping[LifterName, EngineConfig]] = {
    "universal": EngineConfig(steps=44_000, average=0.999),
    "temporal": _CLIPS,
    "streaming": _CLIPS,
    "martinez": EngineConfig(
        steps=48_000,
        batch=64,
        learning_rate=1e-3,
        schedule="exponential",
        warmup=0,
        weight_decay=0.0,
        max_norm=1.0,
        draws=16,
    ),
}
"""How each lifter is trained where nothing else is asked for."""
STREAMING: Final = 4
"""Frames of latency of the lifter for live use, at 30 frames per second."""


@dataclass(frozen=True, slots=True)
class LayersConfig:
    """The temporal lifters' layers."""

    width: int = 384
    """Numbers per frame in hidden layers."""
    dropout: float = 0.05
    """Share of hidden activations dropped while training."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Train a lifter on motion capture. What is None is as the lifter's recipe has it."""

    output: Path
    """Folder for weights, checkpoint and logs; a run found there is resumed."""
    root: tuple[Path, ...] = ()
    """Folders (or files) with motion capture, one or several; none for a dataset without files."""
    dataset: tuple[str, ...] = ("mocap_h5",)
    """Name of the reader in `lift3d.datasets`: one for each root, or one for all."""
    reader: tuple[str, ...] = ()
    """Options of the reader as NAME=VALUE, such as detections=cpn_ft_h36m_dbb or partial=true."""
    lifter: LifterName = "universal"
    """Which lifter: for single frames, for clips, for live use, or the classic baseline."""
    cameras: Literal["random", "captured"] = "random"
    """Random cameras, or the views that the dataset holds (baseline only)."""
    reprojection: float = 0.0
    """Weight of captured people without known joints, by their keypoints (baseline only)."""
    cache: Path | None = None
    """File to keep the poses in, from which they are mapped: for data larger than the memory."""
    hold_out: tuple[str, ...] | None = None
    """Subjects of the training split to validate on too; by default CMU's 127 and 16 where they are."""
    training_split: str = "train"
    """Split to learn from."""
    validation_split: str = "val"
    """Split by which the best step is chosen, and early stopping decided."""
    validation_poses: int = 1000
    """Poses per validation subject, at most."""
    unmeasured: bool = False
    """Validate also by joints that were not solved from markers for this person's own skeleton."""
    steps: int | None = None
    """Optimiser steps (universal 44000, temporal and streaming 8000, martinez 48000)."""
    batch: int | None = None
    """Samples per step (universal 512, martinez 64; clips: temporal and streaming 24)."""
    learning_rate: float | None = None
    """Highest learning rate (universal 0.004, over time 0.002, by a cosine; martinez 0.001)."""
    weight_decay: float | None = None
    """AdamW's weight decay on matrices (0.01; 0)."""
    warmup: int | None = None
    """Steps over which the learning rate rises (200; 0)."""
    clip: float | None = None
    """Longest gradient; 0 for no limit (0)."""
    average: float | None = None
    """Decay of a moving average of the weights; 0 for none (0.999, over time 0.998; martinez 0)."""
    patience: int | None = None
    """Stop after so many validations without a better one; 0 to go on (0)."""
    validate_every: int | None = None
    """Steps between validations and checkpoints (2000; temporal and streaming 400)."""
    precision: Precision | None = None
    """Number format of matrix products (auto: bfloat16 where the processor has it)."""
    compile: Literal["no", "default", "graphs"] | None = None
    """On a GPU: compile the network, or replay it as CUDA graphs (no)."""
    device: str = "auto"
    """Where to train: auto, cpu or cuda."""
    seed: int = 0
    """Seed of weights, data order, cameras and noise."""
    single: Path | None = None
    """Universal weights that the temporal lifters stand on; by default those in the package."""
    initial: Path | None = None
    """Weights that the temporal lifters' layers start from."""
    network: UniversalConfig = field(default_factory=UniversalConfig)
    """The universal lifter's network."""
    over_time: LayersConfig = field(default_factory=LayersConfig)
    """The temporal lifters' layers."""
    clips: ClipConfig = field(default_factory=ClipConfig)
    """How clips are shown to them."""
    baseline: MartinezConfig = field(default_factory=MartinezConfig)
    """The baseline's network."""
    bodies: Path | None = None
    """File that scripts/retarget_mocap.py wrote: posed bodies are shown too (universal only)."""
    people: CrowdConfig = field(default_factory=CrowdConfig)
    """Whom the universal lifter learns from."""
    shown: ShownConfig = field(default_factory=ShownConfig)
    """How they are shown to it."""

    @property
    def engine(self) -> EngineConfig:
        """The lifter's recipe with what was asked for."""
        recipe = RECIPES[self.lifter]
        asked = {name: getattr(self, name, None) for name in asdict(recipe)}
        given = {name: value for name, value in asked.items() if value is not None}
        return replace(recipe, **given)
