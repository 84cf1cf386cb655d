"""Average precision and recall as COCO counts them (cocodataset.org, keypoint evaluation).

Whatever says how like a person a detection is, OKS or GPS: detections are matched to people by it, the
best scored first; precision is read at 101 recalls and averaged over ten thresholds. Crowds, people
without labels, and people outside a size range neither count nor make a detection that lies on them
wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

__all__ = ["AveragePrecision", "Judged", "average_precision"]

_THRESHOLDS: Final = np.linspace(0.5, 0.95, 10)
_RECALLS: Final = np.linspace(0, 1, 101)
_ALL: Final = (0.0, 1e10)
_MEDIUM: Final = (32.0**2, 96.0**2)
_LARGE: Final = (96.0**2, 1e10)


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Average precision and recall as shares; NaN where no person is of that size.

    `ap` and `ar` are means over thresholds 0.5 to 0.95; medium people cover 32^2 to 96^2 pixels.
    """

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: how like each person (column) each detection is (row), the best scored first.

    Areas are in square pixels. People who are a crowd or have no labels do not count.
    """

    likeness: Float[ndarray, "found people"]
    scores: Float[ndarray, " found"]
    found_areas: Float[ndarray, " found"]
    areas: Float[ndarray, " people"]
    crowd: Bool[ndarray, " people"]
    unlabelled: Bool[ndarray, " people"]


def average_precision(pictures: Sequence[Judged]) -> AveragePrecision:
    """AP and AR over all pictures."""
    tables = {size: [_match(picture, size) for picture in pictures] for size in _SIZES}
    precision, recall = _averages(tables[_ALL])
    medium, large = (_averages(tables[size])[0] for size in (_MEDIUM, _LARGE))
    return AveragePrecision(
        float(precision.mean()),
        float(precision[0]),
        float(precision[5]),
        float(medium.mean()),
        float(large.mean()),
        float(recall.mean()),
    )


_SIZES: Final = (_ALL, _MEDIUM, _LARGE)


@dataclass(frozen=True, slots=True)
class _Matched:
    """Per detection its score, and per threshold whether it lies on somebody and does not count."""

    scores: Float[ndarray, " found"]
    on_person: Bool[ndarray, "thresholds found"]
    ignored: Bool[ndarray, "thresholds found"]
    people: int


def _match(picture: Judged, size: tuple[float, float]) -> _Matched:
    outside = (picture.areas < size[0]) | (picture.areas > size[1])
    aside = picture.crowd | picture.unlabelled | outside
    rows = [
        _matches(picture.likeness, aside, picture.crowd, threshold) for threshold in _THRESHOLDS
    ]
    on_person = np.stack([matches >= 0 for matches in rows])
    ignored = np.stack([_taken_aside(matches, aside) for matches in rows])
    extent = picture.found_areas
    other_size = (extent < size[0]) | (extent > size[1])
    ignored = ignored | (~on_person & other_size)
    return _Matched(picture.scores, on_person, ignored, int((~aside).sum()))


def _matches(table: ndarray, aside: ndarray, crowd: ndarray, threshold: float) -> ndarray:
    """Per detection, best first, the person it lies on, -1 for none; those who count come first."""
    free = np.ones(len(aside), dtype=bool)
    matches = np.full(len(table), -1)
    for found, row in enumerate(table):
        near = (free | crowd) & (row >= threshold)
        for candidates in (near & ~aside, near & aside):
            if candidates.any():
                best = len(row) - 1 - int(np.where(candidates, row, -1.0)[::-1].argmax())
                matches[found], free[best] = best, False
                break
    return matches


def _taken_aside(matches: ndarray, aside: ndarray) -> ndarray:
    return np.array([person >= 0 and bool(aside[person]) for person in matches], dtype=bool)


def _averages(pictures: list[_Matched]) -> tuple[ndarray, ndarray]:
    """Average precision and largest recall, per threshold."""
    people = sum(picture.people for picture in pictures)
    if people == 0:
        nothing = np.full(len(_THRESHOLDS), np.nan)
        return nothing, nothing
    order = np.argsort(-np.concatenate([p.scores for p in pictures]), kind="stable")
    on_person = np.concatenate([p.on_person for p in pictures], 1)[:, order]
    counts = ~np.concatenate([p.ignored for p in pictures], 1)[:, order]
    curves = [_precision(hit[use], people) for hit, use in zip(on_person, counts, strict=True)]
    recall = (on_person & counts).sum(1) / people
    return np.array(curves), recall


def _precision(hit: ndarray, people: int) -> float:
    """Mean precision at 101 recalls, each the best at that recall or beyond, 0 where none is."""
    right = np.cumsum(hit)
    precision = right / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / people, _RECALLS, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(at, len(hit))].mean())
