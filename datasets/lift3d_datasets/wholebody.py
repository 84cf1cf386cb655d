"""COCO-WholeBody's 133 points, which H3WB has in space.

Jin et al., "Whole-body human pose estimation in the wild", ECCV 2020: COCO's 17, six points of the
feet, 68 of the face (iBUG's order: from the person's right ear along the jaw), 21 of each hand.
"""

from typing import Final

from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17

__all__ = ["COCO_WHOLEBODY_133"]

_FEET: Final = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")
)
_FACE_PAIRS: Final = {
    **{right: 16 - right for right in range(8)},
    **{right: 43 - right for right in range(17, 22)},
    31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,
    48: 54, 49: 53, 50: 52, 59: 55, 58: 56, 60: 64, 61: 63, 67: 65,
}  # fmt: skip
"""Points of the face on the person's right, and their mirror images."""


def _face() -> tuple[str, ...]:
    names = [f"face_{index:02d}" for index in range(68)]
    for right, left in _FACE_PAIRS.items():
        names[right], names[left] = f"right_face_{right:02d}", f"left_face_{right:02d}"
    return tuple(names)


def _hand(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_hand_{index:02d}" for index in range(21))


_JOINTS: Final = COCO_17.joints + _FEET + _face() + _hand("left") + _hand("right")


def _parents() -> tuple[int, ...]:
    at = {joint: index for index, joint in enumerate(_JOINTS)}
    parents = list(COCO_17.parents)
    for side in ("left", "right"):
        ankle = at[f"{side}_ankle"]
        parents += [ankle, at[f"{side}_big_toe"], ankle]
    parents += [at["nose"]] * 68
    for side in ("left", "right"):
        root = at[f"{side}_hand_00"]
        parents.append(at[f"{side}_wrist"])
        parents += [root if i % 4 == 1 else root + i - 1 for i in range(1, 21)]
    return tuple(parents)


COCO_WHOLEBODY_133: Final = Skeleton("coco_wholebody_133", _JOINTS, _parents())
"""Points 0 of the hands lie on the wrists; each finger has four more, thumb first."""
