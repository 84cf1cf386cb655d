"""Parametric pose NMS: redundant detections of one person, told by their keypoints and merged.

Fang, Xie, Tai and Lu, RMPE: Regional Multi-person Pose Estimation (ICCV 2017), section 3.3, with the
constants of AlphaPose's release. The most confident pose is the reference; poses that resemble it are
eliminated; what is left is treated in the same way. Resemblance is the paper's soft count of matching
keypoints, K_sim, plus the weighted spatial similarity H_sim; as released, poses with enough keypoints
that coincide within a share of the body's size go as well, and K_sim counts within one pixel instead
of a tenth of the box.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.tracking.tracks import pose_sizes

__all__ = ["FULL_BODY_POSE_NMS", "PoseNms", "parametric_pose_nms", "pose_redundancy"]


@dataclass(frozen=True, slots=True)
class PoseNms:
    """AlphaPose's constants for bodies.

    `delta1` and `delta2` scale confidences and distances in pixels, `mu` weighs H_sim, poses above
    `gamma` are redundant, as are those of which `matches` keypoints lie within `alpha` of the body's
    size; poses without a keypoint of confidence `least` go.
    """

    delta1: float = 1.0
    mu: float = 1.7
    delta2: float = 2.65
    gamma: float = 22.48
    least: float = 0.3
    matches: int = 5
    alpha: float = 0.1


FULL_BODY_POSE_NMS: Final = PoseNms(
    mu=1.65, delta2=8.0, gamma=3.6, least=0.01, matches=3, alpha=0.15
)
"""AlphaPose's constants for 133 and 136 keypoints."""

_COUNTED: Final = 1.0
"""Pixels within which K_sim counts a keypoint."""
_MATCH_CAP: Final = 7.0
_MERGE_CAP: Final = 15.0
"""Pixels: however large the body, keypoints further apart do not match, or are not merged."""


def parametric_pose_nms(
    points: Float64[ndarray, "people joints 3"],
    scores: Float64[ndarray, " people"],
    options: PoseNms | None = None,
) -> tuple[Int64[ndarray, " kept"], Float64[ndarray, "kept joints 3"]]:
    """Rows of one picture that stay, the best first, and their poses merged with the redundant ones.

    `scores` are the detector's for the boxes. A reference pose is the one of the largest mean
    confidence + score + 1.25 largest confidence. Merged keypoints are the mean of the group's near
    the reference's, weighted by confidence; their confidence is the mean weighted by itself.
    """
    options = options or PoseNms()
    confidence = points[..., 2]
    worth = confidence.mean(1) + scores + 1.25 * confidence.max(1, initial=0.0)
    left = np.argsort(-worth, kind="stable")
    kept: list[int] = []
    poses: list[ndarray] = []
    while len(left):
        best = int(left[0])
        same = pose_redundancy(points[best], points[left], options)
        same[0] = True
        merged = _merged(points[best], points[left[same]], options)
        if merged[:, 2].max() >= options.least:
            kept.append(best)
            poses.append(merged)
        left = left[~same]
    shape = (len(kept), *points.shape[1:])
    return np.array(kept, dtype=np.int64), np.array(poses, dtype=np.float64).reshape(shape)


def pose_redundancy(
    reference: Float64[ndarray, "joints 3"],
    poses: Float64[ndarray, "people joints 3"],
    options: PoseNms,
) -> Bool[ndarray, " people"]:
    """Which poses the elimination criterion takes for the reference once more.

    K_sim is the sum of tanh(c/delta1) tanh(c'/delta1) over coinciding keypoints and H_sim the sum of
    exp(-d^2/delta2) (equations 8 and 9); redundant is K_sim + mu H_sim > gamma, or enough matches.
    """
    distance = _distances(reference, poses)
    firm = np.tanh(reference[:, 2] / options.delta1) * np.tanh(poses[..., 2] / options.delta1)
    counted = np.where(distance <= _COUNTED, firm, 0.0).sum(1)
    near = np.exp(-(distance**2) / options.delta2).sum(1)
    matches = (distance <= _reach(reference, options, _MATCH_CAP)).sum(1)
    soft = counted + options.mu * near > options.gamma
    redundant: ndarray = soft | (matches >= options.matches)
    return redundant


def _merged(
    reference: Float64[ndarray, "joints 3"],
    group: Float64[ndarray, "people joints 3"],
    options: PoseNms,
) -> Float64[ndarray, "joints 3"]:
    near = _distances(reference, group) <= _reach(reference, options, _MERGE_CAP)
    weight = np.where(near, group[..., 2], 0.0)
    total = weight.sum(0)
    values = np.where(near[..., None], group, 0.0)
    mean = (weight[..., None] * values).sum(0) / np.maximum(total, 1e-12)[:, None]
    return np.where((total > 0)[:, None], mean, reference)


def _distances(
    reference: Float64[ndarray, "joints 3"], poses: Float64[ndarray, "people joints 3"]
) -> Float64[ndarray, "people joints"]:
    """Pixels; infinite where either keypoint is missing."""
    both = (poses[..., 2] > 0) & (reference[:, 2] > 0)
    apart = np.where(both[..., None], poses[..., :2] - reference[:, :2], np.inf)
    return np.hypot(apart[..., 0], apart[..., 1])


def _reach(reference: Float64[ndarray, "joints 3"], options: PoseNms, cap: float) -> float:
    return min(options.alpha * float(pose_sizes(reference[None])[0]), cap)
