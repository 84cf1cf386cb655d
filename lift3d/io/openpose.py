"""OpenPose: one JSON file per frame in a folder, or a single such file.

Layout: `{"version", "people": [{"pose_keypoints_2d": [x, y, c, ...], "person_id": [-1], ...}]}`
(versions 1.0 to 1.3; before 1.0 the key was `pose_keypoints`, and CMU-Pose wrote `bodies` with
`joints`). Read from CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md. An undetected keypoint
is 0, 0, 0; the order of people is arbitrary between frames. Sports2D and Pose2Sim write the same
layout for other skeletons.

`--keypoint_scale` 3 and 4 give [0, 1] and [-1, 1] from the first pixel's centre to the last one's
(src/openpose/core/keypointScaler.cpp divides by width - 1 and height - 1).
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from lift3d.errors import FileFormatError
from lift3d.io.detections import (
    Detection,
    Detections,
    FileFacts,
    PixelSpace,
    as_person,
    as_triplets,
    gather,
    load_json,
    read_bytes,
)

__all__ = ["is_openpose", "people_in", "read_openpose_document", "read_openpose_folder"]

FORMAT: Final = "OpenPose JSON"
_LAST_NUMBER: Final = re.compile(r"^(.*?)(\d+)\D*$", re.DOTALL)
_CONFIDENT: Final = 0.1


def is_openpose(document: object) -> bool:
    """Whether a parsed JSON document is one OpenPose frame."""
    return isinstance(document, dict) and ("people" in document or "bodies" in document)


def read_openpose_folder(folder: Path, files: Sequence[Path]) -> Detections:
    """One JSON file per frame; the last number in a file's name is the frame's number."""
    numbered = _frame_numbers(files)
    rows = [row for frame, path in numbered.items() for row in _rows(path, frame)]
    return _gathered(rows, list(numbered), f"'{folder}'")


def read_openpose_document(document: object, path: Path) -> Detections:
    """A single frame; its number is the last one in the file's name, or 0."""
    match = _LAST_NUMBER.match(path.stem)
    frame = int(match[2][-12:]) if match else 0
    return _gathered(list(people_in(document, frame, f"'{path}'")), [frame], f"'{path}'")


def people_in(document: object, frame: int, where: str) -> Iterator[Detection]:
    """The people of one OpenPose (or CMU-Pose) document."""
    if not isinstance(document, dict) or not is_openpose(document):
        raise FileFormatError(
            f"expected OpenPose's 'people' in {where}, got something else: "
            "give one detector's files only"
        )
    people = document.get("people", document.get("bodies"))
    if not isinstance(people, list):
        raise FileFormatError(f"expected a list of people in {where}: write it again")
    for number, person in enumerate(people):
        place = f"{where}, person {number}"
        if not isinstance(person, dict):
            raise FileFormatError(f"expected named lists of keypoints in {place}: write it again")
        values = _body(person, place)
        if values:
            yield Detection(frame, as_triplets(values, place), as_person(person.get("person_id")))


def _body(person: dict[str, object], where: str) -> object:
    for key in ("pose_keypoints_2d", "pose_keypoints", "joints"):
        if key in person:
            return person[key]
    raise FileFormatError(
        f"expected 'pose_keypoints_2d' in {where}, got {', '.join(person) or 'nothing'}: "
        "run OpenPose with its body detector on"
    )


def _rows(path: Path, frame: int) -> Iterator[Detection]:
    return people_in(load_json(read_bytes(path), path), frame, f"'{path}'")


def _frame_numbers(files: Sequence[Path]) -> dict[int, Path]:
    numbered: dict[int, Path] = {}
    clips: dict[str, Path] = {}
    for path in files:
        match = _LAST_NUMBER.match(path.stem)
        if not match:
            raise FileFormatError(
                f"expected a frame number in every file name of '{path.parent}', got "
                f"'{path.name}': remove it or give that file alone"
            )
        clips.setdefault(match[1], path)
        other = numbered.setdefault(int(match[2][-12:]), path)
        if len(clips) > 1 or other is not path:
            one, two = list(clips.values())[:2] if len(clips) > 1 else (other, path)
            raise FileFormatError(
                f"expected the frames of one clip in '{path.parent}', got '{one.name}' and "
                f"'{two.name}': put each clip in its own folder"
            )
    return dict(sorted(numbered.items()))


def _gathered(rows: list[Detection], frames: list[int], where: str) -> Detections:
    space = _space(rows)
    if space != "normalised [-1,1]":  # there 0, 0 is the middle of the picture
        rows = [_without_origin(row) for row in rows]
    return gather(rows, frames, FileFacts(FORMAT, space), where)


def _without_origin(row: Detection) -> Detection:
    """Some writers keep a confidence beside 0, 0, which still means that nothing was found."""
    nothing = (row.points[:, :2] == 0).all(-1)
    points = np.where(nothing[:, None], 0.0, row.points) if nothing.any() else row.points
    return Detection(row.frame, points, row.person)


def _space(rows: list[Detection]) -> PixelSpace:
    """No pixel coordinates stay within 2 for a whole clip, and OpenPose's others never leave it."""
    if not rows:
        return "pixels"
    points = np.concatenate([row.points for row in rows])
    xy = points[(points[:, 2] > _CONFIDENT) & np.isfinite(points).all(-1), :2]
    if not xy.size or np.abs(xy).max() > 2:
        return "pixels"
    return "normalised [-1,1]" if xy.min() < 0 else "normalised [0,1]"
