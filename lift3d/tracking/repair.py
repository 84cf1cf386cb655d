"""Identity repair: ids that somebody gave are kept, except where the poses clearly say otherwise.

The people are followed as in `greedy`, with the given id as one more reason to join two sightings. So
ids that jump to another person, for a frame or for good, come back; and whoever gets a new id after a
short absence gets the old one back.
"""

from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.tracking.greedy import GreedyTracking, frames_in_turn, join_frame
from lift3d.tracking.tracks import Tracks, born, follow, joined, nobody

__all__ = ["repair_ids"]

_TRUST: Final = 0.2
"""What a given id adds to the similarity (0 to 1) of two sightings."""


def repair_ids(
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    ids: Int64[ndarray, " rows"],
    options: GreedyTracking | None = None,
) -> Int64[ndarray, " rows"]:
    """Ids without jumps from one person to another; numbers are those given, as far as possible.

    `frames` and `points` as in `track_greedy`; `ids` are not negative. A given id keeps its person
    through any absence; a new one is taken for somebody lost only within `options.memory` frames.

    Raises `InputError` for ids below 0.
    """
    if len(ids) and ids.min() < 0:
        raise InputError(f"expected ids of 0 or more, got {ids.min()}: track people first")
    options = options or GreedyTracking()
    out = np.full(len(frames), -1, dtype=np.int64)
    tracks, now_called = nobody(points.shape[1]), dict[int, int]()
    for now, rows in frames_in_turn(frames):
        called = np.array([now_called.get(int(given), -1) for given in ids[rows]], dtype=np.int64)
        recent = now - tracks.last <= options.memory
        alive = np.flatnonzero(recent | np.isin(tracks.ids, called))
        trust = np.where(tracks.ids[alive, None] == called, _TRUST, 0.0)
        matched, whole = join_frame(tracks, alive, points[rows], now, options, trust)
        out[rows[matched >= 0]] = tracks.ids[matched[matched >= 0]]
        follow(tracks, matched[whole], points[rows[whole]], now)
        fresh = rows[matched < 0]
        if len(fresh):
            out[fresh] = _numbers(ids[fresh], tracks, ids)
            tracks = joined(tracks, born(points[fresh], out[fresh], now))
        now_called.update(zip(ids[rows].tolist(), out[rows].tolist(), strict=True))
    return out


def _numbers(
    wanted: Int64[ndarray, " fresh"], tracks: Tracks, given: Int64[ndarray, " rows"]
) -> Int64[ndarray, " fresh"]:
    """Ids for new people: the ones wanted, or unused ones where those are taken."""
    free = max(int(given.max()), int(tracks.ids.max(initial=-1))) + 1
    numbers: list[int] = []
    for want in wanted.tolist():
        taken = want in numbers or bool((tracks.ids == want).any())
        numbers.append(free if taken else want)
        free += taken
    return np.array(numbers, dtype=np.int64)
