"""`.npz` archives of plain arrays: loaded without pickle, checked against a table of shapes."""

import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.unpickling.arrays import array_of_bytes
from lift3d.io.files.zip_entries import check_packing, check_regular

__all__ = ["check_arrays", "load_arrays", "meaningful"]


def load_arrays(path: Path) -> dict[str, ndarray]:
    """All arrays of an archive, or `FileFormatError`."""
    try:
        check_regular(path)
        with path.open("rb") as raw:
            if raw.read(2) != b"PK":
                raise ValueError("no archive")
        with zipfile.ZipFile(path) as archive:
            check_packing(archive)
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            members: dict[str, Any] = {key: file[key] for key in file.files}
            arrays = {key: x for key, x in members.items() if isinstance(x, ndarray)}
            loaded = {key: meaningful(array) for key, array in arrays.items()}
    except FileNotFoundError:
        raise FileFormatError(
            f"expected an .npz file at '{path}', got nothing there: check the path"
        ) from None
    except (
        OSError,
        ValueError,
        EOFError,
        MemoryError,
        AttributeError,  # numpy.load gave an array, which is no archive
        TypeError,
        NotImplementedError,  # a compression that Python does not know
        RuntimeError,  # an encrypted archive
        SyntaxError,  # numpy parses headers as Python literals
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise FileFormatError(
            f"expected an .npz file of plain arrays at '{path}', got {error}: write it again"
        ) from error
    return loaded


def meaningful(array: ndarray) -> ndarray:
    """An array whose bits NumPy can trust: flags become 0 or 1.

    `ValueError` for characters beyond Unicode, over which it raises `SystemError` later on.
    """
    if array.dtype.kind not in "Ub":
        return array
    data = np.ascontiguousarray(array).tobytes()
    return array_of_bytes(data, array.dtype, array.shape, "C")


def check_arrays(
    arrays: Mapping[str, ndarray],
    version: int,
    shapes: Mapping[str, tuple[str, str]],
    path: Path,
) -> None:
    """`FileFormatError` unless the archive has this `format_version` and these arrays.

    `shapes` maps keys to kinds of dtype (as in `dtype.kind`) and axes: a number is a length, a
    letter must have one length in all arrays, a leading `*` stands for any further axes.
    """
    said = arrays.get("format_version", np.array("none"))
    if said.shape != () or said.dtype.kind not in "iu" or int(said) != version:
        raise FileFormatError(
            f"expected format_version {version} in '{path}', got {str(said)[:20]}: "
            "read it with the version of lift3d that wrote it"
        )
    missing = [key for key in shapes if key not in arrays]
    if missing:
        raise FileFormatError(
            f"expected the array '{missing[0]}' in '{path}', got none of that name: write it again"
        )
    sizes: dict[str, int] = {}
    for key, (kinds, axes) in shapes.items():
        array = arrays[key]
        if array.dtype.kind not in kinds or not _fits(array.shape, axes.split(), sizes):
            raise FileFormatError(
                f"expected '{key}' with axes ({axes}) in '{path}', got {array.dtype} of shape "
                f"{array.shape}: write it again"
            )


def _fits(shape: tuple[int, ...], axes: list[str], sizes: dict[str, int]) -> bool:
    if axes[:1] == ["*"]:
        axes = axes[1:]
        shape = shape[-len(axes) :]
    if len(shape) != len(axes):
        return False
    return all(
        length == (int(axis) if axis.isdigit() else sizes.setdefault(axis, length))
        for axis, length in zip(axes, shape, strict=True)
    )
