"""Pose flows: chains of poses through a window of frames that are one person's.

After Xiu, Li, Wang, Fang and Lu, Pose Flow: Efficient Online Pose Tracking (BMVC 2018). In a window of
frames the chain of poses that gathers the most confidence becomes a flow (their equation 6); a chain
ends where some frames in a row add nothing (their stopping criterion). Flows that lie on each other
in the median of their common frames are one person (pose flow NMS), and so are flows of neighbouring
windows that share poses, or that follow each other.

Where the paper matches picture patches to say which pose may follow which, a keypoint file has only
poses: the next one must resemble the last, and its score counts by how much. The score of a pose is the
mean plus the largest of its confidences; files give no score of the box.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.tracking.matching import pose_similarity
from lift3d.tracking.tracks import pose_sizes

__all__ = ["PoseFlow", "Rows", "flows_of"]


@dataclass(frozen=True, slots=True)
class PoseFlow:
    """Flows are built over `window` frames and bridge `patience` frames without the person.

    The next pose of a flow has at least `min_similarity` to the last, by `tolerance` as in
    `GreedyTracking`; flows whose median similarity exceeds `redundant` are one person; a flow is
    taken for one that ended at most `memory` frames ago.
    """

    window: int = 20
    patience: int = 5
    min_similarity: float = 0.4
    tolerance: float = 0.12
    redundant: float = 0.6
    memory: int = 30
    min_continued: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.min_similarity, self.redundant)
        if self.window < 2 or min(self.patience, self.memory) < 1 or not self.tolerance > 0:
            raise InputError(
                "expected a window of 2 frames or more, patience and memory of 1 or more and a "
                f"tolerance above 0, got {self}: correct them"
            )
        if not all(0 < share < 1 for share in shares):
            raise InputError(f"expected similarities between 0 and 1, got {self}: correct them")


_TIGHT: Final = 0.4
"""Flows on each other are judged by this share of the tolerance from frame to frame."""
_COMMON: Final = 4
"""Fewer common frames do not make two flows one, unless they are all that the shorter one has."""

Rows = Int64[ndarray, " _"]
"""Rows of detections, some or all."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The rows of each frame of a window, and how well those of later frames follow them."""

    rows: list[Rows]
    follows: dict[tuple[int, int], Float64[ndarray, "_ _"]]


def flows_of(
    turns: list[tuple[int, Rows]],
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    options: PoseFlow,
) -> list[Rows]:
    """The flows of a window, each as its rows in the order of time; every pose is in one.

    `turns` are the window's frame numbers with their rows among `points`.
    """
    score = points[..., 2].mean(1) + points[..., 2].max(1, initial=0.0)
    flows = _chains(_window(turns, points, score, options), score)
    return _distinct(flows, frames, points, options)


def _window(
    turns: list[tuple[int, Rows]],
    points: Float64[ndarray, "rows joints 3"],
    score: Float64[ndarray, " rows"],
    options: PoseFlow,
) -> _Window:
    follows: dict[tuple[int, int], ndarray] = {}
    for a, (now, rows) in enumerate(turns):
        size = pose_sizes(points[rows]) * options.tolerance
        for b in range(a + 1, min(a + 1 + options.patience, len(turns))):
            later, others = turns[b]
            if later - now > options.patience:
                break
            alike = pose_similarity(points[rows], points[others], size * (later - now) ** 0.5)
            follows[a, b] = np.where(_candidates(alike, options), alike * score[others], 0.0)
    return _Window([rows for _, rows in turns], follows)


def _candidates(
    alike: Float64[ndarray, "earlier later"], options: PoseFlow
) -> Bool[ndarray, "earlier later"]:
    """Who may follow whom: alike enough, and nobody else is more so on either side."""
    best: ndarray = (alike == alike.max(1, keepdims=True)) & (alike == alike.max(0, keepdims=True))
    return best & (alike >= options.min_similarity)


def _chains(window: _Window, score: Float64[ndarray, " rows"]) -> list[Rows]:
    """The best chain of poses, then the best of what is left, and so on."""
    free = [np.ones(len(rows), dtype=np.bool_) for rows in window.rows]
    flows: list[Rows] = []
    while any(mask.any() for mask in free):
        chain = _best_chain(window, free, score)
        for at, index in chain:
            free[at][index] = False
        flows.append(np.array([window.rows[at][index] for at, index in chain], dtype=np.int64))
    return flows


def _best_chain(
    window: _Window, free: list[Bool[ndarray, " _"]], score: Float64[ndarray, " rows"]
) -> list[tuple[int, int]]:
    """(frame, index) of the poses of the chain with the largest sum, by dynamic programming."""
    gain = [np.zeros(len(rows)) for rows in window.rows]
    onward: list[list[tuple[int, int]]] = [[(-1, -1)] * len(rows) for rows in window.rows]
    for a in range(len(window.rows) - 1, -1, -1):
        for b in range(a + 1, len(window.rows)):
            if (a, b) not in window.follows:
                break
            edges = window.follows[a, b]
            total = np.where((edges > 0) & free[b], edges + gain[b], 0.0)
            best = total.argmax(1) if total.size else np.zeros(len(total), dtype=np.int64)
            for index in np.flatnonzero(total.max(1, initial=0.0) > gain[a]):
                gain[a][index] = total[index, best[index]]
                onward[a][index] = (b, int(best[index]))
    starts = [
        (float(gain[a][i] + score[rows[i]]), -a, int(i))
        for a, rows in enumerate(window.rows)
        for i in np.flatnonzero(free[a])
    ]
    _, back, first = max(starts)
    chain = [(-back, first)]
    while (following := onward[chain[-1][0]][chain[-1][1]]) != (-1, -1):
        chain.append(following)
    return chain


def _distinct(
    flows: list[Rows],
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    options: PoseFlow,
) -> list[Rows]:
    """Pose flow NMS: flows that lie on a longer one join it."""
    kept: list[Rows] = []
    for flow in sorted(flows, key=len, reverse=True):
        for at, other in enumerate(kept):
            if _on_each_other(other, flow, frames, points, options):
                both = np.concatenate([other, flow])
                kept[at] = both[np.argsort(frames[both], kind="stable")]
                break
        else:
            kept.append(flow)
    return kept


def _on_each_other(
    a: Rows,
    b: Rows,
    frames: Int64[ndarray, " rows"],
    points: Float64[ndarray, "rows joints 3"],
    options: PoseFlow,
) -> bool:
    _, at, bt = np.intersect1d(frames[a], frames[b], return_indices=True)
    if len(at) < min(_COMMON, len(b)):
        return False
    one, two = points[a[at]], points[b[bt]]
    reach = _TIGHT * options.tolerance * pose_sizes(one)
    alike = [
        float(pose_similarity(p[None], q[None], r[None])[0, 0])
        for p, q, r in zip(one, two, reach, strict=True)
    ]
    return float(np.median(alike)) > options.redundant
