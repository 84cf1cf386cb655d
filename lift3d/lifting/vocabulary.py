"""The points of a person that the lifters know, and how any layout's keypoints are found among them.

A keypoint is known by its name alone: one name is one place on the body in all layouts
(`lift3d.skeletons.layouts`). What a layout does not give is missing, never made up of other points,
and no name is guessed from a number.
"""

from functools import lru_cache
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

__all__ = ["FLIP", "HIPS", "VOCABULARY", "known_keypoints", "mirrored_points"]

_MORE: Final = """left_eye<nose right_eye<nose left_mouth<nose right_mouth<nose
    neck_nose<head upper_neck<thorax head_top<head
    left_small_toe<left_ankle right_small_toe<right_ankle
    left_foot_index<left_ankle right_foot_index<right_ankle
    left_thumb<left_wrist right_thumb<right_wrist left_index<left_wrist right_index<right_wrist
    left_pinky<left_wrist right_pinky<right_wrist"""


def _vocabulary() -> Skeleton:
    pairs = [word.split("<") for word in _MORE.split()]
    joints = (*LIFT_23.joints, *(joint for joint, _ in pairs))
    parents = (*LIFT_23.parents, *(joints.index(parent) for _, parent in pairs))
    return Skeleton("vocabulary_40", joints, parents)


VOCABULARY: Final = _vocabulary()
"""`LIFT_23`, in its order, and the further points of head, hands and feet that layouts have."""

HIPS: Final = (VOCABULARY.index("left_hip"), VOCABULARY.index("right_hip"))
FLIP: Final = list(VOCABULARY.flip_permutation)


def known_keypoints(
    pose: Pose2D,
) -> tuple[Float[Tensor, "*batch 40 2"], Float[Tensor, "*batch 40"]]:
    """A layout's keypoints by name (0 where missing) and their confidences."""
    to, of = _shared(pose.skeleton)
    keypoints = pose.keypoints.new_zeros(*pose.keypoints.shape[:-2], len(VOCABULARY), 2)
    confidence = pose.confidence.new_zeros(keypoints.shape[:-1])
    keypoints[..., to, :] = pose.keypoints[..., of, :].nan_to_num()
    confidence[..., to] = pose.confidence[..., of]
    return keypoints, confidence


@lru_cache(maxsize=64)
def _shared(skeleton: Skeleton) -> tuple[Int[Tensor, " shared"], Int[Tensor, " shared"]]:
    """The points that a layout shares: where they are in the vocabulary, and where in the layout."""
    shared = [joint for joint in VOCABULARY.joints if joint in skeleton.joints]
    return (
        torch.tensor([VOCABULARY.index(joint) for joint in shared], dtype=torch.long),
        torch.tensor([skeleton.index(joint) for joint in shared], dtype=torch.long),
    )


def mirrored_points(
    points: Float[Tensor, "*batch 40 axes"], seen: Bool[Tensor, "*batch 40"]
) -> tuple[Float[Tensor, "*batch 40 axes"], Bool[Tensor, "*batch 40"]]:
    """The mirrored person's points: x negated, left and right exchanged."""
    sign = torch.ones(points.shape[-1], dtype=points.dtype, device=points.device)
    sign[0] = -1
    return points[..., FLIP, :] * sign, seen[..., FLIP]
