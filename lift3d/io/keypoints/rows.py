"""Detections collected while a long file, or a folder of many, is read."""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.conventions import MAX_SIDE
from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.io.keypoints.detections import (
    MAX_PEOPLE,
    Detections,
    FileFacts,
    assembled,
    crowd,
    mixed,
)

__all__ = ["Rows"]

MAX_READ: Final = LIMITS.values // 3 * 2
"""Keypoints that one file may have: 1 GB of numbers."""


class Rows:
    """Detections as they are read: 8 bytes for each number, and nothing else is held.

    `where` is the file or folder and `unit` what its people are numbered by, both for messages.
    """

    def __init__(self, where: str, unit: str) -> None:
        self._where, self._unit = where, unit
        self.image_size: tuple[int, int] | None = None
        self._frames, self._persons = array("q"), array("q")
        self._values = bytearray()
        self._spatial, self._spatial_rows = bytearray(), array("q")
        self._count, self._newest, self._run = -1, -1, 0
        self._pack = self._pack_spatial = struct.Struct("")

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self, frame: int, values: Sequence[float | None], person: int, source: str, number: int
    ) -> None:
        """One person: x, y, confidence, x, ... (null where missing); `source` is the file's name.

        Raises `FileFormatError` for other than three numbers per keypoint, for another number of
        keypoints than everybody before has, and for more people than a picture or a file holds.
        """
        if len(values) != self._count:
            self._settle_count(frame, values, f"'{source}', {self._unit} {number}")
        self._values += _packed(self._pack, values)
        self._run = self._run + 1 if frame == self._newest else 1
        self._newest = frame
        self._frames.append(frame)
        self._persons.append(person)
        if self._run > MAX_PEOPLE or len(self._values) > 24 * MAX_READ:
            self._refuse(frame)

    def add_spatial(self, values: Sequence[float | None], source: str, number: int) -> None:
        """The newest person in space: x, y, z, confidence, x, ... for the same keypoints."""
        if 3 * len(values) != 4 * self._count:
            raise FileFormatError(
                f"expected x, y, z, confidence for {self._count // 3} keypoints in '{source}', "
                f"{self._unit} {number}, got {len(values)} numbers: write four per keypoint"
            )
        self._spatial += _packed(self._pack_spatial, values)
        self._spatial_rows.append(len(self) - 1)

    def say_size(self, height: object, width: object) -> None:
        """The picture's size in pixels, as a frame gives it; the first one that makes sense counts."""
        if self.image_size is None and isinstance(height, int) and isinstance(width, int):
            sides = (height, width)
            self.image_size = sides if 1 <= min(sides) <= max(sides) <= MAX_SIDE else None

    def points(self) -> Float64[ndarray, "rows joints 3"]:
        """All rows so far; the memory is this object's own and takes no more rows."""
        return np.frombuffer(self._values).reshape(len(self), max(self._count, 3) // 3, 3)

    def detections(
        self, frames: Sequence[int], facts: FileFacts, numbers: Sequence[int] | None = None
    ) -> Detections:
        """All rows as one clip; `frames` are all its frame numbers, empty ones too.

        Where `numbers` is given, row i is in frame `numbers[i]`. Raises as `gather`.
        """
        own = np.array(self._frames if numbers is None else numbers, dtype=np.int64)
        persons = np.array(self._persons, dtype=np.int64)
        found = assembled(own, self.points(), persons, frames, facts, self._where)
        return replace(found, spatial=self._in_space()) if self._spatial_rows else found

    def _in_space(self) -> Float64[ndarray, "rows joints 4"]:
        points = np.full((len(self), self._count // 3, 4), np.nan)
        points[np.array(self._spatial_rows)] = np.frombuffer(self._spatial).reshape(
            -1, self._count // 3, 4
        )
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(points).all(-1) & (points[..., 3] > 0)
        points[~seen] = (np.nan, np.nan, np.nan, 0.0)
        return points

    def _settle_count(self, frame: int, values: Sequence[float | None], place: str) -> None:
        count = len(values)
        if count % 3 or not count:
            raise FileFormatError(
                f"expected x, y, confidence for every keypoint in {place}, got "
                f"{count} numbers: write three per keypoint"
            )
        if self._count >= 0:
            other = (self._count // 3, self._frames[0])
            raise mixed(other, (count // 3, frame), self._where)
        self._count, self._pack = count, struct.Struct(f"{count}d")
        self._pack_spatial = struct.Struct(f"{count // 3 * 4}d")

    def _refuse(self, frame: int) -> None:
        if self._run > MAX_PEOPLE:
            raise crowd(f"frame {frame} of {self._where}", f"{self._run} or more")
        raise FileFormatError(
            f"expected at most {MAX_READ} keypoints in {self._where}, got more: split the clip"
        )


def _packed(pack: struct.Struct, values: Sequence[float | None]) -> bytes:
    try:
        return pack.pack(*values)
    except (struct.error, OverflowError):  # a null, or a whole number without end
        return pack.pack(*map(_float, values))


def _float(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf
