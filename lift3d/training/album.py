"""Painted pictures on disk, as the built-in detector's network learns from them.

A shard is a folder of plain numpy arrays (`pictures` [n h w 3], `parts` [n h/4 w/4] of the subject, 255
where nothing is to be learned, `uv` [n 2 h/4 w/4] in 255ths, `keypoints` [n k 2] in pixels, `seen`
[n k]). Shards appear whole. Arrays are mapped into memory, so an album may be larger than it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from torch import Generator, Tensor

from lift3d.body import Articulation
from lift3d.errors import FileFormatError
from lift3d.geometry.rotations import axis_angle_from_quat_wxyz
from lift3d.io.files.atomic_folder import atomic_folder
from lift3d.painting import Painter, Painting, Postures
from lift3d.painting.values import IGNORED
from lift3d.surface.small_net import STRIDE
from lift3d.training.pose_bank import RotationBank
from lift3d.training.posed_bodies import BodyFactory, PosedConfig

__all__ = ["Album", "PictureBatch", "paint_shard", "postures_of"]

SHARD: Final = 1000
_NAMES: Final = ("pictures", "parts", "uv", "keypoints", "seen")


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """Some pictures of an album; `uv` in [0, 1]."""

    pictures: UInt8[Tensor, "batch height width 3"]
    parts: Int[Tensor, "batch h w"]
    uv: Float[Tensor, "batch 2 h w"]
    keypoints: Float[Tensor, "batch keypoints 2"]
    seen: Int[Tensor, "batch keypoints"]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: slice | Tensor) -> "PictureBatch":
        return PictureBatch(*(getattr(self, name)[rows] for name in self.__slots__))


class Album:
    """All shards of a folder, as one collection."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        self.shards = [_arrays(path) for path in sorted(self.folder.glob("[0-9]*"))]
        if not self.shards:
            raise FileFormatError(
                f"expected an album of painted pictures in '{folder}', got none: paint one first"
            )
        self.starts = np.cumsum([0, *(len(shard["seen"]) for shard in self.shards)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        height, width = self.shards[0]["pictures"].shape[1:3]
        return height, width

    def draw(self, count: int, generator: Generator) -> PictureBatch:
        """Random pictures, with replacement."""
        rows = torch.randint(len(self), (count,), generator=generator).sort().values
        return self.rows(rows.numpy())

    def rows(self, rows: Int[ndarray, " rows"]) -> PictureBatch:
        """Pictures by number."""
        shard = np.searchsorted(self.starts, rows, side="right") - 1
        picked = {
            name: np.stack(
                [self.shards[s][name][r - self.starts[s]] for s, r in zip(shard, rows, strict=True)]
            )
            for name in _NAMES
        }
        return PictureBatch(
            torch.from_numpy(picked["pictures"]),
            torch.from_numpy(picked["parts"].astype(np.int64)),
            torch.from_numpy(picked["uv"].astype(np.float32) / 255),
            torch.from_numpy(picked["keypoints"].astype(np.float32)),
            torch.from_numpy(picked["seen"].astype(np.int64)),
        )


def _arrays(path: Path) -> dict[str, ndarray]:
    try:
        return {
            name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in _NAMES
        }
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a shard of painted pictures in '{path}', got {error}: remove it and paint again"
        ) from error


def postures_of(
    bank: RotationBank, body: Articulation, count: int, seed: int
) -> Iterator[Postures]:
    """Captured people, recombined and perturbed within their limits, a subject and company each time."""
    factory = BodyFactory(bank, body, PosedConfig(share=0.7, turn=0.18, beta=1.2))
    generator = Generator().manual_seed(seed)
    while True:
        quats, _ = factory.rotations(max(count, 256), 1, generator)
        betas, _ = factory.shapes(max(count, 256), generator)
        turns = axis_angle_from_quat_wxyz(quats[:, 0])
        for first in range(0, len(turns) - count + 1, count):
            yield Postures(
                turns[first : first + count].float(), betas[first : first + count].float()
            )


def paint_shard(
    painter: Painter,
    postures: Iterator[Postures],
    folder: Path,
    number: int,
    *,
    count: int = SHARD,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Paint one shard, unless it is there already."""
    target = folder / f"{number:05d}"
    if target.exists():
        return
    columns: dict[str, list[ndarray]] = {name: [] for name in _NAMES}
    for at in range(count):
        painting = painter.paint(next(postures), number * count + at)
        for name, value in _learned(painting).items():
            columns[name].append(value)
        progress(at + 1)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as partial:
        for name, values in columns.items():
            np.save(partial / f"{name}.npy", np.stack(values), allow_pickle=False)


def _learned(painting: Painting) -> dict[str, ndarray]:
    """What a network learns of a painting: maps of its subject at a fourth of the picture."""
    middle = slice(STRIDE // 2, None, STRIDE)
    part = np.where(painting.mask(0), painting.part, 0).astype(np.uint8)[middle, middle]
    uv = np.nan_to_num(painting.uv[:, middle, middle])
    uv[:, (part == 0) | (part == IGNORED)] = 0
    subject = painting.people[0]
    return {
        "pictures": painting.picture,
        "parts": part,
        "uv": np.round(uv.clip(0, 1) * 255).astype(np.uint8),
        "keypoints": subject.keypoints.clip(-1e4, 1e4).astype(np.float32),
        "seen": subject.seen.astype(np.uint8),
    }
