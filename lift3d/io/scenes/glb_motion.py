"""What an animation file shows of a person: the surface at rest, turning joints, the way of the root."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.geometry.rotations import quat_wxyz_from_axis_angle
from lift3d.io.motion.world_body import at_rest
from lift3d.protocols import BodyModel

__all__ = ["Move", "moved"]


@dataclass(frozen=True, slots=True)
class Move:
    """One person's rest surface and motion, in the file's y-up world."""

    vertices: Float[ndarray, "vertices 3"]
    rest_joints: Float[ndarray, "joints 3"]
    rotations: Float[ndarray, "frames joints 4"]
    root: Float[ndarray, "frames 3"]


@torch.no_grad()
def moved(model: BodyModel, body: BodyParams) -> Move:
    """A person of one shape over finite frames in a y-up world; quaternions are x, y, z, w."""
    rest = model(at_rest(body))
    quats = quat_wxyz_from_axis_angle(body.axis_angle.double())
    root = rest.joints[0, 0].double() + body.transl.double()
    return Move(
        rest.vertices[0].float().numpy(),
        rest.joints[0].float().numpy(),
        _continuous(quats)[..., [1, 2, 3, 0]].float().numpy(),
        root.float().numpy(),
    )


def _continuous(quats: Float[Tensor, "frames joints 4"]) -> Float[Tensor, "frames joints 4"]:
    """Of q and -q the one nearer to the frame before: viewers interpolate along the shorter arc."""
    near = (quats[1:] * quats[:-1]).sum(-1, keepdim=True)
    signs = torch.where(near < 0, -1.0, 1.0).cumprod(0)
    return torch.cat([quats[:1], quats[1:] * signs])
