"""Where the joints and landmarks of a body are, and how they move with pose and shape.

Points are all joints of the skeleton followed by all landmarks. The unknowns of one pose are, in this
order: a small rotation for each joint, applied on the right of its local rotation
(R_k <- R_k exp(delta_k)), and the translation; the betas follow.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.body import Articulation
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import skew

__all__ = [
    "BodyPoints",
    "PointTable",
    "joint_trails",
    "place_points",
    "point_jacobian",
    "point_table",
    "rest_places",
]


@dataclass(frozen=True, slots=True, eq=False)  # as Articulation
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
    # Kept for later calls, which may want gradients: never as inference tensors.
    with torch.inference_mode(False):
        return _point_table(articulation, dtype or articulation.joints_template.dtype)


@lru_cache(maxsize=16)
def _point_table(articulation: Articulation, dtype: torch.dtype) -> PointTable:
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
    betas: Float[Tensor, "*people betas"],
) -> BodyPoints:
    """Forward kinematics of all points (metres), one shape for all frames or one for each."""
    joints = len(table.parents)
    offsets = table.template + torch.einsum("pcb,...b->...pc", table.shapedirs, betas)
    offsets = offsets.expand(len(rotmats), -1, -1)
    world, places = forward_kinematics(rotmats, offsets[:, :joints], table.parents)
    on = table.carrier[joints:]
    landmarks = places[:, on] + (world[:, on] @ offsets[:, joints:, :, None])[..., 0]
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
    joints = world.shape[1]
    along = joint_trails(table, world)
    on = table.carrier[joints:]
    of_landmarks = along[:, on] + world[:, on] @ table.shapedirs[joints:]
    return torch.cat([along, of_landmarks], 1)[:, used]


def joint_trails(
    table: PointTable, world: Float[Tensor, "frames joints 3 3"]
) -> Float[Tensor, "frames joints 3 betas"]:
    """How each joint moves with the betas: offsets along the chain, each turned by its carrier."""
    trails: list[Tensor] = []
    for joint, parent in enumerate(table.parents):
        if parent < 0:
            trails.append(table.shapedirs[joint].expand(len(world), -1, -1))
        else:
            trails.append(trails[parent] + world[:, parent] @ table.shapedirs[joint])
    return torch.stack(trails, 1)


def rest_places(
    table: PointTable,
) -> tuple[Float[Tensor, "points 3"], Float[Tensor, "points 3 betas"]]:
    """Rest places from the origin, and how they move with the betas."""
    with torch.inference_mode(False):  # kept for later calls, as the table is
        return _rest_places(table)


@lru_cache(maxsize=16)
def _rest_places(
    table: PointTable,
) -> tuple[Float[Tensor, "points 3"], Float[Tensor, "points 3 betas"]]:
    template: list[Tensor] = []
    dirs: list[Tensor] = []
    for point, carrier in enumerate(table.carrier.tolist()):
        up = (template[carrier], dirs[carrier]) if carrier >= 0 else (0, 0)
        template.append(table.template[point] + up[0])
        dirs.append(table.shapedirs[point] + up[1])
    return torch.stack(template), torch.stack(dirs)
