"""Given boxes for detectors that take none: each box is cut out, and its best person counts."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton

__all__ = ["PointsAndScores", "look_in_boxes"]

PointsAndScores = tuple[Float[Tensor, "people joints 3"], Float[Tensor, " people"]]
"""x, y in pixels and confidence of everybody in a picture, and how sure a detector is of each."""

_MARGIN: Final = 0.125
"""How much of its sides is added around a box, on each side."""


def look_in_boxes(
    picture: Picture,
    boxes: Float[Tensor, "people 4"] | None,
    find: Callable[[Picture], PointsAndScores],
    skeleton: Skeleton,
) -> DetectedPeople:
    """Everybody that `find` sees, or without a choice whom it is surest of in each box.

    Where it sees nobody in a box there is a person without joints; boxes outside the picture are left
    out.
    """
    height, width = picture.shape[:2]
    if boxes is None:
        points, scores = find(picture)
        return DetectedPeople.from_points(points, skeleton, (height, width), scores=scores)
    people: list[Tensor] = []
    sure: list[Tensor] = []
    kept: list[Tensor] = []
    for box in boxes:
        part, corner = _part(picture, box.tolist())
        if not part.size:
            continue
        points, scores = find(part)
        best = int(scores.argmax()) if len(scores) else None
        moved = torch.zeros(len(skeleton), 3) if best is None else points[best]
        people.append(moved + moved.new_tensor([*corner, 0.0]))
        sure.append(torch.zeros(()) if best is None else scores[best])
        kept.append(box)
    if not people:
        return DetectedPeople.nobody(skeleton, (height, width))
    return DetectedPeople.from_points(
        torch.stack(people), skeleton, (height, width), torch.stack(kept), torch.stack(sure)
    )


def _part(picture: Picture, box: Sequence[float]) -> tuple[Picture, tuple[int, int]]:
    """The box with a margin, as far as the picture goes, and the column and row where it begins."""
    x, y, width, height = box
    left, top = max(0, round(x - _MARGIN * width)), max(0, round(y - _MARGIN * height))
    right = max(left, round(x + (1 + _MARGIN) * width))
    bottom = max(top, round(y + (1 + _MARGIN) * height))
    return np.ascontiguousarray(picture[top:bottom, left:right]), (left, top)
