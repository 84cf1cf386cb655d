"""Features of boxes on a grid of one size: ROIAlign.

He, Gkioxari, Dollar and Girshick, "Mask R-CNN", ICCV 2017, section 3: the box is cut into bins, and each
is the mean of bilinear samples at places that are never rounded. Coordinates are those that detectron2
calls aligned: half a pixel is taken off, since pixel k of the features covers [k, k + 1].
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from lift3d.errors import InputError

__all__ = ["align_boxes", "align_whole"]


def align_boxes(
    features: Float[Tensor, "batch channels height width"],
    boxes: Float[Tensor, "boxes 4"],
    pictures: Int[Tensor, " boxes"],
    side: int,
    stride: float = 1.0,
    samples: int = 2,
) -> Float[Tensor, "boxes channels side side"]:
    """Each box's features on `side` by `side` bins of `samples` by `samples` places.

    `boxes` are left, top, width and height in pixels of the picture, counted from its corner, and
    `stride` how many of those a pixel of the features covers; `pictures` says of which picture each
    is. Beyond the border features go on for one pixel and are 0 further out.
    """
    if boxes.shape[0] != pictures.shape[0]:
        raise InputError(
            f"expected a picture for each of {len(boxes)} boxes, got {len(pictures)}: number them"
        )
    height, width = features.shape[-2:]
    bins = (torch.arange(side * samples, device=boxes.device) + 0.5) / (side * samples)
    left, top, wide, tall = (boxes / stride).unbind(-1)
    x = left[:, None] + bins * wide[:, None] - 0.5
    y = top[:, None] + bins * tall[:, None] - 0.5
    across, down = _shares(x, width), _shares(y, height)
    rows = torch.einsum("byh,bchw->bcyw", down, features[pictures])
    fine = torch.einsum("bxw,bcyw->bcyx", across, rows)
    bins_of = (len(boxes), features.shape[1], side, samples, side, samples)
    return fine.reshape(bins_of).mean((3, 5))


def align_whole(
    features: Float[Tensor, "batch channels height width"], side: int
) -> Float[Tensor, "batch channels side side"]:
    """The same for a box that is the whole picture, in operations that every runtime has."""
    batch, channels = features.shape[:2]
    fine = functional.interpolate(
        features, (2 * side, 2 * side), mode="bilinear", align_corners=False
    )
    return (
        fine.reshape(batch, channels * side, 2, side, 2)
        .mean((2, 4))
        .reshape(batch, channels, side, side)
    )


def _shares(
    places: Float[Tensor, "boxes places"], length: int
) -> Float[Tensor, "boxes places length"]:
    """How much of each pixel along an axis is in a bilinear sample at each place."""
    inside = (places >= -1) & (places <= length)
    at = places.clamp(0, length - 1)[..., None]
    pixels = torch.arange(length, device=places.device, dtype=places.dtype)
    return (1 - (at - pixels).abs()).clamp(min=0) * inside[..., None]
