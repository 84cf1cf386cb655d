"""Lens distortion for renderers that only know pinholes: the vertices are bent instead."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.projection import distort

__all__ = ["bent", "through_lens"]


def through_lens(points: Float[Tensor, "points 3"], camera: Camera) -> Float[Tensor, "points 3"]:
    """`bent` points, also sheared as the intrinsics' skew would: for pinholes without skew."""
    matrix = camera.intrinsics.detach().cpu().double()
    skew = matrix[0, 1] / matrix[0, 0]
    points = bent(points, camera)
    if not bool(skew):
        return points
    x, y, z = points.unbind(-1)
    return torch.stack([x + skew * y, y, z], -1)


def bent(points: Float[Tensor, "points 3"], camera: Camera) -> Float[Tensor, "points 3"]:
    """Points (camera frame) moved across the line of sight so that a pinhole shows them where the
    lens would.

    Lens polynomials mean nothing far outside the picture, where they may fold points back into it:
    there the bend at 1.2 times the picture's corner is continued.
    """
    lens = camera.distortion.detach().cpu().double()
    if not bool(lens.any()):
        return points
    matrix = camera.intrinsics.detach().cpu().double()
    depth = points[:, 2:].clamp(min=1e-3)
    xy = points[:, :2] / depth
    corner = math.hypot(*camera.image_size) / torch.linalg.det(matrix[:2, :2]).sqrt()
    radius = torch.linalg.vector_norm(xy, dim=-1, keepdim=True).clamp(min=1e-9)
    known = (1.2 * corner / radius).clamp(max=1)
    xy = distort(xy * known, lens, camera.lens) / known
    return torch.cat([xy * depth, points[:, 2:]], -1)
