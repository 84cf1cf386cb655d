"""Tidy tables of a clip, one row per frame, person and joint: .csv, or .parquet by pyarrow.

| column | what |
|---|---|
| `frame`, `time` | number of the frame, and seconds (frame / fps) |
| `person`, `joint` | id and name; a name means one place on the body in 2D and in 3D |
| `x`, `y`, `z` | the joint in metres in a y-up world |
| `cov_xx` ... `cov_zz` | its covariance in square metres, six entries |
| `seen` | whether the joint comes from keypoints of this frame, not from its neighbours |
| `x_px`, `y_px`, `confidence` | the keypoint of that name in pixels, y down |

Cells of what is not known are empty (null in Parquet), rows without anything are left out. A clip of
keypoints alone has no columns for joints, one of joints alone none for keypoints.
"""

import csv
import math
import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy import ndarray

from lift3d.clip import Clip, Person
from lift3d.errors import InputError, MissingDependencyError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.world_points import world_covariance, world_joints

__all__ = ["JOINT_COLUMNS", "KEYPOINT_COLUMNS", "ROW_COLUMNS", "write_table"]

ROW_COLUMNS: Final = ("frame", "time", "person", "joint")
JOINT_COLUMNS: Final = (
    *("x", "y", "z"),
    *("cov_xx", "cov_xy", "cov_xz", "cov_yy", "cov_yz", "cov_zz"),
    "seen",
)
KEYPOINT_COLUMNS: Final = ("x_px", "y_px", "confidence")

_CHUNK: Final = 2_000
"""Frames that are turned into rows at a time: some tens of megabytes."""
_UPPER: Final = np.triu_indices(3)

Rows = dict[str, ndarray]
"""Columns of some rows by their names."""


def write_table(
    path: str | os.PathLike[str],
    clip: Clip,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write a clip as .csv or .parquet, by the ending; `progress` is told frames done and in all.

    Numbers of a .csv have nine digits, enough for single precision. Raises `InputError` for another
    ending and a clip without anybody, `MissingDependencyError` for .parquet without pyarrow, and
    `OutputError` where the file cannot be written.
    """
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise InputError(f"expected a table ending in .csv or .parquet, got '{path}': rename it")
    columns = _columns(clip)
    writers[suffix](path, columns, _chunks(clip, columns, progress))


def _columns(clip: Clip) -> tuple[str, ...]:
    if not clip.people:
        raise InputError("expected people in a clip, got nobody: nothing to write")
    first = clip.people[0]
    joints = JOINT_COLUMNS if len(first.joints.pose.skeleton) else ()
    keypoints = KEYPOINT_COLUMNS if len(first.keypoints.pose.skeleton) else ()
    return (*ROW_COLUMNS, *joints, *keypoints)


def _chunks(
    clip: Clip, columns: tuple[str, ...], progress: Callable[[int, int], None]
) -> Iterator[Rows]:
    people = [_whole(clip, person) for person in clip.people]
    for start in range(0, len(clip), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows = [
            _rows(clip, person, names, {key: values[part] for key, values in arrays.items()}, start)
            for person, (names, arrays) in zip(clip.people, people, strict=True)
        ]
        joined = {key: np.concatenate([row[key] for row in rows]) for key in columns}
        order = np.argsort(joined["frame"], kind="stable")
        yield {key: values[order] for key, values in joined.items()}
        progress(min(start + _CHUNK, len(clip)), len(clip))


def _whole(clip: Clip, person: Person) -> tuple[tuple[str, ...], Mapping[str, ndarray]]:
    """Names of all points, and their values [frames points ...]."""
    joints, keypoints = person.joints.pose, person.keypoints.pose
    both = dict.fromkeys((*joints.skeleton.joints, *keypoints.skeleton.joints))
    names = tuple(both)
    places = np.full((len(clip), len(names), 10), np.nan)
    at = [names.index(name) for name in joints.skeleton.joints]
    places[:, at, :3] = world_joints(clip, person).numpy()
    places[:, at, 3:9] = world_covariance(clip, person).numpy()[..., _UPPER[0], _UPPER[1]]
    places[:, at, 9] = person.joints.observed.numpy()[:, None]
    pixels = np.full((len(clip), len(names), 3), np.nan)
    at = [names.index(name) for name in keypoints.skeleton.joints]
    seen = keypoints.seen.numpy()
    pixels[:, at, :2] = keypoints.keypoints.numpy()
    pixels[:, at, 2] = np.where(seen, keypoints.confidence.numpy(), np.nan)
    return names, {"places": places, "pixels": pixels}


def _rows(
    clip: Clip, person: Person, names: tuple[str, ...], part: Mapping[str, ndarray], start: int
) -> Rows:
    values = np.concatenate([part["places"], part["pixels"]], -1)
    known = np.isfinite(values[..., [0, 10]]).any(-1)
    row, point = np.nonzero(known)
    frame = clip.first_frame + start + row
    columns = dict(zip((*JOINT_COLUMNS, *KEYPOINT_COLUMNS), values[row, point].T, strict=True))
    columns["seen"] = np.where(np.isfinite(columns["x"]), columns["seen"], np.nan)
    return {
        "frame": frame,
        "time": frame / clip.fps,
        "person": np.full(len(row), person.id),
        "joint": np.array(names, dtype=object)[point],
        **columns,
    }


def _write_csv(
    path: str | os.PathLike[str], columns: tuple[str, ...], chunks: Iterator[Rows]
) -> None:
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        for rows in chunks:
            out.writerows(zip(*(_texts(rows[key]) for key in columns), strict=True))


def _texts(values: ndarray) -> list[Any]:
    if values.dtype.kind != "f":
        plain: list[Any] = values.tolist()
        return plain
    return ["" if math.isnan(value) else f"{value:.9g}" for value in values.tolist()]


def _write_parquet(
    path: str | os.PathLike[str], columns: tuple[str, ...], chunks: Iterator[Rows]
) -> None:
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    kinds = {
        "frame": arrow.int64(),
        "person": arrow.int64(),
        "joint": arrow.string(),
        "seen": arrow.bool_(),
    }
    schema = arrow.schema([(key, kinds.get(key, arrow.float64())) for key in columns])
    with atomic_path(path) as partial, parquet.ParquetWriter(str(partial), schema) as file:
        for rows in chunks:
            arrays = [_nullable(arrow, rows[key], schema.field(key).type) for key in columns]
            file.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _nullable(arrow: Any, values: ndarray, kind: Any) -> Any:
    unknown = np.isnan(values) if values.dtype.kind == "f" else None
    if kind == arrow.bool_():
        values = np.nan_to_num(values).astype(np.bool_)
    return arrow.array(values, kind, mask=unknown)


def _pyarrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package pyarrow for .parquet files, got {error}: "
            "pip install 'lift3d[parquet]', or write .csv"
        ) from error
