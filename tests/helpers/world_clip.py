"""Clips made by hand in the world's axes, for tests of what files hold."""

import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.geometry.rigid import rigid_from, transform_points
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25, LIFT_23
from lift3d_body_models import DefaultBody

# A camera a step to the side, looking back along -z and down a little.
_DOWN = rotmat_from_axis_angle(torch.tensor([0.2, 0.0, 0.0], dtype=torch.float64))
_TURN = _DOWN @ torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
CAM_FROM_WORLD = rigid_from(_TURN, torch.tensor([0.3, 1.1, 4.0], dtype=torch.float64))


def camera() -> Camera:
    still = Camera.default((480, 640), torch.float64)
    return Camera(still.intrinsics, CAM_FROM_WORLD, still.distortion, still.image_size)


def random_clip(people: int = 2, frames: int = 5, first_frame: int = 7) -> Clip:
    """People anywhere, in LIFT_23 and BODY_25, with some points and one whole frame missing."""
    made = tuple(_person(number, frames, first_frame) for number in range(people))
    return Clip(made, camera(), 29.97, first_frame, "")


def _person(number: int, frames: int, first_frame: int) -> Person:
    seen = torch.ones(frames, dtype=torch.bool)
    seen[2] = False
    xy = torch.rand(frames, 25, 2) * torch.tensor([640.0, 480.0])
    level = torch.rand(frames, 25).clamp(min=0.1)
    level[0, 3] = 0
    level[2] = 0
    pose2d = Pose2D.from_detections(xy, level, BODY_25, (480, 640))
    joints = torch.randn(frames, 23, 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 4.0])
    joints[2] = torch.nan
    joints[3, 5] = torch.nan
    spread = torch.randn(frames, 23, 3, 3, dtype=torch.float64)
    pose3d = Pose3D(joints, spread @ spread.mT, LIFT_23, "camera")
    return Person(
        Motion(pose2d, 29.97, number, seen, first_frame),
        Motion(pose3d, 29.97, number, seen, first_frame),
        None,
    )


def posed_clip(turns: dict[str, Tensor], facing: Tensor | None = None, frames: int = 1) -> Clip:
    """The default body with some joints turned (axis-angle in the rest frame), seen by the camera.

    `facing` [3 3] turns the whole body in the world, in which it looks along z without it.
    """
    model = DefaultBody()
    pose = torch.zeros(24, 3, dtype=torch.float64)
    for joint, turn in turns.items():
        pose[model.skeleton.index(joint)] = turn
    world = rotmat_from_axis_angle(pose[0])
    root = facing.double() @ world if facing is not None else world
    pose[0] = axis_angle_from_rotmat(CAM_FROM_WORLD[:3, :3] @ root)
    rest = model.articulation.joints_template[0].double()
    place = transform_points(CAM_FROM_WORLD, torch.tensor([[0.5, 0.9, -0.4]]).double())[0]
    body = BodyParams(
        torch.zeros(1, 10),
        pose[1:].float().repeat(frames, 1, 1),
        pose[0].float().repeat(frames, 1),
        (place - rest).float().repeat(frames, 1),
    )
    joints = model.joints(body)
    pose3d = Pose3D.certain(joints, model.skeleton, "camera")
    unseen = Pose2D.from_detections(
        torch.zeros(frames, 25, 2), torch.zeros(frames, 25), BODY_25, (480, 640)
    )
    seen = torch.ones(frames, dtype=torch.bool)
    person = Person(Motion(unseen, 30.0, 0, ~seen), Motion(pose3d, 30.0, 0, seen), body)
    return Clip((person,), camera(), 30.0, 0, "default")
