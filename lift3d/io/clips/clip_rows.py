"""Many lifted clips as rows of Parquet files: a clip is a row, its arrays are lists of numbers.

| column | kind | what |
|---|---|---|
| `file` | string | where the keypoints came from, as it was named |
| `key` | string | what the clip was made of: 32 hexadecimal digits of the input and the options |
| `frames` | int64 | F |
| `moving_camera` | bool | whether the camera's arrays have F as their first axis |

The other columns are the keys of `lift3d.io.clips.clip_npz`, with the same meaning and units. Numbers
stand alone; arrays are lists, the last axis running fastest, and their axes are those of that table:
with P the length of `person_ids`, F `frames`, J the length of `joint_names`, `joints` of a row is
`numpy.reshape(row["joints"], (P, F, J, 3))`. Numbers are float32 (`fps` float64) as the lifters give
them, so that a clip comes back bit for bit. pyarrow (extra `parquet`) writes and reads.
"""

import math
from collections.abc import Iterator, Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy import ndarray

from lift3d.clip import Clip
from lift3d.errors import FileFormatError, MissingDependencyError
from lift3d.io.clips.clip_npz import CLIP_SHAPES, FORMAT_VERSION, clip_arrays, clip_of_arrays
from lift3d.io.files.limits import LIMITS

__all__ = ["ClipRows", "drop_rows", "keys_in", "parquet_files", "pyarrow", "read_clips"]

_KINDS: Final = {"iu": "int64", "f": "float32", "b": "bool_", "U": "string"}
_DTYPES: Final = {"iu": np.int64, "f": np.float32, "b": np.bool_, "U": np.str_}
_GROUP: Final = 32_000_000
"""Bytes of clips that are held before they are written."""


class ClipRows:
    """A Parquet file of clips that is being written; memory is that of some tens of megabytes of clips.

    The caller gives a path that appears whole (`lift3d.io.atomic_path`).
    """

    def __init__(self, path: Path) -> None:
        arrow = pyarrow("pyarrow")
        self._schema: Any = _schema(arrow)
        self._arrow: Any = arrow
        parquet: Any = pyarrow("pyarrow.parquet")
        self._file: Any = parquet.ParquetWriter(str(path), self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._held = 0
        self.count = 0

    def __enter__(self) -> "ClipRows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def add(self, file: str, key: str, clip: Clip) -> None:
        """One more clip. Raises `InputError` where people have different skeletons."""
        row, size = _row(clip)
        self.count += 1
        self._rows.append({"file": file, "key": key, **row})
        self._held += size
        if self._held > _GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [
            self._arrow.array([row[field.name] for row in self._rows], field.type)
            for field in self._schema
        ]
        self._file.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._rows, self._held = [], 0


def read_clips(path: str | PathLike[str]) -> Iterator[tuple[str, Clip]]:
    """The clips of a Parquet file, or of all in a folder, and the files that they were lifted from.

    Raises `FileFormatError` for other files, `MissingDependencyError` without pyarrow.
    """
    for part in parquet_files(Path(path)):
        for row in _rows_of(part):
            yield str(row["file"]), clip_of_arrays(_arrays(row, part), part)


def keys_in(part: Path) -> list[tuple[str, str]]:
    """(`file`, `key`) of every row of a Parquet file. Raises `FileFormatError` for any other file."""
    parquet: Any = pyarrow("pyarrow.parquet")
    try:
        table = parquet.read_table(str(part), columns=["file", "key"], partitioning=None)
        return list(zip(table["file"].to_pylist(), table["key"].to_pylist(), strict=True))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are among these
        raise _no_clips(part, error) from error


def drop_rows(part: Path, target: Path, stale: frozenset[str]) -> None:
    """Copy a Parquet file without the clips of some files."""
    parquet: Any = pyarrow("pyarrow.parquet")
    arrow = pyarrow("pyarrow")
    with (
        parquet.ParquetFile(str(part)) as old,
        parquet.ParquetWriter(str(target), old.schema_arrow, compression="zstd") as new,
    ):
        for group in range(old.num_row_groups):
            table = old.read_row_group(group)
            kept = [name not in stale for name in table["file"].to_pylist()]
            new.write_table(table.filter(arrow.array(kept, arrow.bool_())))


def parquet_files(path: Path) -> list[Path]:
    """The file, or those in a folder, sorted; hidden ones and those that begin with _ are none."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.glob("*.parquet") if each.name[0] not in "._")


def pyarrow(module: str) -> Any:
    """A module of pyarrow's; `MissingDependencyError` says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package pyarrow for .parquet files, got {error}: "
            "pip install 'lift3d[parquet]', or write to a folder"
        ) from error


def _schema(arrow: Any) -> Any:
    fields: list[tuple[str, Any]] = [
        ("file", arrow.string()),
        ("key", arrow.string()),
        ("format_version", arrow.int64()),
        ("frames", arrow.int64()),
        ("moving_camera", arrow.bool_()),
    ]
    for name, (kind, axes) in CLIP_SHAPES.items():
        plain = arrow.float64() if name == "fps" else getattr(arrow, _KINDS[kind])()
        fields.append((name, arrow.list_(plain) if axes else plain))
    return arrow.schema(fields)


def _row(clip: Clip) -> tuple[dict[str, Any], int]:
    """The columns of a clip but `file` and `key`, and how many bytes they are."""
    arrays = clip_arrays(clip)
    row: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "frames": len(clip),
        "moving_camera": arrays["intrinsics"].ndim > 2,
    }
    for name, (kind, axes) in CLIP_SHAPES.items():
        values = arrays[name]
        if not axes:
            row[name] = values.item()
        elif kind == "U":
            row[name] = values.tolist()
        else:
            row[name] = values.astype(_DTYPES[kind], copy=False).reshape(-1)
    return row, sum(array.nbytes for array in arrays.values())


def _rows_of(part: Path) -> Iterator[dict[str, Any]]:
    parquet: Any = pyarrow("pyarrow.parquet")
    try:
        with parquet.ParquetFile(str(part)) as file:
            missing = {"file", "frames", "moving_camera", *CLIP_SHAPES} - set(
                file.schema_arrow.names
            )
            if missing:
                raise ValueError(f"no column '{min(missing)}'")
            for group in range(file.num_row_groups):
                if file.metadata.row_group(group).total_byte_size > LIMITS.unpacked:
                    raise ValueError(f"more than {LIMITS.unpacked} bytes in a group of rows")
                for batch in file.read_row_group(group).to_batches():
                    names = batch.schema.names
                    for index in range(batch.num_rows):
                        yield {name: batch.column(name)[index] for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise _no_clips(part, error) from error


def _arrays(row: Mapping[str, Any], part: Path) -> dict[str, ndarray]:
    """What `clip_arrays` gave; shapes are checked by whoever makes the clip."""
    try:
        sizes = {"F": row["frames"].as_py()}
        flat = {
            name: np.array(_flat(row[name], bool(axes)), _dtype(name, kind))
            for name, (kind, axes) in CLIP_SHAPES.items()
        }
        sizes |= {"P": len(flat["person_ids"]), "J": len(flat["joint_names"])}
        sizes |= {"K": len(flat["keypoint_names"])}
        cells = sizes["P"] * sizes["F"]
        sizes |= {
            "B": flat["betas"].size // max(sizes["P"], 1),
            "R": flat["body_pose"].size // max(3 * cells, 1),
        }
        moving = ("F",) if row["moving_camera"].as_py() else ()
        shaped = {
            name: flat[name].reshape(_shape(axes, sizes, moving))
            for name, (_, axes) in CLIP_SHAPES.items()
        }
        return {"format_version": np.array(row["format_version"].as_py()), **shaped}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _no_clips(part, error) from error


def _flat(cell: Any, many: bool) -> Any:
    return cell.values.to_numpy(zero_copy_only=False) if many else cell.as_py()


def _dtype(name: str, kind: str) -> Any:
    return np.float64 if name == "fps" else _DTYPES[kind]


def _shape(axes: str, sizes: Mapping[str, int], moving: tuple[str, ...]) -> tuple[int, ...]:
    letters = [*(moving if axes.startswith("*") else ()), *axes.replace("*", "").split()]
    shape = tuple(int(axis) if axis.isdigit() else sizes[axis] for axis in letters)
    if math.prod(shape) < 0:
        raise ValueError(f"an array of {shape}")
    return shape


def _no_clips(part: Path, error: Exception) -> FileFormatError:
    said = " ".join(str(error).split())
    return FileFormatError(
        f"expected lifted clips as rows in '{part}', got {said:.200}: write them with lift3d lift -o "
        "NAME.parquet"
    )
