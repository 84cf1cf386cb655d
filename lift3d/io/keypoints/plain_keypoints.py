"""Keypoints as named arrays, in whatever archive: what .npz files and pickles of detectors come down to.

- `keypoints` (or `keypoints_2d`, `joints_2d`, `joint_2d`, ...): [frames, joints, 2 or 3], [frames,
  people, joints, 2 or 3], or one array [people, joints, 2 or 3] for each frame
- `scores` (or `keypoint_scores`, `confidence`, ...): the same axes without the last one
- `names` (or `joint_names`, ...): the joints' names; or `skeleton`, a layout's name
- `fps`; `image_size` [height, width], or `width` and `height`

rtmlib returns `keypoints` [people, joints, 2] and `scores` [people, joints] for one picture: three axes
beside an entry `scores` are people, not frames. Its models have 17 joints of COCO, 26 of Halpe or 133 of
COCO-WholeBody (rtmlib README). MMAction2's pose files put people first: `keypoint` [people, frames,
joints, 2], `keypoint_score` (MMAction2 docs/en/user_guides/prepare_dataset.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE, MAX_SIDE
from lift3d.errors import FileFormatError, SkeletonError
from lift3d.io.keypoints.detections import (
    Detection,
    Detections,
    FileFacts,
    gather,
    mixed,
)
from lift3d.io.keypoints.joint_names import NamedJoints, joints_named
from lift3d.io.keypoints.point_arrays import PointArray, check_size, rows_of, space_of
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17, COCO_WHOLEBODY_133, HALPE_26, skeleton_named

__all__ = ["POINT_KEYS", "detections_of_entries", "numbers_of", "used_keys"]

POINT_KEYS: Final = (
    *("keypoints", "keypoints_2d", "keypoints2d", "keypoint", "joints_2d", "joints2d"),
    *("joint_2d", "poses_2d", "poses2d", "points_2d"),
)
_SCORE_KEYS: Final = (
    *("scores", "keypoint_scores", "keypoint_score", "confidence", "confidences", "conf"),
)
_NAME_KEYS: Final = ("names", "joint_names", "keypoint_names", "joints", "node_names")
_SKELETON_KEYS: Final = ("skeleton", "layout", "layout_name")
_RATE_KEYS: Final = ("fps", "frame_rate", "framerate")
_SIZE_KEYS: Final = ("image_size", "img_shape", "original_shape")
_RTMLIB: Final = MappingProxyType({17: COCO_17, 26: HALPE_26, 133: COCO_WHOLEBODY_133})
_MOST_FRAMES: Final = 500_000


@dataclass(frozen=True, slots=True)
class _Clip:
    rows: list[Detection]
    frames: int
    joints: int


def used_keys() -> frozenset[str]:
    """All entries that are looked at; others need not be read."""
    every = (_SCORE_KEYS, _NAME_KEYS, _SKELETON_KEYS, _RATE_KEYS, _SIZE_KEYS, ("width", "height"))
    return frozenset((*POINT_KEYS, *(key for keys in every for key in keys)))


def detections_of_entries(entries: Mapping[str, object], format_: str, where: str) -> Detections:
    """Everybody in entries as above. Raises `FileFormatError` with the entry that is wrong."""
    points = _first(entries, POINT_KEYS)
    if points is None:
        raise FileFormatError(
            f"expected an entry 'keypoints' in {where}, got "
            f"{', '.join(str(key)[:20] for key in list(entries)[:6]) or 'none'}: save the keypoints "
            "under that name"
        )
    clip = _clip(points, _first(entries, _SCORE_KEYS), entries, where)
    joints, notes = _joints(entries, clip.joints, where)
    rows = [Detection(row.frame, row.points[list(joints.columns)], row.person) for row in clip.rows]
    size, fps = _image_size(entries, where), _rate(entries, where)
    notes = (*joints.notes, *notes)
    facts = FileFacts(format_, space_of(rows), joints.skeleton, size, fps, notes)
    return gather(rows, range(clip.frames), facts, where)


def numbers_of(value: object, where: str) -> ndarray:
    """An array of numbers, or a list that makes one; `FileFormatError` for anything else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, MemoryError):
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        raise FileFormatError(
            f"expected numbers in {where}, got {array.dtype} of shape {list(array.shape)}: "
            "save an array of floats"
        )
    check_size(array.shape, where)
    return array


def _first(entries: Mapping[str, object], keys: Sequence[str]) -> object:
    return next((entries[key] for key in keys if key in entries), None)


def _clip(points: object, scores: object, entries: Mapping[str, object], where: str) -> _Clip:
    if isinstance(points, ndarray) and points.dtype.kind != "O":
        found = numbers_of(points, f"{where}, keypoints")
        levels = None if scores is None else numbers_of(scores, f"{where}, scores")
        return _whole(found, levels, entries, where)
    return _frame_by_frame(points, scores, where)


def _whole(
    points: ndarray, scores: ndarray | None, entries: Mapping[str, object], where: str
) -> _Clip:
    if scores is not None and scores.ndim == points.ndim and scores.shape[-1] == 1:
        scores = scores[..., 0]
    if points.ndim not in (3, 4) or points.shape[-1] not in (2, 3):
        raise _shapes(points, scores, where)
    if scores is not None and scores.shape != points.shape[:-1]:
        raise _shapes(points, scores, where)
    if points.ndim == 3:  # one picture's people where rtmlib wrote them, else one person's frames
        axis = 0 if "scores" in entries else 1
        points = np.expand_dims(points, axis)
        scores = None if scores is None else np.expand_dims(scores, axis)
    elif "keypoint" in entries:
        points = points.swapaxes(0, 1)
        scores = None if scores is None else scores.swapaxes(0, 1)
    alone = points.shape[1] == 1 and len(points) > 1
    rows = rows_of(PointArray(points, scores), range(len(points)), where, tracked=alone)
    return _Clip(rows, len(points), points.shape[2])


def _shapes(points: ndarray, scores: ndarray | None, where: str) -> FileFormatError:
    beside = "" if scores is None else f" and scores {list(scores.shape)}"
    return FileFormatError(
        f"expected keypoints [frames, (people,) joints, 2 or 3] and scores of the same axes without "
        f"the last in {where}, got {list(points.shape)}{beside}: save them so"
    )


def _frame_by_frame(points: object, scores: object, where: str) -> _Clip:
    """One array of people for each frame, as lists of a detector's results are saved."""
    frames, levels = _listed(points), None if scores is None else _listed(scores)
    if frames is None or len(frames) > _MOST_FRAMES or (scores is not None and levels is None):
        raise FileFormatError(
            f"expected keypoints as an array, or as one array for each of at most {_MOST_FRAMES} "
            f"frames, in {where}, got {type(points).__name__}: save an array"
        )
    if levels is not None and len(levels) != len(frames):
        raise FileFormatError(
            f"expected scores for {len(frames)} frames in {where}, got {len(levels)}: save both"
        )
    rows: list[Detection] = []
    for number, frame in enumerate(frames):
        rows += _one_frame(frame, None if levels is None else levels[number], number, where)
        if rows and len(rows[-1].points) != len(rows[0].points):
            one, other = ((len(row.points), row.frame) for row in (rows[0], rows[-1]))
            raise mixed(one, other, where)
    return _Clip(rows, len(frames), len(rows[0].points) if rows else 0)


def _one_frame(points: object, scores: object, number: int, where: str) -> list[Detection]:
    if points is None or (isinstance(points, ndarray | list) and not len(points)):
        return []
    where = f"{where}, frame {number}"
    people = numbers_of(points, where)
    levels = None if scores is None else numbers_of(scores, where)
    if people.ndim == 2:
        people, levels = people[None], None if levels is None else levels[None]
    if people.ndim != 3 or people.shape[-1] not in (2, 3):
        raise _shapes(people, levels, where)
    if levels is not None and levels.shape != people.shape[:-1]:
        raise _shapes(people, levels, where)
    array = PointArray(people[None], None if levels is None else levels[None])
    return rows_of(array, [number], where, tracked=False)


def _listed(value: object) -> Sequence[Any] | None:
    if isinstance(value, ndarray) and value.ndim:
        listed: list[Any] = list(value)
        return listed
    return value if isinstance(value, list | tuple) else None


def _joints(
    entries: Mapping[str, object], count: int, where: str
) -> tuple[NamedJoints, tuple[str, ...]]:
    names = _texts(_first(entries, _NAME_KEYS))
    if names and len(names) == count:
        return joints_named(names), ()
    if names:
        raise FileFormatError(
            f"expected {count} names for the keypoints in {where}, got {len(names)}: save one each"
        )
    said = _texts(_first(entries, _SKELETON_KEYS))
    layout = _RTMLIB.get(count) if "scores" in entries else None
    if len(said) == 1:
        layout = _layout(said[0], count, where)
    return NamedJoints(layout, tuple(range(count)), ()), ()


def _layout(name: str, count: int, where: str) -> Skeleton:
    try:
        layout = skeleton_named(name)
    except SkeletonError as error:
        raise FileFormatError(f"{error} (in {where})") from None
    if len(layout) != count:
        raise FileFormatError(
            f"expected {len(layout)} keypoints for skeleton '{name}' in {where}, got {count}: "
            "correct its name"
        )
    return layout


def _texts(value: object) -> list[str]:
    if isinstance(value, str | bytes):
        value = [value]
    if isinstance(value, ndarray):
        value = value.ravel().tolist()
    if not isinstance(value, list | tuple):
        return []
    found = (item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in value)
    texts = [item for item in found if isinstance(item, str)]
    return texts if len(texts) == len(value) else []


def _rate(entries: Mapping[str, object], where: str) -> float | None:
    value = _first(entries, _RATE_KEYS)
    if value is None:
        return None
    numbers = numbers_of(value, f"{where}, fps")
    slowest, fastest = FPS_RANGE
    if numbers.size != 1 or not slowest <= float(numbers.item()) <= fastest:
        raise FileFormatError(
            f"expected fps as frames per second above 0 in {where}, got {str(value)[:20]}: correct it"
        )
    return float(numbers.item())


def _image_size(entries: Mapping[str, object], where: str) -> tuple[int, int] | None:
    value = _first(entries, _SIZE_KEYS)
    if value is None and {"width", "height"} <= entries.keys():
        value = [_plain(entries["height"]), _plain(entries["width"])]
    if value is None:
        return None
    sides: Float64[ndarray, " sides"] = (
        numbers_of(value, f"{where}, image_size").astype(np.float64).ravel()
    )
    if len(sides) != 2 or not all(0 < side <= MAX_SIDE for side in sides.tolist()):
        raise FileFormatError(
            f"expected image_size as [height, width] in pixels in {where}, got {str(value)[:20]}: "
            "correct it"
        )
    return int(sides[0]), int(sides[1])


def _plain(value: object) -> object:
    return value.item() if isinstance(value, ndarray) and value.size == 1 else value
