"""Points from several calibrated views."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["triangulate_rays"]


def triangulate_rays(
    origins: Float[Tensor, "views 3"],
    directions: Float[Tensor, "views *points 3"],
    weights: Float[Tensor, "views *points"],
) -> Float[Tensor, "*points 3"]:
    """The points closest, in weighted squared distance, to one ray from each view.

    `directions` are unit vectors in the world frame. The normal equations are
    sum w (I - d d') (x - o) = 0; two views with a weight are needed, else the result is not finite.
    """
    d = torch.where((weights > 0)[..., None], directions, torch.zeros_like(directions))
    eye = torch.eye(3, dtype=d.dtype, device=d.device)
    across = weights[..., None, None] * (eye - d[..., :, None] * d[..., None, :])
    o = origins.reshape(origins.shape[0], *([1] * (d.ndim - 2)), 3, 1)
    lhs, rhs = across.sum(0), (across @ o).sum(0)
    seen = (weights > 0).sum(0) >= 2
    lhs = torch.where(seen[..., None, None], lhs, eye)
    # `solve` would raise for all points where the rays to one of them are parallel.
    points = torch.linalg.solve_ex(lhs, rhs).result[..., 0]
    return torch.where(seen[..., None], points, torch.nan)
