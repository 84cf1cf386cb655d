"""Layouts of body, hands and face together; each begins with the layout of a body alone.

Orders: COCO-WholeBody (17 of COCO, 6 of the feet, 68 of the face, 21 of either hand), AlphaPose's
docs/output.md for Halpe (26 of the body, 68, 21, 21) and OpenPose's `poseParameters.cpp` for BODY_135
(25 as BODY_25B, 20 of either hand, 70 of the face). The 68 points of a face are those of iBUG-68, from
the person's right to the left; a finger's points go from the knuckle (the thumb's from its base) to
the tip, so that the first three are the joints of SMPL-H.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lift3d.skeleton import Skeleton
from lift3d.skeletons.layouts import BODY_25B, COCO_17, HALPE_26

__all__ = ["BODY_135", "BODY_OF", "COCO_WHOLEBODY_133", "HALPE_136"]


def _extended(name: str, body: Skeleton, tree: str) -> Skeleton:
    """The body's joints and more of them, as `joint<parent` words."""
    pairs = [word.split("<") for word in tree.split()]
    joints = (*body.joints, *(joint for joint, _ in pairs))
    parents = (*body.parents, *(joints.index(parent) for _, parent in pairs))
    return Skeleton(name, joints, parents)


def _fingers(side: str, root: str) -> str:
    return " ".join(
        f"{side}_{finger}{joint}<" + (f"{side}_{finger}{joint - 1}" if joint > 1 else root)
        for finger in ("thumb", "index", "middle", "ring", "pinky")
        for joint in range(1, 5)
    )


def _hand(side: str) -> str:
    """A hand with a wrist of its own, which detectors of hands place beside that of the body."""
    return f"{side}_hand_root<{side}_wrist {_fingers(side, f'{side}_hand_root')}"


_FACE_68: Final = """right_jaw1<right_ear right_jaw2<right_jaw1 right_jaw3<right_jaw2
    right_jaw4<right_jaw3 right_jaw5<right_jaw4 right_jaw6<right_jaw5 right_jaw7<right_jaw6
    right_jaw8<right_jaw7 chin<nose left_jaw8<left_jaw7 left_jaw7<left_jaw6 left_jaw6<left_jaw5
    left_jaw5<left_jaw4 left_jaw4<left_jaw3 left_jaw3<left_jaw2 left_jaw2<left_jaw1 left_jaw1<left_ear
    right_brow1<right_brow2 right_brow2<right_brow3 right_brow3<right_brow4 right_brow4<right_brow5
    right_brow5<nose left_brow5<nose left_brow4<left_brow5 left_brow3<left_brow4
    left_brow2<left_brow3 left_brow1<left_brow2
    nose_bridge1<nose_bridge2 nose_bridge2<nose_bridge3 nose_bridge3<nose_bridge4 nose_bridge4<nose
    right_nostril1<right_nostril2 right_nostril2<nose_base nose_base<nose
    left_nostril2<nose_base left_nostril1<left_nostril2
    right_eye_outer<right_eye right_eyelid1<right_eye_outer right_eyelid2<right_eyelid1
    right_eye_inner<right_eye right_eyelid3<right_eye_inner right_eyelid4<right_eyelid3
    left_eye_inner<left_eye left_eyelid2<left_eyelid1 left_eyelid1<left_eye_outer
    left_eye_outer<left_eye left_eyelid4<left_eyelid3 left_eyelid3<left_eye_inner
    right_mouth<nose right_upper_lip1<right_mouth right_upper_lip2<right_upper_lip1
    upper_lip<nose left_upper_lip2<left_upper_lip1 left_upper_lip1<left_mouth
    left_mouth<nose left_lower_lip1<left_mouth left_lower_lip2<left_lower_lip1
    lower_lip<chin right_lower_lip2<right_lower_lip1 right_lower_lip1<right_mouth
    right_mouth_inner<right_mouth right_upper_lip_inner<right_mouth_inner
    upper_lip_inner<upper_lip left_upper_lip_inner<left_mouth_inner
    left_mouth_inner<left_mouth left_lower_lip_inner<left_mouth_inner
    lower_lip_inner<lower_lip right_lower_lip_inner<right_mouth_inner"""

_FEET: Final = " ".join(
    f"{side}_big_toe<{side}_ankle {side}_small_toe<{side}_big_toe {side}_heel<{side}_ankle"
    for side in ("left", "right")
)

COCO_WHOLEBODY_133: Final = _extended(
    "coco_wholebody_133", COCO_17, f"{_FEET} {_FACE_68} {_hand('left')} {_hand('right')}"
)

HALPE_136: Final = _extended("halpe_136", HALPE_26, f"{_FACE_68} {_hand('left')} {_hand('right')}")

BODY_135: Final = _extended(
    "body_135",
    BODY_25B,
    f"""{_fingers("left", "left_wrist")} {_fingers("right", "right_wrist")}
    {_FACE_68} right_pupil<right_eye left_pupil<left_eye""",
)

BODY_OF: Final[Mapping[Skeleton, Skeleton]] = MappingProxyType(
    {COCO_WHOLEBODY_133: COCO_17, HALPE_136: HALPE_26, BODY_135: BODY_25B}
)
"""The body that a whole-body layout begins with."""
