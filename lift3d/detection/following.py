"""Following people through a video with a detector that cannot find them.

A network that looks at one person at a time needs a box. Where nobody gives one, the first picture is
looked at as a whole, and once more where the first look found somebody; from then on each person's box
is the one around the keypoints of the picture before (the usual way since Toshev and Szegedy's cascade,
DeepPose, CVPR 2014, and of BlazePose's tracker, Bazarevsky et al., 2020). Whoever is not recognised in
that box is lost, and when everybody is, the whole picture is looked at again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detected import DetectedPeople, boxes_around
from lift3d.detection.top_down import box_of_all, boxes_for
from lift3d.errors import InputError
from lift3d.pictures.theme import Picture
from lift3d.protocols import Detector
from lift3d.skeleton import Skeleton
from lift3d.tracking import oks_nms, oks_sigmas

__all__ = ["FollowingDetector", "FollowingOptions", "box_from_keypoints"]

_LEAST_JOINTS: Final = 3
"""Fewer keypoints are no person, as in `lift3d.io.people`."""


@dataclass(frozen=True, slots=True)
class FollowingOptions:
    """When a person is lost, and how the next box is made.

    A person is lost whose mean confidence over all joints falls under `lost`. Keypoints of a confidence
    above `sure` make the next box, which is `padding` times as large as the one around them, since
    people have heads and feet beyond their keypoints. Of two who became more alike than `same` (object
    keypoint similarity) the surer one stays. With `looks` of 2 a box of the whole picture, or one that
    was found in it, is looked at again in the box that it led to.
    """

    lost: float = 0.2
    sure: float = 0.2
    padding: float = 1.2
    same: float = 0.7
    looks: int = 2

    def __post_init__(self) -> None:
        shares = (self.lost, self.sure, self.same)
        if not all(0 <= share <= 1 for share in shares) or self.padding < 1 or self.looks < 1:
            raise InputError(
                "expected lost, sure and same from 0 to 1, a padding and looks of at least 1, got "
                f"{self}: correct them"
            )


_USUAL: Final = FollowingOptions()


class FollowingDetector:
    """A top-down detector whose boxes follow its keypoints; a `VideoDetector`.

    Boxes that are given are used, and followed from then on. One object follows one video:
    `over` makes another for the next.
    """

    def __init__(self, detector: Detector, options: FollowingOptions = _USUAL) -> None:
        self._detector, self._options = detector, options
        self._sigmas = oks_sigmas(detector.skeleton)
        self._boxes: Float[Tensor, "people 4"] | None = None

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""
        return self._detector.skeleton

    def over(self, frames: Iterable[int], before: DetectedPeople | None) -> "FollowingDetector":
        """The same at the start of a video, or after `before`; the pictures' numbers do not matter."""
        del frames
        other = FollowingDetector(self._detector, self._options)
        if before is not None:
            other._remember(before)
        return other

    def __call__(
        self,
        pictures: Sequence[Picture],
        boxes: Sequence[Float[Tensor, "_ 4"] | None] | None = None,
    ) -> list[DetectedPeople]:
        """The people in each picture, one picture after the other."""
        given = boxes_for(pictures, boxes)
        return [self._next(picture, some) for picture, some in zip(pictures, given, strict=True)]

    def _next(self, picture: Picture, given: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        where = given if given is not None else self._boxes
        found = self._afresh(picture) if where is None else self._look(picture, where)
        if where is not None and given is None and not len(found):
            found = self._afresh(picture)
        self._remember(found)
        return found

    def _afresh(self, picture: Picture) -> DetectedPeople:
        """The whole picture, then nearer where somebody may be."""
        found = self._detector([picture], [box_of_all(picture)])[0]
        for _ in range(self._options.looks - 1):
            nearer = box_from_keypoints(found, self._options)
            if not len(nearer):
                break
            found = self._detector([picture], [nearer])[0]
        return self._recognised(found)

    def _look(self, picture: Picture, where: Float[Tensor, "people 4"]) -> DetectedPeople:
        if not len(where):
            return DetectedPeople.nobody(self.skeleton, (picture.shape[0], picture.shape[1]))
        return self._recognised(self._detector([picture], [where])[0])

    def _recognised(self, found: DetectedPeople) -> DetectedPeople:
        """Without those who are lost, and without the less sure of two who are one."""
        pose, options = found.pose, self._options
        kept = pose.confidence.mean(-1) >= options.lost
        kept &= (pose.confidence > options.sure).sum(-1) >= _LEAST_JOINTS
        found = found.only(kept)
        if len(found) > 1:
            points = torch.cat([found.pose.keypoints, found.pose.confidence[..., None]], -1)
            rows = oks_nms(
                points.double().numpy(),
                found.pose.confidence.mean(-1).double().numpy(),
                self._sigmas,
                max(options.same, 1e-6),
            )
            one_each = torch.zeros(len(found), dtype=torch.bool)
            one_each[torch.from_numpy(np.sort(rows))] = True
            found = found.only(one_each)
        return found

    def _remember(self, found: DetectedPeople) -> None:
        boxes = box_from_keypoints(found, self._options)
        self._boxes = boxes if len(boxes) else None


def box_from_keypoints(
    found: DetectedPeople, options: FollowingOptions = _USUAL
) -> Float[Tensor, "people 4"]:
    """The box in which each person is to be looked for next; people of too few keypoints have none."""
    sure = (found.pose.confidence > options.sure).sum(-1) >= _LEAST_JOINTS
    boxes = boxes_around(found.pose, options.sure)[sure].float()
    size = boxes[:, 2:] * options.padding
    # Somebody seen from the side, or lying, is thicker than the line of the keypoints.
    size = torch.maximum(size, 0.25 * size.amax(-1, keepdim=True)).clamp(min=1.0)
    middle = boxes[:, :2] + (boxes[:, 2:] - 1) / 2
    return torch.cat([middle - (size - 1) / 2, size], -1)
