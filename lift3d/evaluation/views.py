"""Windows of clips as a lifter is shown them: through random cameras, or as a dataset's own saw them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.capture import CapturedView
from lift3d.errors import InputError
from lift3d.evaluation.clips import Window, clips_of
from lift3d.evaluation.config import EvaluationConfig, JointSet
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import transform_points
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import LIFT_23

__all__ = [
    "FOCAL",
    "SIZE",
    "Shot",
    "captured_shots",
    "random_shot",
    "random_view",
    "root_relative",
]

SIZE: Final = (1000, 1000)
FOCAL: Final = 1145.0


@dataclass(frozen=True, slots=True)
class Shot:
    """A window in the frame of its camera.

    `true` (root-relative) and `known` are of the joint set's skeleton; `distance` is the root's depth
    in metres. `turn` rotates the world into the camera's axes, `path` is the root's way in the world.
    """

    clip: MotionClip
    view: str
    frames: Int[Tensor, " frames"]
    camera: Camera
    keypoints: Motion[Pose2D]
    distance: Float[Tensor, " frames"]
    true: Float[Tensor, "frames joints 3"]
    known: Bool[Tensor, "frames joints"]
    turn: Float[Tensor, "*moving 3 3"]
    path: Float[Tensor, "frames 3"]

    def grounded(
        self, relative: Float[Tensor, "frames joints 3"]
    ) -> Float[Tensor, "frames joints 3"]:
        """Root-relative joints in the camera's axes, put where the true person is in the world."""
        return relative @ self.turn + self.path[:, None]


def random_shot(window: Window, turn: Tensor, root: Tensor) -> Shot:
    """The camera keeps the person's root where it is, so that nobody walks out of the picture.

    All keypoints of `LIFT_23` that are known and not behind the camera have confidence 1.
    """
    camera = Camera.from_intrinsics(SIZE, FOCAL)
    points = (window.joints - window.joints[:, :1]) @ turn.mT + root
    pixels = pixels_from_points(points, camera.intrinsics)
    seen = window.joints.isfinite().all(-1) & (points[..., 2] > 0.1)
    pose = Pose2D.from_detections(pixels, seen.float(), LIFT_23, SIZE)
    true = (window.judged - window.judged[:, :1]) @ turn.mT
    front = (true + root)[..., 2] > 0.1
    return Shot(
        window.clip,
        "random",
        window.frames,
        camera,
        Motion(pose, window.clip.motion.fps, 0, seen.any(-1)),
        points[:, 0, 2],
        true,
        true.isfinite().all(-1) & front,
        turn,
        window.judged[:, 0],
    )


def random_view(generator: Generator) -> tuple[Tensor, Tensor]:
    """A rotation from the world to a camera, and where that camera has the person's root."""

    def between(low: float, high: float) -> float:
        return float(torch.rand((), generator=generator)) * (high - low) + low

    yaw, pitch = between(-math.pi, math.pi), between(-0.45, 0.2)
    roll = float(torch.randn((), generator=generator)) * 0.05
    distance = between(3.0, 7.0)
    x, y = between(-0.33, 0.33), between(-0.25, 0.25)
    turns = torch.tensor([[0, 0, roll], [pitch + math.pi, 0, 0], [0, yaw, 0]])
    about_z, about_x, about_y = rotmat_from_axis_angle(turns)
    return about_z @ about_x @ about_y, torch.tensor([x, y, 1.0]) * distance


def captured_shots(dataset: Dataset, config: EvaluationConfig) -> Iterator[tuple[Shot, str]]:
    """Every view of every clip with the maker of its keypoints; only their makers' that are asked for.

    Raises `InputError` where no clip has such views.
    """
    count, other = 0, set[str]()
    for clip in clips_of(dataset, config):
        views: tuple[CapturedView, ...] = getattr(clip, "views", ())
        for view in views:
            if config.source and view.source != config.source:
                other.add(view.source)
                continue
            if count % config.every == 0:
                yield _captured_shot(clip, view, config), view.source
            count += 1
    if count == 0:
        found = f"keypoints by {', '.join(sorted(other))} only" if other else "clips without views"
        raise InputError(
            f"expected clips with captured cameras{_by(config.source)} in split '{config.split}', "
            f"got {found}: choose another source, or random cameras"
        )


def _by(source: str) -> str:
    return f" and keypoints by '{source}'" if source else ""


def _captured_shot(clip: MotionClip, view: CapturedView, config: EvaluationConfig) -> Shot:
    """The lifter is not told how the camera is tilted: only what a lens tells."""
    pose = clip.motion.pose.require_frame("world")
    judged = pose.to(config.joint_set.skeleton).joints
    placed = view.camera.cam_from_world.to(judged.dtype)
    local = transform_points(placed, judged)
    observed = clip.motion.observed & local[:, 0].isfinite().all(-1)
    known = local.isfinite().all(-1) & observed[:, None]
    told = Camera(
        view.camera.intrinsics,
        torch.eye(4, dtype=placed.dtype).expand(placed.shape),
        view.camera.distortion,
        view.camera.image_size,
        view.camera.lens,
    )
    keypoints = view.keypoints if config.keypoints == "given" else _projected(clip, view)
    return Shot(
        clip,
        view.name,
        torch.arange(len(clip.motion)),
        told,
        keypoints,
        local[:, 0, 2].float(),
        (local - local[:, :1]).float(),
        known,
        placed[..., :3, :3].float(),
        judged[:, 0].float(),
    )


def _projected(clip: MotionClip, view: CapturedView) -> Motion[Pose2D]:
    pose: Pose3D = clip.motion.pose
    joints = pose.joints.to(view.camera.cam_from_world.dtype)
    pixels = view.camera.project(joints)
    local = transform_points(view.camera.cam_from_world, joints)
    seen = (local[..., 2] > 0.1) & clip.motion.observed[:, None]
    flat = Pose2D.from_detections(
        pixels, seen.to(pixels.dtype), pose.skeleton, view.camera.image_size
    )
    return Motion(flat, clip.motion.fps, 0, flat.seen.any(-1), clip.motion.first_frame)


def root_relative(motion: Motion[Pose3D], joint_set: JointSet) -> Float[Tensor, "frames joints 3"]:
    """What a lifter gave, in the joint set's skeleton and relative to its root."""
    joints = motion.pose.require_frame("camera").to(joint_set.skeleton).joints.float()
    return joints - joints[:, :1]
