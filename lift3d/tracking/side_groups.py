"""What detectors swap at once: the whole body, arms, legs, face, parts of a limb, one pair of joints."""

from functools import cache
from typing import Final, Literal

from lift3d.skeleton import Skeleton

__all__ = ["Limbs", "Pair", "limb_pairs", "mirrored_pairs", "side_groups"]

Pair = tuple[int, int]
"""Indices of a left joint and the right one."""
Limbs = Literal["arms", "legs"]

_HAND: Final = ("wrist", "hand", "thumb", "index", "middle", "ring", "pinky")
_FOOT: Final = ("ankle", "heel", "toe", "foot")
_ARM: Final = ("collar", "shoulder", "elbow", *_HAND)
_LEG: Final = ("hip", "knee", *_FOOT)
_FACE: Final = ("eye", "ear", "mouth")
_STEPS: Final = (
    (_ARM, _LEG, _FACE),
    (("elbow", *_HAND), ("knee", *_FOOT)),
    (_HAND, _FOOT),
)
_WORDS: Final = frozenset((*_ARM, *_LEG, *_FACE))


@cache
def mirrored_pairs(skeleton: Skeleton) -> tuple[Pair, ...]:
    """All pairs of a left and a right joint."""
    mirror = skeleton.flip_permutation
    return tuple(
        (joint, mirror[joint])
        for joint, name in enumerate(skeleton.joints)
        if name.startswith("left_") and mirror[joint] != joint
    )


@cache
def side_groups(skeleton: Skeleton) -> tuple[tuple[tuple[Pair, ...], ...], ...]:
    """Groups of pairs to be tried in turn: all, limbs, parts of limbs by name, and each pair alone.

    Groups of one step do not overlap.
    """
    pairs = mirrored_pairs(skeleton)
    limbs = [[_members(skeleton, pairs, words) for words in step] for step in _STEPS]
    alone: list[tuple[Pair, ...]] = [(pair,) for pair in pairs]
    steps = [tuple(group for group in step if group) for step in ([pairs], *limbs, alone)]
    return tuple(step for step in steps if step)


def limb_pairs(skeleton: Skeleton, limbs: Limbs) -> tuple[Pair, ...]:
    """The pairs of both arms, from shoulders to hands, or of both legs, from hips to feet."""
    return _members(skeleton, mirrored_pairs(skeleton), _ARM if limbs == "arms" else _LEG)


def _members(
    skeleton: Skeleton, pairs: tuple[Pair, ...], words: tuple[str, ...]
) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if _word(skeleton.joints[pair[0]]) in words)


def _word(joint: str) -> str:
    """What a joint's name is about: the toe of `left_big_toe1`, the foot of `left_foot_index`."""
    parts = joint.rstrip("0123456789").split("_")
    return next((part for part in parts if part in _WORDS), "")
