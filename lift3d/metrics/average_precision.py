"""Average precision of detected people, as COCO defines it (cocodataset.org, keypoint evaluation).

Detections are matched to people by OKS, as `precision_recall` says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.capture import AnnotatedPerson
from lift3d.errors import InputError
from lift3d.metrics.keypoints import oks
from lift3d.metrics.precision_recall import AveragePrecision, Judged, average_precision

__all__ = ["KeypointAp", "PictureResult", "keypoint_ap"]

KeypointAp = AveragePrecision
"""What `keypoint_ap` gives."""

_BODY_OF_BOX: Final = 0.53
_EPS: Final = float(np.spacing(1))


@dataclass(frozen=True, slots=True)
class PictureResult:
    """One picture: the people that are there, and the people that were found with their scores."""

    truth: tuple[AnnotatedPerson, ...]
    keypoints: Float[Tensor, "people joints 2"]
    scores: Float[Tensor, " people"]


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
    return average_precision([_judged(picture, spread) for picture in best])


def _judged(picture: PictureResult, sigmas: Tensor) -> Judged:
    people = picture.truth
    return Judged(
        _oks_table(picture, sigmas),
        np.asarray(picture.scores, dtype=np.float64),
        _found_areas(picture.keypoints),
        np.array([_area(person) for person in people], dtype=np.float64),
        np.array([person.crowd for person in people], dtype=bool),
        np.array([not person.keypoints.seen.any() for person in people], dtype=bool),
    )


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


def _found_areas(keypoints: Tensor) -> ndarray:
    """Of the box around the keypoints, as COCO takes a detection's area."""
    low = torch.where(keypoints.isnan(), torch.inf, keypoints).amin(1)
    high = torch.where(keypoints.isnan(), -torch.inf, keypoints).amax(1)
    return np.asarray((high - low).clamp(min=0).prod(-1))
