"""The parameters of a C3D file, and the three ways that its numbers are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

__all__ = ["Parameters", "Words", "read_parameters"]

_MOST: Final = 10_000
Processor = Literal["intel", "dec", "mips"]


@dataclass(frozen=True, slots=True)
class Words:
    """How numbers are written; DEC's floats have swapped words and are four times as large."""

    processor: Processor

    @classmethod
    def of(cls, byte: bytes) -> "Words | None":
        """The kind that the fourth byte of the parameters names."""
        kinds: dict[bytes, Processor] = {b"\x54": "intel", b"\x55": "dec", b"\x56": "mips"}
        return cls(kinds[byte]) if byte in kinds else None

    @property
    def _order(self) -> str:
        return ">" if self.processor == "mips" else "<"

    def integers(self, data: bytes) -> list[int]:
        """16-bit numbers without a sign."""
        return [int(value) for value in np.frombuffer(data, f"{self._order}u2")]

    def signed(self, data: bytes) -> Int64[ndarray, " n"]:
        """16-bit numbers with a sign."""
        return np.frombuffer(data, f"{self._order}i2").astype(np.int64)

    def floats(self, data: bytes) -> Float64[ndarray, " n"]:
        """32-bit numbers; what is none becomes NaN or infinite."""
        if self.processor == "dec":
            swapped = np.frombuffer(data, "<u2").reshape(-1, 2)[:, ::-1].tobytes()
            return np.frombuffer(swapped, "<f4").astype(np.float64) / 4
        with np.errstate(invalid="ignore"):  # numbers that are none, in damaged files
            return np.frombuffer(data, f"{self._order}f4").astype(np.float64)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values by the names of group and parameter: lists of texts, or of numbers."""

    found_texts: dict[tuple[str, str], list[str]]
    found_numbers: dict[tuple[str, str], list[float]]

    def texts(self, group: str, name: str) -> list[str]:
        """A parameter's texts without white space around, none where there is no such parameter."""
        return self.found_texts.get((group, name), [])

    def numbers(self, group: str, name: str) -> list[float]:
        """A parameter's numbers, none where there is no such parameter."""
        return self.found_numbers.get((group, name), [])


@dataclass(frozen=True, slots=True)
class _Entry:
    """`number` is below 0 for a group; `rest` is what follows the way to the next entry."""

    name: str
    number: int
    rest: bytes


def read_parameters(data: bytes, words: Words) -> Parameters:
    """All parameters of a section, which starts at its first block.

    Raises `ValueError` or `IndexError` for what is broken.
    """
    entries = list(_entries(data[: data[2] * 512 or len(data)], words))
    groups = {-entry.number: entry.name for entry in entries if entry.number < 0}
    texts: dict[tuple[str, str], list[str]] = {}
    numbers: dict[tuple[str, str], list[float]] = {}
    for entry in entries:
        if entry.number <= 0 or entry.number not in groups:
            continue
        key = (groups[entry.number], entry.name)
        if entry.rest[0] == 0xFF:
            texts[key] = _texts(entry.rest)
        else:
            numbers[key] = _numbers(entry.rest, words)
    return Parameters(texts, numbers)


def _entries(data: bytes, words: Words) -> Iterator[_Entry]:
    at = 4
    for _ in range(_MOST):
        length = abs(int.from_bytes(data[at : at + 1], "big", signed=True))  # negative: locked
        if not length or at + 4 + length > len(data):
            return
        number = int.from_bytes(data[at + 1 : at + 2], "big", signed=True)
        name = data[at + 2 : at + 2 + length].decode("latin1").strip().upper()
        way = at + 2 + length
        (step,) = words.integers(data[way : way + 2])
        yield _Entry(name, number, data[way + 2 : way + step if step else len(data)])
        if not step:
            return
        at = way + step


def _shape(rest: bytes) -> tuple[list[int], int]:
    """Dimensions, and where the values begin."""
    count = rest[1]
    if count > 7:
        raise ValueError(f"{count} dimensions")
    return list(rest[2 : 2 + count]), 2 + count


def _texts(rest: bytes) -> list[str]:
    shape, start = _shape(rest)
    width = shape[0] if shape else 1
    count = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    if start + width * count > len(rest):
        raise ValueError("texts that are cut off")
    cut = (rest[start + width * n : start + width * (n + 1)] for n in range(count))
    return [text.decode("utf-8", "replace").replace("\0", " ").strip() for text in cut]


def _numbers(rest: bytes, words: Words) -> list[float]:
    shape, start = _shape(rest)
    kind, count = rest[0], int(np.prod(shape)) if shape else 1
    if kind not in (1, 2, 4) or start + kind * count > len(rest):
        raise ValueError(f"numbers of kind {kind} that are cut off")
    part = rest[start : start + kind * count]
    if kind == 1:
        return [float(value) for value in part]
    values: list[float] = (words.signed(part) if kind == 2 else words.floats(part)).tolist()
    return [float(value) for value in values]
