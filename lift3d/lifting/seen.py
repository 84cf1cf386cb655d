"""From a clip's keypoints to views, and from answers in views to joints in the camera frame.

What all lifters share that work on viewing rays: which keypoints count, where the person is, and the
layout in which the joints are asked for.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.universal_net import Answer
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import HIPS, VOCABULARY, known_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

__all__ = ["Seen", "in_camera", "lifted", "seen_through"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip as a lifter reads it: views, and how far each keypoint is trusted (0 where not seen)."""

    view: View
    confidence: Float[Tensor, "frames 40"]

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, rows: slice) -> "Seen":
        return Seen(self.view[rows], self.confidence[rows])

    def enough(self, keypoints: int) -> Bool[Tensor, " frames"]:
        """Frames in which at least so many keypoints were seen."""
        return self.view.seen.sum(-1) >= keypoints


def seen_through(keypoints: Pose2D, camera: Camera, min_confidence: float) -> Seen:
    """Keypoints of any layout, by name, as rays of a camera; those below a confidence do not count.

    A pose without an axis of frames is a single frame.
    """
    pixels, confidence = known_keypoints(keypoints)
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    rays = camera.rays(pixels.to(camera.intrinsics.dtype)).float()
    confidence = confidence.float().reshape(-1, confidence.shape[-1])
    view = View.of(rays, confidence >= min_confidence, HIPS)
    return Seen(view, confidence * view.seen)


def lifted(
    answer: Answer, seen: Seen, keypoints: Motion[Pose2D], skeleton: Skeleton, min_keypoints: int
) -> Motion[Pose3D]:
    """Answers at their place before the camera, in the layout asked for.

    Frames with too few keypoints, and those that would lie behind the camera, are NaN and not
    observed.
    """
    view = seen.view
    root = root_from_rays(answer.joints, view.rays, seen.confidence)
    here = (seen.enough(min_keypoints) & (root[:, 2] > 0))[:, None, None]
    joints = torch.where(here, (answer.joints + root[:, None]) @ view.virtual, torch.nan)
    turn = view.virtual[:, None]
    covariance = torch.where(here[..., None], turn.mT @ answer.covariance @ turn, torch.nan)
    pose = in_camera(joints, covariance, skeleton, keypoints.pose.keypoints.dtype)
    return Motion(pose, keypoints.fps, keypoints.person, here[:, 0, 0], keypoints.first_frame)


def in_camera(
    joints: Float[Tensor, "frames 40 3"],
    covariance: Float[Tensor, "frames 40 3 3"],
    skeleton: Skeleton,
    dtype: torch.dtype,
) -> Pose3D:
    """Joints of a layout: by name where all are known by name (fast), else by correspondence."""
    joints, covariance, names = joints.to(dtype), covariance.to(dtype), VOCABULARY.joints
    if all(joint in names for joint in skeleton.joints):
        index = [names.index(joint) for joint in skeleton.joints]
        return Pose3D(joints[:, index], covariance[:, index], skeleton, "camera")
    return Pose3D(joints, covariance, VOCABULARY, "camera").to(skeleton)
