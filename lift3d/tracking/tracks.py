"""The people known so far in a clip, and where each is expected next."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

__all__ = ["FAR", "Tracks", "born", "follow", "in_order", "joined", "nobody", "pose_sizes"]

FAR: Final = 1e9
"""Pixels."""
_DRIFT: Final = 0.35
"""How much the newest step counts in a person's mean motion."""
_FORGET: Final = 10
"""Frames for which a person who is not seen is expected to keep moving."""


@dataclass(slots=True)
class Tracks:
    """One row per person: where last seen (x, y in pixels, confidence), pixels per frame, pixels."""

    points: Float64[ndarray, "tracks joints 3"]
    velocity: Float64[ndarray, "tracks 2"]
    size: Float64[ndarray, " tracks"]
    last: Int64[ndarray, " tracks"]
    ids: Int64[ndarray, " tracks"]

    def __len__(self) -> int:
        return len(self.ids)

    def expected(
        self, now: int, rows: Int64[ndarray, " rows"]
    ) -> Float64[ndarray, "rows joints 3"]:
        """Where the people of some rows should be at frame `now`: moved on as before."""
        steps = np.minimum(now - self.last[rows], _FORGET)
        points: ndarray = self.points[rows]
        points[..., :2] += (self.velocity[rows] * steps[:, None])[:, None]
        return points


def nobody(joints: int) -> Tracks:
    """No people yet."""
    none = np.zeros(0, dtype=np.int64)
    return Tracks(np.zeros((0, joints, 3)), np.zeros((0, 2)), np.zeros(0), none, none)


def born(
    points: Float64[ndarray, "rows joints 3"], ids: Int64[ndarray, " rows"], now: int
) -> Tracks:
    """People seen for the first time, who are not known to move."""
    last = np.full(len(ids), now, dtype=np.int64)
    return Tracks(points.copy(), np.zeros((len(ids), 2)), pose_sizes(points), last, ids.copy())


def joined(a: Tracks, b: Tracks) -> Tracks:
    """The people of both."""
    return Tracks(
        np.concatenate([a.points, b.points]),
        np.concatenate([a.velocity, b.velocity]),
        np.concatenate([a.size, b.size]),
        np.concatenate([a.last, b.last]),
        np.concatenate([a.ids, b.ids]),
    )


def follow(
    tracks: Tracks,
    rows: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    now: int,
) -> None:
    """Move tracks to where they were found; joints not seen now move along with the body."""
    expected = tracks.expected(now, rows)
    seen = points[..., 2] > 0
    step = _mean_step(tracks.points[rows], points)
    step /= np.maximum(now - tracks.last[rows], 1)[:, None]
    tracks.velocity[rows] += _DRIFT * (step - tracks.velocity[rows])
    tracks.points[rows] = np.where(seen[..., None], points, expected)
    tracks.size[rows] = np.maximum(pose_sizes(points), 0.9 * tracks.size[rows])
    tracks.last[rows] = now


def _mean_step(
    before: Float64[ndarray, "rows joints 3"], after: Float64[ndarray, "rows joints 3"]
) -> Float64[ndarray, "rows 2"]:
    both = (before[..., 2] > 0) & (after[..., 2] > 0)
    moved = np.where(both[..., None], after[..., :2] - before[..., :2], 0.0)
    mean: ndarray = moved.sum(1) / np.maximum(both.sum(1), 1)[:, None]
    return mean


def pose_sizes(points: Float64[ndarray, "rows joints 3"]) -> Float64[ndarray, " rows"]:
    """The longer side of the box around each pose in pixels, at least one."""
    unseen = points[..., 2] <= 0
    sides = [
        np.where(unseen, -FAR, points[..., axis]).max(1)
        - np.where(unseen, FAR, points[..., axis]).min(1)
        for axis in (0, 1)
    ]
    longer: ndarray = np.maximum(np.maximum(*sides), 1.0)
    return longer


def in_order(
    frames: Int64[ndarray, " rows"], ids: Int64[ndarray, " rows"]
) -> Int64[ndarray, " rows"]:
    """The same people with ids that count from 0 in the order in which they appear."""
    names, first, person = np.unique(
        ids[np.argsort(frames, kind="stable")], return_index=True, return_inverse=True
    )
    rank = np.argsort(np.argsort(first))
    out = np.empty_like(ids)
    out[np.argsort(frames, kind="stable")] = rank[person] if len(names) else ids
    return out
