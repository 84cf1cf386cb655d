"""The one door to identity over time: follow people with the tracker of one's choice, then look back."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.tracking.greedy import track_greedy
from lift3d.tracking.poseflow import track_poseflow
from lift3d.tracking.repair import repair_ids
from lift3d.tracking.tracks import in_order

__all__ = ["Tracker", "track_people"]

Tracker = Literal["greedy", "poseflow"]


def track_people(
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    tracker: Tracker = "greedy",
) -> Int64[ndarray, " rows"]:
    """An id for every detection; ids count from 0 in the order in which people appear.

    `frames` are frame numbers in any order; `points` are x, y in pixels and confidence, NaN and 0
    where missing. After the tracker the people are followed once more from the last frame to the
    first, with `repair_ids`: what comes after a crossing often tells who was who before.

    Raises `InputError` for an unknown tracker.
    """
    if tracker not in get_args(Tracker):
        raise InputError(
            f"expected a tracker of {', '.join(get_args(Tracker))}, got '{tracker}': name one of them"
        )
    greedy = tracker == "greedy"
    ids = track_greedy(frames, points) if greedy else track_poseflow(frames, points)
    return in_order(frames, repair_ids(np.negative(frames), points, ids))
