"""The heaps of an HDF5 file, in which texts of any length lie, looked at before HDF5 does.

HDF5 2.0 never ends over a heap whose free space says that it has no size. Layout (HDF5 File Format
Specification 3.0, III.E): "GCOL", version 1, three bytes, the heap's size; then objects of 16 bytes and
their data: number, references, four bytes, size. Number 0 is the free space, whose size includes its
16 bytes. It fills the memory over a heap of names whose free pieces go round in a circle (III.D):
"HEAP", version 0, three bytes, the size of its data, its first free piece, and where the data are; a
free piece begins with the place of the next one, 1 for none.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lift3d.io.files.zip_entries import check_regular

__all__ = ["check_heaps"]

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_HEAP: Final = b"GCOL\x01"
_NAMES: Final = b"HEAP\0\0\0\0"
_LAST: Final = 1
_OBJECT: Final = struct.Struct("<HHIQ")
_STARTS: Final = (0, *(512 << n for n in range(16)))


def check_heaps(path: Path) -> None:
    """Raise `OSError` for what is no plain file, `ValueError` for what HDF5 would not come back from."""
    check_regular(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = next((at for at in _STARTS if data[at : at + 8] == _SIGNATURE), None)
        if start is None or len(data) < start + 16:
            raise ValueError("no HDF5 file")
        sizes = start + (13 if data[start + 8] < 2 else 9)
        if data[sizes : sizes + 2] != b"\x08\x08":
            raise ValueError("an HDF5 file whose addresses are not of eight bytes")
        left = 1000 + len(data) // 4  # heaps inside each other are looked at again and again
        for at in _places(data, _HEAP):
            left -= _objects(data, at)
            if left < 0:
                raise ValueError("heaps inside each other")
        for at in _places(data, _NAMES):
            left -= _free_pieces(data, at, start)
            if left < 0:
                raise ValueError("heaps inside each other")


def _places(data: mmap.mmap, what: bytes) -> Iterator[int]:
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def _free_pieces(data: mmap.mmap, at: int, start: int) -> int:
    """How many free pieces a heap of names has; `ValueError` for a circle of them."""
    if at + 32 > len(data):
        return 1
    size, piece, place = struct.unpack_from("<QQQ", data, at + 8)
    end, count = min(len(data), start + place + size), 1
    most = (end - start - place) // 16 + 1  # what it says of its size may be anything
    while piece != _LAST and start + place + piece + 16 <= end:
        count += 1
        if count > most:
            raise ValueError("a damaged heap of names")
        (piece,) = struct.unpack_from("<Q", data, start + place + piece)
    return count


def _objects(data: mmap.mmap, at: int) -> int:
    """How many objects a heap has; `ValueError` for free space without a size."""
    end = min(len(data), at + int.from_bytes(data[at + 8 : at + 16], "little"))
    place, count = at + 16, 1
    while place + 16 <= end:
        number, _, _, size = _OBJECT.unpack_from(data, place)
        if number == 0 and size < 16:
            raise ValueError("a damaged heap of texts")
        place += size if number == 0 else 16 + size + -size % 8
        count += 1
    return count
