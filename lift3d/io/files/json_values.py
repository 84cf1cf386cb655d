"""Files' bytes, and JSON values of which nothing is known yet, as numbers or one sentence why not."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS

__all__ = ["MAX_TEXT", "as_numbers", "as_person", "as_triplets", "load_json", "read_bytes"]

MAX_TEXT: Final = LIMITS.bytes
"""Bytes of a file that is read whole; lists of people are read piece by piece and may be longer."""


def read_bytes(path: Path) -> bytes:
    """A file's content, or one sentence why not."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("a folder, a pipe or a device")
        if path.stat().st_size > MAX_TEXT:
            raise OSError(f"more than {MAX_TEXT >> 20} MB")
        return path.read_bytes()
    except FileNotFoundError:
        raise FileFormatError(
            f"expected a keypoint file at '{path}', got nothing there: check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a readable file at '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check its permissions and size"
        ) from error


def load_json(content: bytes, path: Path) -> Any:
    """Parse JSON; `FileFormatError` names the file and the place in it."""
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        outside = any(word in content for word in (b"NaN", b"Infinity"))
        hint = "NaN and Infinity are not JSON: write null instead" if outside else "write it again"
        raise FileFormatError(
            f"expected whole JSON in '{path}', got {error.msg} at line {error.lineno} column "
            f"{error.colno}: {hint}"
        ) from None


def as_numbers(values: object, where: str) -> Float64[ndarray, "..."]:
    """A JSON list of numbers as an array; null becomes NaN, a missing value."""
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):
        array = np.asarray("ragged")
    if array.dtype.kind == "O" and all(_is_number(value) or value is None for value in array.flat):
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf" or not isinstance(values, list):
        raise FileFormatError(
            f"expected a list of numbers in {where}, got {_glimpse(values)}: write it again"
        )
    return array.astype(np.float64)


def as_triplets(values: object, where: str) -> Float64[ndarray, "joints 3"]:
    """A flat list x, y, confidence, x, y, confidence, ... as an array."""
    numbers = as_numbers(values, where)
    if numbers.ndim != 1 or len(numbers) % 3 or not len(numbers):
        raise FileFormatError(
            f"expected x, y, confidence for every keypoint in {where}, got "
            f"{numbers.size} numbers: write three per keypoint"
        )
    return numbers.reshape(-1, 3)


def as_person(value: object) -> int:
    """A person's id: an integer, also as 3.0, [3] or [[3.0]]; anything else is -1, nobody's."""
    if type(value) is int and 0 <= value < 2**53:
        return value
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53:
        return int(value) if value == int(value) else -1
    return -1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _glimpse(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
