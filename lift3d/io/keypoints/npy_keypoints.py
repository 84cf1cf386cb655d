"""Plain NumPy arrays of keypoints: [frames, joints, 2 or 3] or [frames, people, joints, 2 or 3].

The last axis is x, y and perhaps confidence, in pixels or as shares of the picture. Such a file names
nothing: which skeleton it has must be asked for. People are followed by their poses, since nobody says
that a place on the second axis stays one person.

The file is mapped, not loaded, and read block by block; its header is believed only where the size of
the file agrees. Arrays of objects, which run code when they are loaded, are refused.
"""

import io
import math
import tokenize
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.zip_entries import check_regular
from lift3d.io.keypoints.detections import Detections, FileFacts, gather
from lift3d.io.keypoints.point_arrays import PointArray, check_size, rows_of, space_of

__all__ = ["MAGIC", "is_npy_keypoints", "map_npy", "read_npy_keypoints", "shape_in"]

MAGIC: Final = b"\x93NUMPY"

_KINDS: Final = "iuf"
_MEDIAPIPE: Final = ((33, 4), (33, 5))
_BROKEN_HEADER: Final = (
    ValueError,
    EOFError,
    TypeError,
    OverflowError,
    MemoryError,
    RecursionError,
    SyntaxError,  # NumPy parses the header as Python literals
    tokenize.TokenError,
)


def is_npy_keypoints(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a file is an .npy array that is not one of MediaPipe's landmarks."""
    return head.startswith(MAGIC) and shape_in(head)[1:] not in _MEDIAPIPE


def shape_in(head: bytes) -> tuple[int, ...]:
    """The shape that the header of an .npy file claims; () where it has none."""
    try:
        return _header(io.BytesIO(head))[0]
    except _BROKEN_HEADER:
        return ()


def read_npy_keypoints(path: Path) -> Detections:
    """Everybody in a plain array. Raises `FileFormatError` with the file and what is wrong."""
    where = f"'{path}'"
    array = map_npy(path)
    if array.ndim not in (3, 4) or array.shape[-1] not in (2, 3):
        raise FileFormatError(
            f"expected an array [frames, joints, 2 or 3] or [frames, people, joints, 2 or 3] in "
            f"{where}, got {list(array.shape)}: save x, y and confidence on the last axis"
        )
    people = array[:, None] if array.ndim == 3 else array
    rows = rows_of(PointArray(people), range(len(people)), where, tracked=array.ndim == 3)
    facts = FileFacts("plain array (.npy)", space_of(rows), nameless=True)
    return gather(rows, range(len(people)), facts, where)


def map_npy(path: Path) -> ndarray:
    """An array of numbers in its file, not yet read. Raises `FileFormatError`."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            start = file.tell()
        return _mapped(path, shape, "F" if fortran else "C", dtype, start)
    except FileNotFoundError:
        raise FileFormatError(
            f"expected an .npy file at '{path}', got nothing there: check the path"
        ) from None
    except (OSError, *_BROKEN_HEADER) as error:
        said = str(error).encode("unicode_escape").decode("ascii")[:120]
        raise FileFormatError(
            f"expected a plain numpy array in '{path}', got {said}: save it with numpy.save"
        ) from None


def _header(file: BinaryIO | io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of version {version}")
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _mapped(
    path: Path, shape: tuple[int, ...], order: str, dtype: np.dtype[Any], start: int
) -> ndarray:
    if dtype.kind not in _KINDS:
        raise ValueError(f"values of type {dtype}" + " (objects)" * dtype.hasobject)
    check_size(shape, f"'{path}'")
    there, said = path.stat().st_size - start, math.prod(shape) * dtype.itemsize
    if there != said or any(length < 0 for length in shape):
        raise ValueError(f"{there} bytes of data for shape {list(shape)} of {dtype}, not {said}")
    if not said:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start, shape, "F" if order == "F" else "C")
