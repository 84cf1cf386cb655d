"""Average precision of detected people, as COCO defines it (cocodataset.org, keypoint evaluation).

Detections are matched to people by OKS, the best scored first; precision is read at 101 recalls and
averaged over ten thresholds. Crowds, people without labelled keypoints, and people outside a size
range neither count nor make a detection that lies on them wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from lift3d.capture import AnnotatedPerson
from lift3d.errors import InputError
from lift3d.metrics.keypoints import oks

__all__ = ["KeypointAp", "PictureResult", "keypoint_ap"]

_THRESHOLDS: Final = np.linspace(0.5, 0.95, 10)
_RECALLS: Final = np.linspace(0, 1, 101)
_ALL: Final = (0.0, 1e10)
_MEDIUM: Final = (32.0**2, 96.0**2)
_LARGE: Final = (96.0**2, 1e10)
_BODY_OF_BOX: Final = 0.53
_EPS: Final = float(np.spacing(1))


@dataclass(frozen=True, slots=True)
class PictureResult:
    """One picture: the people that are there, and the people that were found with their scores."""

    truth: tuple[AnnotatedPerson, ...]
    keypoints: Float[Tensor, "people joints 2"]
    scores: Float[Tensor, " people"]


@dataclass(frozen=True, slots=True)
class KeypointAp:
    """Average precision and recall as shares; NaN where no person is of that size.

    `ap` and `ar` are means over OKS thresholds 0.5 to 0.95; medium people cover 32^2 to 96^2 pixels.
    """

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float


@dataclass(frozen=True, slots=True)
class _Matched:
    """Per detection its score, and per threshold whether it lies on somebody and does not count."""

    scores: Float[ndarray, " found"]
    on_person: Bool[ndarray, "thresholds found"]
    ignored: Bool[ndarray, "thresholds found"]
    people: int


def keypoint_ap(
    pictures: Iterable[PictureResult], sigmas: Sequence[float], *, most: int = 20
) -> KeypointAp:
    """AP and AR over pictures; of each picture the `most` best scored detections count.

    `sigmas` are those of the annotations' skeleton (`COCO_SIGMAS`). Where an area is not known
    (0), 0.53 of the person's box stands for it, as in CrowdPose's evaluation. Raises `InputError`
    where detections or sigmas have other joints than the annotations.
    """
    spread = torch.tensor(list(sigmas), dtype=torch.float64)
    best = [_best_scored(picture, most) for picture in pictures]
    likeness = [_oks_table(picture, spread) for picture in best]
    pairs = list(zip(best, likeness, strict=True))
    tables = {size: [_match(p, table, size) for p, table in pairs] for size in _SIZES}
    precision, recall = _averages(tables[_ALL])
    medium, large = (_averages(tables[size])[0] for size in (_MEDIUM, _LARGE))
    return KeypointAp(
        float(precision.mean()),
        float(precision[0]),
        float(precision[5]),
        float(medium.mean()),
        float(large.mean()),
        float(recall.mean()),
    )


_SIZES: Final = (_ALL, _MEDIUM, _LARGE)


def _best_scored(picture: PictureResult, most: int) -> PictureResult:
    order = torch.sort(picture.scores, descending=True, stable=True).indices[:most]
    return PictureResult(picture.truth, picture.keypoints[order].double(), picture.scores[order])


def _oks_table(picture: PictureResult, sigmas: Tensor) -> Float[ndarray, "found people"]:
    columns = [_likeness(person, picture.keypoints, sigmas) for person in picture.truth]
    empty = torch.zeros(len(picture.scores), 0, dtype=torch.float64)
    return np.asarray(torch.stack(columns, -1) if columns else empty)


def _likeness(person: AnnotatedPerson, found: Tensor, sigmas: Tensor) -> Float[Tensor, " found"]:
    points, labelled = person.keypoints.keypoints.double(), person.keypoints.seen
    if found.shape[1:] != points.shape or len(sigmas) != len(points):
        raise InputError(
            f"expected detections and sigmas of {len(points)} joints as annotated, got "
            f"{found.shape[1]} and {len(sigmas)}: convert the detections to that layout"
        )
    area = torch.tensor(_area(person) + _EPS, dtype=torch.float64)
    if not labelled.any():
        points, labelled = _nearest_in_doubled_box(person, found), torch.ones_like(labelled)
    shape = found.shape
    return oks(found, points.expand(shape), labelled.expand(shape[:-1]), area, sigmas)


def _nearest_in_doubled_box(person: AnnotatedPerson, found: Tensor) -> Tensor:
    """Where nothing is labelled, whatever lies in a box of twice the size is on the person."""
    left, top, width, height = person.box.double()
    low = torch.stack([left - width, top - height])
    high = torch.stack([left + 2 * width, top + 2 * height])
    return torch.minimum(torch.maximum(found, low), high)


def _area(person: AnnotatedPerson) -> float:
    return person.area if person.area > 0 else float(person.box[2:].prod()) * _BODY_OF_BOX


def _match(picture: PictureResult, table: ndarray, size: tuple[float, float]) -> _Matched:
    areas = np.array([_area(person) for person in picture.truth])
    crowd = np.array([person.crowd for person in picture.truth], dtype=bool)
    nobody = np.array([not person.keypoints.seen.any() for person in picture.truth], dtype=bool)
    outside = (areas < size[0]) | (areas > size[1])
    aside = crowd | nobody | outside
    rows = [_matches(table, aside, crowd, threshold) for threshold in _THRESHOLDS]
    on_person = np.stack([matches >= 0 for matches in rows])
    ignored = np.stack([_taken_aside(matches, aside) for matches in rows])
    extent = _found_areas(picture.keypoints)
    other_size = (extent < size[0]) | (extent > size[1])
    scores = np.asarray(picture.scores, dtype=np.float64)
    return _Matched(scores, on_person, ignored | (~on_person & other_size), int((~aside).sum()))


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


def _found_areas(keypoints: Tensor) -> ndarray:
    """Of the box around the keypoints, as COCO takes a detection's area."""
    low = torch.where(keypoints.isnan(), torch.inf, keypoints).amin(1)
    high = torch.where(keypoints.isnan(), -torch.inf, keypoints).amax(1)
    return np.asarray((high - low).clamp(min=0).prod(-1))


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
