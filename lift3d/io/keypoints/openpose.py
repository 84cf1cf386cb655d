"""OpenPose: one JSON file per frame in a folder, or a single such file.

Layout: `{"version", "people": [{"pose_keypoints_2d": [x, y, c, ...], "person_id": [-1], ...}]}`
(versions 1.0 to 1.3; before 1.0 the key was `pose_keypoints`, and CMU-Pose wrote `bodies` with
`joints`). Read from CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md. An undetected keypoint
is 0, 0, 0; the order of people is arbitrary between frames. Sports2D and Pose2Sim write the same
layout for other skeletons. Hands and face lie in lists of their own, which are passed over;
`pose_keypoints_3d` (x, y, z, c, in the unit of the calibration) is kept beside the picture's points.

`--keypoint_scale` 0 to 2 give pixels, of one picture or another; 3 and 4 give [0, 1] and [-1, 1] from
the first pixel's centre to the last one's (src/openpose/core/keypointScaler.cpp divides by width - 1
and height - 1).
"""

from collections.abc import Container
from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np
from jaxtyping import Float64
from msgspec import UNSET, UnsetType
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import Detections, FileFacts, PixelSpace, as_person
from lift3d.io.keypoints.frame_folder import FrameFormat
from lift3d.io.keypoints.json_stream import BOM, UNREADABLE, Terms, decoded
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeletons import BODY_135, MPI_15

__all__ = ["OPENPOSE", "add_people", "is_openpose", "signs_of_openpose"]

FORMAT: Final = "OpenPose JSON"
_LAYOUTS: Final = MappingProxyType({15: MPI_15, 135: BODY_135})
_TERMS: Final = Terms("person")
_CONFIDENT: Final = 0.1

Flat = tuple[float | None, ...]


class _Person(msgspec.Struct, gc=False):
    pose_keypoints_2d: Flat | UnsetType = UNSET
    pose_keypoints: Flat | UnsetType = UNSET
    joints: Flat | UnsetType = UNSET
    pose_keypoints_3d: Flat = ()
    person_id: Any = None


class _Frame(msgspec.Struct, gc=False):
    people: list[_Person] | UnsetType = UNSET
    bodies: list[_Person] | UnsetType = UNSET


_FRAME: Final = msgspec.json.Decoder(_Frame)


def is_openpose(names: Container[str]) -> bool:
    """Whether a JSON object with these names in it is one OpenPose frame."""
    return "people" in names or "bodies" in names


def signs_of_openpose(specimen: Specimen) -> str:
    """By what a file is known to be a frame of OpenPose; empty where it is not."""
    if not is_openpose(specimen.members):
        return ""
    return "a JSON object with 'people' (or, in CMU-Pose's days, 'bodies')"


def add_people(rows: Rows, text: bytes | msgspec.Raw, frame: int, source: str) -> None:
    """Add the people of one OpenPose (or CMU-Pose) document."""
    try:
        document = _FRAME.decode(text)
    except UNREADABLE:
        document = decoded(_FRAME.decode, bytes(text).removeprefix(BOM), f"'{source}'", _TERMS)
    people = document.bodies if document.people is UNSET else document.people
    if people is UNSET:
        raise FileFormatError(
            f"expected OpenPose's 'people' in '{source}', got something else: "
            "give one detector's files only"
        )
    for number, person in enumerate(people):
        values = person.pose_keypoints_2d
        if values is UNSET:
            values = _old_name(person, source, number)
        if values:
            rows.add(frame, values, as_person(person.person_id), source, number)
            if person.pose_keypoints_3d:
                rows.add_spatial(person.pose_keypoints_3d, source, number)


def _old_name(person: _Person, source: str, number: int) -> Flat:
    values = person.joints if person.pose_keypoints is UNSET else person.pose_keypoints
    if values is UNSET:
        raise FileFormatError(
            f"expected 'pose_keypoints_2d' in '{source}', person {number}, got none: "
            "run OpenPose with its body detector on"
        )
    return values


def _finish(rows: Rows, frames: list[int]) -> Detections:
    points = rows.points()
    space = _space(points)
    if space != "normalised [-1,1]":  # there 0, 0 is the middle of the picture
        # Some writers keep a confidence beside 0, 0, which still means that nothing was found.
        points[(points[..., 0] == 0) & (points[..., 1] == 0), 2] = 0.0
    layout = _LAYOUTS.get(points.shape[1])
    unit = "the unit in which the cameras were calibrated"
    return rows.detections(frames, FileFacts(FORMAT, space, layout, unit_3d=unit))


def _space(points: Float64[ndarray, "rows joints 3"]) -> PixelSpace:
    """No pixel coordinates stay within 2 for a whole clip, and OpenPose's others never leave it."""
    xy = points[(points[..., 2] > _CONFIDENT) & np.isfinite(points).all(-1), :2]
    if not xy.size or np.abs(xy).max() > 2:
        return "pixels"
    return "normalised [-1,1]" if xy.min() < 0 else "normalised [0,1]"


OPENPOSE: Final = FrameFormat(add_people, _finish)
