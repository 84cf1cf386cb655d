"""How the joints of one layout are made from the joints of another, by meaning, never by count.

A joint of the same name is taken as it is. Any other is a weighted mean of joints that the source
has, by the first rule below that applies; each rule carries its definition and the error that it was
seen to make on the default body. Projects differ by centimetres in where they place the joints of
the trunk and the head; the error does not contain that. A joint without a rule is not known, and
stays missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from lift3d.skeleton import Skeleton

__all__ = ["RULES", "Correspondence", "Rule", "correspondence"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`joint` is the weighted mean of other joints (weights sum to 1; some may be negative).

    `error_m` is the median distance in metres between the rule and the joint itself on the default
    body, over random shapes and poses; `tests/test_skeletons.py` measures it, and says where on the
    body it takes the joints that a body model does not have. 0 marks a definition.
    """

    joint: str
    sources: Mapping[str, float]
    definition: str
    error_m: float


def _middle(joint: str, a: str, b: str, error_m: float) -> Rule:
    return Rule(joint, {a: 0.5, b: 0.5}, f"{joint} = middle of {a} and {b}", error_m)


def _same(joint: str, other: str, error_m: float) -> Rule:
    return Rule(joint, {other: 1.0}, f"{joint} = {other}", error_m)


def _both_sides(joint: str, other: str, error_m: float) -> list[Rule]:
    return [_same(f"{side}_{joint}", f"{side}_{other}", error_m) for side in ("left", "right")]


RULES: Final[tuple[Rule, ...]] = (
    _middle("mid_hip", "left_hip", "right_hip", 0.0),
    _same("mid_hip", "pelvis", 0.015),
    _middle("pelvis", "left_hip", "right_hip", 0.015),
    _same("pelvis", "mid_hip", 0.015),
    _middle("mid_shoulder", "left_shoulder", "right_shoulder", 0.0),
    _same("thorax", "mid_shoulder", 0.04),
    _middle("thorax", "left_shoulder", "right_shoulder", 0.04),
    Rule(
        "spine",
        {"left_hip": 0.25, "right_hip": 0.25, "left_shoulder": 0.25, "right_shoulder": 0.25},
        "spine = middle of hips and shoulders",
        0.05,
    ),
    _middle("spine", "pelvis", "thorax", 0.05),
    _same("neck_nose", "nose", 0.08),
    _same("neck_nose", "head", 0.06),
    _same("neck_nose", "upper_neck", 0.07),
    _middle("head", "left_ear", "right_ear", 0.025),
    _same("head", "upper_neck", 0.05),
    Rule(
        "upper_neck",
        {"left_ear": 0.35, "right_ear": 0.35, "left_shoulder": 0.15, "right_shoulder": 0.15},
        "upper_neck = 0.7 of the way from the middle of the shoulders to the middle of the ears",
        0.02,
    ),
    Rule(
        "head_top",
        {"left_ear": 0.85, "right_ear": 0.85, "left_shoulder": -0.35, "right_shoulder": -0.35},
        "head_top = the line from mid shoulders to mid ears, made 1.7 times as long",
        0.05,
    ),
    _middle("nose", "left_eye", "right_eye", 0.05),
    *_both_sides("big_toe", "foot_index", 0.025),
    *_both_sides("foot_index", "big_toe", 0.025),
    *_both_sides("foot_index", "small_toe", 0.06),
    *_both_sides("eye_inner", "eye", 0.01),
    *_both_sides("eye_outer", "eye", 0.02),
)


@dataclass(frozen=True, slots=True)
class Correspondence:
    """One row per joint of `target`: which joints of `source` it is made of.

    `sources[j]` holds (index, weight) pairs, empty where joint j is not known from the source.
    `definitions[j]` says it in words and `error_m[j]` how far off it is (metres, see `Rule`).
    """

    source: Skeleton
    target: Skeleton
    sources: tuple[tuple[tuple[int, float], ...], ...]
    definitions: tuple[str, ...]
    error_m: tuple[float, ...]

    @property
    def known(self) -> tuple[bool, ...]:
        """Which joints of the target can be made at all."""
        return tuple(bool(row) for row in self.sources)


@cache
def correspondence(source: Skeleton, target: Skeleton) -> Correspondence:
    """How each joint of `target` is made from joints of `source`."""
    rows = [_row(source, joint) for joint in target.joints]
    sources, definitions, errors = zip(*rows, strict=True)
    return Correspondence(source, target, tuple(sources), tuple(definitions), tuple(errors))


def _row(source: Skeleton, joint: str) -> tuple[tuple[tuple[int, float], ...], str, float]:
    if joint in source.joints:
        return ((source.index(joint), 1.0),), joint, 0.0
    for rule in RULES:
        if rule.joint == joint and all(name in source.joints for name in rule.sources):
            pairs = tuple((source.index(name), weight) for name, weight in rule.sources.items())
            return pairs, rule.definition, rule.error_m
    return (), f"{joint} is not known from {source.name}", float("nan")
