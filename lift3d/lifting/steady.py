"""Lifted joints made steady over time.

A lifter that sees one frame at a time trembles, most of all in depth. The body's shape in space, its
direction from the camera and its distance change at different paces, so each gets its own window.
What each kind of smoothing does to real motion is measured in docs/time.md.
"""

from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.filters import PointModel, kalman_smooth
from lift3d.geometry.smoothing import fill_gaps, smooth_gaussian
from lift3d.motion import Motion
from lift3d.pose import Pose3D

__all__ = ["Smoothing", "steady_motion"]

Smoothing = Literal["gaussian", "kalman"]
"""`gaussian`: a window of one width. `kalman`: each joint as far as its covariance is to be trusted."""

# Windows as multiples of that of the pose: keypoints tell directions well and distances badly.
_DIRECTION: Final = 0.5
_DISTANCE: Final = 5.0

# For Kalman smoothing; chosen on the validation split of motion capture.
_TREMBLING: Final = 0.4  # share of a joint's standard deviation that is new in every frame
_UNKNOWN: Final = 0.1  # metres: the standard deviation of joints that come without one
_LEAST: Final = 1e-3  # metres: nothing is surer
_JERK: Final = 500.0  # m^2/s^5, the noise of joints' jerk at a width of _WIDTH
_ROOT_JERK: Final = (100.0, 1.0)  # m^2/s^5, the root's across the ray and along it
_ROOT: Final = (0.01, 0.04)  # metres across the ray, and share of the distance along it
_WIDTH: Final = 0.06  # seconds
_TAILS: Final = 4.0  # degrees of freedom: a detector's outliers


def steady_motion(
    motion: Motion[Pose3D],
    seconds: float = 0.06,
    *,
    smoothing: Smoothing = "gaussian",
    longest_gap: float = 0.5,
) -> Motion[Pose3D]:
    """The same motion (camera frame) after smoothing in a window of that width (seconds).

    That is the window of the joints about the root, the first joint; the root's direction has a
    narrower one, its distance a much wider one. With 0 the observed frames stay as they are. Gaps of
    up to `longest_gap` seconds between observed frames are bridged: their frames then have joints but
    stay unobserved (`Motion.inferred`). Longer gaps stay NaN, and so do single joints in frames in
    which the person was seen without them.

    `kalman` uses the joints' covariances: a missing or uncertain keypoint's joint follows its
    neighbours in time, outliers count little, and covariances grow in gaps.
    """
    pose = motion.pose.require_frame("camera")
    seen = motion.observed & pose.joints[:, 0].isfinite().all(-1)
    if int(seen.sum()) < 3:
        return motion
    fps = motion.fps
    if smoothing == "kalman" and seconds > 0:
        root = _steady_root(pose.joints[:, 0], seen, seconds, fps)
        relative, covariance = _steady_joints(pose, seen, seconds, fps)
    else:
        root = _windowed_root(pose.joints[:, 0], seen, seconds * fps)
        weights = seen.to(pose.joints.dtype)
        relative = _windowed(pose.joints - pose.joints[:, :1], weights, seconds * fps)
        covariance = fill_gaps(pose.covariance, weights)

    shown = seen | _bridged(seen, round(longest_gap * fps))
    missing = ~shown[:, None] | (seen[:, None] & ~pose.joints.isfinite().all(-1))
    joints = torch.where(missing[..., None], torch.nan, relative + root[:, None])
    covariance = torch.where(shown[:, None, None, None], covariance, torch.nan)
    steady = Pose3D(joints, covariance, pose.skeleton, pose.frame)
    return Motion(steady, fps, motion.person, seen, motion.first_frame)


def _windowed_root(
    root: Float[Tensor, "frames 3"], seen: Bool[Tensor, " frames"], sigma_frames: float
) -> Float[Tensor, "frames 3"]:
    """The root after its direction and its distance were smoothed on their own."""
    slopes, distance = _as_view(root, seen)
    weights = seen.to(root.dtype)
    slopes = _windowed(slopes, weights, _DIRECTION * sigma_frames)
    distance = _windowed(distance, weights, _DISTANCE * sigma_frames).exp()
    return torch.cat([slopes * distance, distance], -1)


def _as_view(root: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes x / z and y / z, and the log of the distance."""
    root = torch.where(seen[:, None], root, 1.0)
    return root[:, :2] / root[:, 2:], root[:, 2:].clamp(min=0.05).log()


def _windowed(values: Tensor, weights: Tensor, sigma_frames: float) -> Tensor:
    """Gaps are filled by straight lines first, so that a narrow window does not end in them."""
    filled = fill_gaps(values, weights)
    return smooth_gaussian(filled, filled.isfinite().all(-1).to(weights.dtype), sigma_frames)


def _steady_joints(
    pose: Pose3D, seen: Bool[Tensor, " frames"], seconds: float, fps: float
) -> tuple[Float[Tensor, "frames joints 3"], Float[Tensor, "frames joints 3 3"]]:
    """Joints about the root, and covariances: what trembled is now surer, the rest as it was."""
    relative = pose.joints - pose.joints[:, :1]
    relative = torch.where(seen[:, None, None], relative, torch.nan)
    eye = torch.eye(3).to(relative)
    known = fill_gaps(pose.covariance, seen.to(relative.dtype))
    known = torch.where(known.isfinite(), known, _UNKNOWN**2 * eye)
    trembling = _TREMBLING**2 * known + _LEAST**2 * eye
    model = PointModel(3, _JERK * _narrower(seconds))
    places, spread = kalman_smooth(relative, trembling, fps, model, degrees=_TAILS)
    return places, (1 - _TREMBLING**2) * known + spread


def _steady_root(
    root: Float[Tensor, "frames 3"], seen: Bool[Tensor, " frames"], seconds: float, fps: float
) -> Float[Tensor, "frames 3"]:
    """The root; its two slopes and its distance are two points, in metres at its usual distance."""
    slopes, distance = _as_view(root, seen)
    scale = distance[seen].median().exp()
    points = root.new_zeros(len(root), 2, 3)
    points[:, 0, :2], points[:, 1, 0] = slopes * scale, distance[:, 0] * scale
    points = torch.where(seen[:, None, None], points, torch.nan)
    across, along = _ROOT[0], _ROOT[1] * float(scale)
    eye = torch.eye(3).to(root)
    noise = torch.stack([across**2 * eye, along**2 * eye]).expand(len(root), 2, 3, 3)
    density = torch.tensor(_ROOT_JERK, dtype=torch.float64) * _narrower(seconds)
    places, _ = kalman_smooth(points, noise, fps, PointModel(3, density), degrees=_TAILS)
    distance = (places[:, 1, :1] / scale).exp()
    return torch.cat([places[:, 0, :2] / scale * distance, distance], -1)


def _narrower(seconds: float) -> float:
    """What makes the smoother's window that wide: it goes with (noise / density)^(1/6)."""
    return (_WIDTH / seconds) ** 6


def _bridged(seen: Tensor, longest: int) -> Tensor:
    """Unseen frames in gaps of at most `longest` frames with seen frames on both sides."""
    known = torch.nonzero(seen)[:, 0]
    out = torch.zeros_like(seen)
    for before, after in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        if 1 < after - before <= longest + 1:
            out[before + 1 : after] = True
    return out
