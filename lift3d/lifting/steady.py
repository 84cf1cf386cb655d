"""Lifted joints made steady over time.

A lifter that sees one frame at a time trembles, most of all in depth. The body's shape in space, its
direction from the camera and its distance change at different paces, so each gets its own window.
"""

from typing import Final

import torch
from torch import Tensor

from lift3d.geometry.smoothing import fill_gaps, smooth_gaussian
from lift3d.motion import Motion
from lift3d.pose import Pose3D

__all__ = ["steady_motion"]

# Windows as multiples of that of the pose: keypoints tell directions well and distances badly.
_DIRECTION: Final = 0.5
_DISTANCE: Final = 5.0


def steady_motion(
    motion: Motion[Pose3D], seconds: float = 0.06, *, longest_gap: float = 0.5
) -> Motion[Pose3D]:
    """The same motion (camera frame) after smoothing in a Gaussian window of that width (seconds).

    That is the window of the joints about the root, the first joint; the root's direction has half of
    it, its distance five times as much. With 0 the observed frames stay as they are. Gaps of up to
    `longest_gap` seconds between observed frames are bridged; their frames count as observed
    afterwards. Longer gaps stay NaN, and so do single joints in frames in which the person was seen
    without them.
    """
    pose = motion.pose.require_frame("camera")
    seen = motion.observed & pose.joints[:, 0].isfinite().all(-1)
    if int(seen.sum()) < 3:
        return motion
    fps = motion.fps
    weights = seen.to(pose.joints.dtype)
    root = torch.where(seen[:, None], pose.joints[:, 0], 1.0)
    slopes, distance = root[:, :2] / root[:, 2:], root[:, 2:].clamp(min=0.05).log()
    slopes = _smooth(slopes, weights, _DIRECTION * seconds * fps)
    distance = _smooth(distance, weights, _DISTANCE * seconds * fps).exp()
    relative = pose.joints - pose.joints[:, :1]
    relative = _smooth(relative, weights, seconds * fps)

    shown = seen | _bridged(seen, round(longest_gap * fps))
    joints = relative + torch.cat([slopes * distance, distance], -1)[:, None]
    missing = ~shown[:, None] | (seen[:, None] & ~pose.joints.isfinite().all(-1))
    joints = torch.where(missing[..., None], torch.nan, joints)
    covariance = fill_gaps(pose.covariance, weights)
    covariance = torch.where(shown[:, None, None, None], covariance, torch.nan)
    steady = Pose3D(joints, covariance, pose.skeleton, pose.frame)
    return Motion(steady, fps, motion.person, shown, motion.first_frame)


def _smooth(values: Tensor, weights: Tensor, sigma_frames: float) -> Tensor:
    """Gaps are filled by straight lines first, so that a narrow window does not end in them."""
    filled = fill_gaps(values, weights)
    return smooth_gaussian(filled, filled.isfinite().all(-1).to(weights.dtype), sigma_frames)


def _bridged(seen: Tensor, longest: int) -> Tensor:
    """Unseen frames in gaps of at most `longest` frames with seen frames on both sides."""
    known = torch.nonzero(seen)[:, 0]
    out = torch.zeros_like(seen)
    for before, after in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        if 1 < after - before <= longest + 1:
            out[before + 1 : after] = True
    return out
