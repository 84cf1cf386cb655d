"""People made of the default body, before cameras that see their points exactly."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.fitting.points import PointTable, place_points, point_table
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.lifting.vocabulary import HIPS, VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, SMPL_24

SIZE = (1000, 800)
CAMERA = Camera.from_intrinsics(SIZE, 1000.0)
DEPTH = 4.0

# Radians about x, y, z of the left side; the right one mirrors y and z. Arms at rest make a T.
POSES = {
    "standing": {"shoulder": (0, 0, -1.2), "elbow": (0, -0.3, 0)},
    "arms out": {},
    "arms up": {"shoulder": (0, 0, 0.9), "elbow": (0, -0.2, 0), "collar": (0, 0, 0.3)},
    "sitting": {
        "hip": (-1.4, 0, 0.1), "knee": (1.4, 0, 0), "shoulder": (-0.4, 0, -1.1),
        "elbow": (0, -0.9, 0),
    },
}  # fmt: skip


def pose_named(name: str) -> Tensor:
    """Local axis-angles [24, 3] of the joints, upright in a y-up world."""
    turns = torch.zeros(24, 3)
    for joint, (x, y, z) in POSES[name].items():
        turns[SMPL_24.index(f"left_{joint}")] = torch.tensor([x, y, z])
        turns[SMPL_24.index(f"right_{joint}")] = torch.tensor([x, -y, -z])
    return turns


def before_camera(turns: Tensor, yaw: float = 0.0, betas: Tensor | None = None) -> BodyParams:
    """Bodies that stand upright 4 m before the camera, turned to their left by `yaw` radians."""
    frames = len(turns)
    upright = rotmat_from_axis_angle(torch.tensor([math.pi, 0.0, 0.0]))
    about = rotmat_from_axis_angle(torch.tensor([0.0, yaw, 0.0]))
    orient = axis_angle_from_rotmat(upright @ about @ rotmat_from_axis_angle(turns[:, 0]))
    betas = torch.zeros(10) if betas is None else betas
    return BodyParams(betas[None], turns[:, 1:], orient, torch.tensor([[0.2, 0.1, DEPTH]] * frames))


def swaying(name: str, frames: int = 4, yaw: float = 0.0, seed: int = 1) -> BodyParams:
    """Somebody of a likely shape who hardly moves."""
    draw = torch.Generator().manual_seed(seed)
    turns = pose_named(name).repeat(frames, 1, 1)
    turns[:, 1:] += torch.linspace(0, 0.1, frames)[:, None, None] * torch.tensor([0.3, 0.2, 0.1])
    return before_camera(turns, yaw, torch.randn(10, generator=draw) * 0.6)


def points_of(table: PointTable, params: BodyParams) -> Tensor:
    """All joints and landmarks [frames, points, 3] of a body."""
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    betas = params.betas.reshape(-1, params.betas.shape[-1])[0]
    return place_points(table, rotmats, params.transl, betas).places


def keypoints_of(
    articulation: Articulation,
    params: BodyParams,
    camera: Camera = CAMERA,
    layout: Skeleton = BODY_25,
    missing: Sequence[str] = (),
) -> Motion[Pose2D]:
    """Where a camera sees the points of a layout that the body has, exactly."""
    table = point_table(articulation, torch.float32)
    places = points_of(table, params)
    pixels = camera.project(places.double() if camera.intrinsics.dtype.itemsize == 8 else places)
    out = torch.full((len(places), len(layout), 2), torch.nan)
    for joint, name in enumerate(layout.joints):
        if name in table.names and name not in missing:
            out[:, joint] = pixels[:, table.names.index(name)].float()
    pose = Pose2D.from_detections(out, torch.ones(out.shape[:2]), layout, camera.image_size)
    return Motion(pose, 30.0, 3, pose.seen.any(-1), first_frame=7)


def walking(frames: int, seed: int = 1) -> BodyParams:
    """Somebody who walks on the spot, waves, and turns by a right angle."""
    phase = torch.arange(frames) * 0.2
    turns = pose_named("standing").repeat(frames, 1, 1)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        turns[:, SMPL_24.index(f"{side}_hip"), 0] = -0.2 + 0.4 * sign * phase.sin()
        turns[:, SMPL_24.index(f"{side}_knee"), 0] = 0.6 - 0.4 * sign * phase.cos()
        turns[:, SMPL_24.index(f"{side}_shoulder"), 0] = -0.4 * sign * phase.sin()
        turns[:, SMPL_24.index(f"{side}_elbow"), 1] = -sign * (0.8 + 0.4 * (0.3 * phase).sin())
    turns[:, 0, 1] = torch.linspace(-0.8, 0.8, frames)
    turns[:, SMPL_24.index("spine1"), 0] = 0.15 + 0.1 * (0.5 * phase).sin()
    draw = torch.Generator().manual_seed(seed)
    return before_camera(turns, 0.0, torch.randn(10, generator=draw) * 0.6)


def vocabulary_points(articulation: Articulation, params: BodyParams) -> Tensor:
    """The lifters' 40 points [frames, 40, 3] of a body; what it lacks lies between two of its own."""
    table = point_table(articulation, torch.float32)
    places = points_of(table, params)
    ends = [_BETWEEN.get(name, (name, name)) for name in VOCABULARY.joints]
    first, second = ([table.names.index(pair[i]) for pair in ends] for i in (0, 1))
    return (places[:, first] + places[:, second]) / 2


_BETWEEN = {
    "spine": ("pelvis", "neck"), "thorax": ("left_shoulder", "right_shoulder"),
    "upper_neck": ("neck", "head"), "neck_nose": ("neck", "nose"),
}  # fmt: skip


def lifted_of(joints: Tensor, std: float = 0.01) -> Motion[Pose3D]:
    """Points of the vocabulary as a lifter would give them."""
    covariance = (torch.eye(3) * std**2).expand(*joints.shape, 3).contiguous()
    pose = Pose3D(joints, covariance, VOCABULARY, "camera")
    return Motion(pose, 30.0, 3, torch.ones(len(joints), dtype=torch.bool), first_frame=7)


def root_relative(joints: Tensor) -> Tensor:
    """Joints of the vocabulary from the middle of the hips."""
    return joints - joints[:, list(HIPS)].mean(1, keepdim=True)
