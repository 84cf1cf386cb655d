"""Repairs of one person's keypoints over time, as motions."""

import torch
from jaxtyping import Bool, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.errors import InputError
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.tracking.gaps import fill_keypoint_gaps
from lift3d.tracking.sides import SideSwaps, find_side_swaps, swap_sides
from lift3d.tracking.sides_at_once import find_swaps_at_once

__all__ = ["bridge_gaps", "repair_sides"]


def repair_sides(
    motion: Motion[Pose2D], options: SideSwaps | None = None
) -> tuple[Motion[Pose2D], Bool[Tensor, "frames joints"]]:
    """The motion with left and right put right, and which keypoints were renamed.

    By how the body moves (`find_side_swaps`); a motion of one frame by its look alone
    (`find_swaps_at_once`). A keypoint without any other evidence keeps its name.
    """
    points, skeleton = _points(motion), motion.pose.skeleton
    if len(motion) == 1:
        swapped = find_swaps_at_once(points, skeleton)
    else:
        swapped = find_side_swaps(points, skeleton, options)
    return _with_points(motion, swap_sides(points, swapped, skeleton)), torch.from_numpy(swapped)


def bridge_gaps(motion: Motion[Pose2D], longest: float = 0.3) -> Motion[Pose2D]:
    """The motion with keypoints put in where they lack for at most `longest` seconds.

    What is put in has a quarter of its neighbours' confidence. Frames in which the person was not
    seen stay unobserved. Raises `InputError` for a negative time.
    """
    if not longest >= 0:
        raise InputError(f"expected a longest gap of 0 seconds or more, got {longest}: correct it")
    frames = round(min(longest * motion.fps, len(motion)))
    return _with_points(motion, fill_keypoint_gaps(_points(motion), frames))


def _points(motion: Motion[Pose2D]) -> Float64[ndarray, "frames joints 3"]:
    pose = motion.pose
    together = torch.cat([pose.keypoints, pose.confidence[..., None]], -1)
    return together.detach().cpu().double().numpy()


def _with_points(
    motion: Motion[Pose2D], points: Float64[ndarray, "frames joints 3"]
) -> Motion[Pose2D]:
    old = motion.pose
    values = torch.from_numpy(points).to(old.keypoints)
    pose = Pose2D.from_detections(values[..., :2], values[..., 2], old.skeleton, old.image_size)
    return Motion(pose, motion.fps, motion.person, motion.observed, motion.first_frame)
