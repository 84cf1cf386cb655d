"""Lifted clips made steady, several of one length at once: the numbers of `steady_motion`.

A Gaussian window over frames that were all seen is one matrix, the same for every clip of that length;
it is what `smooth_gaussian` makes of the unit matrix. One product then replaces many small steps,
and holds for all clips and joints at once. Clips with gaps go their usual way.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.smoothing import smooth_gaussian
from lift3d.lifting.steady import steady_motion
from lift3d.motion import Motion
from lift3d.pose import Pose3D

__all__ = ["steady_motions"]

_LONGEST: Final = 256
"""Frames; the matrix of longer clips costs more than it saves."""
_LEAST: Final = 3  # as steady_motion; fewer frames stay as they are
# Windows of the root's direction and distance as multiples of that of the pose, as in lifting.steady.
_DIRECTION: Final = 0.5
_DISTANCE: Final = 5.0
_NEAREST: Final = 0.05


def steady_motions(
    motions: Sequence[Motion[Pose3D]], seconds: Sequence[float]
) -> list[Motion[Pose3D]]:
    """Each as `steady_motion(motion, seconds)` makes it, to the rounding of float32."""
    out = list(motions)
    groups: dict[tuple[int, float], list[int]] = defaultdict(list)
    for index, (motion, width) in enumerate(zip(motions, seconds, strict=True)):
        if _is_plain(motion) and width > 0:
            groups[len(motion), width * motion.fps].append(index)
        else:
            out[index] = steady_motion(motion, width)
    for (_, sigma), rows in groups.items():
        joints = _steadied(torch.stack([motions[row].pose.joints for row in rows], 1), sigma)
        for row, smooth in zip(rows, joints.unbind(1), strict=True):
            pose = motions[row].pose
            steady = Pose3D(smooth.contiguous(), pose.covariance, pose.skeleton, pose.frame)
            out[row] = replace(motions[row], pose=steady)
    return out


def _is_plain(motion: Motion[Pose3D]) -> bool:
    """Whether a clip has no gap, and is neither too short to be smoothed nor too long for a matrix."""
    finite = motion.pose.joints.isfinite().all() & motion.pose.covariance.isfinite().all()
    return _LEAST <= len(motion) <= _LONGEST and bool(motion.observed.all() & finite)


def _steadied(
    joints: Float[Tensor, "frames clips joints 3"], sigma: float
) -> Float[Tensor, "frames clips joints 3"]:
    """Joints about the root, the root's direction and its distance, each in its own window."""
    root, frames = joints[:, :, 0], len(joints)
    depth = root[..., 2:]
    slopes = _applied(_window(frames, _DIRECTION * sigma), root[..., :2] / depth)
    far = _applied(_window(frames, _DISTANCE * sigma), depth.clamp(min=_NEAREST).log()).exp()
    relative = _applied(_window(frames, sigma), joints - joints[:, :, :1])
    return relative + torch.cat([slopes * far, far], -1)[:, :, None]


def _applied(window: Float[Tensor, "frames frames"], values: Tensor) -> Tensor:
    return (window.to(values.dtype) @ values.flatten(1)).reshape(values.shape)


@lru_cache(maxsize=64)
def _window(frames: int, sigma: float) -> Float[Tensor, "frames frames"]:
    eye = torch.eye(frames, dtype=torch.float64)
    return smooth_gaussian(eye, torch.ones(frames, dtype=torch.float64), sigma)
