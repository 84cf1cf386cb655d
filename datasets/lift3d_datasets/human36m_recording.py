"""What every form of Human3.6M gives, before it becomes a `Capture`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from numpy import ndarray

from lift3d.capture import Capture, CapturedView
from lift3d.errors import FileFormatError
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m_cameras import Calibration
from lift3d_datasets.human36m_facts import CAMERAS, MOVING, Take

__all__ = ["Form", "Recording", "Seen", "capture_of", "moving_joints"]

_SPARE: Final = (50, 0.02)
"""2D may have so many frames (or such a share) more or fewer than 3D: videos run on a little."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Keypoints of one camera (pixels), in a detector's layout."""

    keypoints: Float[ndarray, "frames joints 2"]
    confidence: Float[ndarray, "frames joints"]
    skeleton: Skeleton


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Joints of `H36M_17` in our world (metres); `cameras` are those that saw them."""

    joints: Float[ndarray, "frames 17 3"]
    fps: float
    cameras: Mapping[str, Calibration]


@runtime_checkable
class Form(Protocol):
    """One way in which Human3.6M lies on a disk."""

    name: str
    """What `source` calls it."""
    measured: bool
    """False where joints were moved to another body, which then has no pictures either."""

    def takes(self) -> Sequence[Take]:
        """All takes that the files hold, in their order."""
        ...

    def expected(self, subject: str) -> int:
        """How many takes of an action belong to the set."""
        ...

    def recording(self, take: Take) -> Recording: ...

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        """What a detector saw, by camera; None where these files hold no such detections."""
        ...

    def detections(self) -> tuple[str, ...]:
        """Names of the detections that lie in these files."""
        ...


def moving_joints(stored: ndarray, axes: int, where: str) -> Float[ndarray, "frames 17 axes"]:
    """The 17 joints of stored frames of 32, given as [1, frames, 32 * axes] or [frames, 32, axes]."""
    shaped = stored.ndim == 3 and stored.shape[1:] == (32, axes)
    flat = stored.ndim in (2, 3) and stored.shape[-1] == 32 * axes
    if stored.dtype.kind != "f" or not (shaped or flat) or stored.size == 0:
        raise FileFormatError(
            f"expected frames of 32 joints with {axes} numbers each in {where}, got {stored.dtype} "
            f"of shape {stored.shape}: get the file again"
        )
    return stored.reshape(-1, 32, axes)[:, list(MOVING)]


def capture_of(
    form: Form,
    take: Take,
    detections: str,
    skeleton: Skeleton,
    other: Mapping[str, Seen] | None,
    dtype: torch.dtype,
) -> Capture:
    """One take as a capture; `other` replaces the form's own detections."""
    recording = form.recording(take)
    joints = torch.from_numpy(recording.joints).to(dtype)
    gone = ~joints.isfinite().all(-1).all(-1) | (joints == joints[:, :1]).all(-1).all(-1)
    joints[gone] = torch.nan
    pose = Pose3D.certain(joints, H36M_17, "world").to(skeleton)
    motion = Motion(pose, recording.fps, 0, ~gone)
    views = _views(form, take, detections, recording, motion, other) if form.measured else ()
    name = f"{take.subject} {take.name}"
    return Capture(name, take.subject, take.action, motion, tuple(views), measured=form.measured)


def _views(
    form: Form,
    take: Take,
    detections: str,
    recording: Recording,
    motion: Motion[Pose3D],
    other: Mapping[str, Seen] | None,
) -> Iterator[CapturedView]:
    if detections == "none":
        return
    dtype = motion.pose.joints.dtype
    seen = other if other is not None else form.keypoints(take, detections)
    if seen is not None and not seen:
        raise FileFormatError(
            f"expected detections '{detections}' of {take.subject} {take.name}, got none: get the "
            "whole set of them"
        )
    for name in CAMERAS:
        if name not in recording.cameras or (seen is not None and name not in seen):
            continue
        camera = recording.cameras[name].camera(name, dtype)
        if seen is None:
            pixels = camera.project(motion.pose.joints)
            pose = Pose2D.from_detections(
                pixels, torch.ones_like(pixels[..., 0]), motion.pose.skeleton, CAMERAS[name]
            )
        else:
            pose = _cut(seen[name], motion, f"{take.subject} {take.name}, camera {name}", name)
        keypoints = Motion(pose, recording.fps, 0, pose.seen.any(-1))
        yield CapturedView(name, camera, keypoints, detections)


def _cut(seen: Seen, motion: Motion[Pose3D], where: str, name: str) -> Pose2D:
    """Detections on the motion's frames: spare ones are dropped, lacking ones are missing."""
    frames, found = len(motion), len(seen.keypoints)
    if abs(frames - found) > max(_SPARE[0], _SPARE[1] * frames):
        raise FileFormatError(
            f"expected about {frames} frames of keypoints for {where}, got {found}: "
            "2D and 3D are not of the same recording or rate"
        )
    dtype = motion.pose.joints.dtype
    pixels = torch.full((frames, *seen.keypoints.shape[1:]), torch.nan, dtype=dtype)
    confidence = torch.zeros(pixels.shape[:-1], dtype=dtype)
    both = min(frames, found)
    pixels[:both] = torch.from_numpy(seen.keypoints[:both]).to(dtype)
    confidence[:both] = torch.from_numpy(seen.confidence[:both]).to(dtype)
    pose = Pose2D.from_detections(pixels, confidence, seen.skeleton, CAMERAS[name])
    same = set(seen.skeleton.joints) >= set(motion.pose.skeleton.joints)
    return pose.to(motion.pose.skeleton) if same else pose
