"""COCO keypoints: a list of results, or a dictionary of annotations.

- results: `[{"image_id", "category_id", "keypoints": [x, y, score] * 17, "score"}, ...]`
- annotations: `{"images": [{"id", "width", "height", "file_name"}], "annotations":
  [{"image_id", "keypoints": [x, y, v] * 17, ...}]}` with v 0 not labelled, 1 labelled but hidden,
  2 visible; here 2 gives confidence 1 and 1 gives 0.5, since a hidden joint is a person's guess.

Pictures are the frames of one clip: `image_id` is the frame number where the ids lie close together,
otherwise pictures are counted in the order of their ids. `track_id` (PoseTrack) or `idx` say who is
who. Integer coordinates are pixel centres, as here.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from lift3d.errors import FileFormatError
from lift3d.io.detections import (
    ANONYMOUS,
    MAX_SIDE,
    Detection,
    Detections,
    FileFacts,
    as_person,
    as_triplets,
    gather,
)
from lift3d.skeletons import COCO_17

__all__ = ["is_coco", "read_coco_document"]

HIDDEN: Final = 0.5
"""Confidence of a keypoint that an annotator placed although it was hidden (v = 1)."""

_CLOSE: Final = 3


def is_coco(document: object) -> bool:
    """Whether a parsed JSON document is a results list or an annotation dictionary."""
    if isinstance(document, dict):
        return "annotations" in document
    return (
        isinstance(document, list)
        and bool(document)
        and isinstance(document[0], dict)
        and "image_id" in document[0]
    )


def read_coco_document(document: object, path: Path) -> Detections:
    """Results or annotations of one clip."""
    where = f"'{path}'"
    header: dict[str, Any] = document if isinstance(document, dict) else {}
    entries = header.get("annotations", document)
    images = header.get("images", [])
    if not isinstance(entries, list) or not isinstance(images, list):
        raise FileFormatError(f"expected lists of images and people in {where}: write it again")
    labelled = [entry for entry in entries if not header or _has_body(entry)]
    pictures = {_picture(image, "id", where) for image in images}
    pictures |= {_picture(entry, "image_id", where) for entry in labelled}
    frame_of, notes = _frames(sorted(pictures))
    rows = [
        _row(entry, frame_of[entry["image_id"]], bool(header), f"{where}, entry {number}")
        for number, entry in enumerate(labelled)
    ]
    seventeen = all(len(row.points) == len(COCO_17) for row in rows)
    facts = FileFacts(
        "COCO annotations" if header else "COCO results",
        "pixels",
        COCO_17 if seventeen else None,
        _image_size(images, where),
        notes=notes,
    )
    return gather(rows, list(frame_of.values()), facts, where)


def _has_body(entry: object) -> bool:
    return not isinstance(entry, dict) or ("keypoints" in entry and entry.get("num_keypoints") != 0)


def _picture(entry: object, key: str, where: str) -> int:
    number = entry.get(key) if isinstance(entry, dict) else None
    if type(number) is not int:
        raise FileFormatError(
            f"expected a whole number as '{key}' of every entry in {where}, got {number!r:.40}: "
            "keep one format per file"
        )
    return number


def _frames(pictures: list[int]) -> tuple[dict[int, int], tuple[str, ...]]:
    if pictures and pictures[-1] - pictures[0] < _CLOSE * len(pictures) and pictures[0] >= 0:
        return {picture: picture for picture in pictures}, ()
    note = "pictures were taken as frames in the order of their ids"
    return {picture: frame for frame, picture in enumerate(pictures)}, (note,)


def _row(entry: dict[str, Any], frame: int, flags: bool, where: str) -> Detection:
    points = as_triplets(entry.get("keypoints"), where)
    if flags:
        level = np.where(points[:, 2] == 1, HIDDEN, np.minimum(points[:, 2], 1.0))
        points = np.concatenate([points[:, :2], level[:, None]], -1)
    known = (as_person(entry[key]) for key in ("track_id", "idx") if key in entry)
    return Detection(frame, points, next(known, ANONYMOUS))


def _image_size(images: list[Any], where: str) -> tuple[int, int] | None:
    sizes = [(image.get("height"), image.get("width")) for image in images]
    known = [size for size in sizes if size != (None, None)]
    if not known:
        return None
    height, width = known[0]
    if (
        type(height) is not int
        or type(width) is not int
        or not 1 <= min(height, width) <= max(height, width) <= MAX_SIDE
    ):
        raise FileFormatError(
            f"expected width and height of pictures in pixels in {where}, got {width!r:.20} and "
            f"{height!r:.20}: correct them"
        )
    if any(size != known[0] for size in known):
        raise FileFormatError(
            f"expected pictures of one size, a clip, in {where}, got several sizes: "
            "keep one clip per file"
        )
    return height, width
