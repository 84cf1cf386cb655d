"""AlphaPose results: a list with one entry per person and picture, or its two other forms.

- default: `[{"image_id": "12.jpg", "keypoints": [x, y, c] * K, "score", "box", "idx"}, ...]`;
  `idx` is the person's id where tracking was on (an integer, sometimes in a list).
- `--format cmu` and `--format open`: `{"12.jpg": {"version", "bodies" or "people": [...]}}`, whose
  entries are those of OpenPose (18 keypoints).

Layouts by K, as AlphaPose's docs/output.md numbers them: 17 COCO, 26 Halpe; of 136 the first 26 and
of 133 the first 17 are the body; 16 MPII. The picture's number is the last one in its name. Some
networks give confidences above 1.
"""

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lift3d.errors import FileFormatError
from lift3d.io.detections import (
    ANONYMOUS,
    Detection,
    Detections,
    FileFacts,
    as_person,
    as_triplets,
    gather,
)
from lift3d.io.openpose import is_openpose, people_in
from lift3d.skeletons import COCO_17, COCO_18, HALPE_26, MPII_16

__all__ = ["is_alphapose", "read_alphapose_document"]

_LAYOUTS: Final = MappingProxyType(
    {16: MPII_16, 17: COCO_17, 26: HALPE_26, 133: COCO_17, 136: HALPE_26}
)
_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")
_CLOSE: Final = 100


def is_alphapose(document: object) -> bool:
    """Whether a parsed JSON document is one of the three forms."""
    if isinstance(document, dict):
        return bool(document) and all(is_openpose(value) for value in document.values())
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return False
    return isinstance(document[0].get("image_id"), str)


def read_alphapose_document(document: object, path: Path) -> Detections:
    """A whole video's results."""
    if isinstance(document, dict):
        return _by_picture(document, f"'{path}'")
    return _by_person(document if isinstance(document, list) else [], f"'{path}'")


def _by_person(entries: list[Any], where: str) -> Detections:
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("image_id"), str):
            raise FileFormatError(
                f"expected 'image_id' as a picture's name in every entry of {where}, got "
                f"{entry!r:.40}: keep one format per file"
            )
    frame_of, notes = _frames(list(dict.fromkeys(entry["image_id"] for entry in entries)))
    rows = [
        Detection(
            frame_of[entry["image_id"]],
            as_triplets(entry.get("keypoints"), f"{where}, entry {number}"),
            as_person(entry.get("idx", ANONYMOUS)),
        )
        for number, entry in enumerate(entries)
    ]
    layout = _LAYOUTS.get(len(rows[0].points))
    whole = len(rows[0].points)
    if layout is not None and all(len(row.points) == whole for row in rows):
        rows = [Detection(row.frame, row.points[: len(layout)], row.person) for row in rows]
    if layout is not None and whole > len(layout):
        notes = (*notes, f"of {whole} keypoints the first {len(layout)}, the body, were read")
    facts = FileFacts("AlphaPose results", "pixels", layout, notes=notes)
    return gather(rows, list(frame_of.values()), facts, where)


def _by_picture(document: dict[str, Any], where: str) -> Detections:
    frame_of, notes = _frames(list(document))
    rows = [
        row
        for name, entry in document.items()
        for row in people_in(entry, frame_of[name], f"{where}, picture '{name}'")
    ]
    layout = COCO_18 if all(len(row.points) == len(COCO_18) for row in rows) else None
    facts = FileFacts("AlphaPose results by picture", "pixels", layout, notes=notes)
    return gather(rows, list(frame_of.values()), facts, where)


def _frames(names: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Frame numbers from the names; their order where the names have none, or far apart ones."""
    matches = [_LAST_NUMBER.search(Path(name).stem) for name in names]
    numbers = [int(match[1][-12:]) for match in matches if match]
    spread = max(numbers, default=0) - min(numbers, default=0)
    if len(set(numbers)) == len(names) and spread < _CLOSE * (len(names) + 10):
        return dict(zip(names, numbers, strict=True)), ()
    note = "pictures were taken as frames in the order in which the file names them"
    return {name: frame for frame, name in enumerate(names)}, (note,)
