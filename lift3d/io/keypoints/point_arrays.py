"""From arrays of keypoints to rows of detections, block by block, so that memory stays bounded.

Arrays and tables mark what is missing in three ways: NaN, confidence 0, or both coordinates exactly 0.
A row of which nothing is left is nobody, and is not kept.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE
from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.io.keypoints.detections import (
    ANONYMOUS,
    MAX_PEOPLE,
    Detection,
    PixelSpace,
    crowd,
)

__all__ = [
    "PointArray",
    "check_size",
    "frames_of_names",
    "rate_of_times",
    "rows_of",
    "space_of",
    "xyc",
]

_BLOCK: Final = 1_000_000
_MOST_PLACES: Final = 10_000
"""Places on an axis of people: a tracker may give everybody who passes by one of their own."""
_WITHIN_NORMALISED: Final = 2.0
_NEGATIVE: Final = 0.05
_SAMPLE: Final = 2000
_CLOSE: Final = 100
# What a look-ahead found is not given back, as with 3.11's \d++: time in proportion to the length.
_LAST_NUMBER: Final = re.compile(r"(?<!\d)(?=(\d+))\1\D*$")
_NAME_END: Final = 60


@dataclass(frozen=True, slots=True)
class PointArray:
    """Keypoints as a file holds them: `points` [frames, people, joints, 2 or 3], numbers of any kind.

    Confidence is the third number of a point, or `scores` [frames, people, joints]; 1 without either.
    """

    points: ndarray
    scores: ndarray | None = None


def check_size(shape: Sequence[int], where: str) -> None:
    """`FileFormatError` where an array would be larger than any file of keypoints that is handled."""
    count = math.prod(max(1, length) for length in shape)  # a billion frames of nothing, too
    if count > LIMITS.values:
        raise FileFormatError(
            f"expected at most {LIMITS.values} numbers in {where}, got {count}: split the file"
        )


def rows_of(
    array: PointArray, frames: Sequence[int], where: str, *, tracked: bool
) -> list[Detection]:
    """Everybody who was seen. `tracked` says that a place on the axis of people is one person."""
    check_size(array.points.shape, where)
    if array.points.shape[1] > _MOST_PLACES:
        raise crowd(f"a frame of {where}", str(array.points.shape[1]))
    rows: list[Detection] = []
    step = max(1, _BLOCK // max(1, math.prod(array.points.shape[1:])))
    for start in range(0, len(array.points), step):
        block = _block(array, slice(start, start + step), where)
        seen = np.asarray((block[..., 2] > 0).any(-1))
        _check_crowd(seen, where)
        for frame, person in np.argwhere(seen).tolist():
            who = person if tracked else ANONYMOUS
            rows.append(Detection(frames[start + frame], block[frame, person], who))
    return rows


def xyc(
    points: Float64[ndarray, "*rows joints _"], scores: Float64[ndarray, "*rows joints"] | None
) -> Float64[ndarray, "*rows joints 3"]:
    """x, y and confidence; confidence is 0 where a keypoint is missing."""
    level = points[..., 2] if points.shape[-1] == 3 else np.ones(points.shape[:-1])
    level = level if scores is None else scores
    xy = points[..., :2]
    seen = np.isfinite(xy).all(-1) & (xy != 0).any(-1) & (level > 0)
    return np.concatenate([xy, np.where(seen, level, 0.0)[..., None]], -1)


def _block(
    array: PointArray, rows: slice, where: str
) -> Float64[ndarray, "frames people joints 3"]:
    points = np.asarray(array.points[rows]).astype(np.float64)
    scores = None if array.scores is None else np.asarray(array.scores[rows]).astype(np.float64)
    if scores is None and points.shape[-1] == 3:
        _check_confidence(points[..., 2], where)
    return xyc(points, scores)


def _check_confidence(level: Float64[ndarray, "..."], where: str) -> None:
    """A third number below 0 is a depth; -1 is what some write for a missing keypoint."""
    below = (level < 0) & (level != -1)
    if below.any():
        raise FileFormatError(
            f"expected x, y, confidence for every keypoint in {where}, got {level[below][0]:.4g} as "
            "the third number: these look like 3D joints, give 2D keypoints"
        )


def _check_crowd(seen: ndarray, where: str) -> None:
    busiest = int(seen.sum(1).max(initial=0))
    if busiest > MAX_PEOPLE:
        raise crowd(f"a frame of {where}", str(busiest))


def space_of(rows: Sequence[Detection]) -> PixelSpace:
    """The unit of arrays that do not say it: no clip in pixels stays within 2 of the origin.

    Shares of width and height leave [0, 1] a little at the picture's edges; coordinates from -1 to 1
    are negative about half of the time.
    """
    picked = rows[:: max(1, len(rows) // _SAMPLE)]
    if not picked:
        return "pixels"
    points = np.concatenate([row.points for row in picked])
    xy = points[points[:, 2] > 0, :2]
    if not xy.size or np.quantile(np.abs(xy), 0.99) > _WITHIN_NORMALISED:
        return "pixels"
    if (xy < 0).mean() > _NEGATIVE:
        return "normalised [-1,1]"
    return "normalised [0,1] of width and height"


def rate_of_times(frames: Sequence[int], seconds: Float64[ndarray, " rows"]) -> float | None:
    """Frames per second from each row's frame and time; None where they do not tell."""
    frame, first = np.unique(np.asarray(frames, dtype=np.float64), return_index=True)
    steps = np.diff(seconds[first]) / np.diff(frame)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if not len(steps):
        return None
    rate = float(1 / np.median(steps))
    slowest, fastest = FPS_RANGE
    return rate if slowest <= rate <= fastest else None


def frames_of_names(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Frame numbers from the names of pictures: the last number in each, or else their order."""
    stems = (PurePath(name[-_NAME_END:]).stem for name in names)
    matches = [_LAST_NUMBER.search(stem) for stem in stems]
    numbers = [int(match[1][-12:]) for match in matches if match]
    spread = max(numbers, default=0) - min(numbers, default=0)
    if len(set(numbers)) == len(names) and spread < _CLOSE * (len(names) + 10):
        return numbers, ()
    note = "pictures were taken as frames in the order in which the file names them"
    return list(range(len(names))), (note,)
