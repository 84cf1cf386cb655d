"""Limbs to people: limbs that share a joint belong together, the best limb first.

Cao et al., OpenPose (PAMI 2021), section 3.2: limbs are taken from the best score down, and one that
would join two people who both have a joint of the same kind contradicts better ones and is left out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from lift3d.decoders.peaks import Peaks

__all__ = ["Limbs", "assemble"]


@dataclass(frozen=True, slots=True)
class Limbs:
    """Limbs between two peaks (their numbers), the best score first."""

    first: Int64[ndarray, " limbs"]
    second: Int64[ndarray, " limbs"]
    scores: Float64[ndarray, " limbs"]


@dataclass(slots=True)
class _Body:
    """A person in the making: the peak of each joint, and the sum of its limbs' scores."""

    peaks: dict[int, int]
    limbs: float


def assemble(
    limbs: Limbs, peaks: Peaks, min_joints: int, min_score: float
) -> tuple[list[list[int]], Float64[ndarray, " people"]]:
    """The peaks of each person, and their scores.

    A score is the sum of the values of a person's peaks and of the scores of its limbs over the
    number of its joints. Who has fewer than `min_joints` joints or less than `min_score` is left out.
    """
    owner: dict[int, _Body] = {}
    rows = zip(limbs.first.tolist(), limbs.second.tolist(), limbs.scores.tolist(), strict=True)
    for first, second, score in rows:
        _join(owner, peaks, (first, second), score)
    bodies = {id(body): body for body in owner.values()}.values()
    scored = [
        (list(body.peaks.values()), _score(body, peaks))
        for body in bodies
        if len(body.peaks) >= min_joints
    ]
    kept = [(found, score) for found, score in scored if score >= min_score]
    return [found for found, _ in kept], np.array([score for _, score in kept], dtype=np.float64)


def _join(owner: dict[int, _Body], peaks: Peaks, ends: tuple[int, int], score: float) -> None:
    bodies = [owner.get(end) or _Body({int(peaks.joint[end]): end}, 0.0) for end in ends]
    one, other = bodies
    if one is not other:
        if one.peaks.keys() & other.peaks.keys():
            return
        one.peaks |= other.peaks
        one.limbs += other.limbs
    one.limbs += score
    owner.update(dict.fromkeys(one.peaks.values(), one))


def _score(body: _Body, peaks: Peaks) -> float:
    found = list(body.peaks.values())
    return float(peaks.points[found, 2].sum() + body.limbs) / len(found)
