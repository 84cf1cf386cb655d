"""DensePose's own tables, for those who hold them: `UV_Processed.mat` and `UV_symmetry_transforms.mat`.

Both are MATLAB 5 files that Meta gives out with DensePose (CC BY-NC 2.0). `UV_Processed.mat` lays SMPL's
surface out: `All_Faces` [13774, 3] number 7829 UV vertices from 1; `All_vertices` says which of SMPL's
6890 vertices each is, from 1; `All_U_norm` and `All_V_norm` are in [0, 1]; `All_FaceIndices` is the
part, 1 to 24. `UV_symmetry_transforms.mat` has `U_transforms` and `V_transforms`, 24 tables each: what
is at (U, V) of part k in a picture has the U of row [255 V], column [255 U] after the picture was
mirrored, in the part on the other side.
"""

import struct
import zlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.mat_files import read_mat
from lift3d.surface.atlas import Atlas
from lift3d.surface.mirror import TableMirror
from lift3d.surface.surface_map import PARTS

__all__ = ["mat_variables", "read_symmetry_tables", "read_uv_processed", "refused"]

_BROKEN: Final = (OSError, ValueError, struct.error, zlib.error, MemoryError, TypeError, IndexError)
_ATLAS: Final = ("All_Faces", "All_vertices", "All_U_norm", "All_V_norm", "All_FaceIndices")
_MIRRORS: Final = ("U_transforms", "V_transforms")
_SLACK: Final = 1e-3


def read_uv_processed(path: str | PathLike[str]) -> Atlas:
    """DensePose's charts on SMPL's 6890 vertices. Raises `FileFormatError`.

    Triangles are in the order of the file: use the atlas's own with what is looked up in it.
    """
    tables = mat_variables(path, _ATLAS)
    try:
        corners = _whole(tables["All_Faces"]).reshape(-1, 3) - 1
        vertices = _whole(tables["All_vertices"]).ravel() - 1
        uv = np.stack([np.asarray(tables[key], float).ravel() for key in _ATLAS[2:4]], -1)
        part = _whole(tables["All_FaceIndices"]).ravel()
        fits = len(uv) == len(vertices) and len(part) == len(corners) and len(part) > 0
        if not fits or corners.min() < 0 or corners.max() >= len(vertices) or vertices.min() < 0:
            raise ValueError("triangles and vertices that do not fit together")
        if not ((uv >= -_SLACK) & (uv <= 1 + _SLACK)).all():
            raise ValueError("U and V outside of 0 to 1")
        faces = vertices[corners].astype(np.int32)
        return Atlas(part.astype(np.int32), np.clip(uv[corners], 0, 1).astype(np.float32), faces)
    except (ValueError, TypeError, OverflowError, InputError) as error:
        raise refused(path, "UV_Processed.mat", error) from error


def read_symmetry_tables(path: str | PathLike[str]) -> TableMirror:
    """How U and V change when pictures are mirrored. Raises `FileFormatError`."""
    tables = mat_variables(path, _MIRRORS)
    try:
        return TableMirror(*(_stacked(list(tables[key].ravel())) for key in _MIRRORS))
    except (ValueError, TypeError, AttributeError, InputError) as error:
        raise refused(path, "UV_symmetry_transforms.mat", error) from error


def _stacked(tables: Sequence[Any]) -> Float32[ndarray, "24 rows columns"]:
    grids = [np.asarray(table, np.float32) for table in tables]
    if len(grids) != PARTS or any(grid.ndim != 2 for grid in grids):
        raise ValueError(f"{len(grids)} tables for {PARTS} parts")
    return np.clip(np.stack(grids), 0, 1)


def mat_variables(path: str | PathLike[str], names: tuple[str, ...]) -> dict[str, Any]:
    """Variables of a MATLAB 5 file, all of them. Raises `FileFormatError`."""
    try:
        found = read_mat(Path(path), names)
    except _BROKEN as error:
        raise refused(path, f"a MATLAB 5 file with {', '.join(names)}", error) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise refused(path, f"the variable {missing[0]}", "none of that name")
    return found


def _whole(values: Any) -> ndarray:
    numbers = np.asarray(values, float)
    if not np.array_equal(numbers, np.round(numbers)):
        raise ValueError("numbers of vertices or parts that are not whole")
    return numbers.astype(np.int64)


def refused(path: str | PathLike[str], what: str, got: object) -> FileFormatError:
    """What to raise for one of DensePose's files that is none."""
    return FileFormatError(
        f"expected {what} at '{path}', got {got}: download it from DensePose again"
    )
