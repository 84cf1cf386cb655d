"""From the names that a file gives its keypoints to a skeleton of ours.

People spell joints in many ways: `LeftWrist`, `l_wrist`, `wrist.L`, `LWrist`, `left-wrist`. A
spelling is cut into words, its side is taken off, and what is left is looked up in one small table.
Any set of such names makes a skeleton, since everything after the readers (`Pose2D.to`) goes by name.

Where projects use one word for two places, the word means what detectors mean by it: `neck` is the
middle of the shoulders (OpenPose, Halpe), `head` the top of the head (Halpe, Pose2Sim), `hip` without a
side the middle of the hips. Beside joints that only SMPL has, `neck` and `head` are SMPL's own.

DeepLabCut's `full_human` numbers its sides (deeplabcut/create_project/modelzoo.py: ankle1 knee1 hip1
hip2 ...): the order is that of Leeds Sports Pose, where the right leg comes first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from lift3d.skeleton import Skeleton
from lift3d.skeletons import (
    BODY_25,
    BODY_25B,
    COCO_17,
    HALPE_26,
    LIFT_23,
    MEDIAPIPE_33,
    MPII_16,
    SKELETONS,
    SMPLX_55,
)

__all__ = ["NamedJoints", "joint_named", "joints_named"]

FEWEST: Final = 3
"""Fewer known names than this are chance, not a body."""

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_LONGEST_NAME: Final = 80
_SIDES: Final = MappingProxyType({"l": "left", "left": "left", "r": "right", "right": "right"})
_NUMBERED: Final = MappingProxyType({"1": "right", "2": "left"})
_SMPL_ONLY: Final = frozenset({"spine1", "spine2", "spine3", "left_collar", "right_collar"})
_FULL_HUMAN: Final = MappingProxyType({"chin": "upper_neck", "forehead": "head_top"})

_PAIRED: Final = MappingProxyType(
    {
        "eye": "eye",
        "eyeinner": "eye_inner",
        "innereye": "eye_inner",
        "eyeouter": "eye_outer",
        "outereye": "eye_outer",
        "ear": "ear",
        "mouth": "mouth",
        "shoulder": "shoulder",
        "sho": "shoulder",
        "shldr": "shoulder",
        "elbow": "elbow",
        "elb": "elbow",
        "wrist": "wrist",
        "wri": "wrist",
        "hip": "hip",
        "knee": "knee",
        "kne": "knee",
        "ankle": "ankle",
        "ank": "ankle",
        "heel": "heel",
        "bigtoe": "big_toe",
        "toe": "big_toe",
        "smalltoe": "small_toe",
        "littletoe": "small_toe",
        "footindex": "foot_index",
        "pinky": "pinky",
        "index": "index",
        "thumb": "thumb",
        "hand": "hand",
        "collar": "collar",
        "foot": "foot",
    }
)
"""Parts that a body has twice, by their words without spaces, and our names without the side."""

_SINGLE: Final = MappingProxyType(
    {
        "nose": "nose",
        "head": "head_top",
        "headtop": "head_top",
        "tophead": "head_top",
        "upperneck": "upper_neck",
        "neck": "mid_shoulder",
        "midshoulder": "mid_shoulder",
        "thorax": "thorax",
        "neckbase": "thorax",
        "necknose": "neck_nose",
        "spine": "spine",
        "spine1": "spine1",
        "spine2": "spine2",
        "spine3": "spine3",
        "pelvis": "pelvis",
        "hip": "mid_hip",
        "hips": "mid_hip",
        "midhip": "mid_hip",
        "root": "pelvis",
        "jaw": "jaw",
    }
)


@dataclass(frozen=True, slots=True)
class NamedJoints:
    """Which of a file's keypoints are joints: `skeleton.joints[j]` is the file's number `columns[j]`.

    `skeleton` is None, and all columns are kept, where the names are not those of a human body.
    `notes` say what was left out.
    """

    skeleton: Skeleton | None
    columns: tuple[int, ...]
    notes: tuple[str, ...]


def joints_named(names: Sequence[str], *, ours: bool = False) -> NamedJoints:
    """The skeleton of a file's names, of which at least three must be joints of a human body.

    A known layout, in its order, where the names are all of its joints; else one of their own. Of
    two names for one joint the first one counts. `ours` says that the names are the library's.
    """
    columns = _columns(names, ours)
    if len(columns) < FEWEST:
        note = f"the names are no joints of a human body: {_few(names)}"
        return NamedJoints(None, tuple(range(len(names))), (note,))
    known = set(columns.values())
    others = [name for number, name in enumerate(names) if number not in known]
    note = f"{len(others)} keypoints that are no joints were left out: {_few(others)}"
    notes = (note,) if others else ()
    skeleton = _skeleton(tuple(columns))
    return NamedJoints(skeleton, tuple(columns[joint] for joint in skeleton.joints), notes)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(name[:20] for name in names[:5])
    return f"{shown}, ..." if len(names) > 5 else shown


def joint_named(name: str) -> str | None:
    """Our name for a file's spelling of a joint; None where it is no joint of a human body."""
    words = [word.lower() for word in _WORDS.findall(name[:_LONGEST_NAME])]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    part = "".join(word for word in words if word not in _SIDES)
    if not sides and len(words) > 1 and words[-1] in _NUMBERED and words[0] in _PAIRED:
        return f"{_NUMBERED[words[-1]]}_{_PAIRED[words[0]]}"
    if not sides and part in _SINGLE:
        return _SINGLE[part]
    if not sides:
        sides, part = _attached_side(part)
    return f"{sides[0]}_{_PAIRED[part]}" if len(sides) == 1 and part in _PAIRED else None


def _attached_side(part: str) -> tuple[list[str], str]:
    """`leftear`, `lwrist`: the side stands before the part without anything between."""
    for prefix in ("left", "right", "l", "r"):
        if part.startswith(prefix) and part.removeprefix(prefix) in _PAIRED:
            return [_SIDES[prefix]], part.removeprefix(prefix)
    return [], part


def _columns(names: Sequence[str], ours: bool) -> dict[str, int]:
    """Our joints, and which of the file's keypoints each one is."""
    if ours:
        return {name: n for n, name in enumerate(names) if name in _every_joint()}
    if any(set(names) == set(layout.joints) for layout in SKELETONS.values()):
        return {name: n for n, name in enumerate(names)}
    own: dict[str, str] = {"neck": "neck", "head": "head"} if _SMPL_ONLY & set(names) else {}
    if _FULL_HUMAN.keys() <= set(names):
        own |= _FULL_HUMAN
    columns: dict[str, int] = {}
    for number, name in enumerate(names):
        joint = own.get(name) or _exact_or_known(name)
        if joint is not None:
            columns.setdefault(joint, number)
    return columns


def _exact_or_known(name: str) -> str | None:
    ambiguous = name in _SINGLE or name not in _every_joint()
    return joint_named(name) if ambiguous else name


def _skeleton(joints: tuple[str, ...]) -> Skeleton:
    alike = [layout for layout in SKELETONS.values() if set(layout.joints) == set(joints)]
    for layout in alike:
        if layout.joints == joints:
            return layout
    return alike[0] if alike else _tree().subset(f"named_{len(joints)}", joints)


@cache
def _every_joint() -> frozenset[str]:
    return frozenset(_tree().joints)


@cache
def _tree() -> Skeleton:
    """All joints that there are names for, each hung on the parent that its first layout gives it."""
    parents: dict[str, str] = {}
    first = (BODY_25, HALPE_26, LIFT_23, COCO_17, MPII_16, BODY_25B, MEDIAPIPE_33, SMPLX_55)
    for layout in (*first, *SKELETONS.values()):
        for joint, parent in zip(layout.joints, layout.parents, strict=True):
            parents.setdefault(joint, layout.joints[parent] if parent >= 0 else "")
    joints = tuple(parents)
    return Skeleton(
        "all_names",
        joints,
        tuple(joints.index(parents[joint]) if parents[joint] else -1 for joint in joints),
    )
