"""Reading C3D, the file of motion capture systems: names and places of points, frame by frame.

Layout (the C3D file format's user guide, c3d.org): blocks of 512 bytes. The header, in 16-bit words:
the parameters' block and 80; points; analogue values per frame; first and last frame, from 1; longest
gap; scale (a float); the data's block; analogue samples per frame; frames per second (a float). Then
groups and parameters, each a name, a group's number, the way to the next one, a type, dimensions and
values. Then for each frame x, y, z and residual of each point (floats where the scale is negative,
otherwise 16-bit numbers times the scale), and the analogue values, which are left aside. A residual
below 0 marks a point that was not seen. Words are Intel's, DEC's or MIPS', as the parameters say.

Lengths are metres, centimetres or millimetres (`POINT:UNITS`). The axis that `POINT:Y_SCREEN` names is
up, z where nothing is said, as in most laboratories.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE
from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.zip_entries import check_regular
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.io.motion.c3d_parameters import Parameters, Words, read_parameters

__all__ = ["is_c3d", "read_c3d"]

BLOCK: Final = 512
_MAGIC: Final = 0x50
_METRES: Final = MappingProxyType({"m": 1.0, "cm": 0.01, "mm": 0.001})
_LARGEST: Final = LIMITS.bytes
"""Bytes of a file: more than any recording of points has."""


def is_c3d(head: bytes) -> bool:
    """Whether a file's first two bytes are a C3D's: the parameters' block, and 80."""
    return len(head) >= 2 and head[1] == _MAGIC and 2 <= head[0] < 64


def read_c3d(path: Path) -> PointTracks:
    """Read the points of a C3D file; names that occur twice get their number.

    Raises `FileFormatError` where the file is missing, cut off or something else.
    """
    data = _content(path)
    start = (data[0] - 1) * BLOCK
    words = Words.of(data[start + 3 : start + 4])
    if words is None:
        _refuse(path, "a C3D file with numbers of Intel, DEC or MIPS", "another kind of processor")
    try:
        parameters = read_parameters(data[start:], words)
        header = _Header.of(data, words, parameters)
    except (struct.error, ValueError, IndexError) as error:
        _refuse(path, "a header and parameters", f"broken ones ({error})")
    values = _values(data, header, words, path)
    unseen = values[..., 3] < 0
    places = np.where(unseen[..., None], np.nan, values[..., :3])
    return PointTracks(
        _labels(parameters, header.points),
        _y_up(places, parameters, path),
        header.fps,
        header.first,
    )


def _content(path: Path) -> bytes:
    try:
        check_regular(path)
        if path.stat().st_size > _LARGEST:
            _refuse(path, "a recording of points", f"more than {_LARGEST} bytes")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a C3D file at '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check the path"
        ) from error
    if not is_c3d(data) or len(data) < 2 * BLOCK:
        _refuse(path, "a C3D file", "something else, or the beginning of one")
    return data


@dataclass(frozen=True, slots=True)
class _Header:
    """What says where the numbers are; `first` counts from 0."""

    points: int
    analogue: int
    first: int
    frames: int
    scale: float
    start: int
    fps: float

    @classmethod
    def of(cls, data: bytes, words: Words, parameters: Parameters) -> "_Header":
        points, analogue, first, last, _gap = words.integers(data[2:12])
        (block,) = words.integers(data[16:18])
        scale, rate = float(words.floats(data[12:16])[0]), float(words.floats(data[20:24])[0])
        fps = next(iter(parameters.numbers("POINT", "RATE")), rate)
        # 16 bits are too few for long recordings, which say the last frame in two words more.
        end = parameters.numbers("TRIAL", "ACTUAL_END_FIELD")
        if last == 0xFFFF and len(end) == 2:
            last = int(end[0]) % 65536 + 65536 * (int(end[1]) % 65536)
        slowest, fastest = FPS_RANGE
        frames = last - first + 1
        if not points or frames < 1 or first < 1 or not slowest <= fps <= fastest:
            raise ValueError(f"{points} points over {frames} frames at {fps:g} per second")
        if not 0 < abs(scale) < math.inf or block < 2:
            raise ValueError(f"a scale of {scale:g}, data from block {block}")
        return cls(points, analogue, first - 1, frames, scale, (block - 1) * BLOCK, fps)


def _values(data: bytes, header: _Header, words: Words, path: Path) -> Float64[ndarray, "f p 4"]:
    row = 4 * header.points + header.analogue
    width = 4 if header.scale < 0 else 2
    size = header.frames * row * width
    if size > len(data) - header.start:
        _refuse(
            path,
            f"{header.points} points over {header.frames} frames",
            f"{len(data)} bytes: it was cut off",
        )
    part = data[header.start : header.start + size]
    numbers = words.floats(part) if width == 4 else words.signed(part)
    values = numbers.reshape(header.frames, row)[:, : 4 * header.points].astype(np.float64)
    values = values.reshape(header.frames, header.points, 4)
    if width == 2:
        values[..., :3] *= header.scale
    return values


def _labels(parameters: Parameters, count: int) -> tuple[str, ...]:
    named = [*parameters.texts("POINT", "LABELS"), *parameters.texts("POINT", "LABELS2")]
    labels: dict[str, None] = {}
    for number in range(count):
        name = named[number] if number < len(named) and named[number] else f"point{number}"
        labels[name if name not in labels else f"{name}_{number}"] = None
    while len(labels) < count:  # a name that already ended in a number
        labels[f"point_{len(labels)}_{count}"] = None
    return tuple(labels)


def _y_up(
    places: Float64[ndarray, "frames points 3"], parameters: Parameters, path: Path
) -> Float64[ndarray, "frames points 3"]:
    unit = next(iter(parameters.texts("POINT", "UNITS")), "mm").lower() or "mm"
    up = next(iter(parameters.texts("POINT", "Y_SCREEN")), "+Z").upper() or "+Z"
    if unit not in _METRES or up not in ("+Y", "+Z"):
        _refuse(path, f"points in {', '.join(_METRES)} with +Y or +Z up", f"'{unit}' and '{up}' up")
    x, y, z = np.moveaxis(places * _METRES[unit], -1, 0)
    return np.stack([x, y, z] if up == "+Y" else [x, z, -y], -1)


def _refuse(path: Path, wanted: str, got: str) -> NoReturn:
    raise FileFormatError(f"expected {wanted} in '{path}', got {got:.200}: export it again")
