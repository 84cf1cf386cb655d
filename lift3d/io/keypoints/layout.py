"""Which skeleton do nameless keypoints have? Told by the body, never by the count alone.

Points of one rigid part (face, trunk, foot) or the two ends of a bone lie at most their true distance
apart in the picture, whatever the pose and the view. Divided by that distance on an ordinary adult,
the drawn lengths of all such pairs give pixels per metre; under the right layout they agree (those
seen from their end are shorter), under a wrong one eyes lie half a body apart. A layout's `stretch`
is the value that four fifths of its pairs stay under: the layout with clearly the least stretch is
the right one, provided that its pairs agree with each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import SkeletonError
from lift3d.io.keypoints.detections import Detections
from lift3d.skeleton import Skeleton
from lift3d.skeletons import (
    BODY_25,
    BODY_25B,
    BODY_OF,
    COCO_17,
    COCO_18,
    H36M_17,
    H36M_17_LEFT_FIRST,
    HALPE_26,
    SKELETONS,
)

__all__ = ["Choice", "choose_skeleton", "votes"]

CANDIDATES: Final = MappingProxyType(
    {
        17: (COCO_17, H36M_17, H36M_17_LEFT_FIRST),
        18: (COCO_18,),
        25: (BODY_25, BODY_25B),
        26: (HALPE_26,),
    }
)
"""Layouts that are written as nameless lists of that many keypoints; one alone is taken as it is."""

CLEARLY: Final = 2.0
"""How many times more the next best layout must be stretched for a person to give a vote."""
AGREEMENT: Final = 1.6
"""Stretch over the median pair: 1.05 to 1.51 on real people under their own layout, 1.5 to 5 else."""
MIN_JOINTS: Final = 12
MIN_PAIRS: Final = 12
_SAMPLE: Final = 300
_CONFIDENT: Final = 0.1

# Metres, standing upright with arms out: x to the person's left, y up, z forward. Set by hand from
# ordinary adult proportions; only ratios matter, and errors of a fifth change no decision.
_MIDDLE: Final = {
    "nose": (0.0, 1.63, 0.11),
    "head_top": (0.0, 1.75, 0.0),
    "neck_nose": (0.0, 1.60, 0.08),
    "upper_neck": (0.0, 1.53, 0.0),
    "mid_shoulder": (0.0, 1.43, 0.0),
    "thorax": (0.0, 1.43, 0.0),
    "spine": (0.0, 1.18, 0.0),
    "pelvis": (0.0, 0.92, 0.0),
    "mid_hip": (0.0, 0.92, 0.0),
}
_LEFT: Final = {
    "eye": (0.03, 1.66, 0.09),
    "ear": (0.075, 1.64, 0.0),
    "shoulder": (0.18, 1.43, 0.0),
    "elbow": (0.45, 1.43, 0.0),
    "wrist": (0.70, 1.43, 0.0),
    "hip": (0.10, 0.92, 0.0),
    "knee": (0.10, 0.50, 0.0),
    "ankle": (0.10, 0.09, 0.0),
    "heel": (0.10, 0.03, -0.05),
    "big_toe": (0.09, 0.02, 0.17),
    "small_toe": (0.15, 0.02, 0.14),
}
_RIGID: Final = (
    ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top", "upper_neck"),
    ("mid_shoulder", "thorax", "upper_neck", "neck_nose"),
    ("upper_neck", "left_shoulder", "right_shoulder"),
    ("mid_shoulder", "thorax", "left_shoulder", "right_shoulder", "spine"),
    ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    ("mid_shoulder", "left_hip", "right_hip", "mid_hip", "pelvis", "spine"),
    *((f"{side}_shoulder", f"{side}_elbow") for side in ("left", "right")),
    *((f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")),
    *((f"{side}_hip", f"{side}_knee") for side in ("left", "right")),
    *((f"{side}_knee", f"{side}_ankle") for side in ("left", "right")),
    *(
        tuple(f"{side}_{part}" for part in ("ankle", "heel", "big_toe", "small_toe"))
        for side in ("left", "right")
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The skeleton, and why, in one sentence."""

    skeleton: Skeleton
    reason: str


def choose_skeleton(found: Detections, asked: Skeleton | None, where: str) -> Choice:
    """The caller's layout, else the format's, else the one that the bodies themselves fit.

    Of a layout of the whole body only the body is chosen, unless the caller names the whole: its
    joints come first. Raises `SkeletonError` where the number of keypoints is another, or the bodies
    do not tell.
    """
    joints = found.points.shape[1]
    if asked is not None:
        return Choice(asked, _asked_reason(found, asked, where))
    whole = found.facts.skeleton
    if whole is not None:
        return Choice(BODY_OF.get(whole, whole), f"{found.facts.format} defines it")
    if found.facts.nameless:
        raise SkeletonError(
            f"expected a skeleton to be named for {where}, got {joints} keypoints without names that "
            f"are known: {_of_that_size(joints)}"
        )
    candidates = CANDIDATES.get(joints, ())
    if len(candidates) == 1:
        return Choice(
            candidates[0], f"the one layout of {joints} keypoints that {found.facts.format} has"
        )
    if not candidates:
        raise SkeletonError(
            f"expected 17, 18, 25 or 26 keypoints per person in {where}, got {joints}: "
            f"{_of_that_size(joints)}"
        )
    return _by_the_body(found, candidates, where)


def _asked_reason(found: Detections, asked: Skeleton, where: str) -> str:
    joints = found.points.shape[1]
    whole = found.facts.skeleton
    if whole is not None and BODY_OF.get(whole) == asked:
        return f"the caller named it, the body of {whole.name}"
    if len(asked) != joints:
        raise SkeletonError(
            f"expected {len(asked)} keypoints per person for skeleton '{asked.name}', got {joints} "
            f"in {where}: {_of_that_size(joints)}"
        )
    candidates = CANDIDATES.get(joints, ())
    if asked in candidates and len(candidates) > 1:
        count = votes(found.points, candidates)
        best = max(count, key=lambda layout: count[layout])
        if best is not asked and _clear(count, best):
            return (
                f"the caller named it, although {count[best]} of {count[best] + count[asked]} "
                f"bodies fit {best.name} better"
            )
    return "the caller named it"


def _of_that_size(joints: int) -> str:
    names = [layout.name for layout in SKELETONS.values() if len(layout) == joints]
    if not names:
        return "no layout of that size is known, run the detector with another model"
    return f"name the skeleton if it is {' or '.join(names)} (--skeleton)"


def _by_the_body(found: Detections, candidates: tuple[Skeleton, ...], where: str) -> Choice:
    count = votes(found.points, candidates)
    best = max(count, key=lambda layout: count[layout])
    names = " or ".join(layout.name for layout in candidates)
    if not _clear(count, best):
        told = ", ".join(f"{number} {layout.name}" for layout, number in count.items())
        raise SkeletonError(
            f"expected bodies in {where} whose {found.points.shape[1]} keypoints fit one layout, "
            f"got {told} of {len(found.points)} people: name the skeleton, {names} (--skeleton)"
        )
    asked = min(len(found.points), _SAMPLE)
    rest = ", ".join(
        f"{count[other]} those of {other.name}" for other in candidates[:2] if other is not best
    )
    return Choice(best, f"{count[best]} of {asked} bodies clearly have its proportions, {rest}")


def _clear(count: dict[Skeleton, int], best: Skeleton) -> bool:
    others = sum(count.values()) - count[best]
    return count[best] > 0 and count[best] >= 9 * others


def votes(
    points: Float64[ndarray, "rows joints 3"], candidates: tuple[Skeleton, ...]
) -> dict[Skeleton, int]:
    """How many people clearly fit each layout; up to 300 are asked, evenly spread."""
    count = dict.fromkeys(candidates, 0)
    complete = points[(points[..., 2] > _CONFIDENT).sum(1) >= MIN_JOINTS]
    chosen = np.unique(np.linspace(0, len(complete) - 1, _SAMPLE).round().astype(int))
    for person in complete[chosen] if len(complete) else ():
        winner = _vote(person, candidates)
        if winner is not None:
            count[winner] += 1
    return count


def _vote(
    person: Float64[ndarray, "joints 3"], candidates: tuple[Skeleton, ...]
) -> Skeleton | None:
    fits = [(*_stretch(person, layout), layout) for layout in candidates]
    if any(stretch is None for stretch, _, _ in fits):
        return None
    (least, middle, best), (second, _, _) = sorted(fits, key=lambda fit: fit[0] or 0.0)[:2]
    clear = least is not None and second is not None and second > CLEARLY * least
    return best if clear and least is not None and least < AGREEMENT * middle else None


def _stretch(person: Float64[ndarray, "joints 3"], layout: Skeleton) -> tuple[float | None, float]:
    """The 80th percentile and the median of drawn over true lengths (pixels per metre)."""
    first, second, metres = _pairs(layout)
    seen = person[:, 2] > _CONFIDENT
    both = seen[first] & seen[second]
    if both.sum() < MIN_PAIRS:
        return None, 0.0
    apart = person[first[both], :2] - person[second[both], :2]
    ratios = np.linalg.norm(apart, axis=-1) / metres[both]
    high, middle = np.quantile(ratios, (0.8, 0.5))
    return float(high), float(middle)


@cache
def _pairs(layout: Skeleton) -> tuple[ndarray, ndarray, ndarray]:
    places = dict(_places())
    names = sorted(
        {
            pair
            for part in _RIGID
            for pair in combinations(sorted(part), 2)
            if pair[0] in layout.joints and pair[1] in layout.joints
        }
    )
    distances = [np.linalg.norm(np.subtract(places[a], places[b])) for a, b in names]
    kept = [(pair, metres) for pair, metres in zip(names, distances, strict=True) if metres > 0]
    return (
        np.array([layout.index(a) for (a, _), _ in kept]),
        np.array([layout.index(b) for (_, b), _ in kept]),
        np.array([metres for _, metres in kept]),
    )


def _places() -> Iterator[tuple[str, tuple[float, float, float]]]:
    yield from _MIDDLE.items()
    for part, (x, y, z) in _LEFT.items():
        yield f"left_{part}", (x, y, z)
        yield f"right_{part}", (-x, y, z)
