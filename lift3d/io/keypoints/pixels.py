"""From a file's own units to pixels, and the picture size where nobody tells it."""

from typing import Final, Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.io.keypoints.detections import Detections, PixelSpace

__all__ = [
    "COMMON_SIZES",
    "Source",
    "assumed_size",
    "pixels_from",
    "settle_image_size",
    "share_outside",
]

Source = Literal["file", "caller", "assumed"]

_LANDSCAPE: Final = (
    (360, 640),
    (480, 640),
    (480, 854),
    (540, 960),
    (720, 1280),
    (1080, 1920),
    (1440, 2560),
    (1520, 2704),
    (2160, 3840),
    (2160, 4096),
    (2988, 5312),
    (4320, 7680),
)
COMMON_SIZES: Final = tuple(
    size
    for height, width in sorted(_LANDSCAPE, key=lambda size: size[0] * size[1])
    for size in ((height, width), (width, height))
)
"""(height, width) of video, small to large, each lying before standing."""

_CONFIDENT: Final = 0.3
_NEARLY_ALL: Final = 0.99


def settle_image_size(
    found: Detections, asked: tuple[int, int] | None, where: str
) -> tuple[tuple[int, int], Source]:
    """The picture's (height, width): the caller's, else the file's, else assumed from the keypoints.

    Raises `InputError` where the coordinates are normalised and nobody says the size.
    """
    if asked is not None:
        return asked, "caller"
    if found.facts.image_size is not None:
        return found.facts.image_size, "file"
    if found.facts.space != "pixels":
        raise InputError(
            f"expected the picture's size for {where}, whose coordinates are {found.facts.space}, got "
            "none: give image_size as (height, width), --image-size on the command line"
        )
    return assumed_size(found.points), "assumed"


def assumed_size(points: Float64[ndarray, "rows joints 3"]) -> tuple[int, int]:
    """The smallest common video size that holds all confident keypoints (pixels).

    Where no common size holds them all but one holds 99 in 100, the rest are stray detections.
    """
    confident = points[..., 2] >= _CONFIDENT
    if not confident.any():
        confident = points[..., 2] > 0
    places = points[confident][:, :2]
    right, bottom = places.max(0)
    nearly_all = np.quantile(places, _NEARLY_ALL, axis=0, method="nearest")
    for x, y in ((right, bottom), nearly_all):
        for height, width in COMMON_SIZES:
            if x <= width - 0.5 and y <= height - 0.5:
                return height, width
    return max(1, int(np.ceil(bottom + 0.5))), max(1, int(np.ceil(right + 0.5)))


def pixels_from(
    points: Float64[ndarray, "rows joints 3"], space: PixelSpace, image_size: tuple[int, int]
) -> Float64[ndarray, "rows joints 3"]:
    """x, y as pixels, a whole number being the centre of a pixel; confidence stays.

    OpenPose's [0,1] and [-1,1] go from the centre of the first pixel to the centre of the last:
    x (width - 1). Shares of width and height (MediaPipe) go from edge to edge: x width - 0.5.
    """
    if space == "pixels":
        return points
    size = np.array([image_size[1], image_size[0]], dtype=np.float64)
    xy = points[..., :2]
    if space == "normalised [0,1]":
        xy = xy * (size - 1)
    elif space == "normalised [-1,1]":
        xy = (xy + 1) / 2 * (size - 1)
    else:
        xy = xy * size - 0.5
    return np.concatenate([xy, points[..., 2:]], -1)


def share_outside(points: Float64[ndarray, "rows joints 3"], image_size: tuple[int, int]) -> float:
    """The share of seen keypoints (pixels) that lie outside the picture."""
    size = np.array([image_size[1], image_size[0]], dtype=np.float64)
    xy = points[points[..., 2] > 0][:, :2]
    return float(((xy < -0.5) | (xy > size - 0.5)).any(1).mean())
