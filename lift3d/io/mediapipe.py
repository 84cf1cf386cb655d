"""MediaPipe Pose: 33 landmarks per person and frame. There is no standard file; these are read:

- JSON object `{"fps", "image_size": [height, width], "frames": [{"frame", "landmarks"}, ...]}`
- JSON list of frames; a frame is null, a list of 33 landmarks, a list of such lists (several
  people), or an object with `landmarks` or `pose_landmarks`. A landmark is `{"x", "y", "z",
  "visibility"}` or `[x, y, z, visibility]` (`presence` may follow).
- `.npy` of shape (frames, 33, 4 or 5), the last axis as above; frames of NaN or zeros are empty.

x is divided by the picture's width and y by its height, so that 0 is the outer edge of the first
pixel and 1 the outer edge of the last. `visibility` serves as confidence. Names and order:
google/mediapipe docs/solutions/pose.md.
"""

import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.detections import (
    FPS_RANGE,
    MAX_SIDE,
    Detection,
    Detections,
    FileFacts,
    PixelSpace,
    as_numbers,
    gather,
)
from lift3d.skeletons import MEDIAPIPE_33

__all__ = ["is_mediapipe", "read_mediapipe_document", "read_mediapipe_npy"]

FORMAT: Final = "MediaPipe landmarks"
_KEYS: Final = ("landmarks", "pose_landmarks")
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
        raise FileFormatError(f"expected a list of frames in {where}: write it again")
    numbers = _frame_numbers(frames, where)
    rows = [
        row
        for number, frame in zip(numbers, frames, strict=True)
        for row in _people(frame, number, f"{where}, frame {number}")
    ]
    facts = FileFacts(
        FORMAT,
        _space(rows),
        MEDIAPIPE_33,
        _image_size(header.get("image_size"), where),
        _fps(header.get("fps"), where),
    )
    return gather(rows, numbers, facts, where)


def read_mediapipe_npy(content: bytes, path: Path) -> Detections:
    """An array of landmarks; object arrays, which would run code, are refused."""
    where = f"'{path}'"
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (
        ValueError,
        EOFError,
        OSError,
        MemoryError,
        SyntaxError,  # numpy parses the header as Python literals
        tokenize.TokenError,
        RecursionError,
    ) as error:
        raise FileFormatError(
            f"expected a plain numpy array in {where}, got {error}: save it with numpy.save"
        ) from None
    if array.ndim != 3 or array.shape[1] != 33 or array.shape[2] not in (4, 5):
        raise FileFormatError(
            f"expected MediaPipe landmarks of shape (frames, 33, 4 or 5) in {where}, got "
            f"{array.shape}: save x, y, z, visibility for each"
        )
    if array.dtype.kind not in "iuf":
        raise FileFormatError(f"expected numbers in {where}, got {array.dtype}: save floats")
    frames = array[..., [0, 1, 3]].astype(np.float64)
    rows = [
        Detection(number, frame)
        for number, frame in enumerate(frames)
        if np.nan_to_num(frame[:, :2]).any()
    ]
    facts = FileFacts(FORMAT + " (.npy)", _space(rows), MEDIAPIPE_33)
    return gather(rows, range(len(frames)), facts, where)


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


def _people(frame: object, number: int, where: str) -> Iterator[Detection]:
    if isinstance(frame, dict):
        frame = next((frame[key] for key in _KEYS if key in frame), None)
    if not frame:
        return
    if not isinstance(frame, list):
        raise FileFormatError(f"expected a list of landmarks in {where}: write it again")
    several = isinstance(frame[0], list) and any(isinstance(part, list | dict) for part in frame[0])
    for person in frame if several else [frame]:
        if person:
            yield Detection(number, _landmarks(person, where))


def _landmarks(person: object, where: str) -> Float64[ndarray, "33 3"]:
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
    return values[:, [0, 1, 3]]


def _values(landmark: object, where: str) -> object:
    if not isinstance(landmark, dict):
        return landmark
    missing = [key for key in ("x", "y", "visibility") if key not in landmark]
    if missing:
        raise FileFormatError(
            f"expected x, y, z, visibility for every landmark in {where}, got none of "
            f"'{missing[0]}': save all four"
        )
    return [landmark["x"], landmark["y"], 0.0, landmark["visibility"]]


def _space(rows: list[Detection]) -> PixelSpace:
    """Landmarks may leave the picture, but not by many widths: such numbers are pixels already."""
    if not rows:
        return "normalised [0,1] of width and height"
    xy = np.concatenate([row.points[:, :2] for row in rows])
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
