"""Writing C3D: points in millimetres, z up, in single precision and Intel's words.

`lift3d.io.motion.c3d` has the layout. `POINT:X_SCREEN` "+X" and `POINT:Y_SCREEN` "+Z" say which axes go
right and up on a screen: x is our world's x, z its y, and y points away from the camera. The header
counts frames in 16 bits, so a file holds up to 65,535 of them.
"""

import os
import struct
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.keypoints.point_tracks import PointTracks

__all__ = ["write_c3d"]

_BLOCK: Final = 512
_MOST_FRAMES: Final = 65_535
_MOST_POINTS: Final = 255
_LONGEST_NAME: Final = 127
_MAGIC: Final = 0x50
_INTEL: Final = 84
_POINT: Final = 1
"""The number of the group POINT."""


def write_c3d(path: str | os.PathLike[str], tracks: PointTracks) -> None:
    """Write points as described above.

    The number of the first frame is kept where the header can count so far. Raises `InputError` for
    more frames or points than a file holds, and `OutputError` where the file cannot be written.
    """
    frames, points = tracks.places.shape[:2]
    if not 0 < frames <= _MOST_FRAMES or not 0 < points <= _MOST_POINTS:
        raise InputError(
            f"expected 1 to {_MOST_FRAMES} frames and 1 to {_MOST_POINTS} points for a C3D file, got "
            f"{frames} and {points}: cut the clip, choose a person, or write .parquet or .trc"
        )
    parameters = _padded(_parameters(tracks))
    header = _padded(_header(tracks, 2 + len(parameters) // _BLOCK))
    with atomic_path(path) as partial, partial.open("wb") as file:
        file.write(header)
        file.write(parameters)
        file.write(_padded(_values(tracks.places).tobytes()))


def _header(tracks: PointTracks, data_block: int) -> bytes:
    frames, points = tracks.places.shape[:2]
    first = _first_frame(tracks) + 1  # files count from 1
    words = struct.pack("<BBHHHHH", 2, _MAGIC, points, 0, first, first + frames - 1, 0)
    return words + struct.pack("<fHHf", -1.0, data_block, 0, tracks.fps)


def _first_frame(tracks: PointTracks) -> int:
    last = tracks.first_frame + len(tracks)
    return tracks.first_frame if tracks.first_frame >= 0 and last <= _MOST_FRAMES else 0


def _values(places: ndarray) -> ndarray:
    """x, y, z in millimetres and the residual: 0, or -1 and zeros where a point was not seen."""
    x, y, z = np.moveaxis(places * 1000, -1, 0)
    seen = np.isfinite(places).all(-1, keepdims=True)
    values = np.stack([x, -z, y, np.zeros_like(x)], -1)
    return np.where(seen, values, [0, 0, 0, -1]).astype("<f4")


def _parameters(tracks: PointTracks) -> bytes:
    # Its length does not depend on where the data start, which is behind it.
    whole = _section(tracks, 0, 0)
    blocks = -(-len(whole) // _BLOCK)
    return _section(tracks, blocks, 2 + blocks)


def _section(tracks: PointTracks, blocks: int, data_block: int) -> bytes:
    frames, points = tracks.places.shape[:2]
    names = [name.encode("utf-8")[:_LONGEST_NAME] for name in tracks.names]
    width = max(map(len, names))
    entries = [
        _group("POINT", _POINT),
        _parameter("USED", 2, (), struct.pack("<H", points)),
        _parameter("SCALE", 4, (), struct.pack("<f", -1.0)),
        _parameter("RATE", 4, (), struct.pack("<f", tracks.fps)),
        _parameter("DATA_START", 2, (), struct.pack("<H", data_block)),
        _parameter("FRAMES", 2, (), struct.pack("<H", frames)),
        _parameter("LABELS", -1, (width, points), b"".join(name.ljust(width) for name in names)),
        _parameter("UNITS", -1, (2,), b"mm"),
        _parameter("X_SCREEN", -1, (2,), b"+X"),
        _parameter("Y_SCREEN", -1, (2,), b"+Z"),
    ]
    return bytes([1, _MAGIC, blocks, _INTEL]) + b"".join(entries) + b"\0"


def _group(name: str, number: int) -> bytes:
    return struct.pack("<bb", len(name), -number) + name.encode() + struct.pack("<hB", 3, 0)


def _parameter(name: str, kind: int, shape: tuple[int, ...], values: bytes) -> bytes:
    body = struct.pack("<bB", kind, len(shape)) + bytes(shape) + values + b"\0"
    head = struct.pack("<bb", len(name), _POINT) + name.encode()
    return head + struct.pack("<h", 2 + len(body)) + body


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _BLOCK)
