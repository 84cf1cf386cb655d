"""A first guess of a pose from joints: the trunk by Procrustes, the limbs bone by bone.

Elbows and knees are hinges, so a bent limb tells how the upper bone is turned about itself: the
hinge's axis is across the plane of the two bones. A straight limb takes the smallest turn, and so does
one that noise has bent a little backwards: believing its plane would turn the upper bone half round.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
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
_SURE: Final = 0.8  # cosine of the angle from which the plane is trusted whatever it says
_AROUND: Final = -0.3  # cosine of a turn about the upper bone that no slightly bent limb shows


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
    rotmats = torch.eye(3).to(places).repeat(frames, joints, 1, 1)
    rotmats[:, 0] = _trunk(table, rest, places, known)
    limbs = _limbs(table.names)
    if limbs:
        chains = torch.tensor([limb.chain for limb in limbs], device=places.device)
        first, hinge = _bend_limbs(limbs, chains, rest, places, known, rotmats[:, 0])
        turning = torch.where(chains < joints, chains, table.carrier.to(chains.device)[chains])
        rotmats[:, turning[:, 0]], rotmats[:, turning[:, 1]] = first, hinge
    centre = known[..., None].to(places.dtype)
    count = centre.sum(1).clamp(min=1)
    turned = rest - rest[0]
    turned = (rotmats[:, 0] @ turned.T).transpose(1, 2) + rest[0]
    transl = ((places - turned) * centre).sum(1) / count
    return rotmats, transl


class _Limb(NamedTuple):
    chain: tuple[int, int, int]
    axis: tuple[float, float, float]


@lru_cache(maxsize=16)
def _limbs(names: tuple[str, ...]) -> tuple[_Limb, ...]:
    """The limbs that a body has."""
    return tuple(
        _Limb((names.index(first), names.index(hinge), names.index(end)), axis)
        for first, hinge, end, axis in _LIMBS
        if {first, hinge, end} <= set(names)
    )


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


def _bend_limbs(
    limbs: tuple[_Limb, ...],
    chains: Int[Tensor, "limbs 3"],
    rest: Tensor,
    places: Tensor,
    known: Tensor,
    trunk: Tensor,
) -> tuple[Float[Tensor, "frames limbs 3 3"], Float[Tensor, "frames limbs 3 3"]]:
    """Rotations of each limb's two joints; the bones between it and the trunk stay at rest."""
    at = places[:, chains]
    bones = _unit((at[:, :, 1:] - at[:, :, :-1]) @ trunk[:, None])
    upper, lower = bones.unbind(2)
    rest_bones = _unit(rest[chains[:, 1:]] - rest[chains[:, :-1]])
    rest_upper, rest_lower = (bone.expand_as(upper) for bone in rest_bones.unbind(1))
    axis = torch.tensor([limb.axis for limb in limbs]).to(places)

    across = torch.linalg.cross(upper, lower)
    swung = rotmat_between(rest_upper, upper)
    bent = torch.linalg.vector_norm(across, dim=-1) > _BENT
    forwards = (_unit(across) * (swung @ axis[..., None])[..., 0]).sum(-1) > _AROUND
    bent = bent & (forwards | ((upper * lower).sum(-1) < _SURE))
    planar = _frame(upper, across) @ _frame(rest_upper, axis).mT
    turn = torch.where(bent[..., None, None], planar, swung)
    seen = known[:, chains[:, :2]].all(2)
    eye = torch.eye(3).to(places)
    turn = torch.where(seen[..., None, None], turn, eye)

    flex = rotmat_between(rest_lower, (turn.mT @ lower[..., None])[..., 0])
    flexed = seen & known[:, chains[:, 2]]
    return turn, torch.where(flexed[..., None, None], flex, eye)


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def _frame(along: Tensor, across: Tensor) -> Tensor:
    """An orthonormal frame: first axis `along`, second as near to `across` as it can be."""
    x = _unit(along)
    y = _unit(across - (across * x).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)
