"""MediaPipe Pose landmarks as CSV. There is no standard; these forms are in use:

- numbered, one row per frame: `x0, y0, z0, v0, ..., v32`, also from 1 to 33, also `landmark_0_x`;
  MediaPipe Holistic's 501 landmarks (33 of the pose, then 468 of the face) are read as far as the pose;
- named, one row per frame: `nose_x, nose_y, nose_z, nose_visibility, left_eye_inner_x, ...`;
- tidy, one row per landmark: `frame, landmark, x, y, z, visibility`, landmarks by number or by name.

Columns for the frame, the person and the time may stand beside them (`table_csv`). Units as in
`mediapipe`: shares of the picture's width and height, or pixels where the numbers are too large.
World landmarks are not read from CSV: no two exports name them alike.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.io.files.text_table import header_cells, rows_in
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.joint_names import NamedJoints, joints_named
from lift3d.io.keypoints.mediapipe import landmark_space
from lift3d.io.keypoints.point_tables import (
    PointTable,
    WideColumns,
    detections_of_points,
    read_tidy,
    read_wide,
)
from lift3d.io.keypoints.table_csv import row_columns, tidy_columns, wide_columns
from lift3d.skeletons import MEDIAPIPE_33

__all__ = ["is_mediapipe_csv", "read_mediapipe_csv"]

_FORMAT: Final = "MediaPipe landmarks (.csv)"
_POSE: Final = len(MEDIAPIPE_33)
_WITH_FACE: Final = 501
_NUMBERED: Final = re.compile(
    r"^(?:(?:landmark|lm|point|kp)?_?(?P<n>\d{1,3})[_.](?P<c>x|y|z|v|visibility)"
    r"|(?P<c2>x|y|z|v|visibility)_?(?P<n2>\d{1,3}))$",
    re.IGNORECASE,
)


def is_mediapipe_csv(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a text starts with a header of one of the three forms."""
    header = header_cells(head)
    return _numbered(header) is not None or _named(header) is not None or _tidy(header)


def read_mediapipe_csv(path: Path) -> Detections:
    """Everybody in one of the forms above. Raises `FileFormatError` with the file and the line."""
    where = f"'{path}'"
    _, header = next(rows_in(path), (0, list[str]()))
    tidy, wide = tidy_columns(header), _numbered(header) or _named(header)
    if wide is not None:
        table = read_wide(path, wide, len(header))
    elif tidy is not None and _tidy(header):
        table = _with_names(read_tidy(path, tidy, len(header)))
    else:
        raise FileFormatError(
            f"expected columns x0, y0, z0, v0, ... or nose_x, nose_y, ... of 33 landmarks in {where}, "
            f"got {', '.join(cell[:20] for cell in header[:6]) or 'none'}: name the columns so"
        )
    joints = _landmarks(table, where)
    space = landmark_space(table.points)
    return detections_of_points(table, joints, _FORMAT, where, space=space)


def _numbered(header: Sequence[str]) -> WideColumns | None:
    cells: dict[tuple[int, str], int] = {}
    for place, cell in enumerate(header):
        match = _NUMBERED.match(cell)
        if match:
            number = int(match["n"] or match["n2"])
            cells[number, (match["c"] or match["c2"])[0].lower()] = place
    numbers = sorted({number for number, axis in cells if axis == "x"})
    if len(numbers) not in (_POSE, _WITH_FACE) or numbers[0] not in (0, 1):
        return None
    first = numbers[0]
    if numbers != list(range(first, first + len(numbers))):
        return None
    pose = range(first, first + _POSE)
    x, y, level = (tuple(cells.get((n, axis), -1) for n in pose) for axis in "xyv")
    if min(y) < 0:
        return None
    return WideColumns(row_columns(header), MEDIAPIPE_33.joints, x, y, level)


def _named(header: Sequence[str]) -> WideColumns | None:
    """Columns by name are MediaPipe's where they are all of its landmarks and nothing else."""
    wide = wide_columns(header)
    if wide is None or len(wide.names) != _POSE:
        return None
    if joints_named(wide.names).skeleton is not MEDIAPIPE_33:
        return None
    return wide


def _tidy(header: Sequence[str]) -> bool:
    columns = tidy_columns(header)
    return columns is not None and header[columns.joint].lower() == "landmark"


def _with_names(table: PointTable) -> PointTable:
    """Numbers of landmarks as their names."""
    if not all(name.isdecimal() and int(name[:4]) < _POSE for name in table.names):
        return table
    return replace(table, names=tuple(MEDIAPIPE_33.joints[int(name)] for name in table.names))


def _landmarks(table: PointTable, where: str) -> NamedJoints:
    if len(set(table.names)) == len(table.names):
        joints = joints_named(table.names)
        if joints.skeleton is not None:
            return joints
    raise FileFormatError(
        f"expected landmarks by MediaPipe's names, or by numbers from 0 to 32, in {where}, got "
        f"{', '.join(name[:20] for name in table.names[:5])}: name them so"
    )
