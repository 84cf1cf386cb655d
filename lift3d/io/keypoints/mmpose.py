"""MMPose's predictions: what its inferencers and demos save.

- a picture: a list of instances, one file per picture (also nested one list deeper)
- a video: `[{"frame_id": i, "instances": [...]}, ...]`
- demos: `{"meta_info": {"dataset_name", ...}, "instance_info": [{"frame_id", "instances"}, ...]}`

An instance has `keypoints` K x 2 in pixels, `keypoint_scores` K, `bbox` (nested one level, a slip of
the source that stayed) and, with tracking, `track_id`. Read from mmpose/structures/utils.py
(split_instances), apis/inferencers/base_mmpose_inferencer.py and demo/. K x 3 are the joints of its
3D lifter, which are no pixels. Layouts by `dataset_name` where it is said, else by K.
"""

from itertools import chain
from types import MappingProxyType
from typing import Any, Final

import msgspec

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import ANONYMOUS, Detections, FileFacts, as_person
from lift3d.io.keypoints.frame_folder import FrameFormat, frame_number
from lift3d.io.keypoints.json_stream import BOM, Terms, batches, decoded, reader_of
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeleton import Skeleton
from lift3d.skeletons import (
    AIC_14,
    COCO_17,
    COCO_WHOLEBODY_133,
    CROWDPOSE_14,
    H36M_17,
    HALPE_26,
    HALPE_136,
    MPII_16,
)

__all__ = ["MMPOSE", "read_mmpose", "signs_of_mmpose"]

FORMAT: Final = "MMPose predictions"
_BY_NAME: Final = MappingProxyType(
    {
        "aic": AIC_14,
        "coco": COCO_17,
        "coco_wholebody": COCO_WHOLEBODY_133,
        "crowdpose": CROWDPOSE_14,
        "h36m": H36M_17,
        "halpe": HALPE_136,
        "halpe26": HALPE_26,
        "mpii": MPII_16,
    }
)
_BY_COUNT: Final = MappingProxyType(
    {16: MPII_16, 26: HALPE_26, 133: COCO_WHOLEBODY_133, 136: HALPE_136}
)
_TERMS: Final = Terms("person", values="a list of numbers, [x, y] for every keypoint")
_FRAME_TERMS: Final = Terms("frame", entry="a frame with its 'instances'", values=_TERMS.values)

Flat = tuple[float | None, ...]


class _Instance(msgspec.Struct, gc=False):
    keypoints: tuple[Flat, ...]
    keypoint_scores: Flat = ()
    track_id: Any = None


class _Frame(msgspec.Struct, gc=False):
    instances: list[_Instance]
    frame_id: int | None = None


_PICTURE: Final = msgspec.json.Decoder(list[_Instance])
_NESTED: Final = msgspec.json.Decoder(list[list[_Instance]])
_FRAMES: Final = msgspec.json.Decoder(list[_Frame])


def signs_of_mmpose(specimen: Specimen) -> str:
    """By what a file is known to hold predictions; empty where it does not."""
    if "instance_info" in specimen.members:
        return "a JSON object with 'instance_info'"
    first = specimen.first
    if isinstance(first, dict) and "instances" in first:
        return "a JSON list of frames with 'instances'"
    if _is_picture(first):
        return "a JSON list of people with 'keypoints' and without a picture's id"
    return ""


def read_mmpose(specimen: Specimen) -> Detections:
    """Predictions in any of the forms."""
    return _read_picture(specimen) if _is_picture(specimen.first) else _read_video(specimen)


def _is_picture(first: object) -> bool:
    if isinstance(first, list):
        return bool(first) and isinstance(first[0], dict) and "keypoints" in first[0]
    return isinstance(first, dict) and "keypoints" in first and "image_id" not in first


def _read_video(specimen: Specimen) -> Detections:
    """A video's predictions, a piece of the list at a time; of a demo's the text is held once."""
    rows, frames = Rows(specimen.where, "person"), dict[int, None]()
    with specimen.reader() as read:
        info = specimen.members.get("instance_info")
        source = read if info is None else reader_of(info)
        for some in batches(source, _FRAMES.decode, specimen.where, _FRAME_TERMS):
            for frame in some:
                number = len(frames) if frame.frame_id is None else frame.frame_id
                if number in frames:
                    raise FileFormatError(
                        f"expected every frame once in {specimen.where}, got frame {number} twice: "
                        "keep one clip per file"
                    )
                frames[number] = None
                _add(rows, frame.instances, number, f"{specimen.path}, frame {number}")
    return _detections(rows, list(frames), _named(specimen))


def _read_picture(specimen: Specimen) -> Detections:
    """The people of one picture; its number is the last one in the file's name."""
    rows, frame = Rows(specimen.where, "person"), frame_number(specimen.path)
    _add_picture(rows, specimen.content, frame, str(specimen.path))
    return _detections(rows, [frame], None)


def _add_picture(rows: Rows, text: bytes, frame: int, source: str) -> None:
    text, where = text.removeprefix(BOM), f"'{source}'"
    if text.lstrip()[:1] == b"[" and text.lstrip()[1:].lstrip()[:1] == b"[":
        people = list(chain.from_iterable(decoded(_NESTED.decode, text, where, _TERMS)))
    else:
        people = decoded(_PICTURE.decode, text, where, _TERMS)
    _add(rows, people, frame, source)


def _add(rows: Rows, people: list[_Instance], frame: int, source: str) -> None:
    for number, person in enumerate(people):
        flat = _triplets(person)
        if flat is None:
            raise _no_pairs(person, f"'{source}', person {number}")
        known = ANONYMOUS if person.track_id is None else as_person(person.track_id)
        rows.add(frame, flat, known, source, number)


def _triplets(person: _Instance) -> list[float | None] | None:
    """x, y, score, x, ...; None where there are not two numbers and one score for each keypoint."""
    scores = person.keypoint_scores or (1.0,) * len(person.keypoints)
    if len(scores) != len(person.keypoints) or any(len(xy) != 2 for xy in person.keypoints):
        return None
    pairs = zip(person.keypoints, scores, strict=True)
    return [value for (x, y), score in pairs for value in (x, y, score)]


def _no_pairs(person: _Instance, where: str) -> FileFormatError:
    if all(len(xyz) == 3 for xyz in person.keypoints):
        return FileFormatError(
            f"expected x, y in pixels for every keypoint in {where}, got x, y, z, the joints of "
            "MMPose's 3D lifter: give the predictions of its 2D detector"
        )
    return FileFormatError(
        f"expected x, y and a score for every keypoint in {where}, got "
        f"{len(person.keypoints)} keypoints and {len(person.keypoint_scores)} scores: write it again"
    )


def _named(specimen: Specimen) -> Skeleton | None:
    """The layout of the data set that the detector was trained on, where the file names it."""
    text = specimen.members.get("meta_info")
    meta = decoded(msgspec.json.decode, text, specimen.where) if text else None
    name = meta.get("dataset_name") if isinstance(meta, dict) else None
    return _BY_NAME.get(name) if isinstance(name, str) else None


def _detections(rows: Rows, frames: list[int], named: Skeleton | None) -> Detections:
    joints = rows.points().shape[1]
    fits = named is not None and len(named) == joints
    layout = named if fits else _BY_COUNT.get(joints)
    return rows.detections(frames, FileFacts(FORMAT, "pixels", layout))


def _finish(rows: Rows, frames: list[int]) -> Detections:
    return _detections(rows, frames, None)


MMPOSE: Final = FrameFormat(_add_picture, _finish)
