"""What the baseline sees: pixels of a standard picture, through random cameras or as captured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView
from lift3d.errors import InputError
from lift3d.geometry.rigid import transform_points
from lift3d.lifting.martinez import FOCAL, SIZE, Layout, network_keypoints
from lift3d.pose import Pose2D
from lift3d.protocols import MotionClip
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23
from lift3d.training.bank import ClipRows, PoseBank
from lift3d.training.body import Poses
from lift3d.training.cameras import level_shots

__all__ = [
    "CapturedShots",
    "RandomShots",
    "Seen",
    "Shooter",
    "by_subject",
    "captured_shots",
    "seen_at_random",
    "spread",
]

_NEAR: Final = 0.1
_DETECTED: Final = (
    "hip",
    "knee",
    "ankle",
    "shoulder",
    "elbow",
    "wrist",
    "nose",
    "ear",
    "toe",
    "heel",
)
_CENTRE: Final = (SIZE - 1) / 2


@dataclass(frozen=True, slots=True)
class Seen:
    """Keypoints as pixels of the standard picture, and root-relative joints in the camera frame.

    `known` tells which joints are; people of whom only the picture is known have none.
    """

    pixels: Float[Tensor, "batch inputs 2"]
    seen: Bool[Tensor, "batch inputs"]
    joints: Float[Tensor, "batch outputs 3"]
    known: Bool[Tensor, "batch outputs"]

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, rows: slice | Tensor) -> "Seen":
        return Seen(self.pixels[rows], self.seen[rows], self.joints[rows], self.known[rows])

    def to(self, device: torch.device) -> "Seen":
        """The same on a device."""
        fields = (self.pixels, self.seen, self.joints, self.known)
        return Seen(*(field.to(device) for field in fields))


@runtime_checkable
class Shooter(Protocol):
    """Where training samples come from."""

    def __len__(self) -> int: ...

    def draw(self, count: int, generator: Generator) -> Seen: ...


@dataclass(frozen=True, slots=True)
class RandomShots:
    """Poses of a bank through the random cameras of the evaluation."""

    bank: PoseBank
    skeleton: Skeleton
    layout: Layout

    def __len__(self) -> int:
        return len(self.bank)

    def draw(self, count: int, generator: Generator) -> Seen:
        """Fresh poses and cameras, on the generator's device."""
        return seen_at_random(
            self.bank.draw(count, generator), self.skeleton, self.layout, generator
        )


def seen_at_random(poses: Poses, skeleton: Skeleton, layout: Layout, generator: Generator) -> Seen:
    """Poses through random cameras, projected without error.

    Of `LIFT_23` only what detectors give is shown, as in the evaluation; of a data set's own layout
    every joint.
    """
    shots = level_shots(len(poses), generator)
    points = shots.points(poses.joints)
    pixels = points[..., :2] / points[..., 2:] * FOCAL + _CENTRE
    shown = poses.valid & (points[..., 2] > _NEAR) & _given(skeleton, poses.valid.device)
    pose = Pose2D.from_detections(pixels, shown.to(pixels.dtype), skeleton)
    keypoints, confidence = network_keypoints(pose, layout.inputs)
    kept = [skeleton.index(name) for name in layout.outputs.joints]
    joints = (points - points[:, :1])[:, kept]
    return Seen(keypoints, confidence > 0, joints, poses.valid[:, kept])


def _given(skeleton: Skeleton, device: torch.device) -> Bool[Tensor, " joints"]:
    names = skeleton.joints
    given = [skeleton != LIFT_23 or name.split("_")[-1] in _DETECTED for name in names]
    return torch.tensor(given, device=device)


@dataclass(frozen=True, slots=True)
class CapturedShots:
    """Every frame as its real cameras saw it, to be drawn by the clips' weights."""

    views: Seen
    rows: PoseBank

    def __len__(self) -> int:
        return len(self.views)

    def to(self, device: torch.device) -> "CapturedShots":
        """The same views, resident on a device."""
        return CapturedShots(self.views.to(device), self.rows.to(device))

    def draw(self, count: int, generator: Generator) -> Seen:
        """Captured views, on the generator's device."""
        drawn = self.rows.draw(count, generator).joints[:, 0, 0].long()
        return self.views[drawn.to(self.views.seen.device)].to(generator.device)


def captured_shots(clips: Iterable[MotionClip], layout: Layout) -> CapturedShots:
    """The views of captured clips; `InputError` where no clip has a view with enough keypoints.

    Keypoints may be projected, annotated or detected: whatever the views hold. A clip without known
    joints in space gives samples that are known in the picture only.
    """
    parts: list[Seen] = []
    rows: list[ClipRows] = []
    start = 0
    for clip, view in _views(clips):
        seen = _as_seen(clip, view, layout)
        seen = seen[seen.seen.sum(-1) >= 6]
        rows.append(
            ClipRows(clip.name, clip.subject, "", "", clip.measured, clip.weight, start, len(seen))
        )
        parts.append(seen)
        start += len(seen)
    if not start:
        raise InputError(
            "expected clips with captured views to learn from, got none: "
            "use cameras 'random', or a dataset with real cameras"
        )
    columns = ([getattr(part, name) for part in parts] for name in Seen.__slots__)
    views = Seen(*(torch.cat(column) for column in columns))
    return CapturedShots(views, PoseBank.of(_numbered(start), rows))


def _views(clips: Iterable[MotionClip]) -> Iterator[tuple[Capture, CapturedView]]:
    for clip in clips:
        if isinstance(clip, Capture):
            for view in clip.views:
                yield clip, view


def _numbered(count: int) -> Poses:
    """Row numbers in place of joints: drawing poses by weight then draws rows."""
    numbers = torch.arange(count, dtype=torch.float64)[:, None, None].expand(-1, 1, 3)
    return Poses(numbers, torch.ones(count, 1, dtype=torch.bool))


def _as_seen(clip: Capture, view: CapturedView, layout: Layout) -> Seen:
    camera, keypoints = view.camera, view.keypoints.pose
    rays = camera.rays(keypoints.keypoints.nan_to_num().to(camera.intrinsics.dtype)).float()
    pixels = rays[..., :2] / rays[..., 2:] * FOCAL + _CENTRE
    observed = view.keypoints.observed[:, None] & keypoints.seen
    pose = Pose2D.from_detections(pixels, observed.float(), keypoints.skeleton)
    standard, confidence = network_keypoints(pose, layout.inputs)
    joints = _in_camera(clip, camera, layout.outputs)
    known = joints.isfinite().all(-1) & clip.motion.observed[:, None]
    known &= known[:, :1]
    return Seen(standard, confidence > 0, joints.nan_to_num() * known[..., None], known)


def _in_camera(clip: Capture, camera: Camera, outputs: Skeleton) -> Tensor:
    world = clip.motion.pose.to(outputs).joints
    local = transform_points(camera.cam_from_world.to(world.dtype), world).float()
    return local - local[:, :1]


def spread(views: Seen, at_most: int) -> Seen:
    """At most so many views, evenly over all of them."""
    return views[torch.linspace(0, len(views) - 1, min(len(views), at_most)).long()]


def by_subject(clips: Sequence[Capture]) -> dict[str, list[Capture]]:
    """Clips of each subject, in alphabetical order."""
    subjects = sorted({clip.subject for clip in clips})
    return {name: [clip for clip in clips if clip.subject == name] for name in subjects}
