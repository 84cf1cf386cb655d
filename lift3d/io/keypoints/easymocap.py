"""EasyMocap's 2D annotations: `{"annots": [...], "height", "width", ...}`, one file per frame.

A person has `personID` (or `id`), `bbox` and `keypoints` [[x, y, c], ...] in pixels, of 25 keypoints in
the order of BODY_25; `handl2d`, `handr2d` and `face2d` lie beside them and are passed over.
"""

from itertools import chain
from types import MappingProxyType
from typing import Any, Final

import msgspec

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import ANONYMOUS, Detections, FileFacts, as_person
from lift3d.io.keypoints.frame_folder import FrameFormat
from lift3d.io.keypoints.json_stream import BOM, Terms, decoded
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeletons import BODY_25, COCO_17

__all__ = ["EASYMOCAP", "signs_of_easymocap"]

FORMAT: Final = "EasyMocap annotations"
_LAYOUTS: Final = MappingProxyType({17: COCO_17, 25: BODY_25})
_TERMS: Final = Terms("person", values="a list of numbers, [x, y, confidence] for every keypoint")


class _Person(msgspec.Struct, gc=False, rename={"person_id": "personID"}):
    keypoints: tuple[tuple[float | None, ...], ...]
    person_id: Any = None
    id: Any = None


class _Frame(msgspec.Struct, gc=False):
    annots: list[_Person]
    height: Any = None
    width: Any = None


_FRAME: Final = msgspec.json.Decoder(_Frame)


def signs_of_easymocap(specimen: Specimen) -> str:
    """By what a file is known to be a frame of annotations; empty where it is not."""
    return "a JSON object with 'annots'" if "annots" in specimen.members else ""


def _add(rows: Rows, text: bytes, frame: int, source: str) -> None:
    document = decoded(_FRAME.decode, text.removeprefix(BOM), f"'{source}'", _TERMS)
    rows.say_size(document.height, document.width)
    for number, person in enumerate(document.annots):
        if any(len(point) != 3 for point in person.keypoints):
            raise FileFormatError(
                f"expected x, y, confidence for every keypoint in '{source}', person {number}, got "
                "other numbers of values: write three per keypoint"
            )
        known = person.id if person.person_id is None else person.person_id
        who = ANONYMOUS if known is None else as_person(known)
        rows.add(frame, tuple(chain.from_iterable(person.keypoints)), who, source, number)


def _finish(rows: Rows, frames: list[int]) -> Detections:
    layout = _LAYOUTS.get(rows.points().shape[1])
    return rows.detections(frames, FileFacts(FORMAT, "pixels", layout, rows.image_size))


EASYMOCAP: Final = FrameFormat(_add, _finish)
