"""Any lifter made exact under turns of the camera: people are lifted as a level camera sees them.

A picture whose camera turned about its centre is the same picture moved by a homography: it shows
nothing new. Lifters that read pixels do not know that, and those that read viewing rays know it only
in part, since a network that learned from upright people answers otherwise when they lean with the
picture. Where the camera's tilt is known the lean can be undone before the lifter looks.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rays import virtual_from_camera
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter
from lift3d.skeleton import Skeleton

__all__ = ["LevelLifter", "level_from_camera"]

_SIZE: Final = 1000
_FOCAL: Final = 1145.0  # pixels; what MartinezLifter is made for, and no matter to the others
_AHEAD: Final = 0.05  # least depth of a unit ray that the level camera sees
_PLUMB: Final = 0.02  # sine of the angle to the vertical below which a view has no level


@dataclass(frozen=True, slots=True)
class LevelLifter:
    """Lifts with `inner`, who sees everybody in the middle of a level camera's picture.

    The answer turns with the camera, exactly: about any axis through its centre. That needs a camera
    whose `cam_from_world` tells its tilt; with any other, `inner` sees what the camera sees.
    """

    inner: Lifter

    @property
    def skeleton(self) -> Skeleton:
        return self.inner.skeleton

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        if not camera.tilt_known:
            return self.inner(keypoints, camera)
        pose = keypoints.pose
        rays = camera.rays(pose.keypoints.nan_to_num().to(camera.intrinsics.dtype))
        turn = level_from_camera(rays, pose.seen, camera.cam_from_world[..., :3, 1])
        told = Camera.from_intrinsics((_SIZE, _SIZE), _FOCAL, dtype=rays.dtype)
        seen = replace(keypoints, pose=_in_picture(rays @ turn.mT, pose, told))
        lifted = self.inner(seen, told)
        back = turn.mT.to(lifted.pose.joints)
        joints = lifted.pose.joints @ back.mT
        covariance = back[:, None] @ lifted.pose.covariance @ back[:, None].mT
        return replace(lifted, pose=Pose3D(joints, covariance, lifted.pose.skeleton, "camera"))


def level_from_camera(
    rays: Float[Tensor, "frames joints 3"],
    seen: Bool[Tensor, "frames joints"],
    up: Float[Tensor, "*moving 3"],
) -> Float[Tensor, "frames 3 3"]:
    """Rotations to cameras that look along the mean of the rays that are seen, their x level.

    `up` is the vertical in the camera's axes. Where it is NaN, and for whoever is straight above or
    below the camera, there is no level: it is the smallest rotation.
    """
    mean = torch.where(seen[..., None], rays, 0.0).sum(-2)
    ahead = torch.nn.functional.normalize(mean, dim=-1)
    ahead = torch.where(seen.any(-1, keepdim=True), ahead, ahead.new_tensor([0.0, 0.0, 1.0]))
    down = -torch.nn.functional.normalize(up.to(ahead), dim=-1).expand_as(ahead)
    side = torch.linalg.cross(down, ahead, dim=-1)
    length = torch.linalg.vector_norm(side, dim=-1, keepdim=True)
    right = side / length.clamp(min=_PLUMB)
    level = torch.stack([right, torch.linalg.cross(ahead, right, dim=-1), ahead], -2)
    return torch.where((length >= _PLUMB)[..., None], level, virtual_from_camera(ahead))


def _in_picture(rays: Float[Tensor, "frames joints 3"], pose: Pose2D, camera: Camera) -> Pose2D:
    before = rays[..., 2] > _AHEAD
    pixels = camera.project(torch.where(before[..., None], rays, rays.new_tensor([0.0, 0.0, 1.0])))
    confidence = torch.where(before, pose.confidence, 0.0)
    points = pixels.to(pose.keypoints.dtype)
    return Pose2D.from_detections(points, confidence, pose.skeleton, camera.image_size)
