"""DeepLabCut: a CSV (or its twin in HDF5) whose columns are named by three or four rows.

Layout (DeepLabCut docs/standardDeepLabCut_UserGuide.md, and files of its examples): the first cell is
`scorer`; rows `scorer`, `individuals` (with several animals), `bodyparts`, `coords`; coords are x, y in
pixels and `likelihood` (none in labels that people set). Each further row starts with the frame's
number, or with the picture's path, which newer versions cut into three cells. Parts that a project
has only once for all animals stand under an individual `single`: where there are others, too, they
belong to nobody and are left out.

`scorer.bodyparts` become joints by `joint_names`. Individuals are people, numbered in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.text_table import Numbers, header_cells, numbers_in, rows_in
from lift3d.io.keypoints.detections import Detections, FileFacts, gather
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.keypoints.point_arrays import PointArray, check_size, frames_of_names, rows_of

__all__ = ["Column", "detections_of_table", "is_deeplabcut", "read_deeplabcut"]

_DIGITS: Final = 12
_SHARED: Final = "single"
_LEVELS: Final = (
    ("scorer", "bodyparts", "coords"),
    ("scorer", "individuals", "bodyparts", "coords"),
)
_COORDINATES: Final = ("x", "y", "likelihood")


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of the table holds: `coordinate` (x, y, likelihood) of a part of somebody."""

    individual: str
    part: str
    coordinate: str


def is_deeplabcut(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a text starts with DeepLabCut's `scorer` row and has a `bodyparts` row."""
    lines = head.splitlines()
    first = [cell.split(b",", 1)[0].strip() for cell in lines[:4]]
    return header_cells(head)[:1] == ["scorer"] and b"bodyparts" in first


def read_deeplabcut(path: Path) -> Detections:
    """Everybody in a DeepLabCut CSV. Raises `FileFormatError` with the file and the line."""
    where = f"'{path}'"
    lines = rows_in(path)
    levels: dict[str, list[str]] = {}
    for _, cells in lines:
        levels[cells[0]] = cells[1:]
        if cells[0] == "coords" or len(levels) > len(_LEVELS[1]):
            break
    columns, skipped = _columns(levels, where)
    _check(columns, where)
    numbers, names = Numbers(len(columns), where), list[str]()
    for line, cells in lines:
        if len(cells) != len(columns) + skipped + 1:
            raise FileFormatError(
                f"expected {len(columns) + skipped + 1} cells in {where}, line {line}, got "
                f"{len(cells)}: write it again"
            )
        names.append("/".join(cells[: skipped + 1]))
        numbers.add(numbers_in(cells[skipped + 1 :], f"{where}, line {line}"))
    return detections_of_table(columns, names, numbers.table(), "DeepLabCut CSV", where)


def _columns(levels: dict[str, list[str]], where: str) -> tuple[list[Column], int]:
    """The columns, and how many cells beside the first one name the picture."""
    lengths = {len(cells) for name, cells in levels.items() if name != "scorer"}
    if tuple(levels) not in _LEVELS or len(lengths) != 1:
        raise FileFormatError(
            f"expected rows scorer, (individuals,) bodyparts, coords of one length in {where}, got "
            f"{', '.join(name[:20] for name in levels)}: give the CSV that DeepLabCut wrote"
        )
    parts, coordinates = levels["bodyparts"], levels["coords"]
    skipped = next((n for n, part in enumerate(parts) if part), len(parts))
    individuals = levels.get("individuals", [""] * len(parts))
    columns = [Column(*names) for names in zip(individuals, parts, coordinates, strict=True)]
    return columns[skipped:], skipped


def detections_of_table(
    columns: Sequence[Column],
    names: Sequence[str],
    values: Float64[ndarray, "rows columns"],
    format_: str,
    where: str,
) -> Detections:
    """A table of DeepLabCut; `names` are the frames' numbers or the pictures' paths, row by row."""
    _check(columns, where)
    own = [number for number, column in enumerate(columns) if column.individual != _SHARED]
    kept = own or list(range(len(columns)))
    joints = joints_named(list(dict.fromkeys(columns[number].part for number in kept)))
    points = _points([columns[number] for number in kept], values[:, kept], where)
    frames, notes = _frames(names)
    rows = rows_of(PointArray(points[:, :, list(joints.columns)]), frames, where, tracked=True)
    if len(own) not in (0, len(columns)):
        notes = (*notes, f"parts under the individual '{_SHARED}' were left out")
    facts = FileFacts(
        format_, "pixels", joints.skeleton, notes=(*joints.notes, *notes), nameless=True
    )
    return gather(rows, frames, facts, where)


def _check(columns: Sequence[Column], where: str) -> None:
    for column in columns:
        if column.coordinate not in _COORDINATES:
            raise FileFormatError(
                f"expected coords x, y, likelihood in {where}, got '{column.coordinate[:20]}' of "
                f"'{column.part[:20]}': give the 2D file of one camera"
            )
    if not columns or len(set(columns)) < len(columns):
        raise FileFormatError(
            f"expected every coordinate of every part once in {where}, got "
            f"{'one twice' if columns else 'no columns'}: write it again"
        )


def _points(
    columns: Sequence[Column], values: Float64[ndarray, "rows columns"], where: str
) -> Float64[ndarray, "rows individuals parts 3"]:
    individuals = {name: n for n, name in enumerate(dict.fromkeys(c.individual for c in columns))}
    parts = {name: n for n, name in enumerate(dict.fromkeys(c.part for c in columns))}
    shape = (len(values), len(individuals), len(parts), 3)
    check_size(shape, where)
    points = np.full(shape, np.nan)
    points[..., 2] = 1.0  # labels that people set have no likelihood
    for number, column in enumerate(columns):
        place = individuals[column.individual], parts[column.part]
        cells = (slice(None), *place, _COORDINATES.index(column.coordinate))
        points[cells] = values[:, number]
    return points


def _frames(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    if all(name.isdecimal() and len(name) <= _DIGITS for name in names):
        return [int(name) for name in names], ()
    return frames_of_names(names)
