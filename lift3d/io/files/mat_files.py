"""MATLAB 5 files: numbers, texts, cells and structures, each checked before it is believed.

SciPy's reader is quick, and crashes the process over damaged files; so this one is our own. Layout
(MathWorks, MAT-File Format): 128 bytes that end in the byte order, then elements of a kind, a number of
bytes, and those; short ones have both in four bytes. Kind 14 is a matrix: flags with its class, lengths,
name, and numbers or further matrices; kind 15 is an element packed by zlib. Objects, functions and
sparse matrices are refused.
"""

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy import ndarray

from lift3d.io.files.zip_entries import check_regular, most_unpacked

__all__ = ["MatStruct", "read_mat"]

_HEAD: Final = 128
_MATRIX: Final = 14
_PACKED: Final = 15
_BLOCK: Final = 1 << 20
_DEEPEST: Final = 20
_CELL, _STRUCT, _CHAR, _COMPLEX = 1, 2, 4, 0x800
_NUMBERS: Final = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
    16: "u1", 17: "u2", 18: "u4",
}  # fmt: skip
"""Types of numbers and characters by the kind of their element."""
_CLASSES: Final = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
"""Types of numbers by the class of their matrix: smaller ones are stored where they suffice."""
_TEXTS: Final = {1: "latin1", 2: "latin1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}


@dataclass(frozen=True, slots=True)
class MatStruct:
    """One structure: values by the names of its fields."""

    fields: dict[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default where there is none of that name."""
        return self.fields.get(name, default)


def read_mat(path: Path, names: Collection[str], *, squeezed: bool = False) -> dict[str, Any]:
    """The variables of these names: arrays, texts, and arrays of objects for cells and structures.

    `squeezed` leaves out axes of length 1, down to the single value. Raises `ValueError` and
    `struct.error` for broken files, `OSError` for what cannot be read, and `zlib.error`.
    """
    check_regular(path)
    data = path.read_bytes()
    if len(data) < _HEAD or data[124:_HEAD] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise ValueError("no MATLAB 5 file (those of 7.3 are HDF5)")
    order = "<" if data[126:_HEAD] == b"IM" else ">"
    found: dict[str, Any] = {}
    for part in _parts(data, order):
        matrix = _Matrix(part, order, squeezed)
        name, value = matrix.read(0, len(part), names)
        if name in names:
            found[name] = value
    return found


def _parts(data: bytes, order: str) -> Iterator[bytes]:
    """The content of each variable, unpacked; `ValueError` for what unpacks to far too much."""
    at, left = _HEAD, most_unpacked(len(data))
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        part = data[at + 8 : at + 8 + size]
        if len(part) < size:
            raise ValueError("an element that is cut off")
        at += 8 + size
        if kind == _PACKED:
            part = _unpacked(part, left)
            kind, size = struct.unpack_from(f"{order}II", part)
            part = part[8 : 8 + size]
        left -= len(part)
        if left < 0:
            raise ValueError("more than a file of this size can hold")
        if kind == _MATRIX and part:
            yield part


def _unpacked(packed: bytes, most: int) -> bytes:
    squeeze, pieces, size, rest = zlib.decompressobj(), [], 0, packed
    while rest and not squeeze.eof:
        pieces.append(squeeze.decompress(rest, _BLOCK))
        size += len(pieces[-1])
        if size > most:
            raise ValueError(f"more than {most} bytes packed into {len(packed)}")
        rest = squeeze.unconsumed_tail
    return b"".join(pieces)


class _Matrix:
    """Reads the matrices of one variable."""

    def __init__(self, data: bytes, order: str, squeezed: bool) -> None:
        self.data, self.order, self.squeezed = data, order, squeezed
        self._tag = struct.Struct(f"{order}II")

    def element(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Kind, place and size of the element at a place, and where the next one is."""
        if at + 8 > end:
            raise ValueError("an element that is cut off")
        kind, size = self._tag.unpack_from(self.data, at)
        if kind >> 16:
            kind, size, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            fits = size <= 4
        else:
            start, after = at + 8, at + 8 + size + (-size % 8 if kind != _PACKED else 0)
            fits = start + size <= end
        if not fits:
            raise ValueError("an element longer than what it is in")
        return kind, start, size, min(after, end)

    def numbers(self, at: int, end: int) -> tuple[ndarray, int]:
        """An element of numbers, and where the next one is."""
        kind, start, size, after = self.element(at, end)
        code = _NUMBERS.get(kind)
        if code is None or size % int(code[1]):
            raise ValueError(f"numbers of kind {kind} in {size} bytes")
        raw = self.data[start : start + size]
        return np.frombuffer(raw, f"{self.order}{code}"), after

    def read(
        self, at: int, end: int, names: Collection[str] = (), depth: int = 0
    ) -> tuple[str, Any]:
        """Name and value of a matrix; no value where names are given and its own is none of them."""
        if depth > _DEEPEST:
            raise ValueError(f"matrices more than {_DEEPEST} deep")
        flags, at = self.numbers(at, end)
        lengths, at = self.numbers(at, end)
        kind, start, size, at = self.element(at, end)
        name = self.data[start : start + size].decode("latin1")
        if names and name not in names:
            return name, None
        shape = tuple(int(n) for n in lengths)
        if kind not in (1, 2) or not flags.size or len(shape) < 2 or min(shape) < 0:
            raise ValueError("a matrix without class, lengths or name")
        what, count = int(flags[0]), math.prod(shape)
        made = self._content(what, count, at, end, depth)
        if isinstance(made, str):
            return name, made
        array = made.reshape(shape, order="F")
        return name, _squeezed(array) if self.squeezed else array

    def _content(self, what: int, count: int, at: int, end: int, depth: int) -> Any:
        """The values of a matrix, the first axis running fastest; or its text."""
        kind = what & 0xFF
        if kind in _CLASSES and not what & _COMPLEX:
            numbers, _ = self.numbers(at, end)
            if numbers.size != count:
                raise ValueError(f"{numbers.size} numbers for {count}")
            return numbers.astype(_CLASSES[kind])
        if kind == _CHAR:
            return self._text(at, end)
        if kind == _CELL:
            return _objects(self._matrices(count, at, end, depth))
        if kind == _STRUCT:
            return self._structures(count, at, end, depth)
        raise ValueError(f"a matrix of class {kind}")

    def _text(self, at: int, end: int) -> str:
        kind, start, size, _ = self.element(at, end)
        if kind not in _TEXTS:
            raise ValueError(f"a text of kind {kind}")
        code = _TEXTS[kind]
        if code.startswith("utf-") and code != "utf-8":
            code += "-le" if self.order == "<" else "-be"
        return self.data[start : start + size].decode(code, "replace")

    def _matrices(self, count: int, at: int, end: int, depth: int) -> list[Any]:
        if count > (end - at) // 8:
            raise ValueError(f"{count} matrices in {end - at} bytes")
        values: list[Any] = []
        for _ in range(count):
            kind, start, size, at = self.element(at, end)
            if kind != _MATRIX:
                raise ValueError(f"an element of kind {kind} for a matrix")
            values.append(
                self.read(start, start + size, depth=depth + 1)[1] if size else np.empty(0)
            )
        return values

    def _structures(self, count: int, at: int, end: int, depth: int) -> ndarray:
        widths, at = self.numbers(at, end)
        kind, start, size, at = self.element(at, end)
        width = int(widths[0]) if widths.size == 1 else 0
        if kind not in (1, 2) or not 0 < width <= 64 or size % width:
            raise ValueError("a structure without names")
        words = [self.data[start + n : start + n + width] for n in range(0, size, width)]
        names = [word.split(b"\0")[0].decode("latin1") for word in words]
        if not names and count:
            raise ValueError("a structure without fields")
        values = self._matrices(count * len(names), at, end, depth)
        rows = [values[n : n + len(names)] for n in range(0, len(values), len(names) or 1)]
        return _objects([MatStruct(dict(zip(names, row, strict=True))) for row in rows])


def _objects(values: list[Any]) -> ndarray:
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _squeezed(array: ndarray) -> Any:
    """Without axes of length 1; the value itself where there is but one."""
    return array.reshape(-1)[0] if array.size == 1 else np.squeeze(array)
