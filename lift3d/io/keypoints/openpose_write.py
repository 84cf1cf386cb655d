"""OpenPose's folder of JSON files: one per frame, BODY_25, pixels, version 1.3.

What comes from another layout is made from its joints by `lift3d.skeletons.correspondence`; joints that
it does not give are 0, 0, 0, as OpenPose writes what it did not see. `person_id` holds our ids.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import orjson
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.io.files.atomic_folder import atomic_folder
from lift3d.io.keypoints.triplets import triplets
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import BODY_25

__all__ = ["write_openpose"]

_EMPTY: Final = (
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
    "pose_keypoints_3d",
    "face_keypoints_3d",
    "hand_left_keypoints_3d",
    "hand_right_keypoints_3d",
)


def write_openpose(
    folder: str | os.PathLike[str],
    people: Sequence[Motion[Pose2D]],
    *,
    name: str = "frame",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write people over the same frames to a new folder, as `<name>_<12 digits>_keypoints.json`.

    Raises `InputError` for people of different frames and for nobody, `OutputError` where the folder
    is taken or cannot be written.
    """
    if len({(len(person), person.first_frame) for person in people}) != 1:
        raise InputError("expected people over the same frames, got others: cut them alike")
    values_of = [triplets(person.pose, BODY_25) for person in people]
    frames, first = len(people[0]), people[0].first_frame
    with atomic_folder(folder) as partial:
        for frame in range(frames):
            seen = [
                _person(person.person, values[frame])
                for person, values in zip(people, values_of, strict=True)
                if (values[frame, :, 2] > 0).any()
            ]
            document = {"version": 1.3, "people": seen}
            path = partial / f"{name}_{first + frame:012d}_keypoints.json"
            path.write_bytes(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
            progress(frame + 1, frames)


def _person(number: int, points: ndarray) -> dict[str, Any]:
    flat = np.ascontiguousarray(points).ravel()
    return {"person_id": [number], "pose_keypoints_2d": flat, **dict.fromkeys(_EMPTY, ())}
