"""Joints and landmarks of a body model, posed over time without its mesh."""

from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeleton import Skeleton

__all__ = ["body_points", "posed_motion", "rest_root", "turned_body"]


@cache
def body_points(skeleton: Skeleton, landmarks: tuple[str, ...], on: tuple[int, ...]) -> Skeleton:
    """A body's joints followed by its landmarks, each hung on the joint that carries it."""
    name = f"{skeleton.name}_and_landmarks" if landmarks else skeleton.name
    return Skeleton(name, (*skeleton.joints, *landmarks), (*skeleton.parents, *on))


def _betas(articulation: Articulation, betas: Tensor) -> Float[Tensor, " betas"]:
    """As many betas as the body has: others are left out, missing ones are 0."""
    out = torch.zeros(articulation.joints_shapedirs.shape[-1], dtype=betas.dtype)
    given = betas.reshape(-1)[: len(out)]
    out[: len(given)] = given
    return out


def rest_root(articulation: Articulation, betas: Float[Tensor, " betas"]) -> Float[Tensor, "3"]:
    """The root joint of the body at rest, in metres."""
    dirs = articulation.joints_shapedirs[0].to(betas.dtype)
    return articulation.joints_template[0].to(betas.dtype) + dirs @ _betas(articulation, betas)


def posed_motion(
    articulation: Articulation,
    params: BodyParams,
    fps: float,
    observed: Bool[Tensor, " frames"],
) -> Motion[Pose3D]:
    """Body parameters of one person with shared betas as joints and landmarks in the world frame.

    Frames that are not observed are NaN.
    """
    table = point_table(articulation, params.body_pose.dtype)
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    places = place_points(table, rotmats, params.transl, _betas(articulation, params.betas)).places
    joints = torch.where(observed[:, None, None], places, torch.nan).float()
    layout = body_points(
        articulation.skeleton, articulation.landmarks, tuple(articulation.landmark_joints)
    )
    return Motion(Pose3D.certain(joints, layout, "world"), fps, 0, observed)


def turned_body(
    params: BodyParams, turn: Float[Tensor, "3 3"], root: Float[Tensor, "*#batch 3"]
) -> BodyParams:
    """The body in a world turned by a rotation; `root` is its root joint at rest.

    A body turns about its root joint, which lies at `root + transl`: so the root goes to
    `turn @ (root + transl)`, exactly.
    """
    orient = axis_angle_from_rotmat(turn @ rotmat_from_axis_angle(params.global_orient))
    transl = (root + params.transl) @ turn.T - root
    return BodyParams(params.betas, params.body_pose, orient, transl, params.expression)
