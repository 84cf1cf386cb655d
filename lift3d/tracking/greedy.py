"""Identity over time by greedy matching of poses.

After the tracker of Xiao, Wu and Wei, Simple Baselines for Human Pose Estimation and Tracking
(ECCV 2018), section 3.3: in each frame the most similar pair of a known person and a detection is
joined first, by object keypoint similarity. Where they move the known poses by optical flow, which a
keypoint file does not have, a person is expected to drift on with the mean motion of the body, and
the tolerance grows with the frames since the person was last seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError

__all__ = ["GreedyTracking", "pose_similarity", "track_greedy"]


@dataclass(frozen=True, slots=True)
class GreedyTracking:
    """`memory` frames a person may be out of sight; pairs below `min_similarity` are not joined.

    `tolerance` is the distance, as a share of the body's size in the picture, at which a keypoint
    still counts 0.61 (one standard deviation) in the similarity from one frame to the next.
    """

    memory: int = 30
    min_similarity: float = 0.1
    tolerance: float = 0.12

    def __post_init__(self) -> None:
        if self.memory < 1 or not 0 < self.min_similarity < 1 or not self.tolerance > 0:
            raise InputError(
                "expected memory of at least 1 frame, min_similarity between 0 and 1 and a tolerance "
                f"above 0, got {self}"
            )


_FAR: Final = 1e9
"""Pixels."""
_GROWTH: Final = 0.5
"""The tolerance grows with the root of the frames gone by, as for a random walk of the error."""
_DRIFT: Final = 0.5
"""How much the newest step counts in a person's mean motion."""
_PIECE: Final = 0.5
"""Least similarity of a second piece of a body to where that piece is expected."""
_SHARED: Final = 0.1
"""Most joints, of all, that two pieces of one body may both have."""
_FORGET: Final = 10
"""Frames for which a person who is not seen is expected to keep moving."""


@dataclass(slots=True)
class _Tracks:
    """The people known so far; one row each."""

    points: Float64[ndarray, "tracks joints 3"]
    velocity: Float64[ndarray, "tracks 2"]
    size: Float64[ndarray, " tracks"]
    last: Int64[ndarray, " tracks"]
    ids: Int64[ndarray, " tracks"]


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
    tracks = _empty(points.shape[1])
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=np.nan))
    known = 0
    for rows in np.split(order, starts[1:]) if len(order) else ():
        now = int(frames[rows[0]])
        alive = now - tracks.last <= options.memory
        tracks = tracks if alive.all() else _select(tracks, alive)
        similarity = _similarity(tracks, points[rows], now, options)
        matched = _match(similarity, options.min_similarity)
        pieces = _pieces(similarity, matched, points[rows, :, 2] > 0)
        found, fresh = matched >= 0, (matched < 0) & (pieces < 0)
        ids[rows[found]] = tracks.ids[matched[found]]
        ids[rows[pieces >= 0]] = tracks.ids[pieces[pieces >= 0]]
        ids[rows[fresh]] = np.arange(known, known + fresh.sum())
        known += int(fresh.sum())
        _follow(tracks, matched[found], points[rows[found]], now)
        if fresh.any():
            tracks = _join(tracks, _born(points[rows[fresh]], ids[rows[fresh]], now))
    return ids


def pose_similarity(
    a: Float64[ndarray, "a joints 3"],
    b: Float64[ndarray, "b joints 3"],
    reach: Float64[ndarray, " a"],
) -> Float64[ndarray, "a b"]:
    """Mean of exp(-d^2 / 2 reach^2) over the joints that both have; 0 where they share none.

    Object keypoint similarity with one `reach` (pixels) per pose of `a` for all its joints.
    """
    seen_a, seen_b = a[..., 2] > 0, b[..., 2] > 0
    # Missing joints of the two go to opposite far ends, where their closeness is 0.
    ax, ay = (np.where(seen_a, a[..., axis], _FAR)[:, None] for axis in (0, 1))
    bx, by = (np.where(seen_b, b[..., axis], -_FAR)[None] for axis in (0, 1))
    dx, dy = ax - bx, ay - by
    closeness = np.exp((dx * dx + dy * dy) * (-0.5 / reach**2)[:, None, None])
    shared = seen_a.astype(np.float64) @ seen_b.astype(np.float64).T
    mean: ndarray = closeness.sum(-1) / np.maximum(shared, 1.0)
    return mean


def _similarity(
    tracks: _Tracks, points: Float64[ndarray, "rows joints 3"], now: int, options: GreedyTracking
) -> Float64[ndarray, "tracks rows"]:
    reach = tracks.size * options.tolerance * (now - tracks.last) ** _GROWTH
    return pose_similarity(_expected(tracks, now), points, reach)


def _match(similarity: Float64[ndarray, "tracks rows"], least: float) -> Int64[ndarray, " rows"]:
    """For each detection the row of its track, or -1; the most similar pair goes first."""
    matched = np.full(similarity.shape[1], -1, dtype=np.int64)
    left = similarity.copy()
    while left.size:
        track, row = np.unravel_index(int(left.argmax()), left.shape)
        if left[track, row] < least:
            break
        matched[row] = track
        left[track, :] = -1.0
        left[:, row] = -1.0
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


def _expected(tracks: _Tracks, now: int) -> Float64[ndarray, "tracks joints 3"]:
    steps = np.minimum(now - tracks.last, _FORGET)
    points = tracks.points.copy()
    points[..., :2] += (tracks.velocity * steps[:, None])[:, None]
    return points


def _follow(tracks: _Tracks, rows: Int64[ndarray, " rows"], points: ndarray, now: int) -> None:
    """Move tracks to where they were found; joints not seen now move along with the body."""
    expected = _expected(tracks, now)[rows]
    before = tracks.points[rows]
    seen = points[..., 2] > 0
    step = _mean_step(before, points) / np.maximum(now - tracks.last[rows], 1)[:, None]
    tracks.velocity[rows] += _DRIFT * (step - tracks.velocity[rows])
    tracks.points[rows] = np.where(seen[..., None], points, expected)
    tracks.size[rows] = np.maximum(_sizes(points), 0.9 * tracks.size[rows])
    tracks.last[rows] = now


def _mean_step(
    before: Float64[ndarray, "rows joints 3"], after: Float64[ndarray, "rows joints 3"]
) -> Float64[ndarray, "rows 2"]:
    both = (before[..., 2] > 0) & (after[..., 2] > 0)
    moved = np.where(both[..., None], after[..., :2] - before[..., :2], 0.0)
    mean: ndarray = moved.sum(1) / np.maximum(both.sum(1), 1)[:, None]
    return mean


def _sizes(points: Float64[ndarray, "rows joints 3"]) -> Float64[ndarray, " rows"]:
    """The longer side of the box around each pose in pixels, at least one."""
    unseen = points[..., 2] <= 0
    sides = [
        np.where(unseen, -_FAR, points[..., axis]).max(1)
        - np.where(unseen, _FAR, points[..., axis]).min(1)
        for axis in (0, 1)
    ]
    longer: ndarray = np.maximum(np.maximum(*sides), 1.0)
    return longer


def _born(points: ndarray, ids: Int64[ndarray, " rows"], now: int) -> _Tracks:
    count = len(points)
    return _Tracks(
        points.copy(),
        np.zeros((count, 2)),
        _sizes(points),
        np.full(count, now, dtype=np.int64),
        ids.copy(),
    )


def _empty(joints: int) -> _Tracks:
    nobody = np.zeros(0, dtype=np.int64)
    return _Tracks(np.zeros((0, joints, 3)), np.zeros((0, 2)), np.zeros(0), nobody, nobody)


def _select(tracks: _Tracks, kept: ndarray) -> _Tracks:
    return _Tracks(
        tracks.points[kept],
        tracks.velocity[kept],
        tracks.size[kept],
        tracks.last[kept],
        tracks.ids[kept],
    )


def _join(a: _Tracks, b: _Tracks) -> _Tracks:
    return _Tracks(
        np.concatenate([a.points, b.points]),
        np.concatenate([a.velocity, b.velocity]),
        np.concatenate([a.size, b.size]),
        np.concatenate([a.last, b.last]),
        np.concatenate([a.ids, b.ids]),
    )
