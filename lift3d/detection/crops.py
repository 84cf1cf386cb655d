"""Cutting people out of pictures for networks that look at one at a time, as their training did.

The box around a person is widened to the shape of the network's input and padded (a quarter, as since
Xiao, Wu and Wei, Simple Baselines, ECCV 2018), and that part of the picture is resampled to the input;
what lies outside the picture is black. Where the pixels of input and picture lie on each other is the
network's `Grid`; `lift3d.decoders.to_picture` is the way back, from its maps to the picture, with the
same crops and the same grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.decoders import Grid
from lift3d.errors import InputError
from lift3d.pictures.theme import Picture

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Channels",
    "CropRule",
    "Normalisation",
    "check_boxes",
    "check_pictures",
    "crops_of",
    "cut_crops",
    "whole_picture",
]

Channels = Literal["rgb", "bgr"]

IMAGENET_MEAN: Final = (123.675, 116.28, 103.53)
IMAGENET_STD: Final = (58.395, 57.12, 57.375)
"""Of ImageNet's pictures, red first, from 0 to 255: what nearly all networks are trained with."""

_SIDE: Final = 30_000
"""OpenCV resamples no picture with more columns or rows (SHRT_MAX)."""


@dataclass(frozen=True, slots=True)
class CropRule:
    """How a network wants people cut out: `size` is (height, width) of its input.

    `smooth` shrinks large people by averaging whole pixels first, so that fine patterns do not alias;
    networks that were trained on plainly resampled pictures do without.
    """

    size: tuple[int, int]
    padding: float = 1.25
    grid: Grid = "multiple"
    smooth: bool = False

    def __post_init__(self) -> None:
        if min(self.size) < 1 or not 0 < self.padding < 100:
            raise InputError(
                f"expected an input of (height, width) pixels and a padding above 0, got {self.size} "
                f"and {self.padding}: correct them"
            )


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(pixel - mean) / std for each of three channels, in the network's order of colours."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    channels: Channels = "rgb"

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or not all(each > 0 for each in self.std):
            raise InputError(
                f"expected three means and three deviations above 0, got {self.mean} and {self.std}: "
                "give one of each for every channel"
            )
        if self.channels not in ("rgb", "bgr"):
            raise InputError(f"expected channels of rgb or bgr, got '{self.channels}': name one")

    def __call__(
        self, crops: UInt8[ndarray, "people height width 3"]
    ) -> Float32[ndarray, "people height width 3"]:
        """Display RGB as the network's numbers."""
        ordered = crops if self.channels == "rgb" else crops[..., ::-1]
        scale = 1 / np.array(self.std, dtype=np.float32)
        offset = np.array(self.mean, dtype=np.float32) * scale
        return ordered.astype(np.float32) * scale - offset


def check_pictures(pictures: Sequence[ndarray]) -> None:
    """Raise `InputError` for arrays that are no pictures: of other axes, other numbers, or empty."""
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[-1] != 3 or 0 in picture.shape:
            raise InputError(
                f"expected pictures of shape [height, width, 3], got {list(picture.shape)}: put the "
                "channels last, and leave out alpha"
            )
        if picture.dtype != np.uint8:
            raise InputError(
                f"expected pictures of whole numbers from 0 to 255 (uint8), got {picture.dtype}: "
                "convert them"
            )


def check_boxes(boxes: Float[Tensor, "people 4"]) -> None:
    """Raise `InputError` for boxes that hold no pixel."""
    if not bool((boxes.isfinite().all(-1) & (boxes[..., 2:] > 0).all(-1)).all()):
        raise InputError(
            f"expected boxes of x, y, width and height above 0, got {boxes.tolist()}: leave out "
            "people without a box"
        )


def whole_picture(size: tuple[int, int]) -> Float[Tensor, "1 4"]:
    """The box of a picture of (height, width)."""
    return torch.tensor([[0.0, 0.0, size[1], size[0]]])


def crops_of(boxes: Float[Tensor, "people 4"], rule: CropRule) -> Float[Tensor, "people 4"]:
    """The part of the picture that the network is to see of each box; it may reach beyond the picture.

    The shorter side is made longer until the shape is the input's, both are padded; the middle stays.
    """
    middle, (width, height) = boxes[:, :2] + (boxes[:, 2:] - 1) / 2, boxes[:, 2:].unbind(-1)
    aspect = rule.size[1] / rule.size[0]
    wide = torch.maximum(width, height * aspect)
    size = torch.stack([wide, wide / aspect], -1) * rule.padding
    return torch.cat([middle - (size - 1) / 2, size], -1)


def cut_crops(
    picture: UInt8[ndarray, "_ _ 3"], crops: Float[Tensor, "people 4"], rule: CropRule
) -> UInt8[ndarray, "people height width 3"]:
    """Each crop of the picture resampled to the network's input."""
    height, width = rule.size
    out = np.zeros((len(crops), height, width, 3), dtype=np.uint8)
    for row, crop in enumerate(crops.double().tolist()):
        part, scale, offset = _part(picture, crop, rule)
        if part.size:
            matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            cv2.warpAffine(part, matrix, (width, height), dst=out[row], flags=flags)
    return out


def _part(
    picture: Picture, crop: Sequence[float], rule: CropRule
) -> tuple[Picture, tuple[float, float], tuple[float, float]]:
    """The pixels that a crop touches, and how to find them: pixel = scale * input pixel + offset."""
    scale, offset, shrink = [0.0, 0.0], [0.0, 0.0], [1, 1]
    cuts: list[slice] = []
    for axis in (0, 1):  # x, y
        cells = rule.size[1 - axis]
        scale[axis], offset[axis] = _line(crop[axis], crop[2 + axis], cells, rule.grid)
        first = max(0, int(np.floor(offset[axis])) - 1)
        last = int(np.ceil(offset[axis] + scale[axis] * (cells - 1))) + 2
        last = max(first, min(picture.shape[1 - axis], last))
        cuts.append(slice(first, last))
        offset[axis] -= first
        shrink[axis] = int(scale[axis]) if rule.smooth else -(-(last - first) // _SIDE)
    part = picture[cuts[1], cuts[0]]
    if max(shrink) > 1 and part.size:
        part, scale, offset = _shrunk(part, scale, offset, shrink)
    return part, (scale[0], scale[1]), (offset[0], offset[1])


def _shrunk(
    part: Picture, scale: list[float], offset: list[float], by: Sequence[int]
) -> tuple[Picture, list[float], list[float]]:
    """The mean of so many columns and rows each; a few at the end may be left over."""
    factors = [max(1, min(each, side)) for each, side in zip(by, part.shape[1::-1], strict=True)]
    width, height = (side // f for side, f in zip(part.shape[1::-1], factors, strict=True))
    even = part[: height * factors[1], : width * factors[0]]
    small = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    scale = [each / f for each, f in zip(scale, factors, strict=True)]
    offset = [(each + 0.5) / f - 0.5 for each, f in zip(offset, factors, strict=True)]
    return small, scale, offset


def _line(first: float, size: float, cells: int, grid: Grid) -> tuple[float, float]:
    """Scale and offset along one axis, the same as `to_picture`'s for an input of so many pixels."""
    if grid == "corners":
        return (size - 1) / max(1, cells - 1), first
    scale = size / cells
    return scale, first + (scale - 1) / 2 if grid == "half_pixel" else first
