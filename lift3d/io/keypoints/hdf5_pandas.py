"""A pandas table in HDF5, read without pandas, and without running what it pickled.

Two layouts, both found in files that pandas 0.2x to 3 wrote:

- `table`: a data set `table` of records (`index`, `values_block_0`, ...); which columns a block holds
  is said by its attribute `values_block_0_kind`, a pickled list of tuples of texts;
- `fixed`: `block0_values` [rows, columns], and the columns' names as levels and labels:
  name l of column c is `block0_items_level<l>[block0_items_label<l>[c]]`; `axis1` is the index, which
  may have levels, too.
"""

from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.io.files.hdf5_values import attribute, dataset, group, texts, values
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.safe_pickle import loads_pickle
from lift3d.io.keypoints.deeplabcut import Column

__all__ = ["FRAME_KEY", "read_frame"]

FRAME_KEY: Final = "df_with_missing"
"""Under what name DeepLabCut keeps its table."""

_LEVELS: Final = (3, 4)
_MOST_STEPS: Final = 1_000_000
_MOST_BYTES: Final = 10_000_000

Frame = tuple[list[Column], list[str], Float64[ndarray, "rows columns"]]


def read_frame(file: Any, key: str) -> Frame:
    """Columns, index (as texts) and values; `ValueError` and its like for any other table."""
    frame = group(file, key)
    if "table" in frame:
        return _table(frame)
    if "block0_values" in frame:
        return _fixed(frame)
    raise ValueError(f"'{key}' without a table of pandas")


def _table(frame: Any) -> Frame:
    table = dataset(frame, "table")
    fields = table.dtype.names or ()
    blocks = [name for name in fields if name.startswith("values_block_")]
    if table.ndim != 1 or table.size * table.dtype.itemsize > 8 * LIMITS.values:
        raise ValueError(f"a table of {table.size} rows, which is too large")
    columns = [_column(name) for block in blocks for name in _pickled(table, f"{block}_kind")]
    rows = table[()]
    parts = [rows[block].reshape(len(rows), -1) for block in blocks]
    index = [rows[name] for name in fields if name not in blocks]
    return columns, _index(index, len(rows)), _checked(parts, len(columns))


def _fixed(frame: Any) -> Frame:
    columns: list[Column] = []
    parts: list[ndarray] = []
    for block in range(int(attribute(frame.attrs, "nblocks"))):
        columns += map(_column, _labelled(frame, f"block{block}_items"))
        parts.append(values(frame, f"block{block}_values", LIMITS.values))
    rows = len(parts[0]) if parts else 0
    if "axis1" in frame:
        return (
            columns,
            _index([values(frame, "axis1", LIMITS.values)], rows),
            _checked(parts, len(columns)),
        )
    names = ["/".join(name) for name in _labelled(frame, "axis1")]
    if len(names) != rows:
        raise ValueError(f"{len(names)} names for {rows} rows")
    return columns, names, _checked(parts, len(columns))


def _labelled(frame: Any, axis: str) -> list[tuple[str, ...]]:
    """The names of an axis that has levels."""
    count = int(attribute(frame.attrs, f"{axis}_nlevels"))
    if not 0 < count <= max(_LEVELS):
        raise ValueError(f"{count} levels of names")
    levels = [texts(frame, f"{axis}_level{level}") for level in range(count)]
    labels = [values(frame, f"{axis}_label{level}", LIMITS.values) for level in range(count)]
    if any(label.ndim != 1 or label.dtype.kind not in "iu" for label in labels):
        raise ValueError(f"labels of '{axis}' that are no whole numbers")
    for level, label in zip(levels, labels, strict=True):
        if len(label) and not 0 <= label.min() <= label.max() < len(level):
            raise ValueError(f"labels of '{axis}' beyond its names")
    return [
        tuple(level[place] for level, place in zip(levels, places, strict=True))
        for places in zip(*(label.tolist() for label in labels), strict=True)
    ]


def _pickled(table: Any, name: str) -> list[object]:
    data = attribute(table.attrs, name)
    found = loads_pickle(
        bytes(data),
        name=f"{table.file.filename}, {name}",
        limit_bytes=_MOST_BYTES,
        limit_steps=_MOST_STEPS,
    )
    if not isinstance(found, list):
        raise ValueError(f"'{name}' that is no list")
    return found


def _column(name: object) -> Column:
    match name:
        case (str(), str() as part, str() as coordinate):
            return Column("", part, coordinate)
        case (str(), str() as individual, str() as part, str() as coordinate):
            return Column(individual, part, coordinate)
        case _:
            raise ValueError("a column whose name is not (scorer, (individual,) part, coordinate)")


def _index(parts: list[ndarray], rows: int) -> list[str]:
    """The rows' names: numbers of frames, or paths of pictures, which may be cut into parts."""
    if any(part.shape != (rows,) or part.dtype.kind not in "iuSUO" for part in parts):
        raise ValueError("an index that is neither numbers nor texts")
    texts_ = [[_text(item) for item in part.tolist()] for part in parts]
    return ["/".join(items) for items in zip(*texts_, strict=True)]


def _text(item: object) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _checked(parts: list[ndarray], columns: int) -> Float64[ndarray, "rows columns"]:
    if not parts or any(part.ndim != 2 or part.dtype.kind not in "iuf" for part in parts):
        raise ValueError("a table of something else than numbers")
    joined = np.concatenate(parts, 1).astype(np.float64)
    if joined.shape[1] != columns:
        raise ValueError(f"{joined.shape[1]} columns for {columns} names")
    return joined
