"""From points in the camera frame to pixels and back: pinhole and two lens models.

`brown_conrady` is OpenCV's order and formula (k1, k2, p1, p2, k3). `human36m` is the formula with
which Human3.6M's own calibration reprojects exactly: the tangential part enters as
`xy * (p1 y + p2 x) + (p2, p1) r^2`, that is OpenCV's with its factors of two counted once.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["LensModel", "distort", "pixels_from_points", "undistort"]

LensModel = Literal["brown_conrady", "human36m"]


def distort(
    xy: Float[Tensor, "*#batch points 2"],
    distortion: Float[Tensor, "*#batch 5"],
    lens: LensModel = "brown_conrady",
) -> Float[Tensor, "*#batch points 2"]:
    """Bend normalised image coordinates (x / z, y / z) by a lens; coefficients k1, k2, p1, p2, k3."""
    k1, k2, p1, p2, k3 = (c[..., None, None] for c in distortion.unbind(-1))
    x, y = xy[..., :1], xy[..., 1:]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    shift = torch.cat([p2, p1], -1) * r2
    if lens == "human36m":
        return xy * (radial + p1 * y + p2 * x) + shift
    return xy * (radial + 2 * p1 * y + 2 * p2 * x) + shift


def undistort(
    xy: Float[Tensor, "*#batch points 2"],
    distortion: Float[Tensor, "*#batch 5"],
    lens: LensModel = "brown_conrady",
    iterations: int = 12,
) -> Float[Tensor, "*#batch points 2"]:
    """Undo `distort` by fixed-point steps; converges for the mild lenses that pose data come with."""
    straight = xy
    for _ in range(iterations):
        straight = straight + xy - distort(straight, distortion, lens)
    return straight


def pixels_from_points(
    points: Float[Tensor, "*#batch points 3"],
    intrinsics: Float[Tensor, "*#batch 3 3"],
    distortion: Float[Tensor, "*#batch 5"] | None = None,
    lens: LensModel = "brown_conrady",
) -> Float[Tensor, "*#batch points 2"]:
    """Project points (metres, camera frame, z forward) to pixels. Points behind project mirrored."""
    xy = points[..., :2] / points[..., 2:]
    if distortion is not None:
        xy = distort(xy, distortion, lens)
    return xy @ intrinsics[..., :2, :2].transpose(-1, -2) + intrinsics[..., None, :2, 2]
