"""Who is whom between the people expected in a frame and those found there."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.tracking.tracks import FAR

__all__ = ["Matching", "best_pairs", "pose_similarity"]

Matching = Literal["optimal", "greedy"]


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
    ax, ay = (np.where(seen_a, a[..., axis], FAR)[:, None] for axis in (0, 1))
    bx, by = (np.where(seen_b, b[..., axis], -FAR)[None] for axis in (0, 1))
    dx, dy = ax - bx, ay - by
    closeness = np.exp((dx * dx + dy * dy) * (-0.5 / reach**2)[:, None, None])
    shared = seen_a.astype(np.float64) @ seen_b.astype(np.float64).T
    mean: ndarray = closeness.sum(-1) / np.maximum(shared, 1.0)
    return mean


def best_pairs(
    similarity: Float64[ndarray, "tracks rows"],
    allowed: Bool[ndarray, "tracks rows"],
    matching: Matching,
) -> Int64[ndarray, " rows"]:
    """For each row the track that it is joined with, or -1; no track twice.

    `greedy` joins the most similar pair first (Simple Baselines); `optimal` makes the sum of
    similarities largest (Kuhn, The Hungarian method, 1955), so that a good pair may yield where two
    others gain more.
    """
    matched = np.full(similarity.shape[1], -1, dtype=np.int64)
    left = np.where(allowed, similarity, 0.0)
    if matching == "optimal" and left.size:
        from scipy.optimize import linear_sum_assignment  # slow to load; not all need it

        tracks, rows = linear_sum_assignment(left, maximize=True)
        kept = allowed[tracks, rows]
        matched[rows[kept]] = tracks[kept]
        return matched
    while left.size and left.any():
        track, row = np.unravel_index(int(left.argmax()), left.shape)
        matched[row] = track
        left[track, :] = left[:, row] = 0.0
    return matched
