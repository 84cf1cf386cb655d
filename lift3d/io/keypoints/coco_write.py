"""COCO keypoint results: a list of `{image_id, category_id, keypoints, score, track_id}`.

`image_id` is the frame's number and `keypoints` are x, y, score of COCO's 17 joints in pixels, zeros
where a joint was not seen. `score` is their mean confidence; `track_id`, as PoseTrack has it, our id.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import orjson

from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.keypoints.triplets import triplets
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17

__all__ = ["write_coco"]

_PERSON: Final = 1
"""COCO's category of people."""


def write_coco(path: str | os.PathLike[str], people: Sequence[Motion[Pose2D]]) -> None:
    """Write people's keypoints, frame by frame.

    Raises `InputError` where nobody is seen in any frame, `OutputError` where the file cannot be
    written.
    """
    entries = sorted(
        (entry for person in people for entry in _entries(person)),
        key=lambda entry: (entry["image_id"], entry["track_id"]),
    )
    if not entries:
        raise InputError(
            "expected somebody with keypoints of COCO's 17 joints, got nobody: choose another format"
        )
    with atomic_path(path) as partial:
        partial.write_bytes(orjson.dumps(entries, option=orjson.OPT_SERIALIZE_NUMPY))


def _entries(person: Motion[Pose2D]) -> Iterator[dict[str, Any]]:
    values = triplets(person.pose, COCO_17)
    for frame in np.flatnonzero((values[..., 2] > 0).any(1)).tolist():
        points = values[frame]
        yield {
            "image_id": person.first_frame + frame,
            "category_id": _PERSON,
            "keypoints": np.ascontiguousarray(points).ravel(),
            "score": float(points[points[:, 2] > 0, 2].mean()),
            "track_id": person.person,
        }
