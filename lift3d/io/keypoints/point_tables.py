"""Tables of keypoints, row by row of text: one row per frame and person (wide), or per joint (tidy).

Which cell holds what is said by `WideColumns` and `TidyColumns`; how headers are read is the business
of each format. Frames are whole numbers, or else names of pictures; people are whole numbers, or else
names, numbered in the order in which they appear; nothing where nobody says who it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.text_table import Numbers, numbers_in, rows_in
from lift3d.io.keypoints.detections import (
    ANONYMOUS,
    Detection,
    Detections,
    FileFacts,
    PixelSpace,
    gather,
)
from lift3d.io.keypoints.joint_names import NamedJoints
from lift3d.io.keypoints.point_arrays import (
    check_size,
    frames_of_names,
    rate_of_times,
    space_of,
    xyc,
)

__all__ = [
    "PointTable",
    "RowColumns",
    "TidyColumns",
    "WideColumns",
    "detections_of_points",
    "read_tidy",
    "read_wide",
]

_DIGITS: Final = 12
_ORDINARY_RATES: Final = (1.0, 1000.0)


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Which cells say whose row it is; -1 where none does."""

    frame: int = -1
    person: int = -1
    time: int = -1


@dataclass(frozen=True, slots=True)
class WideColumns:
    """`x[j]`, `y[j]` and `confidence[j]` are the cells of joint `names[j]`; -1 where there is none."""

    row: RowColumns
    names: tuple[str, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    confidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TidyColumns:
    """The cells of one joint's row; `confidence` is -1 where there is none."""

    row: RowColumns
    joint: int
    x: int
    y: int
    confidence: int = -1


@dataclass(frozen=True, slots=True)
class PointTable:
    """What a table says: one row per frame and person, in the order of the file.

    `points` are x, y, confidence. `every_frame` are the numbers of all frames; `fps` where times tell.
    """

    names: tuple[str, ...]
    frames: Int64[ndarray, " rows"]
    persons: Int64[ndarray, " rows"]
    points: Float64[ndarray, "rows joints 3"]
    every_frame: tuple[int, ...]
    fps: float | None
    notes: tuple[str, ...]

    def seen(self) -> "PointTable":
        """Only joints that were seen at least once: tidy tables name joints of space as well."""
        there = np.asarray(np.isfinite(self.points[..., :2]).all(-1).any(0))
        names = tuple(name for name, kept in zip(self.names, there, strict=True) if kept)
        return replace(self, names=names, points=self.points[:, there])


def detections_of_points(
    table: PointTable,
    joints: NamedJoints,
    format_: str,
    where: str,
    *,
    space: PixelSpace | None = None,
) -> Detections:
    """Everybody in a table of whom anything was seen; `space` is found out where it is None."""
    points = xyc(table.points[:, list(joints.columns)], None)
    seen = np.flatnonzero((points[..., 2] > 0).any(-1))
    rows = [Detection(int(table.frames[row]), points[row], int(table.persons[row])) for row in seen]
    facts = FileFacts(
        format_,
        space or space_of(rows),
        joints.skeleton,
        fps=table.fps,
        notes=(*joints.notes, *table.notes),
        nameless=True,
    )
    return gather(rows, table.every_frame, facts, where)


class _Labels:
    """Texts of a column, each by its number of appearance."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def add(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    @property
    def texts(self) -> list[str]:
        return list(self.numbers)


def read_wide(path: Path, columns: WideColumns, width: int) -> PointTable:
    """A table with one row per frame and person; `width` cells stand in every line."""
    where = f"'{path}'"
    used = (*columns.x, *columns.y, *columns.confidence)
    numbers, frames, persons, times = Numbers(len(used), where), _Labels(), _Labels(), []
    places: list[tuple[int, int]] = []
    for line, cells in _body(path, width):
        values = numbers_in([cells[c] if c >= 0 else "1" for c in used], f"{where}, line {line}")
        numbers.add(values)
        frame = cells[columns.row.frame] if columns.row.frame >= 0 else str(len(places))
        who = cells[columns.row.person] if columns.row.person >= 0 else "0"
        places.append((frames.add(frame), persons.add(who)))
        times.append(_time(cells, columns.row.time, f"{where}, line {line}"))
    points = numbers.table().reshape(-1, 3, len(columns.names)).transpose(0, 2, 1)
    return _table(columns.names, places, points, (frames, persons, times), where)


def read_tidy(path: Path, columns: TidyColumns, width: int) -> PointTable:
    """A table with one row per joint, in any order; `width` cells stand in every line."""
    where = f"'{path}'"
    frames, persons, joints, rows = _Labels(), _Labels(), _Labels(), _Labels()
    numbers, times = Numbers(5, where), list[float]()
    places: list[tuple[int, int]] = []
    for line, cells in _body(path, width):
        place = f"{where}, line {line}"
        who = cells[columns.row.person] if columns.row.person >= 0 else "0"
        key = (frames.add(cells[columns.row.frame]), persons.add(who))
        row = rows.add(f"{key[0]} {key[1]}")
        if row == len(places):
            places.append(key)
            times.append(_time(cells, columns.row.time, place))
        level = cells[columns.confidence] if columns.confidence >= 0 else "1"
        values = numbers_in([cells[columns.x], cells[columns.y], level], place)
        numbers.add([float(row), float(joints.add(cells[columns.joint])), *values])
    points = _spread(numbers.table(), len(places), joints.texts, where)
    return _table(tuple(joints.texts), places, points, (frames, persons, times), where)


def _body(path: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    lines = rows_in(path)
    next(lines, None)
    for line, cells in lines:
        if len(cells) != width:
            raise FileFormatError(
                f"expected {width} cells in '{path}', line {line}, got {len(cells)}: the file may be "
                "cut off, write it again"
            )
        yield line, cells


def _time(cells: Sequence[str], column: int, where: str) -> float:
    return numbers_in([cells[column]], where)[0] if column >= 0 else np.nan


def _spread(
    values: Float64[ndarray, "entries 5"], rows: int, joints: Sequence[str], where: str
) -> Float64[ndarray, "rows joints 3"]:
    """Entries (row, joint, x, y, confidence) side by side; joints that a row lacks are missing."""
    check_size((rows, len(joints), 3), where)
    row, joint = values[:, 0].astype(np.int64), values[:, 1].astype(np.int64)
    if len(np.unique(row * len(joints) + joint)) < len(values):
        raise FileFormatError(
            f"expected every joint of a person once per frame in {where}, got one twice: add a column "
            "'person' that tells people apart"
        )
    points = np.full((rows, len(joints), 3), np.nan)
    points[row, joint] = values[:, 2:]
    return points


def _table(
    names: tuple[str, ...],
    places: Sequence[tuple[int, int]],
    points: Float64[ndarray, "rows joints 3"],
    said: tuple[_Labels, _Labels, Sequence[float]],
    where: str,
) -> PointTable:
    frames, persons, times = said
    numbers, notes = _frame_numbers(frames.texts, where)
    people = _people(persons.texts)
    own = np.array([numbers[frame] for frame, _ in places], dtype=np.int64)
    who = np.array([people[person] for _, person in places], dtype=np.int64)
    fps = _rate(own, np.array(times, dtype=np.float64))
    return PointTable(names, own, who, points, tuple(numbers), fps, notes)


def _frame_numbers(texts: Sequence[str], where: str) -> tuple[list[int], tuple[str, ...]]:
    plain = [text.removesuffix(".0") for text in texts]
    if all(text.isdecimal() and len(text) <= _DIGITS for text in plain):
        return [int(text) for text in plain], ()
    if all(not text or text.lstrip("+-").replace(".", "").isdecimal() for text in texts):
        wrong = next(text for text in plain if not text.isdecimal() or len(text) > _DIGITS)
        raise FileFormatError(
            f"expected frames as whole numbers from 0 in {where}, got '{wrong[:20]}': "
            "renumber the frames"
        )
    return frames_of_names(texts)


def _people(texts: Sequence[str]) -> list[int]:
    plain = [text.removesuffix(".0") for text in texts]
    if all(not text or (text.isdecimal() and len(text) <= _DIGITS) for text in plain):
        return [int(text) if text else ANONYMOUS for text in plain]
    return [number if text else ANONYMOUS for number, text in enumerate(texts)]


def _rate(frames: Int64[ndarray, " rows"], times: Float64[ndarray, " rows"]) -> float | None:
    """Times in seconds, or in milliseconds where seconds would make no video's rate."""
    slowest, fastest = _ORDINARY_RATES
    for seconds in (times, times / 1000):
        rate = rate_of_times(frames.tolist(), seconds)
        if rate is not None and slowest <= rate <= fastest:
            return rate
    return None
