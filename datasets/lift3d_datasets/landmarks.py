"""Joints of `LIFT_23` from a solved skeleton of a known family, with points of face and feet.

Nose, ears, big toes and heels are not captured but synthesised, rigidly with the solved head and foot
joints and in proportion to the legs. What a family does not give, or defines elsewhere, is NaN.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.kinematics import forward_kinematics
from lift3d.io.motion.rotation_clip import RotationClip
from lift3d.skeletons import LIFT_23
from lift3d_datasets.rigs import Face, Rig

__all__ = ["Solved", "leg_length", "lift23_joints"]

_LEG: Final = 0.84
"""Thigh and shank (metres) of the body that offsets of face and feet are written for."""
_EAR: Final = (0.075, 0.02)
"""An ear lies so far to the side and before the head joint (metres)."""
_NOSE: Final = (-0.015, 0.13)
"""The nose lies so far above the ears and before the head joint."""
_HEEL: Final = (0.055, 0.05)
"""The back of the heel lies so far below and behind the ankle."""
_BIG_TOE_INWARDS: Final = 0.015


@dataclass(frozen=True, slots=True)
class Solved:
    """A clip's skeleton after forward kinematics, joints by name, with its rest pose (metres)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rotmats: Float[Tensor, "frames joints 3 3"]
    joints: Float[Tensor, "frames joints 3"]
    rest: Float[Tensor, "joints 3"]

    @classmethod
    def of(cls, clip: RotationClip) -> "Solved":
        """Forward kinematics of a clip in a y-up world, in metres."""
        rotmats, joints = clip.world()
        still = torch.eye(3, dtype=clip.rest.dtype).expand(len(clip.names), 3, 3)
        rest = forward_kinematics(still, clip.rest, clip.parents)[1]
        return cls(clip.names, clip.parents, rotmats.float(), joints.float(), rest.float())

    def at(self, name: str) -> Float[Tensor, "frames 3"]:
        """The path of a joint."""
        return self.joints[:, self.names.index(name)]

    def rest_at(self, name: str) -> Float[Tensor, "3"]:
        """The place of a joint in the rest pose."""
        return self.rest[self.names.index(name)]

    def attached(self, name: str, offset: Float[Tensor, "3"]) -> Float[Tensor, "frames 3"]:
        """The path of a point that is fixed in a joint's frame."""
        return self.at(name) + self.rotmats[:, self.names.index(name)] @ offset


def lift23_joints(solved: Solved, rig: Rig) -> Float[Tensor, "frames 23 3"]:
    """The family's joints in `LIFT_23`, in metres; the pelvis is the middle of the hips."""
    out = torch.full((len(solved.joints), len(LIFT_23), 3), torch.nan)
    for joint, source in rig.joints.items():
        out[:, LIFT_23.index(joint)] = solved.at(source)
    hips = [solved.at(rig.joints[f"{side}_hip"]) for side in ("left", "right")]
    out[:, LIFT_23.index("pelvis")] = (hips[0] + hips[1]) / 2
    scale = leg_length(solved, rig) / _LEG
    extra = _face_points(solved, rig.face, scale) if rig.face else {}
    for side, toe in zip(("left", "right"), rig.toe or (), strict=False):
        extra |= _foot_points(solved, rig, side, toe, scale)
    for joint, path in extra.items():
        out[:, LIFT_23.index(joint)] = path
    return out


def leg_length(solved: Solved, rig: Rig) -> float:
    """Left thigh and shank at rest, in the unit of the rest pose."""
    at = {part: solved.rest_at(rig.joints[f"left_{part}"]) for part in ("hip", "knee", "ankle")}
    return float((at["hip"] - at["knee"]).norm() + (at["knee"] - at["ankle"]).norm())


def _face_points(solved: Solved, face: Face, scale: float) -> dict[str, Tensor]:
    up, forward = _face_axes(solved, face)
    left = torch.linalg.cross(up, forward)
    ears = up * face.ear_height + forward * _EAR[1]
    nose = up * (face.ear_height + _NOSE[0]) + forward * _NOSE[1]
    offsets = {"nose": nose, "left_ear": ears + left * _EAR[0], "right_ear": ears - left * _EAR[0]}
    return {joint: solved.attached(face.joint, offset * scale) for joint, offset in offsets.items()}


def _face_axes(solved: Solved, face: Face) -> tuple[Tensor, Tensor]:
    """The skull's up and forward in the frame of its joint.

    Up is the axis nearest to the head's tip: y, but for ACCAD's Male1, whose rest pose bows.
    """
    joint = solved.names.index(face.joint)
    up = torch.tensor([0.0, 1.0, 0.0])
    if joint in solved.parents:
        tip = solved.rest[solved.parents.index(joint)] - solved.rest[joint]
        up = torch.nn.functional.one_hot(tip[:2].abs().argmax(), 3) * tip.abs().max().sign()
    forward = torch.tensor([0.0, 0.0, 1.0])
    cos, sin = np.cos(face.pitch), np.sin(face.pitch)
    return up * cos - forward * sin, forward * cos + up * sin


def _foot_points(solved: Solved, rig: Rig, side: str, toe: str, scale: float) -> dict[str, Tensor]:
    """Big toe and heel, fixed in the ankle's and the toe's frames.

    At rest the shank stands upright on the foot in every family, so it gives the foot's up.
    """
    ankle = rig.joints[f"{side}_ankle"]
    at_ankle = solved.rest_at(ankle)
    up = torch.nn.functional.normalize(solved.rest_at(rig.joints[f"{side}_knee"]) - at_ankle, dim=0)
    along = solved.rest_at(toe) - at_ankle
    forward = torch.nn.functional.normalize(along - up * (up @ along), dim=0)
    inwards = torch.linalg.cross(forward, up) * (1.0 if side == "left" else -1.0)
    tip = forward * rig.toe_gap + inwards * _BIG_TOE_INWARDS
    heel = -up * _HEEL[0] - forward * _HEEL[1]
    return {
        f"{side}_big_toe": solved.attached(toe, tip * scale),
        f"{side}_heel": solved.attached(ankle, heel * scale),
    }
