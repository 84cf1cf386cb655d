"""People one at a time: box -> crop -> network -> keypoints in the picture.

What every detector does that looks at one person at a time; the network is a function from crops to
keypoints in the pixels of its maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.decoders import to_picture
from lift3d.detected import DetectedPeople
from lift3d.detection.crops import (
    CropRule,
    check_boxes,
    check_pictures,
    crops_of,
    cut_crops,
    whole_picture,
)
from lift3d.errors import InputError
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton

__all__ = ["Answer", "CropNetwork", "box_of_all", "boxes_for", "look_at"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a network says of crops: x, y in pixels of its maps, confidence; maps of (height, width)."""

    points: Float[Tensor, "people joints 3"]
    map_size: tuple[int, int]


CropNetwork = Callable[[UInt8[ndarray, "people height width 3"]], Answer]
"""Crops in display RGB to keypoints."""


def look_at(
    picture: Picture,
    boxes: Float[Tensor, "people 4"],
    rule: CropRule,
    network: CropNetwork,
    skeleton: Skeleton,
    scores: Float[Tensor, " people"] | None = None,
) -> DetectedPeople:
    """The keypoints of the people in these boxes of a picture.

    A person's score is the mean confidence, times the score of the box where one is given. People whose
    box lies outside the picture are left out. Raises `InputError` for boxes without pixels.
    """
    check_boxes(boxes)
    height, width = picture.shape[:2]
    size = (height, width)
    inside = (boxes[:, :2] < boxes.new_tensor([width, height])).all(-1)
    inside &= (boxes[:, :2] + boxes[:, 2:] > 0).all(-1)
    boxes = boxes[inside]
    if not len(boxes):
        return DetectedPeople.nobody(skeleton, size)
    crops = crops_of(boxes, rule)
    answer = network(cut_crops(picture, crops, rule))
    points = to_picture(answer.points, answer.map_size, crops, rule.grid)
    found = DetectedPeople.from_points(points, skeleton, size, boxes)
    if scores is None:
        return found
    return DetectedPeople(found.pose, boxes, found.scores * scores[inside].to(found.scores))


def boxes_for(
    pictures: Sequence[Picture], boxes: Sequence[Float[Tensor, "_ 4"] | None] | None
) -> list[Float[Tensor, "_ 4"] | None]:
    """One entry for each picture, after a look at both; `InputError` for another number of boxes."""
    check_pictures(pictures)
    if boxes is None:
        return [None] * len(pictures)
    if len(boxes) != len(pictures):
        raise InputError(
            f"expected boxes for each of {len(pictures)} pictures, got {len(boxes)}: give None for a "
            "picture without"
        )
    for some in boxes:
        if some is not None:
            check_boxes(some)
    return [None if some is None else some.to(torch.get_default_dtype()) for some in boxes]


def box_of_all(picture: Picture) -> Float[Tensor, "1 4"]:
    """The whole picture as the box of one person."""
    return whole_picture((picture.shape[0], picture.shape[1]))
