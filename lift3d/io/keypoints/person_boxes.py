"""Boxes around people, picture by picture, as person detectors and trackers leave them in files.

- COCO: a list of results `[{"image_id", "bbox": [x, y, width, height], "score", "category_id"}, ...]`,
  or annotations `{"annotations": [...]}` of the same; only category 1, persons, where it is told.
- MOT Challenge: lines `frame, id, x, y, width, height, confidence, ...` without a header, frames from 1.
- a table (.csv) with a header that names `frame`, `x`, `y`, `width`, `height` and maybe `score`; frames
  from 0.

x, y are the first pixel's column and row. `image_id` is the picture's number, from 0.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d.io.files.json_values import load_json, read_bytes
from lift3d.io.files.limits import LIMITS

__all__ = ["PersonBoxes", "read_person_boxes"]

_PERSON: Final = 1
_COLUMNS: Final = ("frame", "x", "y", "width", "height")
_LONGEST: Final = 1e6  # pixels
_Row = tuple[int, tuple[float, float, float, float], float]


@dataclass(frozen=True, slots=True)
class PersonBoxes:
    """Boxes (first pixel, width, height; pixels) of numbered pictures."""

    of_picture: Mapping[int, Float[Tensor, "people 4"]]

    def at(self, number: int) -> Float[Tensor, "people 4"] | None:
        """Those of a picture; None where nothing is said of it."""
        return self.of_picture.get(number)


def read_person_boxes(path: str | PathLike[str], least: float = 0.0) -> PersonBoxes:
    """Boxes with a score of at least `least`; those that tell none count as sure.

    Raises `FileFormatError` for files that hold no boxes, and for boxes without pixels.
    """
    where = Path(path)
    content = read_bytes(where)
    text = content.lstrip(b"\xef\xbb\xbf \r\n\t")
    rows = _json(content, where) if text[:1] in (b"[", b"{") else _table(content, where)
    found: dict[int, list[tuple[float, float, float, float]]] = {}
    for number, box, score in rows:
        if not all(map(math.isfinite, box)) or min(box[2:]) <= 0 or max(map(abs, box)) > _LONGEST:
            raise FileFormatError(
                f"expected boxes of x, y, width and height above 0 in '{where}', got {list(box)} in "
                f"picture {number}: correct it"
            )
        boxes = found.setdefault(number, [])
        if score >= least:
            boxes.append(box)
        if len(boxes) > LIMITS.people:
            raise FileFormatError(
                f"expected at most {LIMITS.people} boxes in a picture in '{where}', got more in picture "
                f"{number}: raise the detector's threshold"
            )
    if not found:
        raise FileFormatError(f"expected boxes of people in '{where}', got none: give another file")
    return PersonBoxes(
        {number: torch.tensor(boxes).reshape(-1, 4) for number, boxes in found.items()}
    )


def _json(content: bytes, where: Path) -> Iterator[_Row]:
    document: Any = load_json(content, where)
    entries: Any = document.get("annotations") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise _unknown(where)
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("category_id", _PERSON) != _PERSON:
            if isinstance(entry, dict):
                continue
            raise _unknown(where)
        try:
            x, y, width, height = (float(each) for each in entry["bbox"])
            score = entry.get("score")
            sure = 1.0 if score is None else float(score)
            yield int(entry["image_id"]), (x, y, width, height), sure
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _unknown(where) from error


def _table(content: bytes, where: Path) -> Iterator[_Row]:
    try:
        rows = [row for row in csv.reader(content.decode("utf-8-sig").splitlines()) if row]
    except (UnicodeDecodeError, csv.Error) as error:  # giant fields, zero bytes
        raise _unknown(where) from error
    if not rows:
        raise _unknown(where)
    names = [name.strip().lower() for name in rows[0]]
    headed = set(_COLUMNS) <= set(names)
    at = [names.index(name) for name in _COLUMNS] if headed else [0, 2, 3, 4, 5]
    sure = names.index("score") if "score" in names else None if headed else 6
    first = 0 if headed else 1  # MOT's frames count from 1
    for row in rows[1:] if headed else rows:
        try:
            frame, x, y, width, height = (float(row[column]) for column in at)
            score = float(row[sure]) if sure is not None and sure < len(row) else 1.0
            yield int(frame) - first, (x, y, width, height), score
        except (IndexError, ValueError, OverflowError) as error:
            raise _unknown(where) from error


def _unknown(where: Path) -> FileFormatError:
    return FileFormatError(
        f"expected boxes as COCO results (JSON), MOT lines or a table with {', '.join(_COLUMNS)} in "
        f"'{where}', got something else: convert it"
    )
