"""Linear blend skinning."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["linear_blend_skinning"]


def linear_blend_skinning(
    vertices: Float[Tensor, "*batch vertices 3"],
    weights: Float[Tensor, "vertices joints"],
    rotmats: Float[Tensor, "*batch joints 3 3"],
    joints: Float[Tensor, "*batch joints 3"],
    rest_joints: Float[Tensor, "*batch joints 3"],
) -> Float[Tensor, "*batch vertices 3"]:
    """Posed vertices: sum_j w_vj (G_j (v - rest_j) + p_j) (Loper et al., SMPL, 2015, eq. 3).

    `rotmats` and `joints` are the world rotations and positions of `forward_kinematics`.
    """
    shift = joints - (rotmats @ rest_joints[..., None])[..., 0]
    blended = torch.cat([rotmats, shift[..., None]], -1).flatten(-2)  # [*batch joints 12]
    per_vertex = weights @ blended
    per_vertex = per_vertex.reshape(*per_vertex.shape[:-1], 3, 4)
    return (per_vertex[..., :3] @ vertices[..., None])[..., 0] + per_vertex[..., 3]
