"""Keypoints that a file already holds, of any format that the library reads, posing as a detector.

For whoever ran a detector elsewhere, and for trying everything that comes after one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from os import PathLike
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.top_down import boxes_for
from lift3d.errors import InputError
from lift3d.io.keypoints.people import Settled
from lift3d.io.keypoints.reading import settled_detections
from lift3d.io.keypoints.sniff import read_detections
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import skeleton_named

__all__ = ["FilesDetector"]


class FilesDetector:
    """The people that a keypoint file has in the frames of a video; a `VideoDetector`.

    Frame k of the file is picture k, from 0; `offset` is added to the pictures' numbers, for files that
    begin at another one. `skeleton`, `format` and `image_size` (height, width) overrule what the file
    says. Boxes that are given are not asked for. Raises what `read_keypoints` does.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        skeleton: str | Skeleton | None = None,
        *,
        format: str | None = None,  # noqa: A002 - the word that users know
        image_size: tuple[int, ...] | None = None,
        offset: int = 0,
    ) -> None:
        self._path, self._offset = Path(path), offset
        size = None if image_size is None else _two(image_size)
        asked = skeleton_named(skeleton) if isinstance(skeleton, str) else skeleton
        found = read_detections(self._path, format)
        self._said_size = size or found.found.facts.image_size
        self._rows = settled_detections(found, f"'{self._path}'", asked, image_size=size)
        self._of_frame = _rows_of_frames(self._rows)
        self._frames: Iterator[int] = count()

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the file."""
        return self._rows.skeleton

    def over(self, frames: Iterable[int], before: DetectedPeople | None) -> "FilesDetector":
        """The same file, for pictures of these numbers."""
        del before
        other = object.__new__(FilesDetector)
        other.__dict__.update(self.__dict__)
        other._frames = iter(frames)
        return other

    def __call__(
        self,
        pictures: Sequence[Picture],
        boxes: Sequence[Float[Tensor, "_ 4"] | None] | None = None,
    ) -> list[DetectedPeople]:
        """The people of the next frames; see `lift3d.protocols.Detector`."""
        boxes_for(pictures, boxes)
        return [self._next(picture) for picture in pictures]

    def _next(self, picture: Picture) -> DetectedPeople:
        size = (picture.shape[0], picture.shape[1])
        if self._said_size is not None and self._said_size != size:
            raise InputError(
                f"expected pictures of {self._said_size[1]} x {self._said_size[0]} pixels, as "
                f"'{self._path}' says, got {size[1]} x {size[0]}: give the video that its keypoints "
                "were found in"
            )
        rows = self._of_frame.get(next(self._frames) + self._offset, [])
        if not rows:
            return DetectedPeople.nobody(self.skeleton, size)
        points = torch.from_numpy(self._rows.points[rows]).float()
        return DetectedPeople.from_points(points, self.skeleton, size)


def _rows_of_frames(rows: Settled) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row, frame in enumerate(rows.frames.tolist()):
        found.setdefault(frame, []).append(row)
    return found


def _two(size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise InputError(f"expected image_size as height,width, got {size}: give two numbers")
    return size[0], size[1]
