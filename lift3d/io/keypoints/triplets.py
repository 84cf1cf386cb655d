"""Keypoints as detectors write them: x, y, confidence, and zeros for what was not seen."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton

__all__ = ["triplets"]


def triplets(pose: Pose2D, layout: Skeleton) -> Float[ndarray, "frames joints 3"]:
    """A clip's keypoints in pixels, in another layout where `layout` is one."""
    turned = pose.to(layout)
    values = np.concatenate([turned.keypoints.numpy(), turned.confidence.numpy()[..., None]], -1)
    return np.where(turned.seen.numpy()[..., None], values, 0).astype(values.dtype)
