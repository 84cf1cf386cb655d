"""Where the joints of `LIFT_23` are in each skeleton family of motion capture, by joint name.

Limbs are taken as each source solved them. Spine, thorax and head follow the ASF skeletons of CMU;
a source that puts them elsewhere (more than about 3 cm) does not give them. Face and feet points
are synthesised, see `Rig`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

__all__ = ["RIGS", "Face", "Rig", "rig_of"]


@dataclass(frozen=True, slots=True)
class Face:
    """The joint that carries the skull, and where the ears are in its frame.

    `ear_height`: metres from that joint up to the level of the ears, for a person with legs of
    0.84 m. The face looks along the joint's z axis, `pitch` radians above it: in CMU's upright
    frames the head's axes look 19 degrees down on average, in the other sources 7 at most.
    """

    joint: str
    ear_height: float
    pitch: float = 0.0


@dataclass(frozen=True, slots=True)
class Rig:
    """One skeleton family.

    `joints` maps names of `LIFT_23` to names of the family. `toe` names the (left, right) foremost
    joint of the feet, and `toe_gap` how far (metres) the tip of the big toe lies before it; both are
    None where feet are not part of the family, as `face` is without a head. `trait` names a joint
    that tells the family from others with the same limbs.
    """

    name: str
    joints: Mapping[str, str]
    face: Face | None
    toe: tuple[str, str] | None
    toe_gap: float = 0.0
    trait: str | None = None

    @property
    def required(self) -> frozenset[str]:
        """Names that a skeleton of this family has."""
        face = (self.face.joint,) if self.face else ()
        trait = (self.trait,) if self.trait else ()
        return frozenset(chain(self.joints.values(), face, self.toe or (), trait))


_LIMBS: Final = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


def _limbs(left: str, right: str, words: str) -> dict[str, str]:
    """`left_hip` ... `right_wrist` to source names: a prefix per side before six words."""
    sides = (("left", left), ("right", right))
    pairs = list(zip(_LIMBS, words.split(), strict=True))
    return {f"{side}_{limb}": prefix + word for side, prefix in sides for limb, word in pairs}


def _trunk(spine: str, thorax: str, head: str) -> dict[str, str]:
    return {"spine": spine, "thorax": thorax, "head": head}


# The wrist of the ASF skeletons is where `hand` starts: `wrist` is a second forearm bone that only
# twists. MotionBuilder's and Max's versions call the same place FingerBase and hand.
RIGS: Final[tuple[Rig, ...]] = (
    Rig(
        "cmu_asf",
        _limbs("l", "r", "femur tibia foot humerus radius hand")
        | _trunk("thorax", "lowerneck", "head"),
        Face("head", 0.065, pitch=0.22),
        ("ltoes_end", "rtoes_end"),
    ),
    Rig(
        "cmu_motionbuilder",
        _limbs("Left", "Right", "UpLeg Leg Foot Arm ForeArm FingerBase")
        | _trunk("Spine1", "Neck", "Head"),
        Face("Head", 0.065, pitch=0.22),
        ("LeftToeBase_end", "RightToeBase_end"),
    ),
    Rig(
        "cmu_max",
        _limbs("Left", "Right", "Hip Knee Ankle Shoulder Elbow Wrist")
        | {"left_wrist": "lhand", "right_wrist": "rhand"}
        | _trunk("Chest2", "lowerneck", "Head"),
        Face("Head", 0.065, pitch=0.22),
        ("LeftToe_end", "RightToe_end"),
    ),
    Rig(
        "cmu_daz",
        _limbs("l", "r", "Thigh Shin Foot Shldr ForeArm Hand") | {"head": "head"},
        Face("head", 0.065),
        ("lFoot_end", "rFoot_end"),
        toe_gap=0.055,
    ),
    Rig(
        "ui_prmd",
        _limbs("l", "r", "hip knee ankle shoulder elbow wrist")
        | {"spine": "spine", "head": "neck"},
        Face("neck", 0.05),
        ("ltoe_end", "rtoe_end"),
        toe_gap=0.055,
    ),
    Rig(
        "accad",
        _limbs("Left", "Right", "UpLeg Leg Foot Arm ForeArm Hand"),
        Face("Head", 0.0),
        ("LeftToeBase_end", "RightToeBase_end"),
        trait="ToSpine",
    ),
    Rig(
        "fair1",
        _limbs("Left", "Right", "UpLeg Leg Foot Arm ForeArm Hand"),
        Face("Head", 0.02),
        ("LeftToeBase_end", "RightToeBase_end"),
        trait="Spine3",
    ),
    Rig(
        "makehuman",
        {
            f"{side}_{limb}": f"{bone}.{letter}"
            for side, letter in (("left", "L"), ("right", "R"))
            for limb, bone in zip(
                _LIMBS,
                ["upperleg01", "lowerleg01", "foot", "upperarm01", "lowerarm01", "wrist"],
                strict=True,
            )
        }
        | {"head": "head"},
        None,
        None,
    ),
    Rig(
        "deepmimic",
        {f"{s}_{limb}": f"{s}_{limb}" for s in ("left", "right") for limb in _LIMBS},
        None,
        None,
    ),
)


def rig_of(names: tuple[str, ...]) -> Rig | None:
    """The family that a skeleton with these joint names belongs to."""
    present = frozenset(names)
    return next((rig for rig in RIGS if rig.required <= present), None)
