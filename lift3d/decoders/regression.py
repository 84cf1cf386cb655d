"""Keypoints that a network gives as coordinates, without heatmaps.

Toshev and Szegedy, DeepPose (CVPR 2014), eq. 1 and 2: a joint is given relative to a box, less its
centre, over its width and height. Later networks count from the box's corner, from 0 to 1 (`corner`).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.checks import readable
from lift3d.errors import InputError

__all__ = ["BoxOrigin", "decode_regression"]

BoxOrigin = Literal["centre", "corner"]


def decode_regression(
    coordinates: Float[Tensor, "*batch joints 2"],
    boxes: Float[Tensor, "*#batch 4"],
    origin: BoxOrigin = "centre",
) -> Float[Tensor, "*batch joints 3"]:
    """x, y in picture pixels, and confidence 1, since such a network does not tell one.

    `boxes` are column and row of the first pixel, width and height. The corner of a box is the edge of
    its first pixel, half a pixel before that pixel's centre.

    Raises `InputError` for an unknown origin, and for boxes without an area.
    """
    if origin not in ("centre", "corner"):
        raise InputError(
            f"expected an origin of centre or corner, got '{origin}': name one of them"
        )
    shares = readable(coordinates, "joints two", "coordinates")
    if not bool((boxes.isfinite().all(-1) & (boxes[..., 2:] > 0).all(-1)).all()):
        raise InputError(
            f"expected boxes of x, y, width and height above 0, got {boxes.tolist()}: leave out "
            "people without a box"
        )
    first, size = boxes[..., None, :2], boxes[..., None, 2:]
    middle = 0.5 if origin == "centre" else 0.0
    placed = first - 0.5 + (shares + middle) * size
    return torch.cat([placed, torch.ones_like(placed[..., :1])], -1)
