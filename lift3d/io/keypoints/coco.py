"""COCO keypoints: a list of results, or a dictionary of annotations.

- results: `[{"image_id", "category_id", "keypoints": [x, y, score] * 17, "score"}, ...]`
- annotations: `{"images": [{"id", "width", "height", "file_name"}], "annotations":
  [{"image_id", "keypoints": [x, y, v] * 17, ...}]}` with v 0 not labelled, 1 labelled but hidden,
  2 visible; here 2 gives confidence 1 and 1 gives 0.5, since a hidden joint is a person's guess.

Pictures are the frames of one clip: `image_id` is the frame number where the ids lie close together,
otherwise pictures are counted in the order of their ids. `track_id` (PoseTrack) or `idx` say who is
who. Integer coordinates are pixel centres, as here. Lists are read a piece at a time; of annotations
the text is held once.
"""

from array import array
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from lift3d.conventions import MAX_SIDE
from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import ANONYMOUS, Detections, FileFacts, as_person
from lift3d.io.keypoints.json_stream import Terms, batches, decoded, first_byte, reader_of
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeletons import COCO_17, COCO_WHOLEBODY_133, HALPE_26, HALPE_136

__all__ = ["HIDDEN", "read_coco", "signs_of_coco"]

HIDDEN: Final = 0.5
"""Confidence of a keypoint that an annotator placed although it was hidden (v = 1)."""

_CLOSE: Final = 3
_LAYOUTS: Final = MappingProxyType(
    {17: COCO_17, 26: HALPE_26, 133: COCO_WHOLEBODY_133, 136: HALPE_136}
)
_PICTURE: Final = "a whole number as 'image_id'"
_TERMS: Final = Terms("entry", entry=_PICTURE, fields={"image_id": _PICTURE})
_IMAGE: Final = "a whole number as 'id'"
_IMAGE_TERMS: Final = Terms("picture", entry=_IMAGE, fields={"id": _IMAGE})


class _Person(msgspec.Struct, gc=False):
    image_id: int
    keypoints: tuple[float | None, ...] | UnsetType = UNSET
    num_keypoints: Any = None
    track_id: Any = UNSET
    idx: Any = None


class _Image(msgspec.Struct, gc=False):
    id: int
    width: Any = None
    height: Any = None


_PEOPLE: Final = msgspec.json.Decoder(list[_Person])
_IMAGES: Final = msgspec.json.Decoder(list[_Image])


def signs_of_coco(specimen: Specimen) -> str:
    """By what a file is known to be results or annotations; empty where it is neither."""
    if "annotations" in specimen.members:
        return "a JSON object with 'annotations'"
    if isinstance(specimen.first, dict) and "image_id" in specimen.first:
        return "a JSON list whose entries have 'image_id', which is no picture's name"
    return ""


def read_coco(specimen: Specimen) -> Detections:
    """Results or annotations of one clip."""
    return _annotations(specimen) if specimen.members else _results(specimen)


def _results(specimen: Specimen) -> Detections:
    """A detector's results for one clip, a piece of the list at a time."""
    rows, pictures = Rows(specimen.where, "entry"), array("q")
    with specimen.reader() as read:
        for people in batches(read, _PEOPLE.decode, specimen.where, _TERMS):
            _add(rows, people, pictures, specimen)
    numbers, own, notes = _frames(pictures, ())
    layout = _LAYOUTS.get(rows.points().shape[1])
    return rows.detections(numbers, FileFacts("COCO results", "pixels", layout, notes=notes), own)


def _annotations(specimen: Specimen) -> Detections:
    """Annotations of one clip."""
    entries = specimen.members.get("annotations", msgspec.Raw(b""))
    images = _images(specimen)
    if first_byte(entries) != b"[":
        raise _no_lists(specimen.where)
    rows, pictures = Rows(specimen.where, "entry"), array("q")
    for people in batches(reader_of(entries), _PEOPLE.decode, specimen.where, _TERMS):
        labelled = [p for p in people if p.num_keypoints != 0 and p.keypoints is not UNSET]
        _add(rows, labelled, pictures, specimen)
    numbers, own, notes = _frames(pictures, [image.id for image in images])
    points = rows.points()
    flags = points[..., 2]
    points[..., 2] = np.where(flags == 1, HIDDEN, np.minimum(flags, 1.0))
    layout = _LAYOUTS.get(points.shape[1])
    size = _image_size(images, specimen.where)
    facts = FileFacts("COCO annotations", "pixels", layout, size, notes=notes)
    return rows.detections(numbers, facts, own)


def _add(rows: Rows, people: Iterable[_Person], pictures: "array[int]", specimen: Specimen) -> None:
    source = str(specimen.path)
    for person in people:
        number = len(pictures)
        if person.keypoints is UNSET:
            raise FileFormatError(
                f"expected 'keypoints' in {specimen.where}, entry {number}, got none: write it again"
            )
        try:
            pictures.append(person.image_id)
        except OverflowError:
            raise FileFormatError(
                f"expected {_PICTURE} in {specimen.where}, entry {number}, got one of more than 18 "
                "digits: renumber the pictures"
            ) from None
        known = person.idx if person.track_id is UNSET else person.track_id
        who = ANONYMOUS if known is None else as_person(known)
        rows.add(person.image_id, person.keypoints, who, source, number)


def _frames(
    own: "array[int]", images: Iterable[int]
) -> tuple[list[int], list[int], tuple[str, ...]]:
    """All frame numbers of the clip, those of the rows, and what had to be assumed."""
    pictures = sorted({*own, *images})
    if pictures and pictures[-1] - pictures[0] < _CLOSE * len(pictures) and pictures[0] >= 0:
        return pictures, own.tolist(), ()
    frame_of = {picture: frame for frame, picture in enumerate(pictures)}
    note = "pictures were taken as frames in the order of their ids"
    return list(frame_of.values()), [frame_of[picture] for picture in own], (note,)


def _images(specimen: Specimen) -> list[_Image]:
    text = specimen.members.get("images")
    if text is None:
        return []
    if first_byte(text) != b"[":
        raise _no_lists(specimen.where)
    return decoded(_IMAGES.decode, text, specimen.where, _IMAGE_TERMS)


def _no_lists(where: str) -> FileFormatError:
    return FileFormatError(
        f"expected lists of images and people in {where}, got something else under these names: "
        "write it again"
    )


def _image_size(images: list[_Image], where: str) -> tuple[int, int] | None:
    sizes = [(image.height, image.width) for image in images]
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
