"""Identity over time by pose flows (Xiu et al., Pose Flow, BMVC 2018); `flows` builds them.

Windows overlap: a flow has the id of the flow with which it shares poses of the window before, and one
that begins takes up where somebody was lost (the paper's re-linking of disjoint flows).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.tracking.flows import PoseFlow, Rows, flows_of
from lift3d.tracking.greedy import frames_in_turn
from lift3d.tracking.matching import best_pairs, pose_similarity
from lift3d.tracking.tracks import Tracks, born, follow, in_order, joined, nobody

__all__ = ["track_poseflow"]


def track_poseflow(
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    options: PoseFlow | None = None,
) -> Int64[ndarray, " rows"]:
    """An id for every detection, as from `track_greedy`; doubles of a person share an id."""
    options = options or PoseFlow()
    ids = np.full(len(frames), -1, dtype=np.int64)
    turns, tracks = list(frames_in_turn(frames)), nobody(points.shape[1])
    stride = options.window // 2
    for start in range(0, len(turns), stride):
        window = turns[start : start + options.window]
        settled = window[: stride + max(stride // 2, 1)]  # the next window knows more of the rest
        flows = flows_of(window, frames, points, options)
        owner = {row: at for at, flow in enumerate(flows) for row in flow.tolist()}
        walk = _Walk(tracks, flows, owner, _names_before(flows, ids))
        for now, rows in settled:
            walk.step(now, rows, frames, points, options)
            ids[rows] = walk.names_of(rows)
        tracks = walk.tracks
    return in_order(frames, ids)


def _names_before(flows: list[Rows], ids: Rows) -> list[int]:
    """The id that each flow had last in the window before, or -1."""
    known = [ids[flow][ids[flow] >= 0] for flow in flows]
    return [int(before[-1]) if len(before) else -1 for before in known]


@dataclass(slots=True)
class _Walk:
    """On the way through a window: where everybody is by now, and the id of each flow, -1 at first."""

    tracks: Tracks
    flows: list[Rows]
    owner: dict[int, int]
    names: list[int]

    def names_of(self, rows: Rows) -> Rows:
        """The ids of rows of flows that have begun."""
        return np.array([self.names[self.owner[row]] for row in rows.tolist()], dtype=np.int64)

    def step(
        self,
        now: int,
        rows: Rows,
        frames: Int64[ndarray, " all"],
        points: Float64[ndarray, "all joints 3"],
        options: PoseFlow,
    ) -> None:
        """Name the flows that begin in a frame, and follow everybody there."""
        begins = [
            at
            for at, flow in enumerate(self.flows)
            if self.names[at] < 0 and frames[flow[0]] == now
        ]
        if begins:
            self._name(begins, now, frames, points, options)
        names, first = np.unique(self.names_of(rows), return_index=True)
        rows = rows[first]
        known = np.isin(names, self.tracks.ids)
        at = np.array([self._track(name) for name in names[known].tolist()], dtype=np.int64)
        later = self.tracks.last[at] < now
        follow(self.tracks, at[later], points[rows[known][later]], now)
        if not known.all():
            self.tracks = joined(self.tracks, born(points[rows[~known]], names[~known], now))

    def _track(self, name: int) -> int:
        return int(np.flatnonzero(self.tracks.ids == name)[0])

    def _name(
        self,
        begins: list[int],
        now: int,
        frames: Int64[ndarray, " all"],
        points: Float64[ndarray, "all joints 3"],
        options: PoseFlow,
    ) -> None:
        """Flows continue people who are lost by now, the most alike first, or begin new ones."""
        busy = [
            name
            for name, flow in zip(self.names, self.flows, strict=True)
            if name >= 0 and frames[flow[-1]] >= now
        ]
        gone = np.maximum(now - self.tracks.last, 1)
        free = np.flatnonzero(~np.isin(self.tracks.ids, busy) & (gone <= options.memory))
        reach = self.tracks.size[free] * options.tolerance * gone[free] ** 0.5
        first = points[[self.flows[at][0] for at in begins]]
        alike = pose_similarity(self.tracks.expected(now, free), first, reach)
        found = best_pairs(alike, alike >= options.min_continued, "greedy")
        unused = max(int(self.tracks.ids.max(initial=-1)), *self.names, -1) + 1
        for at, track in zip(begins, found.tolist(), strict=True):
            self.names[at] = int(self.tracks.ids[free[track]]) if track >= 0 else unused
            unused += track < 0
