"""Keypoints in .npz archives: VideoPose3D's data sets, Detectron's results, and plain arrays.

- VideoPose3D (DATASETS.md, data/prepare_data_2d_custom.py): `positions_2d` is {subject: {action: [one
  array [frames, joints, 2] per camera]}} in pixels, `metadata` {layout_name, keypoints_symmetry,
  video_metadata {subject: {w, h}}}. A file of one video is read; one of many is a data set.
- Detectron for VideoPose3D: `keypoints[i][1]` is [people, 4, 17], rows x, y, logit, probability, for
  frame i; `boxes` alike; `metadata` {w, h}. COCO's joints.
- ROMP and BEV: see `romp`.
- anything else: see `plain_keypoints`.

All but the last are arrays of objects, which are pickles: they are read by `safe_pickle`.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.conventions import MAX_SIDE
from lift3d.errors import FileFormatError, SkeletonError
from lift3d.io.files.safe_pickle import read_object_npz
from lift3d.io.keypoints.detections import Detection, Detections, FileFacts, gather
from lift3d.io.keypoints.plain_keypoints import (
    POINT_KEYS,
    detections_of_entries,
    numbers_of,
    used_keys,
)
from lift3d.io.keypoints.point_arrays import PointArray, rows_of
from lift3d.io.keypoints.romp import RESULTS, is_romp, romp_detections
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17, H36M_17, skeleton_named

__all__ = ["is_npz_keypoints", "read_npz_keypoints"]

LIMIT_BYTES: Final = 256_000_000
"""Unpacked size of the entries that are read: what one clip of keypoints may need."""

_VIDEOPOSE3D: Final = "positions_2d"
_LAYOUTS: Final = MappingProxyType({"coco": COCO_17, "h36m": H36M_17})
_KEYS: Final = frozenset({_VIDEOPOSE3D, "metadata", "boxes"})
_LIFTED: Final = frozenset({"format_version", "joints", "person_ids"})
"""What only a lifted clip has (`lift3d.io.clips.clip_npz`)."""


def is_npz_keypoints(head: bytes, path: Path) -> bool:
    """Whether a zip archive has an entry that holds 2D keypoints."""
    if not head.startswith(b"PK"):
        return False
    return bool(_entry_names(path) & {_VIDEOPOSE3D, RESULTS, *POINT_KEYS})


def _entry_names(path: Path) -> set[str]:
    """Nothing where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return set()


def read_npz_keypoints(path: Path) -> Detections:
    """Everybody in one of the forms above. Raises `FileFormatError`."""
    where = f"'{path}'"
    if _entry_names(path) >= _LIFTED:
        raise FileFormatError(
            f"expected 2D keypoints in {where}, got a lifted clip: give it to lift3d render, view, plot "
            "or convert"
        )
    keys = used_keys() | _KEYS | {RESULTS}
    entries = read_object_npz(path, limit_bytes=LIMIT_BYTES, keys=keys)
    if is_romp(entries):
        return romp_detections(entries, where)
    if isinstance(entries.get(_VIDEOPOSE3D), dict):
        return _videopose3d(entries, where)
    if "boxes" in entries and "keypoints" in entries:
        return _detectron(entries, where)
    if _VIDEOPOSE3D in entries:
        entries = {**entries, "keypoints": entries[_VIDEOPOSE3D]}
    return detections_of_entries(entries, "named arrays (.npz)", where)


def _videopose3d(entries: Mapping[str, object], where: str) -> Detections:
    videos = dict(_videos(entries[_VIDEOPOSE3D], where))
    if len(videos) != 1:
        shown = ", ".join(name[:40] for name in list(videos)[:3])
        raise FileFormatError(
            f"expected one video in {where}, got {len(videos)} ({shown}, ...): it is a data set, save "
            "the keypoints of each video on their own"
        )
    ((name, value),) = videos.items()
    points = numbers_of(value, f"{where}, {name}")
    if points.ndim != 3 or points.shape[-1] not in (2, 3):
        raise FileFormatError(
            f"expected [frames, joints, 2] in {where}, {name[:40]}, got {list(points.shape)}: "
            "write it again"
        )
    metadata = _fields(entries.get("metadata"))
    size = _size(_fields(_fields(metadata.get("video_metadata")).get(name.split("/")[0])))
    layout = _layout(metadata.get("layout_name"), points.shape[1])
    rows = rows_of(PointArray(points[:, None]), range(len(points)), where, tracked=True)
    facts = FileFacts("VideoPose3D 2D keypoints", "pixels", layout, size)
    return gather(rows, range(len(points)), facts, where)


def _videos(positions: object, where: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for subject, actions in _fields(positions).items():
        for action, cameras in _fields(actions).items():
            several = isinstance(cameras, list | tuple)
            listed = list(cameras) if isinstance(cameras, list | tuple) else [cameras]
            for number, points in enumerate(listed):
                camera = f"/camera {number}" if several and len(listed) > 1 else ""
                found.append((f"{subject}/{action}{camera}", points))
    if not found:
        raise FileFormatError(
            f"expected positions_2d as subjects, actions and cameras in {where}, got nothing in it: "
            "write it again"
        )
    return found


def _fields(value: object) -> dict[str, object]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _size(fields: Mapping[str, object]) -> tuple[int, int] | None:
    """(height, width) where an entry says both as whole pixels."""
    sides = [fields.get(key) for key in ("h", "w")]
    whole = [int(side) for side in sides if isinstance(side, int | np.integer)]
    return (
        (whole[0], whole[1])
        if len(whole) == 2 and 0 < min(whole) <= max(whole) <= MAX_SIDE
        else None
    )


def _layout(name: object, count: int) -> Skeleton | None:
    """The layout that the metadata name, where it has as many joints as the file."""
    if not isinstance(name, str):
        return None
    try:
        layout = _LAYOUTS.get(name) or skeleton_named(name)
    except SkeletonError:
        return None
    return layout if len(layout) == count else None


def _detectron(entries: Mapping[str, object], where: str) -> Detections:
    frames = entries["keypoints"]
    if not isinstance(frames, ndarray) or not frames.ndim:
        raise FileFormatError(
            f"expected keypoints for each frame in {where}, got a {type(frames).__name__} without "
            "frames: write it again"
        )
    rows: list[Detection] = []
    for number, classes in enumerate(frames):
        rows += _detectron_frame(classes, number, f"{where}, frame {number}")
    facts = FileFacts(
        "Detectron keypoints", "pixels", COCO_17, _size(_fields(entries.get("metadata")))
    )
    return gather(rows, range(len(frames)), facts, where)


def _detectron_frame(classes: object, number: int, where: str) -> list[Detection]:
    """The people of a frame: the second class of Detectron's two."""
    if not isinstance(classes, ndarray | list | tuple) or len(classes) < 2:
        raise FileFormatError(
            f"expected results of two classes in {where}, got others: write it again"
        )
    if not len(classes[1]):
        return []
    people = numbers_of(classes[1], where)
    if people.ndim != 3 or people.shape[1:] != (4, len(COCO_17)):
        raise FileFormatError(
            f"expected keypoints [people, 4, 17] in {where}, got {list(people.shape)}: "
            "rows are x, y, logit, probability"
        )
    points = people.transpose(0, 2, 1)
    array = PointArray(points[None, ..., :2], points[None, ..., 3])
    return rows_of(array, [number], where, tracked=False)
