"""Left taken for right in one picture: what no body looks like.

Seen from anywhere, the left ear, shoulder and hip lie on the same side of their right ones, unless the
body is nearly in profile or twists. Where shoulders and hips both lie clearly across the body, but in
opposite directions, one pair is swapped with the limbs that hang on it; the face says which.
"""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from lift3d.skeleton import Skeleton
from lift3d.tracking.side_groups import Limbs, limb_pairs, mirrored_pairs

__all__ = ["find_swaps_at_once"]

_ACROSS: Final = 0.25
"""Clearly across: the pair's distance as a share of the trunk's length."""
_FACE_ACROSS: Final = 0.08


def find_swaps_at_once(
    points: Float64[ndarray, "poses joints 3"], skeleton: Skeleton
) -> Bool[ndarray, "poses joints"]:
    """Keypoints of single pictures that must carry the name of the other side.

    Only swaps of both arms or both legs are found, in bodies whose trunk and face are seen; a body
    swapped as a whole looks like one that is turned round. `points` as in `find_side_swaps`.
    """
    swapped = np.zeros(points.shape[:2], dtype=np.bool_)
    trunk = _trunk(points, skeleton)
    length = np.hypot(trunk[:, 0], trunk[:, 1])
    # To the right of somebody who stands upright in the picture, y down.
    aside = np.stack([-trunk[:, 1], trunk[:, 0]], -1) / np.maximum(length, 1.0)[:, None]
    shoulders, hips = (_across(points, aside, skeleton, (name,)) for name in ("shoulder", "hip"))
    face = _across(points, aside, skeleton, ("ear", "eye"))
    with np.errstate(invalid="ignore"):
        clear = np.minimum(np.abs(shoulders), np.abs(hips)) > _ACROSS * length
        told = clear & (shoulders * hips < 0) & (np.abs(face) > _FACE_ACROSS * length)
    limbs: tuple[tuple[Limbs, ndarray], ...] = (("arms", shoulders), ("legs", hips))
    for limb, own in limbs:
        joints = [joint for pair in limb_pairs(skeleton, limb) for joint in pair]
        swapped[:, joints] |= (told & (own * face < 0))[:, None]
    return swapped


def _across(
    points: Float64[ndarray, "poses joints 3"],
    aside: Float64[ndarray, "poses 2"],
    skeleton: Skeleton,
    names: tuple[str, ...],
) -> Float64[ndarray, " poses"]:
    """How far the left joint lies to the right of the right one in pixels, the widest pair's; or 0."""
    widest = np.zeros(len(points))
    for left, right in mirrored_pairs(skeleton):
        if skeleton.joints[left].removeprefix("left_") in names:
            both = (points[:, left, 2] > 0) & (points[:, right, 2] > 0)
            width = ((points[:, left, :2] - points[:, right, :2]) * aside).sum(-1)
            widest = np.where(both & (np.abs(width) > np.abs(widest)), width, widest)
    return widest


def _trunk(
    points: Float64[ndarray, "poses joints 3"], skeleton: Skeleton
) -> Float64[ndarray, "poses 2"]:
    """From the middle of the hips to that of the shoulders; NaN where one of the four is missing."""
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    if not set(names) <= set(skeleton.joints):
        return np.full((len(points), 2), np.nan)
    corners = points[:, [skeleton.index(name) for name in names]]
    corners = np.where(corners[..., 2:] > 0, corners[..., :2], np.nan)
    trunk: ndarray = (corners[:, 0] + corners[:, 1] - corners[:, 2] - corners[:, 3]) / 2
    return trunk
