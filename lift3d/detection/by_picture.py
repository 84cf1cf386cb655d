"""What all detectors share that look at one picture after the other."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.top_down import boxes_for
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton

__all__ = ["ByPicture"]


class ByPicture(ABC):
    """A `lift3d.protocols.Detector` whose answer to a picture does not need the others'."""

    @property
    @abstractmethod
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""

    @abstractmethod
    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        """The people of one picture, in boxes that were checked."""

    def __call__(
        self,
        pictures: Sequence[UInt8[ndarray, "_ _ 3"]],
        boxes: Sequence[Float[Tensor, "_ 4"] | None] | None = None,
    ) -> list[DetectedPeople]:
        """The people in each picture; see `lift3d.protocols.Detector`."""
        given = boxes_for(pictures, boxes)
        return [self._look(picture, some) for picture, some in zip(pictures, given, strict=True)]
