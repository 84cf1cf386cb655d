"""What every keypoint file comes down to: who was found where, frame by frame.

Readers fill `Detections` and know nothing of skeletons' plausibility, pixels or identities; the steps
after them (`layout`, `pixels`, `tracking`) know nothing of files. Readers of long files collect in
`rows.Rows`, the others hand a list of `Detection` to `gather`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.json_values import as_numbers, as_person, as_triplets, load_json, read_bytes
from lift3d.io.files.limits import LIMITS
from lift3d.skeleton import Skeleton

__all__ = [
    "ANONYMOUS",
    "MAX_PEOPLE",
    "Detection",
    "Detections",
    "FileFacts",
    "PixelSpace",
    "as_numbers",
    "as_person",
    "as_triplets",
    "assembled",
    "crowd",
    "gather",
    "load_json",
    "mixed",
    "read_bytes",
]

PixelSpace = Literal[
    "pixels", "normalised [0,1]", "normalised [-1,1]", "normalised [0,1] of width and height"
]

ANONYMOUS: Final = -1
"""The person id of a detection whose file does not follow people through time."""

MAX_PEOPLE: Final = LIMITS.people
"""More people than this in one picture is a broken file, not a crowd."""

MAX_SPREAD: Final = 100
"""More frames than this per picture with a file means that the frame numbers are not frames."""

MAX_FRAME: Final = 10**12
"""OpenPose writes frame numbers with twelve digits."""

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
    their number does not tell; `image_size` is (height, width). `unit_3d` says what the numbers of
    `Detections.spatial` are, where the format has such. `nameless` formats hold anybody's points, so
    that a number of keypoints tells nothing where there is no skeleton.
    """

    format: str
    space: PixelSpace
    skeleton: Skeleton | None = None
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    notes: tuple[str, ...] = ()
    unit_3d: str = ""
    nameless: bool = False


@dataclass(frozen=True, slots=True)
class Detections:
    """Everything that one file (or folder) says, row by row, in its own units.

    `points` are x, y (in `facts.space`) and confidence in [0, 1]; NaN and 0 where missing.
    `persons` are the file's own ids or `ANONYMOUS`. First and last frame count empty ones too.
    `spatial` are the same people's x, y, z, confidence in space, where a file has them beside the
    picture's (NaN and 0 where missing); `facts.unit_3d` says in what unit and frame.
    """

    facts: FileFacts
    frames: Int64[ndarray, " rows"]
    points: Float64[ndarray, "rows joints 3"]
    persons: Int64[ndarray, " rows"]
    first_frame: int
    last_frame: int
    spatial: Float64[ndarray, "rows joints 4"] | None = None


def gather(
    rows: Sequence[Detection], frames: Sequence[int], facts: FileFacts, where: str
) -> Detections:
    """Rows of one clip as arrays; `frames` are all frame numbers of the clip, empty ones too.

    Raises `FileFormatError` where nobody was found, people have different numbers of keypoints, or
    frame numbers cannot be those of one clip.
    """
    _check_frames(frames, where)
    counts = {len(row.points): row.frame for row in reversed(rows)}
    if len(counts) > 1:
        one, other = sorted(counts.items())[:2]
        raise mixed(one, other, where)
    points = np.stack([row.points for row in rows]) if rows else np.empty((0, 1, 3))
    own = np.array([row.frame for row in rows], dtype=np.int64)
    persons = np.array([row.person for row in rows], dtype=np.int64)
    return assembled(own, points, persons, frames, facts, where)


def assembled(
    own: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    persons: Int64[ndarray, " rows"],
    frames: Sequence[int],
    facts: FileFacts,
    where: str,
) -> Detections:
    """Arrays of one clip, cleaned in place, after the checks that `gather` names."""
    _check_frames(frames, where)
    _check_people(own, frames, where)
    if _clean(points):
        note = "confidences above 1 were taken as 1"
        facts = replace(facts, notes=(*facts.notes, note))
    return Detections(facts, own, points, persons, min(frames), max(frames))


def _check_frames(frames: Sequence[int], where: str) -> None:
    if not len(frames):
        raise FileFormatError(f"expected frames in {where}, got none: run the detector again")
    first, last = min(frames), max(frames)
    if first < 0 or last >= MAX_FRAME:
        raise FileFormatError(
            f"expected frame numbers from 0 to {MAX_FRAME} in {where}, got {first} to {last}: "
            "renumber the frames"
        )
    if last - first + 1 > MAX_SPREAD * (len(frames) + 10):
        raise FileFormatError(
            f"expected the frame numbers of one clip in {where}, got {len(frames)} frames numbered "
            f"{first} to {last}: renumber the frames"
        )


def _check_people(own: Int64[ndarray, " rows"], frames: Sequence[int], where: str) -> None:
    if not len(own):
        raise FileFormatError(
            f"expected at least one person in {where}, got {len(frames)} frames without anybody: "
            "check the detector's pictures"
        )
    busiest = int(np.unique(own, return_counts=True)[1].max())
    if busiest > MAX_PEOPLE:
        raise crowd(f"a frame of {where}", str(busiest))


def crowd(place: str, got: str) -> FileFormatError:
    """For more people in one picture than there can be."""
    return FileFormatError(
        f"expected at most {MAX_PEOPLE} people in {place}, got {got}: "
        "raise the detector's threshold"
    )


def mixed(one: tuple[int, int], other: tuple[int, int], where: str) -> FileFormatError:
    """For people of different numbers of keypoints, each with the frame that it was seen in."""
    (few, at), (more, then) = sorted((one, other))
    return FileFormatError(
        f"expected one skeleton for everybody in {where}, got {few} keypoints in frame {at} and "
        f"{more} in frame {then}: keep one detector's output per clip"
    )


def _clean(points: Float64[ndarray, "rows joints 3"]) -> bool:
    """NaN and confidence 0 for what is missing; confidences above 1 (logits, flags) become 1.

    Works in place, and tells whether there were confidences above 1.
    """
    x, y, confidence = points[..., 0], points[..., 1], points[..., 2]
    with np.errstate(invalid="ignore"):
        seen = (np.abs(x) < FAR_OUT) & (np.abs(y) < FAR_OUT) & (confidence > 0)
    points[~seen] = (np.nan, np.nan, 0.0)
    clipped = bool((confidence > 1).any())
    if clipped:
        np.minimum(confidence, 1.0, out=confidence)
    return clipped
