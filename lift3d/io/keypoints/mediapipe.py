"""MediaPipe Pose: 33 landmarks per person and frame. There is no standard file; these are read:

- JSON object `{"fps", "image_size": [height, width], "frames": [{"frame", "landmarks"}, ...]}`
- JSON list of frames; a frame is null, a list of 33 landmarks, a list of such lists (several
  people), or an object with `landmarks` or `pose_landmarks`. A landmark is `{"x", "y", "z",
  "visibility"}` or `[x, y, z, visibility]` (`presence` may follow). An object may have the same
  people's `world_landmarks` beside: metres from the middle of the hips, x right, y down, z away from
  the camera. They are kept as what the people have in space. The names that MediaPipe's JavaScript
  gives (`poseLandmarks`, `worldLandmarks`) are known, too.

Arrays and CSV are read by `mediapipe_npy` and `mediapipe_csv`.

x is divided by the picture's width and y by its height, so that 0 is the outer edge of the first
pixel and 1 the outer edge of the last. `visibility` serves as confidence. Names and order:
google/mediapipe docs/solutions/pose.md.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE, MAX_SIDE
from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import (
    Detection,
    Detections,
    FileFacts,
    PixelSpace,
    as_numbers,
    gather,
)
from lift3d.skeletons import MEDIAPIPE_33

__all__ = ["FORMAT", "is_mediapipe", "landmark_space", "read_mediapipe_document"]

FORMAT: Final = "MediaPipe landmarks"
_KEYS: Final = ("landmarks", "pose_landmarks", "poseLandmarks")
_WORLD_KEYS: Final = (
    *("world_landmarks", "pose_world_landmarks", "worldLandmarks", "poseWorldLandmarks"),
)
_WORLD_UNIT: Final = "metres from the middle of the hips, camera axes (x right, y down, z forward)"
_BEYOND_ANY_EDGE: Final = 20.0


def is_mediapipe(document: object) -> bool:
    """Whether a parsed JSON document holds landmarks in one of the forms above."""
    if isinstance(document, dict):
        return "frames" in document
    if not isinstance(document, list):
        return False
    first = next((frame for frame in document if frame), None)
    return isinstance(first, list) or (
        isinstance(first, dict) and any(key in first for key in _KEYS)
    )


def read_mediapipe_document(document: object, path: Path) -> Detections:
    """JSON in one of the forms above."""
    where = f"'{path}'"
    header: dict[str, Any] = document if isinstance(document, dict) else {}
    frames = header.get("frames", document)
    if not isinstance(frames, list):
        raise FileFormatError(
            f"expected a list of frames in {where}, got a {type(frames).__name__}: write it again"
        )
    numbers = _frame_numbers(frames, where)
    rows: list[Detection] = []
    world: list[Float64[ndarray, "33 4"]] = []
    for number, frame in zip(numbers, frames, strict=True):
        place = f"{where}, frame {number}"
        people = [_landmarks(person, place) for person in _people(frame, _KEYS, place)]
        rows += [Detection(number, points[:, [0, 1, 3]]) for points in people]
        world += _world(frame, len(people), place)
    facts = FileFacts(
        FORMAT,
        _space(rows),
        MEDIAPIPE_33,
        _image_size(header.get("image_size"), where),
        _fps(header.get("fps"), where),
    )
    found = gather(rows, numbers, facts, where)
    spatial = np.stack(world)
    if np.isnan(spatial[..., :3]).all():
        return found
    return replace(found, spatial=spatial, facts=replace(found.facts, unit_3d=_WORLD_UNIT))


def _frame_numbers(frames: list[Any], where: str) -> list[int]:
    numbers = (frame.get("frame") for frame in frames if isinstance(frame, dict))
    given = [number for number in numbers if type(number) is int]
    if len(given) < len(frames):
        return list(range(len(frames)))
    if len(set(given)) < len(given):
        raise FileFormatError(
            f"expected every frame once in {where}, got a number twice: renumber the frames"
        )
    return given


def _people(frame: object, keys: tuple[str, ...], where: str) -> list[object]:
    """The lists of landmarks of a frame's people; `keys` are the names that they may stand under."""
    if isinstance(frame, dict):
        frame = next((frame[key] for key in keys if key in frame), None)
    if not frame:
        return []
    if not isinstance(frame, list):
        raise FileFormatError(
            f"expected a list of landmarks in {where}, got a {type(frame).__name__}: write it again"
        )
    several = isinstance(frame[0], list) and any(isinstance(part, list | dict) for part in frame[0])
    return [person for person in (frame if several else [frame]) if person]


def _world(frame: object, count: int, where: str) -> list[Float64[ndarray, "33 4"]]:
    """x, y, z, confidence in space of each of a frame's people; NaN and 0 where there are none."""
    people = _people(frame, _WORLD_KEYS, where) if isinstance(frame, dict) else []
    if people and len(people) != count:
        raise FileFormatError(
            f"expected world landmarks of {count} people in {where}, got {len(people)}: save both "
            "for everybody"
        )
    if not people:
        return [np.tile([np.nan, np.nan, np.nan, 0.0], (33, 1))] * count
    points = np.stack([_landmarks(person, where) for person in people])
    seen = np.isfinite(points).all(-1) & (points[..., 3] > 0)
    return list(np.where(seen[..., None], points, [np.nan, np.nan, np.nan, 0.0]))


def _landmarks(person: object, where: str) -> Float64[ndarray, "33 4"]:
    """x, y, z, visibility of 33 landmarks."""
    if not isinstance(person, list) or len(person) != 33:
        got = len(person) if isinstance(person, list) else "something else"
        raise FileFormatError(
            f"expected 33 landmarks in {where}, got {got}: save every landmark of a person"
        )
    values = as_numbers([_values(landmark, where) for landmark in person], where)
    if values.ndim != 2 or values.shape[1] not in (4, 5):
        raise FileFormatError(
            f"expected x, y, z, visibility for every landmark in {where}, got "
            f"{values.shape[-1] if values.ndim > 1 else 'one'} number each: save all four"
        )
    return values[:, :4]


def _values(landmark: object, where: str) -> object:
    if not isinstance(landmark, dict):
        return landmark
    missing = [key for key in ("x", "y", "visibility") if key not in landmark]
    if missing:
        raise FileFormatError(
            f"expected x, y, z, visibility for every landmark in {where}, got none of "
            f"'{missing[0]}': save all four"
        )
    return [landmark["x"], landmark["y"], landmark.get("z"), landmark["visibility"]]


def _space(rows: list[Detection]) -> PixelSpace:
    return landmark_space(np.stack([row.points for row in rows]) if rows else np.empty((0, 33, 3)))


def landmark_space(points: Float64[ndarray, "rows joints 3"]) -> PixelSpace:
    """Landmarks may leave the picture, but not by many widths: such numbers are pixels already."""
    xy = points[..., :2]
    middle = np.median(np.abs(xy[np.isfinite(xy)])) if np.isfinite(xy).any() else 0.0
    return "pixels" if middle > _BEYOND_ANY_EDGE else "normalised [0,1] of width and height"


def _image_size(value: object, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(type(side) is int and 0 < side <= MAX_SIDE for side in value)
    ):
        return value[0], value[1]
    raise FileFormatError(
        f"expected image_size as [height, width] in pixels in {where}, got {value!r:.40}: correct it"
    )


def _fps(value: object, where: str) -> float | None:
    if value is None:
        return None
    slowest, fastest = FPS_RANGE
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and slowest <= value <= fastest
    ):
        return float(value)
    raise FileFormatError(
        f"expected fps as frames per second above 0 in {where}, got {value!r:.40}: correct it"
    )
