"""A flat dataset whose errors can be worked out by hand, and lifters that err by known amounts.

Everybody stands in a plane 5 m from a level camera, so that a lifter which puts every keypoint at
that depth is exact.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView
from lift3d.geometry.rigid import rigid_from
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17

WRIST = H36M_17.index("left_wrist")


@dataclass
class FlatLifter:
    """Puts keypoints at 5 m; `spoil` may change the joints. Remembers what it was shown."""

    spoil: Callable[[torch.Tensor], torch.Tensor] = lambda joints: joints
    skeleton: Skeleton = H36M_17
    shown: list[tuple[Motion[Pose2D], Camera]] = field(default_factory=list)

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        self.shown.append((keypoints, camera))
        pixels = keypoints.pose.to(self.skeleton).keypoints
        rays = camera.rays(pixels.nan_to_num().float())
        joints = rays / rays[..., 2:] * 5
        joints = self.spoil(torch.where(pixels.isfinite().all(-1)[..., None], joints, torch.nan))
        pose = Pose3D.certain(joints, self.skeleton, "camera")
        return Motion(pose, keypoints.fps, keypoints.person, keypoints.observed)


def level_camera() -> Camera:
    """5 m in front of the world's origin."""
    flat = Camera.from_intrinsics((1000, 1000), 1100.0)
    turn = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    placed = rigid_from(turn, torch.tensor([0.0, 0.0, 5.0]))
    return Camera(flat.intrinsics, placed, flat.distortion, flat.image_size)


def flat_clip(
    name: str,
    person: str,
    frames: int,
    place: float,
    *,
    gap: int | None = None,
    sources: tuple[str, ...] = ("projected",),
) -> Capture:
    """A person who stands still at x = `place`; frame `gap` was not captured."""
    generator = torch.Generator().manual_seed(len(name))
    joints = torch.randn(17, 3, generator=generator).repeat(frames, 1, 1) * 0.3
    joints[..., 2] = 0
    joints[:, 0] = 0
    joints[..., 0] += place
    camera = level_camera()
    pixels = camera.project(joints)
    observed = torch.ones(frames, dtype=torch.bool)
    if gap is not None:
        observed[gap] = False
        joints[gap] = torch.nan
    seen = torch.ones(frames, 17)
    pose = Pose2D.from_detections(pixels, seen, H36M_17, camera.image_size)
    keypoints = Motion(pose, 50.0, 0, torch.ones(frames, dtype=torch.bool))
    motion = Motion(Pose3D.certain(joints, H36M_17, "world"), 50.0, 0, observed)
    views = tuple(CapturedView(f"front {s}", camera, keypoints, s) for s in sources)
    return Capture(name, person, name, motion, views)


@dataclass
class FlatData:
    """By default three frames of "walk" by s1 in the middle, and one frame of "sit" by s2 at x = 1."""

    made: tuple[Capture, ...] = ()
    splits: tuple[str, ...] = ("train", "test")

    def clips(self, split: str) -> Iterator[Capture]:
        if split == "test":
            yield from self.made or (
                flat_clip("walk", "s1", 4, 0.0, gap=2),
                flat_clip("sit", "s2", 1, 1.0),
            )


def wrist_off(joints: torch.Tensor) -> torch.Tensor:
    """The left wrist 17 mm too deep where the person stands in the middle, else 170 mm."""
    off = torch.where(joints[:, 0, 0] > 0.5, 0.17, 0.017)
    out = joints.clone()
    out[:, WRIST, 2] += off
    return out


@pytest.fixture(scope="session")
def flat() -> Any:
    """This module: `flat.FlatData()`, `flat.FlatLifter(flat.wrist_off)`, ..."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def capsules() -> Any:
    """The module with the stand-in body."""
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("capsule_body")
