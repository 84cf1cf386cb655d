"""From heat-map pixels to pixels of the picture.

A whole number is the centre of a pixel on both sides (`lift3d.conventions`). How the two grids lie on
each other depends on how a network was trained, so it has a name:

`half_pixel`  The maps cover the crop from edge to edge: X = x0 + (x + 1/2) w / w_map - 1/2. What
              resizing with OpenCV or with torch (align_corners=False) does. The default.
`corners`     The centres of the first and last pixels coincide: X = x0 + x (w - 1) / (w_map - 1).
              Huang et al., The Devil is in the Details (UDP, CVPR 2020); align_corners=True.
`multiple`    The first centres coincide and a pixel is a stride: X = x0 + x w / w_map. Simple
              Baselines and HRNet before UDP, whose training targets were made so.

The three differ by up to half a stride: 2 pixels of the crop for a stride of 4.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["Grid", "to_picture"]

Grid = Literal["half_pixel", "corners", "multiple"]


def to_picture(
    keypoints: Float[Tensor, "*batch joints columns"],
    map_size: tuple[int, int],
    crop: Float[Tensor, "*#batch 4"],
    grid: Grid = "half_pixel",
) -> Float[Tensor, "*batch joints columns"]:
    """Keypoints with x, y in pixels of the picture; what follows x, y stays as it is.

    `map_size` is (height, width) of the heatmaps. `crop` is the part of the picture that the network
    saw, stretched to its input: column and row of its first pixel, width and height in pixels. A whole
    picture is [0, 0, width, height]; one with padding (OpenPose's) is larger than the picture.

    Raises `InputError` for an unknown grid, and for maps or crops without pixels.
    """
    if grid not in ("half_pixel", "corners", "multiple"):
        raise InputError(
            f"expected a grid of half_pixel, corners or multiple, got '{grid}': name one of them"
        )
    if min(map_size) < 1 or not bool((crop.isfinite().all(-1) & (crop[..., 2:] > 0).all(-1)).all()):
        raise InputError(
            f"expected maps and crops with pixels in them, got maps of {tuple(map_size)} and crops "
            f"{crop.tolist()}: give (height, width), and x, y, width, height"
        )
    cells = torch.tensor([map_size[1], map_size[0]], dtype=crop.dtype, device=crop.device)
    first, size = crop[..., None, :2], crop[..., None, 2:]
    half = 0.5 if grid == "half_pixel" else 0.0
    scale = (size - 1) / (cells - 1).clamp(min=1) if grid == "corners" else size / cells
    placed = first + (keypoints[..., :2] + half) * scale - half
    return torch.cat([placed.to(keypoints.dtype), keypoints[..., 2:]], -1)
