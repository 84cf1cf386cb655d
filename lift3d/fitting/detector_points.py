"""Hips and shoulders where annotators click: on the skin, beside the joints of a body model.

A person who marks a picture does not see joints. A hip is marked towards the outer side of the thigh,
a shoulder towards the top of the deltoid. Both places are looked up on the body's rest surface and
added to its landmarks, `left_hip_skin` and so on; what a detector gives lies somewhere between the
joint and them.
"""

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.protocols import BodyModel

__all__ = ["SKIN_POINTS", "with_skin_points"]

SKIN_POINTS: Final = {
    f"{side}_{joint}": f"{side}_{joint}_skin"
    for side in ("left", "right")
    for joint in ("hip", "shoulder")
}
"""The landmark on the skin for each joint that has one."""

_NEAR: Final = (
    0.025  # metres around the joint's height (hips), or around its upright axis (shoulders)
)
_VERTICES: Final = 8
_CARRIER: Final = {"hip": "pelvis", "shoulder": "collar"}


def with_skin_points(body: BodyModel) -> Articulation:
    """The body's articulation with a landmark on the skin for each hip and shoulder."""
    points = body.articulation
    rest, dirs = _rest_surface(body)
    places: list[Tensor] = []
    moves: list[Tensor] = []
    carriers: list[int] = []
    for joint in SKIN_POINTS:
        side, kind = joint.split("_")
        at = points.joints_template[points.skeleton.index(joint)]
        chosen = _outermost(rest, at, 0 if kind == "hip" else 1, 1.0 if side == "left" else -1.0)
        places.append(rest[chosen].mean(0))
        moves.append(dirs[chosen].mean(0))
        carrier = _CARRIER[kind] if kind == "hip" else f"{side}_{_CARRIER[kind]}"
        carriers.append(points.skeleton.index(carrier))
    return replace(
        points,
        landmarks=(*points.landmarks, *SKIN_POINTS.values()),
        landmark_joints=(*points.landmark_joints, *carriers),
        landmarks_template=torch.cat([points.landmarks_template, torch.stack(places)]),
        landmarks_shapedirs=torch.cat([points.landmarks_shapedirs, torch.stack(moves)]),
    )


def _rest_surface(body: BodyModel) -> tuple[Tensor, Tensor]:
    """Vertices of the rest pose [V, 3], and by how much each beta moves them [V, 3, betas]."""
    betas = torch.cat(
        [torch.zeros(1, body.articulation.joints_shapedirs.shape[-1]),
         torch.eye(body.articulation.joints_shapedirs.shape[-1])]
    )  # fmt: skip
    still = torch.zeros(len(betas), len(body.skeleton), 3)
    vertices = body(BodyParams(betas, still[:, 1:], still[:, 0], still[:, 0])).vertices
    return vertices[0], (vertices[1:] - vertices[0]).permute(1, 2, 0)


def _outermost(rest: Tensor, at: Tensor, axis: int, side: float) -> Tensor:
    """The vertices beside a joint that lie furthest out: sideways of a hip, above a shoulder."""
    away = rest - at
    across = away[:, 1:] if axis == 0 else away[:, [0, 2]]
    beside = torch.linalg.vector_norm(across, dim=1) < _NEAR
    beside &= rest[:, 0] * side > 0
    out = away[:, 0] * side if axis == 0 else away[:, 1]
    return torch.where(beside, out, -torch.inf).topk(_VERTICES).indices
