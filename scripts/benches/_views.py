"""Captured people before random cameras that stand still, as a detector would see them."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from benches._harness import few
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.plugins import datasets
from lift3d.pose import Pose2D
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23

__all__ = ["SIZE", "Shot", "captured", "mocap_root", "seen_by_one", "shots", "through"]

SIZE = (1000, 1000)
DETECTED = [not name.endswith(("pelvis", "spine", "thorax", "head")) for name in LIFT_23.joints]
FRAMES = (60, 150)
EDGE = 490.0  # pixels from the middle that everybody stays within
JITTER, FAR, OFTEN, MISSING = 0.010, 6.0, 0.02, 0.04
"""Metres at the person; how much further outliers lie, and their share; share of missing keypoints."""


@dataclass
class Shot:
    """A clip in the frame of its camera (metres), what is detected of it, and the camera."""

    name: str
    action: str
    true: Tensor
    keypoints: Motion[Pose2D]
    camera: Camera


def mocap_root() -> Path:
    where = os.environ.get("LIFT3D_TEST_DATA")
    if where is None:
        raise SystemExit("motion capture is absent: set LIFT3D_TEST_DATA")
    return Path(where) / "mocap"


def captured(split: str, share: float, generator: Generator) -> list[tuple[MotionClip, Tensor]]:
    """Clips with 60 captured frames in a row, a random 150 of them at most; y up."""
    share = few(share, share / 20)
    kept: list[tuple[MotionClip, Tensor]] = []
    for clip in datasets["mocap_h5"](mocap_root()).clips(split):
        if (
            not getattr(clip, "measured", True)
            or float(torch.rand((), generator=generator)) >= share
        ):
            continue
        joints = longest_run(clip)
        if len(joints) >= FRAMES[0]:
            spare = max(1, len(joints) - FRAMES[1])
            first = int(torch.randint(0, spare, (), generator=generator))
            kept.append((clip, joints[first : first + FRAMES[1]]))
    return kept


def shots(split: str, generator: Generator, share: float = 1.0) -> list[Shot]:
    """Each clip through one camera of 35 to 90 degrees that sees all of it, with a detector's noise."""
    found = [
        seen_by_one(clip, joints, generator) for clip, joints in captured(split, share, generator)
    ]
    return [shot for shot in found if shot is not None]


def longest_run(clip: MotionClip) -> Tensor:
    joints = clip.motion.pose.to(LIFT_23).joints.double()
    frames = torch.nonzero(clip.motion.observed & joints[:, 0].isfinite().all(-1))[:, 0]
    breaks = torch.nonzero(frames.diff() > 1)[:, 0] + 1
    return joints[max(torch.tensor_split(frames, breaks.tolist()), key=len)]


def seen_by_one(clip: MotionClip, joints: Tensor, generator: Generator) -> Shot | None:
    def between(low: float, high: float) -> float:
        return float(torch.rand((), generator=generator)) * (high - low) + low

    focal = SIZE[0] / 2 / math.tan(math.radians(between(35, 90)) / 2)
    yaw, pitch = between(-math.pi, math.pi), between(-0.4, 0.12)
    roll = float(torch.randn((), generator=generator)) * 0.03
    angles = [[0, 0, roll], [pitch + math.pi, 0, 0], [0, yaw, 0]]
    about_z, about_x, about_y = rotmat_from_axis_angle(torch.tensor(angles).double())
    turn = about_z @ about_x @ about_y
    middle = (joints[:, 0].amin(0) + joints[:, 0].amax(0)) / 2
    aside = torch.tensor([between(-150, 150) / focal, between(-120, 120) / focal, 1.0]).double()
    depth = focal * 1.7 / (between(0.35, 0.9) * SIZE[0])
    for _ in range(100):
        points = (joints - middle) @ turn.T + aside * depth
        if in_picture(points, focal):
            break
        depth *= 1.05
    else:
        return None
    camera = Camera.from_intrinsics(SIZE, focal)
    placed = rigid_from(turn, aside * depth - turn @ middle).float()
    camera = Camera(camera.intrinsics, placed, camera.distortion, SIZE)
    return through(camera, points, (clip.name, clip.action, clip.motion.fps), generator)


def in_picture(points: Tensor, focal: float) -> bool:
    known = points[points.isfinite().all(-1)]
    pixels = focal * known[:, :2] / known[:, 2:]
    return bool(known[:, 2].min() > 0.6) and bool(pixels.abs().max() < EDGE)


def through(
    camera: Camera, points: Tensor, what: tuple[str, str, float], generator: Generator
) -> Shot:
    """Points in the camera's frame, in its picture, with noise as large as a detector's.

    `what` is the clip's name, its action and its frames per second.
    """
    name, action, fps = what
    focal = float(camera.intrinsics[0, 0])
    pixels = points[..., :2] / points[..., 2:] * focal + camera.intrinsics[:2, 2].double()
    far = torch.rand(*pixels.shape[:2], 1, generator=generator) < OFTEN
    noise = torch.randn(pixels.shape, generator=generator).double()
    noise = noise * torch.where(far, FAR, 1.0) * JITTER * focal / points[:, :1, 2:]
    kept = torch.rand(pixels.shape[:2], generator=generator) >= MISSING
    seen = torch.tensor(DETECTED) & kept & points.isfinite().all(-1) & (points[..., 2] > 0.1)
    pose = Pose2D.from_detections(pixels + noise, seen.double(), LIFT_23, camera.image_size)
    motion = Motion(pose, fps, 0, seen.any(-1))
    return Shot(name, action, points, motion, camera)
