"""What plug-ins are shown: the person of the packaged sample, and bodies in random poses."""

import math
from dataclasses import replace
from functools import cache

import torch
from torch import Generator, Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.io import read_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel
from lift3d.samples import balancing
from lift3d.skeleton import Skeleton

__all__ = [
    "as_layout",
    "cropped_view",
    "random_params",
    "seen_person",
    "with_gap",
]

CROP, ZOOM = (260.0, 140.0), 0.6


@cache
def _sample() -> Motion[Pose2D]:
    with balancing() as path:
        return read_keypoints(path).people[0]


def seen_person(frames: int = 16) -> tuple[Motion[Pose2D], Camera]:
    """Real keypoints of one person at 60 Hz (person 3, from frame 7 on), and the camera assumed."""
    sample = _sample()
    pose = sample.pose
    size = pose.image_size or (1920, 1080)
    some = Pose2D(pose.keypoints[:frames], pose.confidence[:frames], pose.skeleton, size)
    return Motion(some, sample.fps, 3, torch.ones(frames, dtype=torch.bool), 7), Camera.default(
        size
    )


def as_layout(motion: Motion[Pose2D], skeleton: Skeleton) -> Motion[Pose2D]:
    """The same keypoints as a detector of another layout would give them."""
    return replace(motion, pose=motion.pose.to(skeleton))


def with_gap(motion: Motion[Pose2D], first: int, last: int) -> Motion[Pose2D]:
    """The same person, of whom nothing is seen in some frames, first included and last not."""
    keypoints, confidence = motion.pose.keypoints.clone(), motion.pose.confidence.clone()
    keypoints[first:last], confidence[first:last] = torch.nan, 0.0
    observed = motion.observed.clone()
    observed[first:last] = False
    pose = replace(motion.pose, keypoints=keypoints, confidence=confidence)
    return replace(motion, pose=pose, observed=observed)


def cropped_view(motion: Motion[Pose2D], camera: Camera) -> tuple[Motion[Pose2D], Camera]:
    """The same pictures cut and made smaller, with the camera of those pictures."""
    left, top = CROP
    height, width = camera.image_size
    other = camera.cropped(left, top, (height - int(top), width - int(left))).zoomed(ZOOM)
    pixels = (motion.pose.keypoints - torch.tensor(CROP).to(motion.pose.keypoints)) * ZOOM
    pixels = pixels + (ZOOM - 1) / 2
    pose = replace(motion.pose, keypoints=pixels, image_size=other.image_size)
    return replace(motion, pose=pose), other


def random_params(
    body: BodyModel, batch: tuple[int, ...], dtype: torch.dtype = torch.float32, seed: int = 0
) -> BodyParams:
    """Poses of up to about 0.3 radians a joint, shapes within a standard deviation, metres away."""
    draw = Generator().manual_seed(seed)
    rotations = len(body.articulation.skeleton) - 1
    betas = body.articulation.joints_shapedirs.shape[-1]

    def some(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*batch, *shape, generator=draw, dtype=torch.float64).to(dtype)

    return BodyParams(
        some(betas, scale=0.5),
        some(rotations, 3, scale=0.15),
        some(3, scale=math.pi / 4),
        some(3),
    )
