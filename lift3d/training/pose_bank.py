"""Joint rotations from motion capture on disk, as `scripts/retarget_mocap.py` writes them.

The arrays are mapped into memory where the file allows it, so that a bank of any size costs what is
drawn from it.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.hdf5_values import dataset
from lift3d.io.files.hdf5_values import group as own_group
from lift3d.training.retarget_file import FORMAT, VERSION

__all__ = ["RotationBank", "read_rotations", "splits_of"]


_BROKEN: Final = (
    OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError, MemoryError,
    OverflowError,
)  # fmt: skip
"""What h5py and numpy raise at files that are not what they say."""


@dataclass(frozen=True, slots=True)
class RotationBank:
    """All frames of a split, clip after clip; frames that are not `ok` are never drawn.

    `axis_angle` are local rotations (radians), the root's in a y-up world; `transl` in metres.
    """

    joint_names: tuple[str, ...]
    axis_angle: Float[Tensor, "frames joints 3"]
    transl: Float[Tensor, "frames 3"]
    ok: Bool[Tensor, " frames"]
    clip_starts: Int[Tensor, " clips_and_one"]
    fps: Float[Tensor, " clips"]
    weight: Float[Tensor, " clips"]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    until: Float[Tensor, " frames"] = field(init=False)
    """Summed weights of the frames so far."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "until", self.frame_weights().cumsum(0))

    def __len__(self) -> int:
        return len(self.ok)

    def frame_weights(self) -> Float[Tensor, " frames"]:
        """How much each frame counts: its clip's weight, 0 where it is not `ok`."""
        counts = self.clip_starts.diff()
        return self.weight.repeat_interleave(counts).double() * self.ok

    def without(self, subjects: Collection[str]) -> "RotationBank":
        """The bank in which no frame of some people is ever drawn."""
        kept = torch.tensor([subject not in subjects for subject in self.subjects])
        return replace(self, weight=self.weight * kept)

    def draw(self, count: int, generator: Generator) -> Int[Tensor, " count"]:
        """Frame numbers by weight, with replacement."""
        return _by_weight(self.until, count, generator)

    def draw_runs(self, count: int, frames: int, generator: Generator) -> Int[Tensor, " count"]:
        """First frames of runs of `frames` frames in one clip, all of them `ok`.

        Raises `InputError` where no clip has such a run.
        """
        ends = self.clip_starts[1:].repeat_interleave(self.clip_starts.diff())
        good = torch.cat([torch.zeros(1, dtype=torch.long), self.ok.long().cumsum(0)])
        last = torch.arange(len(self)) + frames
        whole = last <= ends
        whole &= (good[last.clamp(max=len(self))] - good[:-1]) == frames
        weights = self.frame_weights() * whole
        if not bool((weights > 0).any()):
            raise InputError(
                f"expected clips with {frames} good frames in a row, got none: ask for fewer frames"
            )
        return _by_weight(weights.cumsum(0), count, generator)


def _by_weight(until: Tensor, count: int, generator: Generator) -> Tensor:
    at = torch.rand(count, generator=generator, dtype=torch.float64) * until[-1]
    return torch.searchsorted(until, at, right=True).clamp(max=len(until) - 1)


def read_rotations(path: str | PathLike[str], split: str = "train") -> RotationBank:
    """The bank of one split. Raises `FileFormatError` for files of another kind."""
    try:
        check_hdf5(Path(path))
        with h5py.File(path) as file:
            if (file.attrs.get("format"), file.attrs.get("version")) != (FORMAT, VERSION):
                raise FileFormatError(
                    f"expected a {FORMAT} file of version {VERSION}, got another one in '{path}': "
                    "write it with scripts/retarget_mocap.py"
                )
            group: Any = own_group(file, split)
            names = tuple(json.loads(str(file.attrs["joint_names"])))
            bank = RotationBank(
                names,
                _array(dataset(group, "axis_angle"), Path(path)),
                _array(dataset(group, "transl"), Path(path)),
                torch.from_numpy(np.asarray(dataset(group, "ok")[()], dtype=bool)),
                torch.from_numpy(np.asarray(dataset(group, "clip_starts")[()], dtype=np.int64)),
                torch.from_numpy(np.asarray(dataset(group, "fps")[()], dtype=np.float64)),
                torch.from_numpy(np.asarray(dataset(group, "weight")[()], dtype=np.float64)),
                tuple(bytes(name).decode("utf-8") for name in dataset(group, "name")[()]),
                tuple(bytes(name).decode("utf-8") for name in dataset(group, "subject")[()]),
            )
    except _BROKEN as error:
        raise FileFormatError(
            f"expected joint rotations of split '{split}' in '{path}', got "
            f"{type(error).__name__}: {error}: write it with scripts/retarget_mocap.py"
        ) from error
    _check(bank, path)
    return bank


def splits_of(path: str | PathLike[str]) -> tuple[str, ...]:
    """The splits in such a file. Raises `FileFormatError` for what is no HDF5 file."""
    try:
        check_hdf5(Path(path))
        with h5py.File(path) as file:
            return tuple(sorted(file))
    except _BROKEN as error:
        raise FileFormatError(
            f"expected joint rotations in '{path}', got {error}: write it with scripts/retarget_mocap.py"
        ) from error


def _check(bank: RotationBank, path: str | PathLike[str]) -> None:
    frames, clips = len(bank), len(bank.names)
    rotations = (frames, len(bank.joint_names), 3)
    shapes = bank.axis_angle.shape == rotations and bank.transl.shape == (frames, 3)
    clips_fit = len(bank.clip_starts) == clips + 1 and len(bank.fps) == len(bank.weight) == clips
    clips_fit &= len(bank.subjects) == clips
    rising = int(bank.clip_starts[-1]) == frames and bool((bank.clip_starts.diff() >= 0).all())
    if not (shapes and clips_fit and rising):
        raise FileFormatError(
            f"expected arrays of one length in '{path}', got {tuple(bank.axis_angle.shape)} rotations "
            f"for {frames} frames of {clips} clips: write it again"
        )


def _array(data: Any, path: Path) -> Tensor:
    """A contiguous float32 array mapped from the file, any other one read."""
    offset = data.id.get_offset()
    if data.dtype != np.dtype("<f4") or data.chunks is not None or offset is None:
        return torch.from_numpy(np.asarray(data[()], dtype=np.float32))
    # Copy on write: torch wants writable memory, and the file stays as it is.
    mapped = np.memmap(path, dtype="<f4", mode="c", offset=offset, shape=data.shape)
    return torch.from_numpy(mapped)
