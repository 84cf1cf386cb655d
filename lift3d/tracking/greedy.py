"""Identity over time by matching of poses.

After the tracker of Xiao, Wu and Wei, Simple Baselines for Human Pose Estimation and Tracking
(ECCV 2018), section 3.3: in each frame known people and detections are joined by object keypoint
similarity. Where they move the known poses by optical flow, which a keypoint file does not have, a
person is expected to drift on with the mean motion of the body, and the tolerance grows with the
frames since the person was last seen. Beyond the paper: pairs that share few joints, or were not
seen of late, weigh less; the best sum of similarities decides, not the best pair (an option); and who
is left over is looked for a second time, further away, before a new person begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.tracking.matching import Matching, best_pairs, pose_similarity
from lift3d.tracking.tracks import Tracks, born, follow, joined, nobody

__all__ = ["GreedyTracking", "frames_in_turn", "join_frame", "track_greedy"]


@dataclass(frozen=True, slots=True)
class GreedyTracking:
    """`memory` frames a person may be out of sight; pairs below `min_similarity` are not joined.

    `tolerance` is the distance, as a share of the body's size in the picture, at which a keypoint
    still counts 0.61 (one standard deviation) in the similarity from one frame to the next.
    `matching` "greedy" is the paper's, the most similar pair first.
    """

    memory: int = 30
    min_similarity: float = 0.1
    tolerance: float = 0.12
    matching: Matching = "optimal"

    def __post_init__(self) -> None:
        if self.memory < 1 or not 0 < self.min_similarity < 1 or not self.tolerance > 0:
            raise InputError(
                "expected memory of at least 1 frame, min_similarity between 0 and 1 and a tolerance "
                f"above 0, got {self}: correct them"
            )


_GROWTH: Final = 0.5
"""The tolerance grows with the root of the frames gone by, as for a random walk of the error."""
_FEW: Final = 3
"""A pair that shares so many joints weighs half of one that shares all of very many."""
_FADING: Final = 0.2
"""The weight of people out of sight falls with this power of the frames gone by."""
_SECOND_REACH: Final = 2.5
_SECOND_LEAST: Final = 0.3
"""The second look: how much wider, and the least similarity there."""
_PIECE: Final = 0.5
"""Least similarity of a second piece of a body to where that piece is expected."""
_SHARED: Final = 0.1
"""Most joints, of all, that two pieces of one body may both have."""


def track_greedy(
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    options: GreedyTracking | None = None,
) -> Int64[ndarray, " rows"]:
    """An id for every detection; ids count from 0 in the order in which people appear.

    `frames` are frame numbers in any order; `points` are x, y in pixels and confidence, NaN and 0
    where missing. An id stands twice in a frame only where a detector split a body in pieces that
    hardly share a joint (OpenPose does, trunk here and legs there), each where it is expected.
    """
    options = options or GreedyTracking()
    ids = np.full(len(frames), -1, dtype=np.int64)
    tracks = nobody(points.shape[1])
    for now, rows in frames_in_turn(frames):
        alive = np.flatnonzero(now - tracks.last <= options.memory)
        nothing = np.zeros((len(alive), len(rows)))
        matched, whole = join_frame(tracks, alive, points[rows], now, options, nothing)
        ids[rows[matched >= 0]] = tracks.ids[matched[matched >= 0]]
        follow(tracks, matched[whole], points[rows[whole]], now)
        fresh = rows[matched < 0]
        if len(fresh):
            ids[fresh] = len(tracks) + np.arange(len(fresh))
            tracks = joined(tracks, born(points[fresh], ids[fresh], now))
    return ids


def frames_in_turn(
    frames: Int64[ndarray, " rows"],
) -> Iterator[tuple[int, Int64[ndarray, " some"]]]:
    """Frame numbers in rising order, each with its rows."""
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=np.nan))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        yield int(frames[rows[0]]), rows


def join_frame(
    tracks: Tracks,
    alive: Int64[ndarray, " alive"],
    points: Float64[ndarray, "rows joints 3"],
    now: int,
    options: GreedyTracking,
    trust: Float64[ndarray, "alive rows"],
) -> tuple[Int64[ndarray, " rows"], Bool[ndarray, " rows"]]:
    """The track of each detection of a frame or -1, and where it is more than a piece of a body.

    Only `alive` tracks are asked. `trust` is added to similarities: what else speaks for a pair.
    """
    expected = tracks.expected(now, alive)
    gone = np.maximum(now - tracks.last[alive], 1).astype(np.float64)
    reach = tracks.size[alive] * options.tolerance * gone**_GROWTH
    similarity = pose_similarity(expected, points, reach)
    seen = points[..., 2] > 0
    count = seen.sum(1)
    weight = count / (count + _FEW) * (gone**-_FADING)[:, None]
    allowed = similarity * weight + trust >= options.min_similarity
    matched = best_pairs(similarity * weight + trust, allowed, options.matching)
    if (matched < 0).any() and len(alive) > (matched >= 0).sum():
        matched = _second_look(matched, expected, points, reach, options)
    whole = matched >= 0
    pieces = _pieces(similarity, matched, seen)
    both = np.where(whole, matched, pieces)
    return np.where(both >= 0, alive[both] if len(alive) else -1, -1), whole


def _second_look(
    matched: Int64[ndarray, " rows"],
    expected: Float64[ndarray, "tracks joints 3"],
    points: Float64[ndarray, "rows joints 3"],
    reach: Float64[ndarray, " tracks"],
    options: GreedyTracking,
) -> Int64[ndarray, " rows"]:
    """Join who is left over on both sides, where nobody nearer wants them."""
    rows = np.flatnonzero(matched < 0)
    free = np.setdiff1d(np.arange(len(expected)), matched)
    wide = pose_similarity(expected[free], points[rows], _SECOND_REACH * reach[free])
    count = (points[rows, :, 2] > 0).sum(1)
    wide *= count / (count + 1)
    found = best_pairs(wide, wide >= _SECOND_LEAST, options.matching)
    matched = matched.copy()
    matched[rows[found >= 0]] = free[found[found >= 0]]
    return matched


def _pieces(
    similarity: Float64[ndarray, "tracks rows"],
    matched: Int64[ndarray, " rows"],
    seen: Bool[ndarray, "rows joints"],
) -> Int64[ndarray, " rows"]:
    """For each detection left over the track of which it is another piece, or -1."""
    pieces = np.full(len(matched), -1, dtype=np.int64)
    main = {int(track): row for row, track in enumerate(matched) if track >= 0}
    for row in np.flatnonzero(matched < 0) if main else ():
        track = max(main, key=lambda track: similarity[track, row])
        shared = (seen[row] & seen[main[track]]).sum()
        if similarity[track, row] >= _PIECE and shared <= _SHARED * seen.shape[1]:
            pieces[row] = track
            seen[main[track]] |= seen[row]
    return pieces
