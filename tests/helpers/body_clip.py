"""Clips of bodies that move, made by hand: what writers of animation are given."""

import math

import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

POINT = Skeleton("point", ("a",), (-1,))


def swinging(
    frames: int = 12, *, aside: float = 0.0, seed: int = 0, rotations: int = 23
) -> BodyParams:
    """Somebody before the camera who moves all joints but the hands, and turns around once."""
    draw = torch.Generator().manual_seed(seed)
    share = torch.linspace(0, 1, frames)[:, None]
    pose = torch.randn(1, rotations, 3, generator=draw) * 0.5 * torch.sin(6 * share)[:, None]
    pose[:, 21:] = 0
    half = torch.tensor([math.pi, 0.0, 0.0])
    turn = 2 * math.pi * share
    # Half a turn about x, then a growing one about y: the axis lies half way round.
    orient = math.pi * torch.cat([(turn / 2).cos(), 0 * turn, -(turn / 2).sin()], 1)
    orient[0] = half
    transl = torch.tensor([aside, 0.1, 4.0]) + share * torch.tensor([0.5, 0.0, 1.0])
    return BodyParams(torch.randn(1, 10, generator=draw), pose, orient, transl)


def clip_of(*bodies: BodyParams | None, fps: float = 30.0, camera: Camera | None = None) -> Clip:
    """A clip of people with such bodies, or none; their joints say nothing."""
    frames = max(len(body.transl) for body in bodies if body is not None)
    seen = torch.ones(frames, dtype=torch.bool)
    people = tuple(
        Person(
            Motion(
                Pose2D(torch.zeros(frames, 1, 2), torch.ones(frames, 1), POINT, None), fps, i, seen
            ),
            Motion(Pose3D.certain(torch.zeros(frames, 1, 3), POINT, "camera"), fps, i, seen),
            body,
        )
        for i, body in enumerate(bodies)
    )
    view = camera if camera is not None else Camera.from_intrinsics((480, 640), focal=500.0)
    return Clip(people, view, fps, 0, "default")
