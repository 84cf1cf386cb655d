"""From a solved skeleton in metres to a `Capture` in `LIFT_23`."""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.capture import Capture
from lift3d.errors import FileFormatError
from lift3d.io.motion.rotation_clip import RotationClip
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d_datasets.landmarks import Solved, lift23_joints
from lift3d_datasets.rigs import Rig

__all__ = ["capture_of", "turned_y_up"]

Z_UP: Final = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=torch.float64)
"""z-up coordinates to y-up: (x, y, z) -> (x, z, -y)."""
_START: Final = 5
"""A T-pose is looked for in so many first frames."""
_JUMP: Final = 6.0
"""Nobody's limbs all move so fast (metres per second)."""


def turned_y_up(clip: RotationClip) -> RotationClip:
    """A clip of a z-up world in a y-up one; the frames of its joints turn with it."""
    turn = Z_UP.to(clip.rest.dtype)
    return RotationClip(
        clip.names,
        clip.parents,
        clip.rest @ turn.T,
        clip.offsets @ turn.T,
        turn @ clip.rotmats @ turn.T,
        clip.fps,
    )


def capture_of(
    clip: RotationClip,
    rig: Rig,
    *,
    name: str,
    subject: str,
    action: str,
    measured: bool,
) -> Capture:
    """A y-up clip in metres as a capture; frames with numbers that are not finite are not observed.

    Neither are first frames that the body leaves with a jump: conversions of CMU's database put a
    T-pose there. Raises `FileFormatError` where no frame is left.
    """
    joints = lift23_joints(Solved.of(clip), rig)
    observed = clip.offsets.isfinite().all(-1).all(-1) & clip.rotmats.isfinite().flatten(1).all(-1)
    limbs = joints[:, [LIFT_23.index(joint) for joint in rig.joints]]
    if len(observed) > 2 * _START:
        observed[: _calibration(limbs, clip.fps)] = False
    if not observed.any():
        raise FileFormatError(
            f"expected at least one frame of numbers in clip '{name}', got none: leave it out"
        )
    joints[~observed] = torch.nan
    pose = Pose3D.certain(joints, LIFT_23, "world")
    motion = Motion(pose, clip.fps, 0, observed)
    return Capture(name, subject, action, motion, measured=measured)


def _calibration(joints: Float[Tensor, "frames joints 3"], fps: float) -> int:
    """How many first frames lie before a jump: over 6 m/s on average, and five times the usual."""
    steps = (joints[1:] - joints[:-1]).norm(dim=-1).nanmean(-1)
    jumps = steps[:_START] > max(_JUMP / fps, 5 * float(steps.nanmedian()))
    return int(jumps.nonzero().amax()) + 1 if jumps.any() else 0
