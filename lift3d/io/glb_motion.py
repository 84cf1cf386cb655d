"""What an animation file shows of a person: the surface at rest, turning joints, the way of the root."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.geometry.rotations import quat_wxyz_from_axis_angle, quat_wxyz_from_rotmat
from lift3d.geometry.rotations import rotmat_from_axis_angle as rotmat_of
from lift3d.protocols import BodyModel

__all__ = ["Move", "moved"]

_FLOOR_FRAMES: Final = 48  # frames in which the lowest place of the bodies is looked for


@dataclass(frozen=True, slots=True)
class Move:
    """One person's rest surface and motion, in the file's y-up world."""

    vertices: Float[ndarray, "vertices 3"]
    rest_joints: Float[ndarray, "joints 3"]
    rotations: Float[ndarray, "frames joints 4"]
    root: Float[ndarray, "frames 3"]
    lowest: float


@torch.no_grad()
def moved(model: BodyModel, body: BodyParams, world: Float[Tensor, "3 3"]) -> Move:
    """A person of one shape over finite frames (camera frame), in y-up axes; `world` turns into them."""
    rest = BodyParams(
        body.betas,
        torch.zeros_like(body.body_pose[:1]),
        torch.zeros_like(body.global_orient[:1]),
        torch.zeros_like(body.transl[:1]),
    )
    root_turn = world @ rotmat_of(body.global_orient.double())
    quats = quat_wxyz_from_axis_angle(body.body_pose.double())
    quats = torch.cat([quat_wxyz_from_rotmat(root_turn)[:, None], quats], 1)
    root = model.joints(body)[:, 0].double() @ world.transpose(0, 1)
    return Move(
        model(rest).vertices[0].float().numpy(),
        model.joints(rest)[0].float().numpy(),
        _continuous(quats)[..., [1, 2, 3, 0]].float().numpy(),
        root.float().numpy(),
        _lowest(model, body, world),
    )


def _lowest(model: BodyModel, body: BodyParams, world: Float[Tensor, "3 3"]) -> float:
    """The lowest place of the body's surface (metres, along the world's up) in a sample of frames."""
    total = len(body.transl)
    frames = torch.linspace(0, total - 1, min(total, _FLOOR_FRAMES)).round().long()
    lows = [
        model(body[at]).vertices.double() @ world[1]
        for at in (frames[i : i + 16] for i in range(0, len(frames), 16))
    ]
    return min(float(low.min()) for low in lows)


def _continuous(quats: Float[Tensor, "frames joints 4"]) -> Float[Tensor, "frames joints 4"]:
    """Of q and -q the one nearer to the frame before: viewers interpolate along the shorter arc."""
    near = (quats[1:] * quats[:-1]).sum(-1, keepdim=True)
    signs = torch.where(near < 0, -1.0, 1.0).cumprod(0)
    return torch.cat([quats[:1], quats[1:] * signs])
