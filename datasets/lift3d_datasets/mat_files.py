"""MATLAB 5 files, read by SciPy, after a look at how much is packed in them.

A file is a list of elements: two numbers for the kind and the bytes that follow; kind 15 is packed by
zlib (MathWorks, MAT-File Format, "Level 5 MAT-File Format").
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scipy.io import loadmat

from lift3d.io.zip_entries import check_regular, most_unpacked

__all__ = ["read_mat"]

_HEAD: Final = 128
_PACKED: Final = 15
_BLOCK: Final = 1 << 20


def read_mat(path: Path, **options: Any) -> Any:
    """What `scipy.io.loadmat` makes of a file; `options` are its own.

    Raises `ValueError` where the file unpacks to far more than it holds, and what SciPy raises.
    """
    check_regular(path)
    data = path.read_bytes()
    left = most_unpacked(len(data))
    for packed in _packed(data):
        left -= _unpacked(packed, left)
        if left < 0:
            raise ValueError(f"more than {most_unpacked(len(data))} bytes packed into {len(data)}")
    return loadmat(path, **options)


def _packed(data: bytes) -> Iterator[bytes]:
    order = ">" if data[126:_HEAD] == b"MI" else "<"
    at = _HEAD
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind == _PACKED:
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _unpacked(packed: bytes, most: int) -> int:
    """How many bytes it unpacks to; a little more than `most` where it is more."""
    squeeze, size, rest = zlib.decompressobj(), 0, packed
    while rest and size <= most and not squeeze.eof:
        size += len(squeeze.decompress(rest, _BLOCK))
        rest = squeeze.unconsumed_tail
    return size
