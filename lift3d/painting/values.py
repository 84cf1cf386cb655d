"""What goes into a painting, and what comes out."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["IGNORED", "PaintedPerson", "Painting", "Postures"]

IGNORED = 255
"""In part maps: somebody, but no point of a body (a skirt, long hair, another person)."""


@dataclass(frozen=True, slots=True)
class Postures:
    """People to paint: local rotations (axis-angle, radians; the root's in a y-up world), and betas."""

    axis_angle: Float[Tensor, "people joints 3"]
    betas: Float[Tensor, "people betas"]

    def __post_init__(self) -> None:
        if self.axis_angle.ndim != 3 or self.betas.ndim != 2:
            raise InputError(
                "expected rotations [people joints 3] and betas [people betas], got "
                f"{list(self.axis_angle.shape)} and {list(self.betas.shape)}: give one row a person"
            )
        if not len(self.axis_angle) or len(self.axis_angle) != len(self.betas):
            raise InputError(
                f"expected one row of betas for each of at least one posture, got "
                f"{len(self.axis_angle)} postures and {len(self.betas)} rows: give as many"
            )
        if not bool(self.axis_angle.isfinite().all() and self.betas.isfinite().all()):
            raise InputError(
                "expected finite postures, got NaN or infinity: leave those frames out"
            )


@dataclass(frozen=True, slots=True)
class PaintedPerson:
    """One person of a painting.

    `seen` is 0 for keypoints outside of the picture, 1 for hidden ones, 2 for those in view (COCO's
    v). The box is that of the person's visible pixels (left, top, width, height; all 0 where there
    are none).
    """

    keypoints: Float32[ndarray, "joints 2"]
    seen: Int32[ndarray, " joints"]
    box: Float32[ndarray, "4"]
    params: BodyParams


@dataclass(frozen=True, slots=True)
class Painting:
    """An RGB picture with its truth. People are in the camera frame; the first is the picture's subject.

    `owner` is 1 + the number of the person that a pixel shows, 0 for none. `part` is 1 to 24 where
    a point of somebody's body is shown, 255 where only something loose that they wear is, else 0;
    `uv` (U, V) and `depth` (metres) are NaN where no body is.
    """

    picture: UInt8[ndarray, "height width 3"]
    skeleton: Skeleton
    people: tuple[PaintedPerson, ...]
    owner: Int32[ndarray, "height width"]
    part: UInt8[ndarray, "height width"]
    uv: Float32[ndarray, "2 height width"]
    depth: Float32[ndarray, "height width"]
    camera: Camera

    def mask(self, person: int) -> Bool[ndarray, "height width"]:
        """Where a person is seen."""
        return np.asarray(self.owner == person + 1)
