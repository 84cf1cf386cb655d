"""A first guess of a pose from joints: the trunk by Procrustes, the limbs bone by bone.

Elbows and knees are hinges, so a bent limb tells how the upper bone is turned about itself: the
hinge's axis is across the plane of the two bones. A straight limb takes the smallest turn.
"""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.fitting.points import PointTable
from lift3d.geometry.alignment import procrustes
from lift3d.geometry.rotations import rotmat_between

__all__ = ["initial_pose"]

_TRUNK: Final = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
# Joint, hinge, end of a limb, and the axis in the rest frame about which the hinge flexes.
_LIMBS: Final = (
    ("left_hip", "left_knee", "left_ankle", (1.0, 0.0, 0.0)),
    ("right_hip", "right_knee", "right_ankle", (1.0, 0.0, 0.0)),
    ("left_shoulder", "left_elbow", "left_wrist", (0.0, -1.0, 0.0)),
    ("right_shoulder", "right_elbow", "right_wrist", (0.0, 1.0, 0.0)),
)
_BENT: Final = 0.2  # sine of the angle from which two bones span a plane worth trusting


def initial_pose(
    table: PointTable,
    rest: Float[Tensor, "points 3"],
    places: Float[Tensor, "frames points 3"],
    known: Bool[Tensor, "frames points"],
) -> tuple[Float[Tensor, "frames joints 3 3"], Float[Tensor, "frames 3"]]:
    """Local rotations and translation (metres) from the known places of the body's points.

    `rest` are the points in the rest pose. Where a limb is not known it keeps its rest pose; where
    the trunk is not known the body stands upright and looks at the camera.
    """
    frames, joints = len(places), len(table.parents)
    rotmats = torch.eye(3, dtype=places.dtype).repeat(frames, joints, 1, 1)
    rotmats[:, 0] = _trunk(table, rest, places, known)
    for limb in _LIMBS:
        if all(name in table.names for name in limb[:3]):
            _bend_limb(table, rest, places, known, rotmats, limb)
    centre = known[..., None].to(places.dtype)
    count = centre.sum(1).clamp(min=1)
    turned = rest - rest[0]
    turned = (rotmats[:, 0] @ turned.T).transpose(1, 2) + rest[0]
    transl = ((places - turned) * centre).sum(1) / count
    return rotmats, transl


def _trunk(table: PointTable, rest: Tensor, places: Tensor, known: Tensor) -> Tensor:
    upright = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=places.dtype))
    index = [table.names.index(name) for name in _TRUNK if name in table.names]
    if len(index) < 3:
        return upright
    weights = known[:, index].to(places.dtype)
    enough = weights.sum(1) >= 3
    target = torch.where(enough[:, None, None], places[:, index], rest[index])
    weights = torch.where(enough[:, None], weights, torch.ones_like(weights))
    source = rest[index].expand_as(target)
    _, rotmat, _ = procrustes(source, target, weights, scale=False)
    return torch.where(enough[:, None, None], rotmat, upright)


def _bend_limb(
    table: PointTable,
    rest: Tensor,
    places: Tensor,
    known: Tensor,
    rotmats: Tensor,
    limb: tuple[str, str, str, tuple[float, float, float]],
) -> None:
    """Fill in the rotations of a limb's two joints; the bones between it and the trunk stay at rest."""
    first, hinge, end = (table.names.index(name) for name in limb[:3])
    trunk_from_camera = rotmats[:, 0].transpose(1, 2)
    upper, lower = places[:, hinge] - places[:, first], places[:, end] - places[:, hinge]
    upper, lower = (_unit((trunk_from_camera @ bone[..., None])[..., 0]) for bone in (upper, lower))
    rest_upper, rest_lower = _unit(rest[hinge] - rest[first]), _unit(rest[end] - rest[hinge])
    axis = torch.tensor(limb[3], dtype=places.dtype)

    across = torch.linalg.cross(upper, lower)
    bent = torch.linalg.vector_norm(across, dim=-1) > _BENT
    swung = rotmat_between(rest_upper.expand_as(upper), upper)
    planar = _frame(upper, across) @ _frame(rest_upper, axis).transpose(-1, -2)
    turn = torch.where(bent[:, None, None], planar, swung)
    seen = known[:, [first, hinge]].all(1)
    eye = torch.eye(3, dtype=places.dtype)
    turn = torch.where(seen[:, None, None], turn, eye)

    local = (turn.transpose(1, 2) @ lower[..., None])[..., 0]
    flex = rotmat_between(rest_lower.expand_as(local), local)
    flexed = seen & known[:, end]
    rotmats[:, first] = turn
    rotmats[:, hinge] = torch.where(flexed[:, None, None], flex, eye)


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def _frame(along: Tensor, across: Tensor) -> Tensor:
    """An orthonormal frame: first axis `along`, second as near to `across` as it can be."""
    x = _unit(along)
    y = _unit(across - (across * x).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)
