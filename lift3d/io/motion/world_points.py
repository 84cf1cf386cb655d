"""Joints of a clip in its y-up world: what tables and files of points hold."""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.clip import Clip, Person
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.geometry.rigid import inverse_rigid, rigid_from, transform_points

__all__ = ["world_covariance", "world_from_camera", "world_joints"]


def world_from_camera(clip: Clip) -> Float[Tensor, "*frames 4 4"]:
    """The rigid transform from the camera to a y-up world, per frame where the camera moves.

    Where nobody knows how the camera stands it is level, and the world's origin is the camera.
    """
    place = clip.camera.cam_from_world.double()
    if torch.equal(place, torch.eye(4, dtype=place.dtype).expand_as(place)):
        unknown = rigid_from(WORLD_FROM_CAMERA, torch.zeros(3, dtype=place.dtype))
        return unknown.expand_as(place)
    return inverse_rigid(place)


def world_joints(clip: Clip, person: Person) -> Float[Tensor, "frames joints 3"]:
    """A person's joints in metres, y up, in double precision."""
    joints = person.joints.pose.require_frame("camera").joints
    return transform_points(world_from_camera(clip), joints.double())


def world_covariance(clip: Clip, person: Person) -> Float[Tensor, "frames joints 3 3"]:
    """The joints' covariances in square metres, in the axes of the same world."""
    turn = world_from_camera(clip)[..., None, :3, :3]
    return turn @ person.joints.pose.covariance.double() @ turn.mT
