"""Which points of a person keep their distance while the person moves, and how well."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from lift3d.lifting.vocabulary import VOCABULARY

__all__ = ["BONES", "TRUNK", "Bone"]


@dataclass(frozen=True, slots=True)
class Bone:
    """Two points of the vocabulary, larger number first, and metres by which their distance changes."""

    upper: int
    lower: int
    spread: float


_RIGID: Final = 0.003
_SUPPLE: Final = 0.01
_LOOSE: Final = 0.03
_PAIRS: Final = {
    _RIGID: "hip-knee knee-ankle ankle-heel shoulder-elbow elbow-wrist nose-ear",
    _SUPPLE: """ankle-big_toe heel-big_toe ankle-foot_index heel-foot_index
        pelvis-hip thorax-shoulder head-ear head_top-ear""",
    _LOOSE: """hip-shoulder shoulder-ear shoulder-nose upper_neck-shoulder""",
}
"""On either side; words without a side of their own are in the middle."""
_ACROSS: Final = {
    _RIGID: "left_hip-right_hip left_ear-right_ear",
    _SUPPLE: "left_shoulder-right_shoulder head_top-nose head-nose neck_nose-head_top",
    _LOOSE: """left_hip-right_shoulder right_hip-left_shoulder pelvis-spine spine-thorax thorax-head
        thorax-nose upper_neck-head_top thorax-neck_nose""",
}


def _bone(pair: str, spread: float, side: str = "") -> Bone:
    ends = [VOCABULARY.index(_sided(name, side)) for name in pair.split("-")]
    return Bone(max(ends), min(ends), spread)


def _sided(name: str, side: str) -> str:
    return name if name in VOCABULARY.joints else f"{side}_{name}"


def _bones() -> Iterator[Bone]:
    for spread, pairs in _PAIRS.items():
        for pair, side in product(pairs.split(), ("left", "right")):
            yield _bone(pair, spread, side)
    for spread, pairs in _ACROSS.items():
        for pair in pairs.split():
            yield _bone(pair, spread)


BONES: Final = tuple(_bones())
"""Every pair; a clip has those whose points it shows.

Eyes, mouth, fingers and small toes have none: they go along with what is near them, since the time that
a step takes grows faster than the square of the points."""

TRUNK: Final = tuple(
    any(part in name for part in ("hip", "pelvis", "spine", "thorax", "neck", "head", "shoulder"))
    or any(name.endswith(part) for part in ("ear", "eye", "nose", "mouth"))
    for name in VOCABULARY.joints
)
"""Points that are not on a limb: they change their speed less quickly."""
