"""Which way is up, from people who keep their balance."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import lift3d
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.lifting.upright import upright_world
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.samples import balancing
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17
from tests.helpers.toml import tomllib

# Somebody standing with their arms down, y up, metres; the left side, which the right mirrors.
_LEFT = {
    "eye": (0.03, 1.66, 0.09),
    "ear": (0.07, 1.64, 0.0),
    "shoulder": (0.18, 1.43, 0.0),
    "elbow": (0.22, 1.13, 0.0),
    "wrist": (0.22, 0.88, 0.05),
    "hip": (0.10, 0.92, 0.0),
    "knee": (0.10, 0.50, 0.0),
    "ankle": (0.10, 0.09, 0.0),
}


def standing() -> torch.Tensor:
    places = []
    for name in COCO_17.joints:
        side, _, part = name.partition("_")
        x, y, z = _LEFT.get(part, (0.0, 1.63, 0.11))
        places.append((-x if side == "right" else x, y, z))
    return torch.tensor(places, dtype=torch.float64)


def seen_by(tilt: torch.Tensor, body: torch.Tensor) -> Motion[Pose3D]:
    """The body four metres before a camera that was level and then turned by `tilt` (radians)."""
    level = body @ WORLD_FROM_CAMERA.T + torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64)
    camera = level @ rotmat_from_axis_angle(tilt).T
    pose = Pose3D.certain(camera.expand(10, 17, 3), COCO_17, "camera")
    return Motion(pose, 30.0, 0, torch.ones(10, dtype=torch.bool))


@pytest.mark.parametrize("tilt", [(0.0, 0.0, 0.0), (0.4, 0.0, 0.0), (-0.3, 0.0, 0.5)])
def test_people_who_stand_show_a_cameras_tilt(tilt: tuple[float, float, float]) -> None:
    turn = torch.tensor(tilt, dtype=torch.float64)
    world = upright_world([seen_by(turn, standing())])
    up = world @ rotmat_from_axis_angle(turn) @ torch.tensor([0.0, -1.0, 0.0]).double()
    assert up[1] > 0.998  # within four degrees: hips and shoulders lie not quite above the ankles


def test_somebody_who_lies_does_not_tilt_the_camera() -> None:
    lying = standing() @ rotmat_from_axis_angle(torch.tensor([0.0, 0.0, 1.57]).double()).T
    world = upright_world([seen_by(torch.zeros(3, dtype=torch.float64), lying)])
    torch.testing.assert_close(world, WORLD_FROM_CAMERA)


def test_a_skeleton_without_legs_is_taken_as_level() -> None:
    bust = Skeleton("bust", ("neck", "head"), (-1, 0))
    joints = torch.tensor([[[0.0, 0.2, 3.0], [0.0, 0.0, 3.0]]], dtype=torch.float64)
    motion = Motion(Pose3D.certain(joints, bust, "camera"), 30.0, 0, torch.ones(1).bool())
    torch.testing.assert_close(upright_world([motion]), WORLD_FROM_CAMERA)


def test_nobody_is_taken_as_level() -> None:
    torch.testing.assert_close(upright_world([]), WORLD_FROM_CAMERA)


def test_the_vertical_of_captured_motion(shared: Path) -> None:
    # Walks, squats, jumps and get-ups; clips are y up, so a level camera should come out.
    angles = []
    for clip in lift3d.datasets["mocap_h5"](shared / "mocap").clips("val"):
        pose = clip.motion.pose
        seen = Pose3D.certain(pose.joints.double() @ WORLD_FROM_CAMERA, pose.skeleton, "camera")
        motion = Motion(seen, clip.motion.fps, 0, clip.motion.observed)
        up = upright_world([motion]) @ torch.tensor([0.0, -1.0, 0.0]).double()
        angles.append(torch.arccos(up[1].clamp(-1, 1)).rad2deg())
    found = torch.stack(angles)
    assert found.median() < 5
    assert found.quantile(0.9) < 20


@pytest.mark.parametrize("camera", [1, 2, 3, 4])
def test_the_vertical_of_a_calibrated_camera(camera: int, shared: Path) -> None:
    # The calibration's world is z up; its third column is the vertical in the camera's axes.
    root = shared / "keypoints" / "pose2sim"
    calibration = tomllib.loads((root / "Calib_qualisys.toml").read_text())[f"cam_0{camera}"]
    rotation, _ = cv2.Rodrigues(np.array(calibration["rotation"]))
    (focal, _, x), (_, _, y), _ = calibration["matrix"]
    clip = lift3d.lift(
        root / "static" / f"cam0{camera}_json",
        fps=60.0,
        camera=lift3d.Camera.from_intrinsics((1920, 1088), focal, (x, y)),
        options=lift3d.LiftOptions(body_model="", max_people=1),
    )
    up = clip.world_from_camera[1]
    angle = torch.arccos((up @ torch.tensor(rotation[:, 2])).clamp(-1, 1))
    assert angle < torch.deg2rad(torch.tensor(10.0))  # 2 to 7 degrees when this was written


def test_a_known_tilt_is_kept() -> None:
    camera = lift3d.Camera.default((1920, 1080))
    tilt = torch.eye(4)
    tilt[:3, :3] = rotmat_from_axis_angle(torch.tensor([torch.pi - 0.2, 0.0, 0.0]))
    with balancing() as path:
        clip = lift3d.lift(
            path,
            camera=replace(camera, cam_from_world=tilt),
            options=lift3d.LiftOptions(body_model=""),
        )
    turn = clip.world_from_camera.float() @ tilt[:3, :3]
    assert rotation_angle(turn) < 1e-3
