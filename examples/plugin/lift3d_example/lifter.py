"""A lifter that takes everybody for cardboard: flat, facing the camera, 1.7 metres large."""

import torch

from lift3d.camera import Camera
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17


class CardboardLifter:
    """Obeys `lift3d.protocols.Lifter`."""

    skeleton = COCO_17

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the camera's frame, for keypoints of any layout."""
        pose = keypoints.pose.to(COCO_17)
        seen = pose.seen[..., None]
        rays = camera.rays(pose.keypoints.nan_to_num().to(camera.intrinsics)).to(pose.keypoints)
        flat = rays / rays[..., 2:]  # where each ray meets the plane z = 1
        high = torch.where(seen, flat, -torch.inf).amax(1)
        size = (high - torch.where(seen, flat, torch.inf).amin(1)).norm(dim=-1)
        observed = (pose.seen.sum(1) > 1) & (size > 0)
        joints = flat * (1.7 / size)[:, None, None]
        joints = torch.where(seen & observed[:, None, None], joints, torch.nan)
        lifted = Pose3D.certain(joints, COCO_17, "camera")
        return Motion(lifted, keypoints.fps, keypoints.person, observed, keypoints.first_frame)
