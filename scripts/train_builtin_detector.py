"""Train the built-in detector's network on painted pictures alone.

    python scripts/retarget_mocap.py MOCAP bodies.h5
    python scripts/train_builtin_detector.py bodies.h5 OUT

Paints two albums from the training split's poses, one of small pictures that the network first learns
from and one of full size to end with, and a third from the validation split's by which the best step is
chosen. Every stage goes on where it was stopped: painted shards and checkpoints are kept in OUT. The
weights are OUT/large/pictures.safetensors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import Progress

from lift3d.fitting.detector_points import with_skin_points
from lift3d.painting import PaintConfig, Painter
from lift3d.plugins import body_models
from lift3d.skeletons import HALPE_26
from lift3d.surface.small_net import SmallNet, load_small_net
from lift3d.training.album import SHARD, Album, paint_shard, postures_of
from lift3d.training.engine import EngineConfig, EngineState, run
from lift3d.training.picture_task import PictureTask
from lift3d.training.pose_bank import read_rotations

SMALL = (128, 96)
LARGE = (256, 192)
VALIDATED = 1000


def paint(
    folder: Path, poses: Path, split: str, size: tuple[int, int], shards: int, seed: int
) -> Album:
    """An album, painted as far as it is not there yet."""
    body = body_models["default"]()
    bank = read_rotations(poses, split)
    painter = Painter(body, PaintConfig(height=size[0], width=size[1]), seed=seed)
    with Progress() as bars:
        bar = bars.add_task(f"painting {folder.name}", total=shards * SHARD)
        for number in range(shards):
            people = postures_of(bank, with_skin_points(body), 3, seed * 100_000 + number)
            paint_shard(
                painter,
                people,
                folder,
                number,
                progress=lambda done, n=number: bars.update(bar, completed=n * SHARD + done),
            )
            bars.update(bar, completed=(number + 1) * SHARD)
    return Album(folder)


def train(
    output: Path, album: Album, checked: Album, config: EngineConfig, start: Path | None
) -> Path:
    """Train on an album, from nothing or from other weights; the best weights."""
    torch.manual_seed(config.seed)
    network = SmallNet() if start is None else load_small_net(start).requires_grad_(True)
    network = network.to(memory_format=torch.channels_last)
    samples = checked.rows(np.arange(min(len(checked), VALIDATED)))
    task = PictureTask(network, album, samples, HALPE_26)
    return run(task, config, output, tell).weights


def tell(state: EngineState) -> None:
    """One line for each validation."""
    if state.validated and state.scores is not None:
        scores = "  ".join(f"{name} {value:.3f}" for name, value in state.scores.values.items())
        left = state.seconds_left / 60
        print(f"step {state.step}/{state.steps}  {scores}  {left:.0f} minutes left", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses", type=Path, help="file that scripts/retarget_mocap.py wrote")
    parser.add_argument("output", type=Path)
    parser.add_argument("--small", type=int, default=120, help="thousands of small pictures")
    parser.add_argument("--large", type=int, default=70, help="thousands of large pictures")
    parser.add_argument("--small-steps", type=int, default=12_000)
    parser.add_argument("--large-steps", type=int, default=12_000)
    told = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    out: Path = told.output
    small = paint(out / "painted_small", told.poses, "train", SMALL, told.small, 1)
    checked = paint(out / "checked_small", told.poses, "val", SMALL, 1, 9)
    first = EngineConfig(
        steps=told.small_steps, batch=64, learning_rate=2e-3, average=0.999, validate_every=400,
        draws=4, weight_decay=0.02, clip=5.0,
    )  # fmt: skip
    weights = train(out / "small", small, checked, first, None)
    large = paint(out / "painted_large", told.poses, "train", LARGE, told.large, 3)
    checked = paint(out / "checked_large", told.poses, "val", LARGE, 1, 11)
    second = EngineConfig(
        steps=told.large_steps, batch=32, learning_rate=1e-3, average=0.999, validate_every=200,
        draws=4, weight_decay=0.02, clip=5.0,
    )  # fmt: skip
    print(train(out / "large", large, checked, second, weights))


if __name__ == "__main__":
    main()
