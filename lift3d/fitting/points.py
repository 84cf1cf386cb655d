"""Where the joints and landmarks of a body are, and how they move with pose and shape.

Points are all joints of the skeleton followed by all landmarks. The unknowns of one pose are, in this
order: a small rotation for each joint, applied on the right of its local rotation
(R_k <- R_k exp(delta_k)), and the translation; the betas follow.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.body import Articulation
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import skew

__all__ = ["BodyPoints", "PointTable", "place_points", "point_jacobian", "point_table"]


@dataclass(frozen=True, slots=True)
class PointTable:
    """Constants of a body model for the functions below; N points = joints + landmarks."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    carrier: Int[Tensor, " points"]
    """The joint in whose frame the point is at rest: a joint's parent, a landmark's own joint."""
    turned_by: Bool[Tensor, "points joints"]
    """Whether turning a joint moves the point."""
    template: Float[Tensor, "points 3"]
    """Rest place relative to the carrier's rest place (the root's: to the origin)."""
    shapedirs: Float[Tensor, "points 3 betas"]


@dataclass(frozen=True, slots=True)
class BodyPoints:
    """Placed points with what their Jacobian needs."""

    places: Float[Tensor, "frames points 3"]
    world: Float[Tensor, "frames joints 3 3"]


def point_table(articulation: Articulation, dtype: torch.dtype | None = None) -> PointTable:
    """Gather the constants once per body model, in the articulation's dtype or the one given."""
    parents = articulation.skeleton.parents
    joints = len(parents)
    rest = torch.cat([articulation.joints_template, articulation.landmarks_template]).to(dtype)
    dirs = torch.cat([articulation.joints_shapedirs, articulation.landmarks_shapedirs]).to(dtype)
    carrier = torch.tensor([*parents, *articulation.landmark_joints])
    above = torch.zeros(joints, joints, dtype=torch.bool)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            above[joint] = above[parent]
            above[joint, parent] = True
    landmark = torch.tensor(articulation.landmark_joints, dtype=torch.long)
    own = torch.nn.functional.one_hot(landmark, joints).bool()
    hung = (carrier >= 0)[:, None]
    return PointTable(
        (*articulation.skeleton.joints, *articulation.landmarks),
        parents,
        carrier,
        torch.cat([above, above[landmark] | own]),
        rest - torch.where(hung, rest[carrier], 0),
        dirs - torch.where(hung[..., None], dirs[carrier], 0),
    )


def place_points(
    table: PointTable,
    rotmats: Float[Tensor, "frames joints 3 3"],
    transl: Float[Tensor, "frames 3"],
    betas: Float[Tensor, " betas"],
) -> BodyPoints:
    """Forward kinematics of all points (metres)."""
    joints = len(table.parents)
    offsets = table.template + table.shapedirs @ betas
    world, places = forward_kinematics(
        rotmats, offsets[:joints].expand(len(rotmats), -1, -1), table.parents
    )
    on = table.carrier[joints:]
    landmarks = places[:, on] + (world[:, on] @ offsets[joints:, :, None])[..., 0]
    return BodyPoints(torch.cat([places, landmarks], 1) + transl[:, None], world)


def point_jacobian(
    table: PointTable, points: BodyPoints, used: Int[Tensor, " used"]
) -> tuple[Float[Tensor, "frames used 3 unknowns"], Float[Tensor, "frames used 3 betas"]]:
    """Derivatives of places by pose unknowns (3 per joint, then 3 of translation) and by betas.

    A point x below joint k moves by (G_k delta) x (x - p_k) = -[x - p_k] G_k delta.
    """
    places, world = points.places, points.world
    frames, joints = world.shape[:2]
    arm = places[:, used, None] - places[:, None, :joints]
    turn = -skew(arm) @ world[:, None]
    turn = turn * table.turned_by[used][None, :, :, None, None]
    turn = turn.transpose(2, 3).reshape(frames, len(used), 3, 3 * joints)
    eye = torch.eye(3, dtype=places.dtype).expand(frames, len(used), 3, 3)
    return torch.cat([turn, eye], -1), _shape_jacobian(table, world, used)


def _shape_jacobian(table: PointTable, world: Tensor, used: Tensor) -> Tensor:
    """Offsets along the chain from the root, each turned by its carrier."""
    joints = world.shape[1]
    turned = world[:, table.carrier.clamp(min=0)] @ table.shapedirs
    turned[:, 0] = table.shapedirs[0]
    of_joints = [turned[:, 0]]
    for joint in range(1, joints):
        of_joints.append(of_joints[table.parents[joint]] + turned[:, joint])
    along = torch.stack(of_joints, 1)
    of_landmarks = along[:, table.carrier[joints:]] + turned[:, joints:]
    return torch.cat([along, of_landmarks], 1)[:, used]
