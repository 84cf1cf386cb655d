"""Keypoints in pickles, read by `safe_pickle`, which runs nothing of them.

- MotionBERT (lib/data/datareader_h36m.py): {train | test: {`joint_2d` [frames, 17, 2] in pixels,
  `confidence` [frames, 17] or [frames, 17, 1], `camera_name`, `source`, ...}} with Human3.6M's joints;
  `source` names the clip of each frame. A file of one clip is read; one of many is a data set.
- a dict of named arrays, as `plain_keypoints` describes them.
- a list with one array [people, joints, 2 or 3] per frame.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.safe_pickle import read_pickle
from lift3d.io.keypoints.detections import Detections, FileFacts, gather
from lift3d.io.keypoints.plain_keypoints import detections_of_entries, numbers_of
from lift3d.io.keypoints.point_arrays import PointArray, rows_of
from lift3d.skeletons import H36M_17

__all__ = ["is_pickle_keypoints", "read_pickle_keypoints"]

LIMIT_BYTES: Final = 256_000_000
LIMIT_STEPS: Final = 2_000_000
"""A clip's arrays take some hundred steps, its frames as lists of lists fifty each."""

_SPLITS: Final = ("train", "test")
_ENDINGS: Final = (".pkl", ".pickle", ".p")


def is_pickle_keypoints(head: bytes, path: Path) -> bool:
    """Whether a file is a pickle: protocol 2 or later by its first bytes, older ones by the name."""
    known = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return known or (path.suffix.lower() in _ENDINGS and head[:1] in (b"(", b"}", b"]"))


def read_pickle_keypoints(path: Path) -> Detections:
    """Everybody in one of the forms above. Raises `FileFormatError`."""
    where = f"'{path}'"
    value = read_pickle(path, limit_bytes=LIMIT_BYTES, limit_steps=LIMIT_STEPS)
    if isinstance(value, list | ndarray):
        value = {"keypoints": value}
    if not isinstance(value, dict):
        raise FileFormatError(
            f"expected a dict or a list of keypoints in {where}, got {type(value).__name__}: "
            "give the detector's results"
        )
    entries = {str(key): item for key, item in value.items()}
    splits = {key: entries[key] for key in _SPLITS if isinstance(entries.get(key), dict)}
    if splits:
        return _motionbert(splits, where)
    return detections_of_entries(entries, "named arrays (pickle)", where)


def _motionbert(splits: Mapping[str, object], where: str) -> Detections:
    filled = {
        name: {str(key): item for key, item in split.items()}
        for name, split in splits.items()
        if isinstance(split, dict) and len(split)
    }
    if len(filled) != 1:
        raise FileFormatError(
            f"expected one clip in {where}, got the splits {', '.join(filled) or 'without any'}: it "
            "is a data set, save one clip on its own"
        )
    ((name, entries),) = filled.items()
    place = f"{where}, {name}"
    if "joint_2d" not in entries:
        return detections_of_entries(entries, "named arrays (pickle)", place)
    _check_one_clip(entries.get("source"), place)
    points = numbers_of(entries["joint_2d"], f"{place}, joint_2d")
    scores = None
    if "confidence" in entries:
        scores = numbers_of(entries["confidence"], f"{place}, confidence")
        scores = scores[..., 0] if scores.ndim == 3 and scores.shape[-1] == 1 else scores
    if points.ndim != 3 or points.shape[1:] != (17, 2):
        raise FileFormatError(
            f"expected joint_2d [frames, 17, 2] in {place}, got {list(points.shape)}: write it again"
        )
    if scores is not None and scores.shape != points.shape[:2]:
        raise FileFormatError(
            f"expected confidence [frames, 17] in {place}, got {list(scores.shape)}: write it again"
        )
    array = PointArray(points[:, None], None if scores is None else scores[:, None])
    rows = rows_of(array, range(len(points)), place, tracked=True)
    facts = FileFacts("MotionBERT pickle", "pixels", H36M_17)
    return gather(rows, range(len(points)), facts, place)


def _check_one_clip(source: object, where: str) -> None:
    if isinstance(source, list | ndarray | tuple):
        clips = list(
            dict.fromkeys(str(name)[:60] for name in np.asarray(source, dtype=object).ravel())
        )
        if len(clips) > 1:
            raise FileFormatError(
                f"expected one clip in {where}, got {len(clips)} ({', '.join(clips[:2])}, ...): it is "
                "a data set, save one clip on its own"
            )
