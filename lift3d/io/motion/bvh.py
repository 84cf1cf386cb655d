"""BVH motion files: a tree of joints with offsets, then one row of numbers per frame.

Layout (read from KevinLTT/video2bvh, bvh_helper.py, and the files of three exporters): `HIERARCHY`,
`ROOT name { OFFSET x y z, CHANNELS n names..., JOINT ..., End Site { OFFSET x y z } }`, `MOTION`,
`Frames: n`, `Frame Time: seconds`, rows. Rotations are in degrees and intrinsic, in the order that
the channels are listed: R = R_first R_second R_third. The file does not say its unit of length.

A tip (`End Site`) becomes a joint `<parent>_end`. The root's position channels stand instead of its
offset. On other joints two habits exist: positions that stand for the offset (most exporters), or
are added to it (MakeHuman); whichever leaves the offsets of this file more at rest is taken.
"""

import math
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.numbers import parse_numbers
from lift3d.io.files.zip_entries import check_regular
from lift3d.io.motion.rotation_clip import RotationClip

__all__ = ["BvhMotion", "read_bvh"]

_MOTION: Final = re.compile(
    rb"^[^\S\n]*MOTION\s+Frames:\s*(\d{1,9})\s+Frame Time:\s*(\S{1,40})[^\S\n]*(?:\n|$)",
    re.MULTILINE,
)
_AXES: Final = {"X": 0, "Y": 1, "Z": 2}
_CHANNEL: Final = re.compile(r"^([XYZ])(position|rotation)$", re.IGNORECASE)
_MAX_JOINTS: Final = LIMITS.joints
_FEW_ROTATIONS: Final = 500_000
"""Joints times frames; beyond, one for each byte of the file: joints without channels need no text."""


@dataclass(frozen=True, slots=True)
class BvhMotion:
    """What a BVH file says, number by number, so that it can be written again.

    `channels[j]` lists the channels of joint j ("Xposition", "Zrotation", ...; none for a tip) and
    `values` holds them side by side, in the file's unit and in degrees. `offsets` are in the file's
    unit; `frame_time` is in seconds.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float64[ndarray, "joints 3"]
    channels: tuple[tuple[str, ...], ...]
    values: Float64[ndarray, "frames channels"]
    frame_time: float

    def __len__(self) -> int:
        return len(self.values)

    @property
    def fps(self) -> float:
        """Frames per second, a whole number where the frame time is one's rounded inverse."""
        rate = 1 / self.frame_time
        return float(round(rate)) if abs(rate - round(rate)) < 1e-3 * rate else rate

    def rotmats(self) -> Float[Tensor, "frames joints 3 3"]:
        """Local rotations of all joints; a tip does not turn."""
        eye = torch.eye(3, dtype=torch.float64)
        out = eye.repeat(len(self), len(self.names), 1, 1)
        for axes, joints, columns in self._turns():
            turned = out[:, joints]
            for place, axis in enumerate(axes):
                angles = torch.from_numpy(self.values[:, columns[:, place]]) * (math.pi / 180)
                turned = turned @ rotmat_from_axis_angle(angles[..., None] * eye[axis])
            out[:, joints] = turned
        return out

    def _turns(self) -> list[tuple[tuple[int, ...], list[int], ndarray]]:
        """Joints by their order of axes, with the columns of their angles."""
        groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
        for joint, found in enumerate(self._columns("rotation")):
            axes = tuple(axis for axis, _ in found)
            groups.setdefault(axes, []).append((joint, [column for _, column in found]))
        return [
            (axes, [joint for joint, _ in members], np.array([columns for _, columns in members]))
            for axes, members in groups.items()
            if axes
        ]

    def _columns(self, kind: str) -> list[list[tuple[int, int]]]:
        """For each joint the (axis, column) of its channels of a kind."""
        out: list[list[tuple[int, int]]] = []
        column = 0
        for names in self.channels:
            parts = [(name[0].upper(), name[1:].lower()) for name in names]
            out.append(
                [(_AXES[axis], column + i) for i, (axis, word) in enumerate(parts) if word == kind]
            )
            column += len(names)
        return out

    def local_offsets(self) -> Float[Tensor, "frames joints 3"]:
        """Where joints lie in their parents' frames, in the file's unit; the root's is its path."""
        placed = np.repeat(self.offsets[None], len(self), 0)
        rest = np.zeros_like(self.offsets)  # of the axes that have a channel, the root's apart
        for joint, found in enumerate(self._columns("position")):
            for axis, column in found:
                placed[:, joint, axis] = self.values[:, column]
                rest[joint, axis] = self.offsets[joint, axis] if self.parents[joint] >= 0 else 0.0
        moved = placed[:, rest != 0]
        moved = moved[np.isfinite(moved).all(1)]
        if np.abs(moved).sum() < np.abs(moved - rest[rest != 0]).sum():
            placed += rest
        return torch.from_numpy(placed)

    def clip(self, metres: float) -> RotationClip:
        """The motion in metres, where one unit of the file is `metres` long."""
        rest = torch.from_numpy(self.offsets.copy()) * metres
        offsets = self.local_offsets() * metres
        return RotationClip(self.names, self.parents, rest, offsets, self.rotmats(), self.fps)


def read_bvh(path: str | PathLike[str]) -> BvhMotion:
    """Read a BVH file; `FileFormatError` says what is wrong with it, also where it was cut off.

    Numbers that are not finite ("nan") are kept: the caller decides about such frames.
    """
    file = Path(path)
    try:
        check_regular(file)
        data = file.read_bytes()
    except OSError as error:
        raise FileFormatError(
            f"expected a BVH file at '{file}', got {error.strerror or error}: check the path"
        ) from error
    motion = _MOTION.search(data)
    if not motion or not data[:400].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"HIERARCHY"):
        raise FileFormatError(
            f"expected HIERARCHY and MOTION with Frames and Frame Time in '{file}', got another "
            "text or a file that was cut off: export it again as BVH"
        )
    tree = _Tree(file)
    for line in data[: motion.start()].decode("utf-8", "replace").splitlines():
        tree.read(line)
    tree.finish()
    frames = int(motion[1])
    values = _values(data[motion.end() :], tree, frames, file)
    if frames * len(tree.names) > _FEW_ROTATIONS + len(data):
        raise FileFormatError(
            f"expected channels for most joints in '{file}', got {len(tree.names)} joints over "
            f"{frames} frames with {values.shape[1]} numbers each: export it again"
        )
    return BvhMotion(
        tuple(tree.names),
        tuple(tree.parents),
        np.array(tree.offsets),
        tuple(tree.channels),
        values,
        _frame_time(motion[2], file),
    )


def _frame_time(word: bytes, file: Path) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 3600:
        raise FileFormatError(
            f"expected a frame time above 0 seconds in '{file}', got "
            f"{word.decode('latin1')[:40]}: correct the line 'Frame Time:'"
        )
    return seconds


def _values(text: bytes, tree: "_Tree", frames: int, file: Path) -> Float64[ndarray, "n c"]:
    width = sum(map(len, tree.channels))
    try:
        numbers = parse_numbers(text, frames * width)
    except ValueError as error:
        raise FileFormatError(
            f"expected numbers only after the frame time of '{file}', got {error}: export it again"
        ) from error
    if len(numbers) != frames * width or not frames or not width:
        raise FileFormatError(
            f"expected {frames} frames of {width} numbers in '{file}', got {len(numbers)} numbers: "
            "the file was cut off or edited; export it again"
        )
    return numbers.reshape(frames, width)


class _Tree:
    """The hierarchy, line by line. Names may contain spaces (3ds Max writes such)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[tuple[str, ...]] = []
        self._open: list[int] = []
        self._next = -1
        self._taken: set[str] = set()
        self._tips: dict[str, int] = {}

    def read(self, line: str) -> None:
        words = line.split()
        if not words:
            return
        opened = words[-1] == "{"
        head, rest = words[0].upper(), words[1 : len(words) - opened]
        if head in ("ROOT", "JOINT", "END"):
            self._joint(head, " ".join(rest))
        elif head == "OFFSET":
            self._at().offsets[-1] = self._three(rest)
        elif head == "CHANNELS":
            self._at().channels[-1] = self._channel_names(rest)
        elif head == "}" and self._open:
            self._open.pop()
        elif head not in ("{", "HIERARCHY", "\ufeffHIERARCHY"):
            self._refuse("OFFSET, CHANNELS, JOINT, End Site and braces", line)
        if opened:
            self._open.append(self._next)

    def _joint(self, head: str, name: str) -> None:
        parent = self._open[-1] if self._open else -1
        if (parent < 0) != (head == "ROOT") or (parent < 0 and self.names):
            self._refuse("one ROOT, and joints inside it", f"{head} {name}")
        if head == "END":
            name = self._tip_name(f"{self.names[parent]}_end")
        elif name in self._taken:
            self._refuse("every joint's name once", name)
        self._next = len(self.names)
        self._taken.add(name)
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([math.nan] * 3)
        self.channels.append(())
        if len(self.names) > _MAX_JOINTS:
            self._refuse(f"at most {_MAX_JOINTS} joints", "more")

    def _tip_name(self, name: str) -> str:
        """A name that nobody has: hip_end, hip_end2, hip_end3, ..."""
        number = self._tips.get(name, 0) + 1
        while (free := name if number == 1 else f"{name}{number}") in self._taken:
            number += 1
        self._tips[name] = number
        return free

    def _at(self) -> "_Tree":
        """Itself, while the joint named last is open: only it takes an offset and channels."""
        if not self.names or not self._open or self._open[-1] != len(self.names) - 1:
            self._refuse("OFFSET and CHANNELS before a joint's children", "them elsewhere")
        return self

    def _three(self, words: list[str]) -> list[float]:
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            numbers = []
        if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
            self._refuse("three numbers after OFFSET", " ".join(words))
        return numbers

    def _channel_names(self, words: list[str]) -> tuple[str, ...]:
        names = words[1:]
        known = all(_CHANNEL.match(name) for name in names)
        if not words or words[0] != str(len(names)) or not known or len(set(names)) < len(names):
            self._refuse("CHANNELS, their number, and Xposition ... Zrotation", " ".join(words))
        return tuple(names)

    def finish(self) -> None:
        if self._open or not self.names:
            self._refuse("every brace closed", "an open one" if self._open else "no joint")
        if any(math.isnan(offset[0]) for offset in self.offsets):
            self._refuse("an OFFSET for every joint", "a joint without")

    def _refuse(self, wanted: str, got: str) -> None:
        raise FileFormatError(
            f"expected {wanted} in the hierarchy of '{self.file}', got '{got.strip():.60}': "
            "export it again"
        )
