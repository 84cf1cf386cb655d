r"""TRC, OpenSim's table of named markers over time: read whole as `TrcTable`, or as 2D keypoints.

Layout (Pose2Sim triangulation.py and common.py, Sports2D process.py, and files that they wrote; cells
are separated by tabs): `PathFileType 4 (X/Y/Z) name` · names of values · values (DataRate CameraRate
NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames) · `Frame# Time` and marker
names in every third cell · `X1 Y1 Z1 X2 ...` · perhaps a blank line · rows. An empty cell is a missing
number.

Sports2D writes keypoints of one picture into the same form: X to the right and Y down in pixels, Z 0,
and yet `m` as the unit. Pixels are told from metres by their size: a flat table half of whose
numbers are beyond 20 is no person in metres.
"""

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE
from lift3d.errors import FileFormatError
from lift3d.io.files.text_table import Numbers, lines_in, numbers_in
from lift3d.io.keypoints.detections import MAX_FRAME, Detections, FileFacts, gather
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.keypoints.point_arrays import PointArray, check_size, rows_of
from lift3d.io.keypoints.point_tracks import PointTracks

__all__ = ["TrcTable", "is_trc", "read_trc", "read_trc_table"]

_PIXELS: Final = ("px", "pixel", "pixels")
_METRES: Final = MappingProxyType({"m": 1.0, "cm": 0.01, "mm": 0.001})
_BEYOND_METRES: Final = 20.0
_MOST_MARKERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class TrcTable:
    """What a TRC file says. `positions` are in `units` (m, cm, mm, px); NaN where a cell is empty.

    Rates are per second: `data_rate` of the rows, `camera_rate` and `original_rate` of the recording.
    `times` are in seconds. `frames` are the rows' own numbers, which mostly start at 1 or 0.
    """

    names: tuple[str, ...]
    units: str
    data_rate: float
    camera_rate: float
    original_rate: float
    original_start: int
    frames: Int64[ndarray, " frames"]
    times: Float64[ndarray, " frames"]
    positions: Float64[ndarray, "frames markers 3"]

    def __len__(self) -> int:
        return len(self.frames)

    def tracks(self, where: str = "the TRC table") -> PointTracks:
        """The markers in metres, frame by frame; NaN in frames that the table leaves out.

        Raises `FileFormatError`, naming `where`, for a table in pixels or without frames or a rate.
        """
        scale = _METRES.get(self.units)
        if scale is None or not len(self) or not self.data_rate > 0:
            raise FileFormatError(
                f"expected markers in m, cm or mm at some rate in {where}, got {len(self)} frames in "
                f"'{self.units[:10]}' at {self.data_rate:g} per second: correct the header"
            )
        first, last = int(self.frames.min()), int(self.frames.max())
        check_size((last - first + 1, len(self.names), 3), where)
        places = np.full((last - first + 1, len(self.names), 3), np.nan)
        places[self.frames - first] = self.positions * scale
        return PointTracks(self.names, places, self.data_rate, first)


def is_trc(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a text starts as every TRC file does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"PathFileType")


def read_trc_table(path: Path) -> TrcTable:
    """The whole table, in the file's own units. Raises `FileFormatError` with file and line."""
    where = f"'{path}'"
    lines = lines_in(path)
    header = [text for _, text in islice(lines, 5)]
    if len(header) < 5 or not header[0].lstrip().startswith("PathFileType"):
        raise FileFormatError(
            f"expected the five lines of a TRC header in {where}, got {header[0][:20]!r}: "
            "write it again"
            if header
            else f"expected a TRC file in {where}, got an empty one: write it again"
        )
    said = _values(header[1], header[2], where)
    names = _names(header[3], where)
    numbers = Numbers(2 + 3 * len(names), where)
    for line, text in lines:
        if text.strip():
            numbers.add(_row(text, 2 + 3 * len(names), f"{where}, line {line}"))
    return _table(said, names, numbers.table(), where)


def _values(keys: str, values: str, where: str) -> dict[str, str]:
    """The header's values by their names."""
    pairs = zip(keys.split(), values.split(), strict=False)
    said = {key.lower(): value for key, value in pairs}
    missing = [key for key in ("datarate", "numframes", "nummarkers", "units") if key not in said]
    if missing:
        raise FileFormatError(
            f"expected DataRate, NumFrames, NumMarkers and Units in {where}, lines 2 and 3, got no "
            f"{missing[0]}: write it again"
        )
    return said


def _names(line: str, where: str) -> tuple[str, ...]:
    """Marker names stand in every third cell; some writers leave out the empty ones behind."""
    names = [cell.strip() for cell in line.split("\t")[2:]]
    while names and not names[-1]:
        names.pop()
    if not names or not all(names[::3]) or any(names[1::3]) or any(names[2::3]):
        raise FileFormatError(
            f"expected marker names in every third cell in {where}, line 4, got "
            f"{line[:40]!r}: write it again"
        )
    if len(names[::3]) > _MOST_MARKERS or len(set(names[::3])) < len(names[::3]):
        raise FileFormatError(
            f"expected at most {_MOST_MARKERS} names, each once, in {where}, line 4, got "
            f"{len(names[::3])}, of them {len(set(names[::3]))} different: rename the markers"
        )
    return tuple(names[::3])


def _row(text: str, count: int, where: str) -> list[float]:
    cells = [cell.strip() for cell in text.split("\t")]
    while len(cells) > count and not cells[-1]:
        cells.pop()
    if len(cells) != count:
        raise FileFormatError(
            f"expected {count} cells in {where}, got {len(cells)}: the file may be cut off, "
            "write it again"
        )
    return numbers_in(cells, where)


def _table(
    said: dict[str, str],
    names: tuple[str, ...],
    numbers: Float64[ndarray, "rows columns"],
    where: str,
) -> TrcTable:
    head = f"{where}, line 3"
    markers, rows = _number(said, "nummarkers", head), _number(said, "numframes", head)
    if (rows, markers) != (len(numbers), len(names)):
        raise FileFormatError(
            f"expected {rows:g} frames of {markers:g} markers in {where}, as its header says, got "
            f"{len(numbers)} of {len(names)}: write it again"
        )
    rate = _number(said, "datarate", head)
    start = _number(said, "origdatastartframe", head, 0.0)
    return TrcTable(
        names=names,
        units=said["units"].lower(),
        data_rate=rate,
        camera_rate=_number(said, "camerarate", head, rate),
        original_rate=_number(said, "origdatarate", head, rate),
        original_start=int(start) if abs(start) < MAX_FRAME else 0,
        frames=_frames(numbers[:, 0], where),
        times=numbers[:, 1].copy(),
        positions=numbers[:, 2:].reshape(-1, len(names), 3),
    )


def _number(said: dict[str, str], key: str, where: str, default: float | None = None) -> float:
    if key not in said and default is not None:
        return default
    value = numbers_in([said[key]], where)[0]
    if not math.isfinite(value) or value < 0:
        raise FileFormatError(
            f"expected {key} as a number of at least 0 in {where}, got {said[key][:20]!r}: correct it"
        )
    return value


def _frames(numbers: Float64[ndarray, " rows"], where: str) -> Int64[ndarray, " rows"]:
    whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < MAX_FRAME)
    if not whole.all() or len(np.unique(numbers)) < len(numbers):
        raise FileFormatError(
            f"expected every frame's number once, as whole numbers, in the first cells of {where}, "
            "got others: renumber the frames"
        )
    return numbers.astype(np.int64)


def read_trc(path: Path) -> Detections:
    """One person's 2D keypoints in pixels, as Sports2D writes them.

    Raises `FileFormatError` for markers in space as well: those are no keypoints of a picture.
    """
    where = f"'{path}'"
    table = read_trc_table(path)
    if not _flat_in_pixels(table):
        raise FileFormatError(
            f"expected 2D keypoints in pixels in {where}, got markers in space in "
            f"{table.units[:10]}: read_trc_table reads those, lifting needs the picture's keypoints"
        )
    joints = joints_named(table.names)
    points = table.positions[:, None, list(joints.columns), :2]
    frames = [int(frame) for frame in table.frames]
    rows = rows_of(PointArray(points), frames, where, tracked=True)
    slowest, fastest = FPS_RANGE
    fps = table.data_rate if slowest <= table.data_rate <= fastest else None
    facts = FileFacts(
        "TRC in pixels", "pixels", joints.skeleton, fps=fps, notes=joints.notes, nameless=True
    )
    return gather(rows, frames, facts, where)


def _flat_in_pixels(table: TrcTable) -> bool:
    if table.units in _PIXELS:
        return True
    depth, sizes = table.positions[..., 2], np.abs(table.positions[..., :2])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    flat = bool((np.nan_to_num(depth) == 0).all())
    return table.units == "m" and flat and bool(sizes.size and np.median(sizes) > _BEYOND_METRES)
