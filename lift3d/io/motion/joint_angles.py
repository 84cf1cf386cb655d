"""Joint angles with the names and signs of OpenSim's full-body models.

Names, axes and signs are those of Rajagopal et al., IEEE TBME 63 (2016), as its model file
`Rajagopal2016.osim` (opensim-org/opensim-models) has them. Every joint turns about z, then x, then y of
its own frame: x forward, y up, z to the right, mirrored on the left side. All angles are 0 in upright
stance with hanging arms, feet flat on the ground, looking along the world's x. Positive are:

`hip_flexion` thigh forward · `hip_adduction` thigh to the middle · `hip_rotation` toes inwards ·
`knee_angle` heel to the buttocks · `ankle_angle` toes up · `arm_flex` arm forward · `arm_add` arm to the
middle (a T-pose has -90) · `arm_rot` a bent forearm inwards · `elbow_flex` forearm to the upper arm ·
`lumbar_extension` trunk backwards · `lumbar_bending` trunk to the right · `lumbar_rotation` trunk to
the left · `pelvis_tilt` pelvis backwards · `pelvis_list` right side down · `pelvis_rotation` turned to
the left.

The pelvis is the exception: OpenSim's sequence (tilt, list, rotation about the ground's z, x, y) means
tilt and list only for somebody who looks along x. `pelvis_sequence="clinical"` turns first, then lists,
then tilts (R. Baker, Gait & Posture 13, 2001): the same values whichever way a person looks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.body import Articulation
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.geometry.rigid import transform_points
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.motion.euler import continuous_euler
from lift3d.io.motion.joint_segments import (
    Frames,
    body_frames,
    has_segments,
    root_place,
    trunk_frames,
)
from lift3d.io.motion.world_points import world_from_camera, world_joints
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23, correspondence

__all__ = ["ANGLES", "JointAngles", "PelvisSequence", "joint_angles"]

PelvisSequence = Literal["clinical", "opensim"]

_SIDES: Final = (("r", "right"), ("l", "left"))
_PELVIS: Final = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_LEG: Final = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle")
_BACK: Final = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
_ARM: Final = ("arm_flex", "arm_add", "arm_rot", "elbow_flex")

ANGLES: Final = (
    *_PELVIS,
    *(f"{name}_{letter}" for letter, _ in _SIDES for name in _LEG),
    *_BACK,
    *(f"{name}_{letter}" for letter, _ in _SIDES for name in _ARM),
)
"""All angles, in the order of OpenSim's coordinates."""

_TRUNK_AND_LEGS: Final = 9
"""So many joints of `LIFT_23`, the first ones, must be known; without an arm its angles are not."""
_BENT: Final = math.sin(math.radians(20))
"""Sine of the bend from which on a shank or forearm tells how the bone above it is turned."""
_MIRROR: Final = torch.diag(torch.tensor([1.0, 1, -1], dtype=torch.float64))


@dataclass(frozen=True, slots=True)
class JointAngles:
    """One person's angles in radians, in the order of `ANGLES`, and the pelvis' place in metres.

    Axes of `root` are the world's (y up). NaN where somebody was not seen, or an angle is not known.
    """

    values: Float64[ndarray, "frames 24"]
    root: Float64[ndarray, "frames 3"]

    def __getitem__(self, name: str) -> Float64[ndarray, " frames"]:
        """One angle over time, by its name."""
        column: ndarray = self.values[:, ANGLES.index(name)]
        return column


def joint_angles(
    clip: Clip,
    person: Person,
    body: Articulation | None = None,
    *,
    pelvis_sequence: PelvisSequence = "clinical",
) -> JointAngles:
    """Joint angles of a person: from the body's rotations, or from joints where there is no `body`.

    From joints alone knees and elbows do not bend backwards, and how an upper arm or a thigh is turned
    about itself is known only while the elbow or knee is bent by 20 degrees (NaN otherwise). Raises
    `InputError` for joints that are not a person's.
    """
    turn = world_from_camera(clip)
    if body is not None and person.body is not None and has_segments(body):
        frames = body_frames(body, person.body, turn[..., :3, :3])
        angles = _trunk(frames) | _limbs(frames)
        root = transform_points(turn, root_place(body, person.body)[:, None])[:, 0]
    else:
        joints = _human(clip, person)
        frames = trunk_frames(joints)
        angles = _trunk(frames) | _limbs_from_points(frames, joints)
        root = joints[:, LIFT_23.index("pelvis")]
    angles |= _pelvis(frames["pelvis"], pelvis_sequence)
    return JointAngles(np.stack([angles[name] for name in ANGLES], -1), root.numpy())


def _human(clip: Clip, person: Person) -> Float[Tensor, "frames 23 3"]:
    """Joints of `LIFT_23` in the world, whatever a file calls them."""
    own = person.joints.pose.skeleton
    named = joints_named(own.joints)
    skeleton = named.skeleton if named.skeleton is not None else own
    known = correspondence(skeleton, LIFT_23).known
    missing = [LIFT_23.joints[j] for j in range(_TRUNK_AND_LEGS) if not known[j]]
    if missing:
        raise InputError(
            f"expected joints of a person for joint angles, got none that is called {missing[0]} in "
            f"'{own.name}': give a body to move, with --body-model"
        )
    places = world_joints(clip, person)[:, list(named.columns)]
    return Pose3D.certain(places, skeleton, "world").to(LIFT_23).joints


def _pelvis(frame: Tensor, sequence: PelvisSequence) -> dict[str, ndarray]:
    if sequence == "opensim":
        return _named(_PELVIS, _turned(frame, "ZXY"))
    return _named(_PELVIS[::-1], _turned(frame, "YXZ"))


def _trunk(frames: Frames) -> dict[str, ndarray]:
    return _named(_BACK, _turned(frames["pelvis"].mT @ frames["torso"], "ZXY"))


def _limbs(frames: Frames) -> dict[str, ndarray]:
    """Angles of both arms and legs, from one segment's frame to the next."""
    out: dict[str, ndarray] = {}
    for letter, side in _SIDES:

        def between(upper: str, lower: str, left: bool = letter == "l") -> ndarray:
            turn = frames[upper].mT @ frames[lower]
            return _turned(_MIRROR @ turn @ _MIRROR if left else turn, "ZXY")

        hip, arm = between("pelvis", f"{side}_thigh"), between("torso", f"{side}_arm")
        knee = -between(f"{side}_thigh", f"{side}_shank")[:, :1]
        ankle = between(f"{side}_shank", f"{side}_foot")[:, :1]
        elbow = between(f"{side}_arm", f"{side}_forearm")[:, :1]
        out |= _named([f"{name}_{letter}" for name in _LEG], np.hstack([hip, knee, ankle]))
        out |= _named([f"{name}_{letter}" for name in _ARM], np.hstack([arm, elbow]))
    return out


def _limbs_from_points(frames: Frames, joints: Float[Tensor, "frames 23 3"]) -> dict[str, ndarray]:
    out: dict[str, ndarray] = {}
    for letter, side in _SIDES:
        names = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle")]
        hip, knee = _limb(frames["pelvis"], _directions(joints, names), -1.0, letter == "l")
        names = [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist")]
        arm, elbow = _limb(frames["torso"], _directions(joints, names), 1.0, letter == "l")
        leg = torch.cat([hip, knee[:, None], _ankle(joints, side)[:, None]], 1)
        out |= _named([f"{name}_{letter}" for name in _LEG], leg.numpy())
        out |= _named(
            [f"{name}_{letter}" for name in _ARM], torch.cat([arm, elbow[:, None]], 1).numpy()
        )
    return out


def _directions(joints: Tensor, names: list[str]) -> Float[Tensor, "frames bones 3"]:
    """Unit vectors from each of three joints to the next one."""
    at = joints[:, [LIFT_23.index(name) for name in names]]
    return torch.nn.functional.normalize(at[:, 1:] - at[:, :-1], dim=-1)


def _limb(
    trunk: Float[Tensor, "frames 3 3"],
    bones: Float[Tensor, "frames 2 3"],
    bends: float,
    left: bool,
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, " frames"]]:
    """Three angles of the upper bone in the trunk's frame, and how far the lower one is bent.

    With R = Rz(f) Rx(a) Ry(r) the upper bone is R (0, -1, 0) = (sin f cos a, -cos f cos a, -sin a), and
    the lower one R (bends * sin b, -cos b, 0): backwards for knees (-1), forwards for elbows (1).
    """
    local = (trunk.mT @ bones.mT).mT
    local = local @ _MIRROR if left else local
    upper, lower = local[:, 0], local[:, 1]
    flexed = torch.atan2(upper[:, 0], -upper[:, 1])
    add = torch.asin((-upper[:, 2]).clamp(-1, 1))
    zero = torch.zeros_like(flexed)
    about_z = rotmat_from_axis_angle(torch.stack([zero, zero, flexed], -1))
    about_x = rotmat_from_axis_angle(torch.stack([add, zero, zero], -1))
    x, y, z = ((about_z @ about_x).mT @ lower[..., None])[..., 0].unbind(-1)
    sine = torch.hypot(x, z)
    turned = torch.atan2(-bends * z, bends * x)
    turned = torch.where(sine > _BENT, turned, torch.nan)
    return torch.stack([flexed, add, turned], -1), torch.atan2(sine, -y)


def _ankle(joints: Float[Tensor, "frames 23 3"], side: str) -> Float[Tensor, " frames"]:
    """A quarter turn less the angle between the shank, upwards, and the foot, heel to toe."""
    shank = _directions(joints, [f"{side}_ankle", f"{side}_knee"])[:, 0]
    foot = _directions(joints, [f"{side}_heel", f"{side}_big_toe"])[:, 0]
    return torch.asin((shank * foot).sum(-1).clamp(-1, 1))


def _turned(rotmats: Float[Tensor, "frames 3 3"], order: str) -> Float64[ndarray, "frames 3"]:
    """Angles without jumps over the frames that are known, NaN in the others."""
    known = rotmats.isfinite().flatten(1).all(-1)
    out = np.full((len(rotmats), 3), np.nan)
    if bool(known.any()):
        out[known.numpy()] = continuous_euler(rotmats[known][:, None].numpy(), order)[:, 0]
    return out


def _named(names: Sequence[str], columns: Float64[ndarray, "frames n"]) -> dict[str, ndarray]:
    return {name: columns[:, place] for place, name in enumerate(names)}
