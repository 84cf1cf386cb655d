"""What is known of the points of a lifted clip: where they may be, and on which rays they lie."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.lifting.vocabulary import known_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D

__all__ = ["Sights", "sights_of"]


@dataclass(frozen=True, slots=True)
class Sights:
    """What is known of the points of some frames: lifted (metres), and seen along rays.

    `slopes` are x / z and y / z in the camera frame, `sure` how far each counts, 0 where not seen.
    """

    joints: Float[Tensor, "frames 40 3"]
    covariance: Float[Tensor, "frames 40 3 3"]
    slopes: Float[Tensor, "frames 40 2"]
    sure: Float[Tensor, "frames 40"]

    def __getitem__(self, rows: Tensor) -> "Sights":
        return Sights(self.joints[rows], self.covariance[rows], self.slopes[rows], self.sure[rows])


def sights_of(
    keypoints: Motion[Pose2D], camera: Camera, lifted: Motion[Pose3D], rows: Tensor
) -> Sights:
    """What is known of some frames of a clip; `lifted` has the vocabulary's points."""
    pixels, confidence = known_keypoints(keypoints.pose)
    rays = camera.rays(pixels[rows].to(camera.intrinsics.dtype)).float()
    ahead = rays[..., 2] > 0
    slopes = torch.where(ahead[..., None], rays[..., :2] / rays[..., 2:].clamp(min=1e-6), 0.0)
    pose = lifted.pose
    return Sights(
        pose.joints[rows].float(),
        pose.covariance[rows].float(),
        slopes,
        confidence[rows].float() * ahead,
    )
