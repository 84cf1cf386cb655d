"""One detection per person in a picture: suppression by object keypoint similarity.

`oks_nms` after Papandreou et al., Towards Accurate Multi-person Pose Estimation in the Wild (G-RMI,
CVPR 2017); `soft_oks_nms` after Bodla et al., Soft-NMS (ICCV 2017), with poses for boxes.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.tracking.similarity import oks_between

__all__ = ["oks_nms", "soft_oks_nms"]


def oks_nms(
    points: Float64[ndarray, "people joints 3"],
    scores: Float64[ndarray, " people"],
    sigmas: Float64[ndarray, " joints"],
    threshold: float = 0.5,
) -> Int64[ndarray, " kept"]:
    """Rows of one picture that stay, the best first; more similar ones than `threshold` go.

    `sigmas` are those of `oks_sigmas`.
    """
    _check(threshold)
    similarity = oks_between(points, points, sigmas)
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left):
        best = int(left[0])
        kept.append(best)
        left = left[1:][similarity[best, left[1:]] <= threshold]
    return np.array(kept, dtype=np.int64)


def soft_oks_nms(
    points: Float64[ndarray, "people joints 3"],
    scores: Float64[ndarray, " people"],
    sigmas: Float64[ndarray, " joints"],
    decay: Literal["gaussian", "linear"] = "gaussian",
    threshold: float = 0.5,
    least: float = 0.001,
) -> tuple[Int64[ndarray, " kept"], Float64[ndarray, " kept"]]:
    """Rows of one picture in the order in which they were chosen, and their lowered scores.

    Each chosen pose multiplies the scores of those left by exp(-s^2 / `threshold`) (gaussian), or by
    1 - s where the similarity s exceeds `threshold` (linear). Below `least` a row is dropped.
    """
    _check(threshold)
    similarity = oks_between(points, points, sigmas)
    scores, open_ = scores.astype(np.float64), np.ones(len(scores), dtype=np.bool_)
    kept: list[int] = []
    while open_.any():
        best = int(np.where(open_, scores, -np.inf).argmax())
        if scores[best] < least:
            break
        kept.append(best)
        open_[best] = False
        scores = np.where(open_, scores * _kept_share(similarity[best], decay, threshold), scores)
    rows = np.array(kept, dtype=np.int64)
    return rows, scores[rows]


def _kept_share(
    similarity: Float64[ndarray, " people"], decay: str, threshold: float
) -> Float64[ndarray, " people"]:
    if decay == "gaussian":
        return np.exp(-(similarity**2) / threshold)
    return np.where(similarity > threshold, 1 - similarity, 1.0)


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise InputError(
            f"expected a threshold above 0 and up to 1, got {threshold}: similarities lie in 0 to 1"
        )
