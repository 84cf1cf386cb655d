"""Rigs that a body can be written in: names, tree and rest pose of three families of BVH files.

A rig's joint follows one joint of the body: it lies there and turns with it. So it gives the body's
own joints exactly, also where the rig stands differently at rest (a T-pose with level arms and
vertical legs): the body is first brought into that pose, and turns are counted from there.

Names, trees and the order of angles were read from files of each family: CMU's database as converted
for MotionBuilder (B. Hahne, cgspeed.com), and characters of Mixamo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import torch
from jaxtyping import Float64
from torch import Tensor

from lift3d.body import Articulation
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_between

__all__ = ["BVH_RIGS", "BvhRig", "RigJoint", "RigName", "RigRest", "rig_at_rest"]

RigName = Literal["smpl", "cmu", "mixamo"]
Limb = tuple[str, str, tuple[float, float, float]]
"""A bone of the body, from a joint to a joint, and the direction that it gets."""


@dataclass(frozen=True, slots=True)
class RigJoint:
    """A joint of a rig: it turns with the body's joint `follows`, and lies there.

    With `towards`, a child of `follows`, it lies half way to that joint. `tip` names the landmark at
    which a limb ends, if the body has it.
    """

    name: str
    parent: int
    follows: str
    towards: str
    tip: str


@dataclass(frozen=True, slots=True)
class BvhRig:
    """A rig: its joints, a limb wholly before the next, and how it stands at rest.

    `limbs` tells for joints of the body which bone points where at rest; the others rest as in the
    body. `order` is the order of its angles.
    """

    name: str
    joints: tuple[RigJoint, ...]
    limbs: Mapping[str, Limb]
    order: str = "ZYX"  # of MotionBuilder and FBX ("XYZ" in their words: about x first)

    @property
    def parents(self) -> tuple[int, ...]:
        """Parents of the joints, -1 for the root."""
        return tuple(joint.parent for joint in self.joints)


def _rig(name: str, tree: str, limbs: Mapping[str, Limb]) -> BvhRig:
    """A rig from words `joint<parent=follows~towards!tip`; ~ and ! are left out where not wanted."""
    joints: list[RigJoint] = []
    for word in tree.split():
        head, _, source = word.partition("=")
        joint, _, parent = head.partition("<")
        source, _, tip = source.partition("!")
        follows, _, towards = source.partition("~")
        names = [other.name for other in joints]
        up = names.index(parent) if parent else -1
        joints.append(RigJoint(joint, up, follows or joint, towards, tip))
    return BvhRig(name, tuple(joints), limbs)


def _both(half: str) -> str:
    """The left limb's words followed by the right one's."""
    sides = (("Left", "left", "L"), ("Right", "right", "R"))
    return " ".join(half.format(Side=long, side=small, S=short) for long, small, short in sides)


_T_POSE: Final[Mapping[str, Limb]] = MappingProxyType(
    {
        f"{side}_{joint}": (f"{side}_{start}", f"{side}_{end}", (sign * x, y, 0.0))
        for side, sign in (("left", 1.0), ("right", -1.0))
        for joint, start, end, x, y in (
            ("shoulder", "shoulder", "elbow", 1.0, 0.0),
            ("elbow", "elbow", "wrist", 1.0, 0.0),
            ("wrist", "wrist", "hand", 1.0, 0.0),
            ("hand", "wrist", "hand", 1.0, 0.0),
            ("hip", "hip", "knee", 0.0, -1.0),
            ("knee", "knee", "ankle", 0.0, -1.0),
        )
    }
)

_SMPL_LEG: Final = """{side}_hip<pelvis {side}_knee<{side}_hip {side}_ankle<{side}_knee
    {side}_foot<{side}_ankle=!{side}_big_toe"""
_SMPL_ARM: Final = """{side}_collar<spine3 {side}_shoulder<{side}_collar {side}_elbow<{side}_shoulder
    {side}_wrist<{side}_elbow {side}_hand<{side}_wrist"""
_SMPL: Final = f"""pelvis {_both(_SMPL_LEG)} spine1<pelvis spine2<spine1 spine3<spine2
    neck<spine3 head<neck=!head_top {_both(_SMPL_ARM)}"""

# In the database's files hip joint, finger base and thumb start where their parents do.
_CMU_LEG: Final = """{S}HipJoint<Hips=pelvis {Side}UpLeg<{S}HipJoint={side}_hip
    {Side}Leg<{Side}UpLeg={side}_knee {Side}Foot<{Side}Leg={side}_ankle
    {Side}ToeBase<{Side}Foot={side}_foot!{side}_big_toe"""
_CMU_ARM: Final = """{Side}Shoulder<Spine1={side}_collar {Side}Arm<{Side}Shoulder={side}_shoulder
    {Side}ForeArm<{Side}Arm={side}_elbow {Side}Hand<{Side}ForeArm={side}_wrist
    {Side}FingerBase<{Side}Hand={side}_wrist {Side}HandIndex1<{Side}FingerBase={side}_hand
    {S}Thumb<{Side}Hand={side}_wrist!{side}_thumb"""
_CMU: Final = f"""Hips=pelvis {_both(_CMU_LEG)} LowerBack<Hips=spine1 Spine<LowerBack=spine2
    Spine1<Spine=spine3 Neck<Spine1=neck Neck1<Neck=neck~head Head<Neck1=head!head_top
    {_both(_CMU_ARM)}"""

# The hand's last joint lies at the knuckles, as SMPL's does.
_M: Final = "mixamorig:"
_MIXAMO_LEG: Final = f"""{_M}{{Side}}UpLeg<{_M}Hips={{side}}_hip
    {_M}{{Side}}Leg<{_M}{{Side}}UpLeg={{side}}_knee {_M}{{Side}}Foot<{_M}{{Side}}Leg={{side}}_ankle
    {_M}{{Side}}ToeBase<{_M}{{Side}}Foot={{side}}_foot!{{side}}_big_toe"""
_MIXAMO_ARM: Final = f"""{_M}{{Side}}Shoulder<{_M}Spine2={{side}}_collar
    {_M}{{Side}}Arm<{_M}{{Side}}Shoulder={{side}}_shoulder
    {_M}{{Side}}ForeArm<{_M}{{Side}}Arm={{side}}_elbow
    {_M}{{Side}}Hand<{_M}{{Side}}ForeArm={{side}}_wrist
    {_M}{{Side}}HandMiddle1<{_M}{{Side}}Hand={{side}}_hand"""
_MIXAMO: Final = f"""{_M}Hips=pelvis {_M}Spine<{_M}Hips=spine1 {_M}Spine1<{_M}Spine=spine2
    {_M}Spine2<{_M}Spine1=spine3 {_M}Neck<{_M}Spine2=neck {_M}Head<{_M}Neck=head!head_top
    {_both(_MIXAMO_ARM)} {_both(_MIXAMO_LEG)}"""

BVH_RIGS: Final[Mapping[str, BvhRig]] = MappingProxyType(
    {
        "smpl": _rig("smpl", _SMPL, {}),
        "cmu": _rig("cmu", _CMU, _T_POSE),
        "mixamo": _rig("mixamo", _MIXAMO, _T_POSE),
    }
)


@dataclass(frozen=True, slots=True)
class RigRest:
    """A rig's rest pose on one body.

    `offsets` (metres) lead from parents to the rig's joints, the root's being 0; `tips` from joints
    without children to the ends of their limbs, by the joint's place. `turns` are the rotations that
    bring the body's joints, those that the rig's joints follow, from the body's rest pose into it.
    """

    rig: BvhRig
    follows: tuple[int, ...]
    offsets: Float64[Tensor, "rig_joints 3"]
    tips: Mapping[int, Float64[Tensor, "3"]]
    turns: Float64[Tensor, "rig_joints 3 3"]


def rig_at_rest(rig: BvhRig, body: Articulation, betas: Float64[Tensor, " betas"]) -> RigRest:
    """The rig on a body of a shape; `InputError` for a body without joints that the rig follows."""
    missing = [j.follows for j in rig.joints if j.follows not in body.skeleton.joints]
    if missing:
        raise InputError(
            f"expected a body with the joints of SMPL for the rig '{rig.name}', got "
            f"'{body.skeleton.name}' without {missing[0]}: convert the clip to such a body first"
        )
    index = body.skeleton.index
    rest = body.joints_template.double() + body.joints_shapedirs.double() @ betas
    turns = _turns(rig, rest, body)
    posed = _posed(rest, turns, body)
    follows = tuple(index(joint.follows) for joint in rig.joints)
    ends = [index(joint.towards or joint.follows) for joint in rig.joints]
    places = (posed[list(follows)] + posed[ends]) / 2
    parents = torch.tensor(rig.parents)
    offsets = torch.where(parents[:, None] < 0, 0.0, places - places[parents])
    followed = turns[list(follows)]
    tips = {
        joint: followed[joint] @ _tip(rig.joints[joint], body, rest, betas)
        for joint in range(len(rig.joints))
        if joint not in rig.parents
    }
    return RigRest(rig, follows, offsets, tips, followed)


def _turns(rig: BvhRig, rest: Tensor, body: Articulation) -> Float64[Tensor, "joints 3 3"]:
    """The smallest turns that point the rig's limbs where they belong, for all joints of the body."""
    turns = torch.eye(3, dtype=torch.float64).repeat(len(rest), 1, 1)
    for joint, (start, end, direction) in rig.limbs.items():
        bone = rest[body.skeleton.index(end)] - rest[body.skeleton.index(start)]
        wanted = torch.tensor(direction, dtype=torch.float64)
        turns[body.skeleton.index(joint)] = rotmat_between(bone, wanted)
    return turns


def _posed(rest: Tensor, turns: Tensor, body: Articulation) -> Float64[Tensor, "joints 3"]:
    """Places of the body's joints where each is turned so in the world."""
    places = [rest[0]]
    for joint, parent in list(enumerate(body.skeleton.parents))[1:]:
        places.append(places[parent] + turns[parent] @ (rest[joint] - rest[parent]))
    return torch.stack(places)


def _tip(joint: RigJoint, body: Articulation, rest: Tensor, betas: Tensor) -> Float64[Tensor, "3"]:
    """From a last joint to its limb's end in the body's rest pose: a landmark, or the bone again."""
    at = body.skeleton.index(joint.follows)
    if joint.tip in body.landmarks:
        place = body.landmarks.index(joint.tip)
        template = body.landmarks_template[place].double()
        return template + body.landmarks_shapedirs[place].double() @ betas - rest[at]
    return rest[at] - rest[body.skeleton.parents[at]]
