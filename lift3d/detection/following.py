"""Following people through a video with a detector that cannot find them.

A network that looks at one person at a time needs a box. Where nobody gives one, the first picture is
looked at as a whole, and once more where the first look found somebody; from then on each person's box
is the one around the keypoints of the picture before (the usual way since Toshev and Szegedy's cascade,
DeepPose, CVPR 2014, and of BlazePose's tracker, Bazarevsky et al., 2020). Whoever is not recognised in
that box is lost, and when everybody is, the whole picture is looked at again. Where that shows nobody,
smaller windows of it are searched, and the surest person in them is taken.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
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
"""Fewer keypoints are no person, as in `lift3d.io.keypoints.people`."""


@dataclass(frozen=True, slots=True)
class FollowingOptions:
    """When a person is lost, and how the next box is made.

    A person is lost whose mean confidence over all joints falls under `lost`. Keypoints of a confidence
    above `sure` make the next box, which is `padding` times as large as the one around them, since
    people have heads and feet beyond their keypoints. Of two who became more alike than `same` (object
    keypoint similarity) the surer one stays. With `looks` of 2 a box of the whole picture, or one that
    was found in it, is looked at again in the box that it led to. `windows` are heights, in shares of
    the picture's, of what is searched where nobody is found: once, then in every `patience`-th picture
    of the source.
    """

    lost: float = 0.2
    sure: float = 0.2
    padding: float = 1.2
    same: float = 0.7
    looks: int = 2
    windows: tuple[float, ...] = (0.65, 0.42)
    patience: int = 15

    def __post_init__(self) -> None:
        shares = (self.lost, self.sure, self.same)
        good = all(0 <= share <= 1 for share in shares)
        good &= all(0.05 <= window <= 1 for window in self.windows)
        if not good or self.padding < 1 or self.looks < 1 or self.patience < 1:
            raise InputError(
                "expected lost, sure and same from 0 to 1, windows from 0.05 to 1, and a padding, looks "
                f"and patience of at least 1, got {self}: correct them"
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
        self._numbers: Iterator[int] = count()
        self._lost = True

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""
        return self._detector.skeleton

    def over(self, frames: Iterable[int], before: DetectedPeople | None) -> "FollowingDetector":
        """The same at the start of a video, or after `before`, for pictures of these numbers."""
        other = FollowingDetector(self._detector, self._options)
        other._numbers = iter(frames)
        other._lost = before is None or len(before) > 0
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
        due = next(self._numbers, 0) % self._options.patience == 0
        search = self._lost or due
        found = self._afresh(picture, search) if where is None else self._look(picture, where)
        if where is not None and given is None and not len(found):
            found = self._afresh(picture, search=True)
        self._lost = len(found) > 0
        self._remember(found)
        return found

    def _afresh(self, picture: Picture, search: bool) -> DetectedPeople:
        """The whole picture, then nearer where somebody may be; else its windows, where told to."""
        found = self._recognised(self._nearer(picture, box_of_all(picture)))
        if len(found) or not self._options.windows or not search:
            return found
        windows = _windows((picture.shape[0], picture.shape[1]), self._options.windows)
        seen = self._detector([picture], [windows])[0]
        best = int(seen.pose.confidence.mean(-1).argmax())
        return self._recognised(self._nearer(picture, seen.boxes[best : best + 1]))

    def _nearer(self, picture: Picture, box: Float[Tensor, "1 4"]) -> DetectedPeople:
        """A look at the box, and further ones where that led to."""
        found = self._detector([picture], [box])[0]
        for _ in range(self._options.looks - 1):
            nearer = box_from_keypoints(found, self._options)
            if not len(nearer):
                break
            found = self._detector([picture], [nearer])[0]
        return found

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


def _windows(size: tuple[int, int], heights: Sequence[float]) -> Float[Tensor, "windows 4"]:
    """Upright windows over a picture of (height, width), three to four, each half over the next."""
    boxes: list[list[float]] = []
    for share in heights:
        tall = share * size[0]
        wide = min(0.75 * tall, size[1])
        rows, columns = (
            max(1, round(2 * (side - window) / window) + 1)
            for side, window in ((size[0], tall), (size[1], wide))
        )
        for top in torch.linspace(0, size[0] - tall, rows).tolist():
            for left in torch.linspace(0, size[1] - wide, columns).tolist():
                boxes.append([left, top, wide, tall])
    return torch.tensor(boxes)


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
