"""AlphaPose results: a list with one entry per person and picture, or its two other forms.

- default: `[{"image_id": "12.jpg", "keypoints": [x, y, c] * K, "score", "box", "idx"}, ...]`;
  `idx` is the person's id where tracking was on (an integer, sometimes in a list).
- `--format cmu` and `--format open`: `{"12.jpg": {"version", "bodies" or "people": [...]}}`, whose
  entries are those of OpenPose (18 keypoints).

Layouts by K, as AlphaPose's docs/output.md numbers them: 17 COCO, 26 Halpe, 136 Halpe with face and
hands, 133 COCO-WholeBody, 16 MPII. The picture's number is the last one in its name. Some networks
give confidences above 1. `box`, `score` and `pred_xyz_jts` (what its own lifter made of the picture)
are passed over.
"""

import re
from array import array
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import Detections, FileFacts, as_person
from lift3d.io.keypoints.json_stream import Terms, batches, first_byte, members
from lift3d.io.keypoints.openpose import add_people, is_openpose
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeletons import COCO_17, COCO_18, COCO_WHOLEBODY_133, HALPE_26, HALPE_136, MPII_16

__all__ = ["read_alphapose", "signs_of_alphapose"]

_LAYOUTS: Final = MappingProxyType(
    {16: MPII_16, 17: COCO_17, 26: HALPE_26, 133: COCO_WHOLEBODY_133, 136: HALPE_136}
)
_LAST_NUMBER: Final = re.compile(r"(?<!\d)(?=(\d+))\1[^\d/\\]*?(?:\.[^./\\]*)?$")
_CLOSE: Final = 100
_PICTURE: Final = "'image_id' as a picture's name"
_TERMS: Final = Terms("entry", entry=_PICTURE, fields={"image_id": _PICTURE})


class _Entry(msgspec.Struct, gc=False):
    image_id: str
    keypoints: tuple[float | None, ...]
    idx: Any = None


_ENTRIES: Final = msgspec.json.Decoder(list[_Entry])


def signs_of_alphapose(specimen: Specimen) -> str:
    """By what a file is known to be results; empty where it is not."""
    first = specimen.first
    if isinstance(first, dict) and isinstance(first.get("image_id"), str):
        return "a JSON list whose entries have a picture's name as 'image_id'"
    value = next(iter(specimen.members.values()), msgspec.Raw(b""))
    if first_byte(value) == b"{" and is_openpose(members(bytes(value), specimen.where)):
        return "a JSON object of pictures with 'people' or 'bodies' in each"
    return ""


def read_alphapose(specimen: Specimen) -> Detections:
    """A whole video's results in any of the forms."""
    return _by_picture(specimen) if specimen.members else _by_person(specimen)


def _by_person(specimen: Specimen) -> Detections:
    """The default form, a piece of the list at a time."""
    rows = Rows(specimen.where, "entry")
    pictures, order, source = dict[str, int](), array("q"), str(specimen.path)
    with specimen.reader() as read:
        for entries in batches(read, _ENTRIES.decode, specimen.where, _TERMS):
            for entry in entries:
                picture = pictures.setdefault(entry.image_id, len(pictures))
                person = as_person(entry.idx)
                rows.add(picture, entry.keypoints, person, source, len(order))
                order.append(picture)
    numbers, notes = _frames(list(pictures))
    layout = _LAYOUTS.get(rows.points().shape[1])
    facts = FileFacts("AlphaPose results", "pixels", layout, notes=notes)
    return rows.detections(numbers, facts, [numbers[picture] for picture in order])


def _by_picture(specimen: Specimen) -> Detections:
    """The forms `cmu` and `open`."""
    rows = Rows(specimen.where, "person")
    numbers, notes = _frames(list(specimen.members))
    for number, (name, value) in zip(numbers, specimen.members.items(), strict=True):
        add_people(rows, value, number, f"{specimen.path}, picture {name[-40:]}")
    layout = COCO_18 if rows.points().shape[1] == len(COCO_18) else None
    facts = FileFacts("AlphaPose results by picture", "pixels", layout, notes=notes)
    return rows.detections(numbers, facts)


def _frames(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Frame numbers from the names; their order where the names have none, or far apart ones."""
    if not names:
        raise FileFormatError(
            "expected at least one picture in AlphaPose's results, got none: run it on a video with "
            "pictures"
        )
    matches = [_LAST_NUMBER.search(name) for name in names]
    numbers = [int(match[1][-12:]) for match in matches if match]
    spread = max(numbers, default=0) - min(numbers, default=0)
    if len(set(numbers)) == len(names) and spread < _CLOSE * (len(names) + 10):
        return numbers, ()
    note = "pictures were taken as frames in the order in which the file names them"
    return list(range(len(names))), (note,)
