"""Forward kinematics on a tree of joints."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["forward_kinematics"]


def forward_kinematics(
    rotmats: Float[Tensor, "*batch joints 3 3"],
    offsets: Float[Tensor, "*batch joints 3"],
    parents: Sequence[int],
) -> tuple[Float[Tensor, "*batch joints 3 3"], Float[Tensor, "*batch joints 3"]]:
    """World rotations and positions of all joints.

    `rotmats` are local (joint frame in parent frame), `offsets` lead from the parent to the joint in
    the parent's frame (metres), the root's from the origin. `parents` names a parent before its
    child and -1 for the root: G_j = G_parent R_j, p_j = p_parent + G_parent offset_j.
    """
    world: list[Tensor] = []
    position: list[Tensor] = []
    for joint, parent in enumerate(parents):
        local, offset = rotmats[..., joint, :, :], offsets[..., joint, :]
        if parent < 0:
            world.append(local)
            position.append(offset)
        else:
            up = world[parent]
            world.append(up @ local)
            position.append(position[parent] + (up @ offset[..., None])[..., 0])
    return torch.stack(world, -3), torch.stack(position, -2)
