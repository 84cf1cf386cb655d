"""Values of HDF5 files from strangers: sizes are checked first, and other files are never touched.

An HDF5 file may name other files of the computer as parts of itself (links, external storage, virtual
data sets); such parts are refused. It may claim any size in a few bytes, since what was never written
need not be stored.
"""

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.zip_entries import most_unpacked

__all__ = ["MAGIC", "attribute", "dataset", "group", "open_hdf5", "texts", "values"]

MAGIC: Final = b"\x89HDF\r\n\x1a\n"

_SMALL: Final = 1_000_000
"""Values of a data set that does not hold coordinates: names, labels of columns."""


@contextmanager
def open_hdf5(path: Path) -> Generator[Any]:
    """The file, open for reading; whatever goes wrong inside is a `FileFormatError` with its name."""
    try:
        check_hdf5(path)
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise FileFormatError(
            f"expected an HDF5 file at '{path}', got nothing there: check the path"
        ) from None
    except (
        OSError,
        KeyError,
        AttributeError,
        TypeError,
        ValueError,
        RuntimeError,
        IndexError,
        MemoryError,
        OverflowError,
    ) as error:
        said = str(error).encode("unicode_escape").decode("ascii")[:120]
        raise FileFormatError(
            f"expected keypoints in the HDF5 file '{path}', got {said}: write it again"
        ) from error


def group(parent: Any, name: str) -> Any:
    """A group of this very file; `ValueError` for anything else."""
    found = _own(parent, name)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"no group '{name}'")
    return found


def dataset(parent: Any, name: str) -> Any:
    """A data set that is wholly in this very file; `ValueError` for anything else."""
    found = _own(parent, name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"no data set '{name}'")
    if found.is_virtual or found.external:
        raise ValueError(f"'{name}', whose values lie in another file")
    if found.shape is None:
        raise ValueError(f"'{name}' without values")
    if not found.id.get_storage_size() and found.size:
        raise ValueError(f"'{name}' of shape {found.shape}, of which nothing was written")
    piece = math.prod(found.chunks or ()) * found.dtype.itemsize  # unpacked as a whole
    if piece > most_unpacked(found.id.get_storage_size()):
        raise ValueError(f"'{name}' in pieces of {found.chunks}, which are too large")
    return found


def _own(parent: Any, name: str) -> Any:
    if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"no '{name}' of its own")
    return parent[name]


def values(parent: Any, name: str, most: int = _SMALL) -> ndarray:
    """All values of a data set of at most that many."""
    found = dataset(parent, name)
    size = found.dtype.itemsize * found.size
    packed = size > most_unpacked(found.id.get_storage_size())
    if found.size > most or size > 8 * LIMITS.values or packed:
        raise ValueError(f"'{name}' of shape {found.shape}, which is too large")
    return np.asarray(found[()])


def texts(parent: Any, name: str) -> list[str]:
    """Names, which HDF5 writers keep as bytes; none where there are no values."""
    array = values(parent, name)
    if array.dtype.kind not in "SUO":
        return []
    return [
        item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in array
    ]


def attribute(attributes: Mapping[str, Any], name: str) -> Any:
    """The value of a small attribute; `ValueError` where there is none."""
    found = attributes[name]
    if isinstance(found, ndarray) and found.size > _SMALL:
        raise ValueError(f"'{name}', which is too large")
    return found
