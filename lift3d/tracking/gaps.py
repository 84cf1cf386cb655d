"""Short gaps in keypoints, bridged between the sightings on both sides."""

from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import InputError

__all__ = ["fill_keypoint_gaps"]

_DOUBT: Final = 0.25
"""What is left of the sightings' lower confidence in a keypoint that nobody saw."""


def fill_keypoint_gaps(
    points: Float64[ndarray, "frames joints 3"], longest: int
) -> Float64[ndarray, "frames joints 3"]:
    """Keypoints missing for at most `longest` frames in a row, put on a straight way between others.

    `points` are x, y in pixels and confidence, NaN and 0 where missing. What is filled has a quarter
    of the lower confidence of the two sightings that it lies between. Nothing is added before the
    first or after the last sighting.

    Raises `InputError` for gaps shorter than nothing.
    """
    if longest < 0:
        raise InputError(f"expected gaps of 0 frames or more, got {longest}: give their longest")
    out = points.copy()
    for joint in range(points.shape[1]):
        seen = np.flatnonzero(points[:, joint, 2] > 0)
        if len(seen) > 1:
            frames, filled = _bridged(points[:, joint], seen, longest)
            out[frames, joint] = filled
    return out


def _bridged(
    path: Float64[ndarray, "frames 3"], seen: ndarray, longest: int
) -> tuple[ndarray, Float64[ndarray, "missing 3"]]:
    """The frames of gaps that are short enough, and what to put there."""
    frames = np.setdiff1d(np.arange(seen[0], seen[-1]), seen)
    after = np.searchsorted(seen, frames)
    start, end = seen[after - 1], seen[after]
    short = end - start - 1 <= longest
    frames, start, end = frames[short], start[short], end[short]
    share = ((frames - start) / (end - start))[:, None]
    places = path[start, :2] * (1 - share) + path[end, :2] * share
    sure = _DOUBT * np.minimum(path[start, 2], path[end, 2])
    return frames, np.concatenate([places, sure[:, None]], -1)
