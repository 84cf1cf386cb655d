"""Object keypoint similarity between detections, with a spread for every joint of any skeleton."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["oks_between", "oks_sigmas", "pose_areas"]

_BODY: Final[Mapping[str, float]] = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
    "head_top": 0.08,
    "mid_shoulder": 0.08,
    "mid_hip": 0.08,
    "big_toe": 0.089,
    "small_toe": 0.089,
    "heel": 0.089,
}
"""COCO's spreads (cocodataset.org, keypoint evaluation) and those that AlphaPose adds for Halpe."""

_LIKE: Final[Mapping[str, str]] = {
    "eye_inner": "eye",
    "eye_outer": "eye",
    "eye_smplhf": "eye",
    "mouth": "eye",
    "foot_index": "big_toe",
    "foot": "big_toe",
    "hand": "wrist",
    "collar": "shoulder",
    "pinky": "wrist",
    "index": "wrist",
    "middle": "wrist",
    "ring": "wrist",
    "thumb": "wrist",
}
"""Joints without a published spread take that of the joint that is found as well."""

_OTHERS: Final = 0.08
"""What Halpe gives to points inside the body: necks, spines, pelvis."""


def oks_sigmas(skeleton: Skeleton) -> Float64[ndarray, " joints"]:
    """The spread of each joint as a share of the body's size, by its name."""
    return np.array([_sigma(joint) for joint in skeleton.joints])


def _sigma(joint: str) -> float:
    name = joint.removeprefix("left_").removeprefix("right_").rstrip("0123456789")
    return _BODY.get(_LIKE.get(name, name), _OTHERS)


def pose_areas(points: Float64[ndarray, "rows joints 3"]) -> Float64[ndarray, " rows"]:
    """Area of the box around the keypoints that were seen, in square pixels, at least one."""
    seen = points[..., 2:] > 0
    low = np.where(seen, points[..., :2], np.inf).min(1)
    high = np.where(seen, points[..., :2], -np.inf).max(1)
    areas: ndarray = np.maximum(np.maximum(high - low, 0.0).prod(-1), 1.0)
    return areas


def oks_between(
    a: Float64[ndarray, "a joints 3"],
    b: Float64[ndarray, "b joints 3"],
    sigmas: Float64[ndarray, " sigmas"],
) -> Float64[ndarray, "a b"]:
    """Mean over the joints that both have of exp(-d^2 / (2 area (2 sigma)^2)); 0 without any.

    COCO's definition; between two detections `area` is the mean of their boxes. Keypoints are x, y
    in pixels and confidence, NaN and 0 where missing.

    Raises `InputError` for another number of sigmas than joints.
    """
    if len(sigmas) != a.shape[1] or len(sigmas) != b.shape[1]:
        raise InputError(
            f"expected one sigma per joint, got {len(sigmas)} for poses of {a.shape[1]} and "
            f"{b.shape[1]} joints: take those of the poses' skeleton"
        )
    both = (a[:, None, :, 2] > 0) & (b[None, :, :, 2] > 0)
    area = (pose_areas(a)[:, None] + pose_areas(b)[None]) / 2
    apart = np.where(both[..., None], a[:, None, :, :2] - b[None, :, :, :2], 0.0)
    squared = (apart * apart).sum(-1)
    close = np.exp(-squared / (2 * area[..., None] * (2 * sigmas) ** 2)) * both
    mean: ndarray = close.sum(-1) / np.maximum(both.sum(-1), 1)
    return mean
