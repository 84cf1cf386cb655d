"""What every keypoint file comes down to: who was found where, frame by frame.

Readers fill `Detections` and know nothing of skeletons' plausibility, pixels or identities; the steps
after them (`layout`, `pixels`, `tracking`) know nothing of files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import orjson
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.skeleton import Skeleton

__all__ = [
    "ANONYMOUS",
    "FPS_RANGE",
    "MAX_SIDE",
    "Detection",
    "Detections",
    "FileFacts",
    "PixelSpace",
    "as_numbers",
    "as_person",
    "as_triplets",
    "gather",
    "load_json",
    "read_bytes",
]

PixelSpace = Literal[
    "pixels", "normalised [0,1]", "normalised [-1,1]", "normalised [0,1] of width and height"
]

ANONYMOUS: Final = -1
"""The person id of a detection whose file does not follow people through time."""

MAX_PEOPLE: Final = 1000
"""More people than this in one picture is a broken file, not a crowd."""

MAX_SPREAD: Final = 100
"""More frames than this per picture with a file means that the frame numbers are not frames."""

MAX_FRAME: Final = 10**12
"""OpenPose writes frame numbers with twelve digits."""

FPS_RANGE: Final = (0.01, 1e6)
"""Frames per second from time lapse to the fastest camera; video files hold no others."""

MAX_SIDE: Final = 10**6
"""Pixels of a picture's longer side; a keypoint beyond is `FAR_OUT`."""

FAR_OUT: Final = 1e6
"""A coordinate beyond this lies on no picture: the keypoint counts as missing."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One person in one frame: `points` are x, y, confidence; missing ones have confidence 0."""

    frame: int
    points: Float64[ndarray, "joints 3"]
    person: int = ANONYMOUS


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says, or its format defines, about all its detections.

    `space` is the unit of the coordinates; `skeleton` is None where the keypoints have no names and
    their number does not tell; `image_size` is (height, width).
    """

    format: str
    space: PixelSpace
    skeleton: Skeleton | None = None
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detections:
    """Everything that one file (or folder) says, row by row, in its own units.

    `points` are x, y (in `facts.space`) and confidence in [0, 1]; NaN and 0 where missing.
    `persons` are the file's own ids or `ANONYMOUS`. First and last frame count empty ones too.
    """

    facts: FileFacts
    frames: Int64[ndarray, " rows"]
    points: Float64[ndarray, "rows joints 3"]
    persons: Int64[ndarray, " rows"]
    first_frame: int
    last_frame: int


def gather(
    rows: Sequence[Detection], frames: Sequence[int], facts: FileFacts, where: str
) -> Detections:
    """Rows of one clip as arrays; `frames` are all frame numbers of the clip, empty ones too.

    Raises `FileFormatError` where nobody was found, people have different numbers of keypoints, or
    frame numbers cannot be those of one clip.
    """
    _check_frames(frames, where)
    _check_people(rows, frames, where)
    points, clipped = _clean(np.stack([row.points for row in rows]))
    if clipped:
        note = "confidences above 1 were taken as 1"
        facts = replace(facts, notes=(*facts.notes, note))
    return Detections(
        facts,
        np.array([row.frame for row in rows], dtype=np.int64),
        points,
        np.array([row.person for row in rows], dtype=np.int64),
        min(frames),
        max(frames),
    )


def _check_frames(frames: Sequence[int], where: str) -> None:
    if not frames:
        raise FileFormatError(f"expected frames in {where}, got none: run the detector again")
    span = max(frames) - min(frames) + 1
    if min(frames) < 0 or max(frames) >= MAX_FRAME:
        raise FileFormatError(
            f"expected frame numbers from 0 to {MAX_FRAME} in {where}, got {min(frames)} to "
            f"{max(frames)}: renumber the frames"
        )
    if span > MAX_SPREAD * (len(frames) + 10):
        raise FileFormatError(
            f"expected the frame numbers of one clip in {where}, got {len(frames)} frames numbered "
            f"{min(frames)} to {max(frames)}: renumber the frames"
        )


def _check_people(rows: Sequence[Detection], frames: Sequence[int], where: str) -> None:
    if not rows:
        raise FileFormatError(
            f"expected at least one person in {where}, got {len(frames)} frames without anybody: "
            "check the detector's pictures"
        )
    counts = {len(row.points): row.frame for row in reversed(rows)}
    if len(counts) > 1:
        (few, at), (more, then) = sorted(counts.items())[:2]
        raise FileFormatError(
            f"expected one skeleton for everybody in {where}, got {few} keypoints in frame {at} and "
            f"{more} in frame {then}: keep one detector's output per clip"
        )
    busiest = int(np.unique([row.frame for row in rows], return_counts=True)[1].max())
    if busiest > MAX_PEOPLE:
        raise FileFormatError(
            f"expected at most {MAX_PEOPLE} people in a frame of {where}, got {busiest}: "
            "raise the detector's threshold"
        )


def _clean(
    points: Float64[ndarray, "rows joints 3"],
) -> tuple[Float64[ndarray, "rows joints 3"], bool]:
    """NaN and confidence 0 for what is missing; confidences above 1 (logits, flags) become 1."""
    confidence = points[..., 2]
    with np.errstate(invalid="ignore"):
        seen = (np.abs(points[..., :2]) < FAR_OUT).all(-1) & (confidence > 0)
    clipped = bool((confidence[seen] > 1).any())
    xy = np.where(seen[..., None], points[..., :2], np.nan)
    level = np.where(seen, np.minimum(confidence, 1.0), 0.0)
    return np.concatenate([xy, level[..., None]], -1), clipped


def read_bytes(path: Path) -> bytes:
    """A file's content, or one sentence why not."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileFormatError(
            f"expected a keypoint file at '{path}', got nothing there: check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a readable file at '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check its permissions"
        ) from error


def load_json(content: bytes, path: Path) -> Any:
    """Parse JSON; `FileFormatError` names the file and the place in it."""
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        outside = any(word in content for word in (b"NaN", b"Infinity"))
        hint = "NaN and Infinity are not JSON: write null instead" if outside else "write it again"
        raise FileFormatError(
            f"expected whole JSON in '{path}', got {error.msg} at line {error.lineno} column "
            f"{error.colno}: {hint}"
        ) from None


def as_numbers(values: object, where: str) -> Float64[ndarray, "..."]:
    """A JSON list of numbers as an array; null becomes NaN, a missing value."""
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):
        array = np.asarray("ragged")
    if array.dtype.kind == "O" and all(_is_number(value) or value is None for value in array.flat):
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf" or not isinstance(values, list):
        raise FileFormatError(
            f"expected a list of numbers in {where}, got {_glimpse(values)}: write it again"
        )
    return array.astype(np.float64)


def as_triplets(values: object, where: str) -> Float64[ndarray, "joints 3"]:
    """A flat list x, y, confidence, x, y, confidence, ... as an array."""
    numbers = as_numbers(values, where)
    if numbers.ndim != 1 or len(numbers) % 3 or not len(numbers):
        raise FileFormatError(
            f"expected x, y, confidence for every keypoint in {where}, got "
            f"{numbers.size} numbers: write three per keypoint"
        )
    return numbers.reshape(-1, 3)


def as_person(value: object) -> int:
    """A person's id: an integer, also as 3.0, [3] or [[3.0]]; anything else is `ANONYMOUS`."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53:
        return int(value) if value == int(value) else ANONYMOUS
    return ANONYMOUS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _glimpse(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
