"""Viewing rays: pixels without their camera, and what can be computed from them in closed form."""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.projection import LensModel, undistort
from lift3d.geometry.rotations import rotmat_between

__all__ = ["rays_from_pixels", "root_from_rays", "virtual_from_camera"]


def rays_from_pixels(
    pixels: Float[Tensor, "*#batch points 2"],
    intrinsics: Float[Tensor, "*#batch 3 3"],
    distortion: Float[Tensor, "*#batch 5"] | None = None,
    lens: LensModel = "brown_conrady",
) -> Float[Tensor, "*#batch points 3"]:
    """Unit vectors from the camera centre through the pixels, in the camera frame."""
    centred = pixels - intrinsics[..., None, :2, 2]
    xy = torch.linalg.solve(intrinsics[..., :2, :2], centred.transpose(-1, -2)).transpose(-1, -2)
    # Undoing no distortion would take a third of a live frame's time.
    if distortion is not None and (distortion.requires_grad or bool(distortion.any())):
        xy = undistort(xy, distortion, lens)
    return torch.nn.functional.normalize(torch.cat([xy, torch.ones_like(xy[..., :1])], -1), dim=-1)


def virtual_from_camera(ray: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation of a virtual camera that looks along `ray`: it turns the ray into (0, 0, 1).

    It is the smallest such rotation, so an upright picture stays upright.
    """
    forward = torch.zeros_like(ray)
    forward[..., 2] = 1
    return rotmat_between(ray, forward)


def root_from_rays(
    joints: Float[Tensor, "*batch joints 3"],
    rays: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch 3"]:
    """The translation t (metres) that brings root-relative joints closest to their rays.

    Minimises sum_j w_j |(x_j + t_x) - (x_j + t_z) r_x / r_z|^2 and the same in y, which is linear in
    t: three normal equations per pose. Joints with weight 0 may hold anything, also NaN. At least
    two joints on different rays need a weight, else the result is not finite.
    """
    used = (weights > 0)[..., None]
    joints = torch.where(used, joints, torch.zeros_like(joints))
    rays = torch.where(used, rays, torch.ones_like(rays))
    slope = rays[..., :2] / rays[..., 2:]
    # Rows [1, 0, -s_x] and [0, 1, -s_y]; right-hand side s * z - (x, y).
    rhs = slope * joints[..., 2:] - joints[..., :2]
    w = weights[..., None]
    total = weights.sum(-1)
    mean_slope, mean_rhs = (w * slope).sum(-2), (w * rhs).sum(-2)
    # Eliminating t_x and t_y leaves one equation in t_z.
    share = 1 / total[..., None]
    s_bar, b_bar = mean_slope * share, mean_rhs * share
    ds, db = slope - s_bar[..., None, :], rhs - b_bar[..., None, :]
    depth = -(w * ds * db).sum((-1, -2)) / (w * ds * ds).sum((-1, -2))
    return torch.cat([b_bar + s_bar * depth[..., None], depth[..., None]], -1)
