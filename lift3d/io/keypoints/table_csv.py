"""Plain tables of keypoints as text, in two forms; columns are told by their names, in any order.

- tidy, one row per joint: `frame`, `joint`, `x`, `y`, and perhaps `person`, `confidence`, `time`.
  Where `x_px` and `y_px` are there (tables of lifted clips), they count, and x, y are metres.
- wide, one row per frame (and person): `nose_x`, `nose_y`, `nose_confidence`, ..., and perhaps
  `frame`, `person`, `time`. SLEAP's CSV (`track`, `frame_idx`, `nose.x`, `nose.y`, `nose.score`) is one.

Names of columns are read without upper case; `keypoint`, `track`, `score`, `likelihood` and their like
are known, too. Joints become a skeleton by `joint_names`. A table of x, y, z without any confidence
holds joints in space, and is refused.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.io.files.text_table import header_cells, rows_in
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.keypoints.point_tables import (
    RowColumns,
    TidyColumns,
    WideColumns,
    detections_of_points,
    read_tidy,
    read_wide,
)

__all__ = ["is_table_csv", "read_table_csv", "row_columns", "tidy_columns", "wide_columns"]

_FRAMES: Final = ("frame", "frame_idx", "frame_id", "frame_number", "frame_index", "image")
_PEOPLE: Final = ("person", "person_id", "track", "track_id", "individual")
_TIMES: Final = ("time", "time_s", "seconds", "time_ms", "timestamp", "timestamp_ms")
_JOINTS: Final = (
    "joint",
    "joint_name",
    "keypoint",
    "keypoint_name",
    "bodypart",
    "landmark",
    "name",
)
_LEVELS: Final = (
    *("confidence", "conf", "score", "likelihood", "visibility", "probability", "prob", "c", "v"),
)
_CELL: Final = re.compile(r"^(.{1,80})[_. \-](x|y|z|" + "|".join(_LEVELS) + r")$", re.IGNORECASE)
_FEWEST: Final = 3
_MOST_COLUMNS: Final = 20_000


def is_table_csv(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a text starts with a header of one of the two forms."""
    header = header_cells(head)
    if header[:1] == ["scorer"] or len(header) > _MOST_COLUMNS:
        return False
    return tidy_columns(header) is not None or wide_columns(header) is not None


def read_table_csv(path: Path) -> Detections:
    """Everybody in a table. Raises `FileFormatError` with the file and the line."""
    where = f"'{path}'"
    _, header = next(rows_in(path), (0, list[str]()))
    _check(header, where)
    tidy, wide = tidy_columns(header), wide_columns(header)
    if tidy is not None:
        table = read_tidy(path, tidy, len(header))
        table = table.seen()
        joints = joints_named(table.names, ours=header[tidy.x].lower() == "x_px")
        return detections_of_points(table, joints, "tidy table", where)
    if wide is not None:
        table = read_wide(path, wide, len(header))
        return detections_of_points(table, joints_named(table.names), "wide table", where)
    raise FileFormatError(
        f"expected columns frame, joint, x, y or nose_x, nose_y, ... in {where}, got "
        f"{', '.join(cell[:20] for cell in header[:6]) or 'none'}: name the columns so"
    )


def _check(header: Sequence[str], where: str) -> None:
    if len(header) > _MOST_COLUMNS:
        raise FileFormatError(
            f"expected at most {_MOST_COLUMNS} columns in {where}, got {len(header)}: "
            "write one frame per line"
        )
    names = [cell.lower() for cell in header if cell]
    (twice, times), *_ = Counter(names).most_common(1) or [("", 0)]
    if times > 1:
        raise FileFormatError(
            f"expected every column once in {where}, got '{twice[:30]}' twice: rename one"
        )
    parts = {match[2].lower() for match in map(_CELL.match, names) if match} | set(names)
    if {"x", "y", "z"} <= parts and not parts & {*_LEVELS, "x_px"}:
        raise FileFormatError(
            f"expected 2D keypoints in {where}, got columns x, y, z and no confidence: these are "
            "joints in space, give keypoints of the picture"
        )


def row_columns(header: Sequence[str]) -> RowColumns:
    """Which columns say the frame, the person and the time."""
    places = _places(header)
    return RowColumns(*(_first(places, names) for names in (_FRAMES, _PEOPLE, _TIMES)))


def tidy_columns(header: Sequence[str]) -> TidyColumns | None:
    """The columns of a table with one row per joint; None for another header."""
    places = _places(header)
    row, joint = row_columns(header), _first(places, _JOINTS)
    x, y = ("x_px", "y_px") if "x_px" in places else ("x", "y")
    if row.frame < 0 or joint < 0 or not {x, y} <= places.keys():
        return None
    return TidyColumns(row, joint, places[x], places[y], _first(places, _LEVELS))


def wide_columns(header: Sequence[str]) -> WideColumns | None:
    """The columns of a table with one row per frame; None where fewer than three joints have x and y."""
    joints: dict[str, dict[str, int]] = {}
    for place, cell in enumerate(header):
        match = _CELL.match(cell)
        if match:
            coordinate = match[2].lower()
            kind = coordinate if coordinate in ("x", "y", "z") else "confidence"
            joints.setdefault(match[1], {}).setdefault(kind, place)
    whole = {name: cells for name, cells in joints.items() if {"x", "y"} <= cells.keys()}
    if len(whole) < _FEWEST:
        return None
    x, y, level = (
        tuple(cells.get(kind, -1) for cells in whole.values()) for kind in ("x", "y", "confidence")
    )
    return WideColumns(row_columns(header), tuple(whole), x, y, level)


def _places(header: Sequence[str]) -> Mapping[str, int]:
    return {cell.lower().replace(" ", "_"): place for place, cell in enumerate(header)}


def _first(places: Mapping[str, int], names: Sequence[str]) -> int:
    return next((places[name] for name in names if name in places), -1)
