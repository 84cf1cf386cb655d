"""Groups of options that verbs share."""

import math
from dataclasses import dataclass

from lift3d.camera import Camera
from lift3d.conventions import DEFAULT_FOV
from lift3d.errors import InputError
from lift3d.lifting.field_of_view import FieldOfViewChoice
from lift3d.tracking import Tracker

__all__ = ["CameraOptions", "ReadOptions"]


@dataclass(frozen=True)
class CameraOptions:
    """What is known about the camera. Pixels; unknown intrinsics mean 53.1 degrees of view."""

    focal: float | None = None
    """Focal length in pixels."""
    centre: tuple[float, float] | None = None
    """Principal point (x, y) in pixels; the middle of the picture when absent."""
    distortion: tuple[float, ...] = ()
    """Lens coefficients k1 k2 p1 p2 k3 in OpenCV's order."""
    image_size: tuple[int, int] | None = None
    """Height and width of the picture, where the file does not say them."""
    field_of_view: FieldOfViewChoice = "prior"
    """Without a focal length: assume the usual field of view, or estimate it from how people look."""

    def camera(self, image_size: tuple[int, int] | None) -> Camera | None:
        """The camera that the options tell, or None where the default is meant."""
        if self.focal is None:
            if self.centre is not None or self.distortion:
                raise InputError(
                    "expected a focal length with centre or distortion, got none: give it"
                )
            return None
        if self.field_of_view == "estimate":
            raise InputError(
                "expected a focal length or an estimate of the field of view, got both: leave out either"
            )
        if image_size is None:
            raise InputError("expected a picture size with the focal length, got none: give it")
        return Camera.from_intrinsics(image_size, self.focal, self.centre, self.distortion)

    def __str__(self) -> str:
        """What is taken for the camera, for people."""
        if self.focal is not None:
            return f"camera: focal length {self.focal:g} pixels (as given)"
        if self.field_of_view == "estimate":
            return "camera: field of view to be estimated from people's perspective"
        degrees = math.degrees(DEFAULT_FOV)
        return (
            f"camera: {degrees:.1f} degrees along the picture's longer side (assumed: give the true "
            "focal length in pixels with --focal)"
        )


@dataclass(frozen=True)
class ReadOptions:
    """What overrules a keypoint file, and how people in it are followed and repaired."""

    format: str | None = None
    skeleton: str | None = None
    fps: float | None = None
    tracker: Tracker = "greedy"
    repair_swaps: bool = False
