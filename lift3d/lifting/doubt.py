"""What cannot be lifted, and what was lifted but should not be believed.

Nobody can tell a pose from keypoints on one point; such frames are taken out. Others have an answer,
but no likely one: the doubts about them are told in words, and the covariances of the joints in
doubt are made larger, so that filters and fits give them less weight. docs/cameras.md has the table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.projection import pixels_from_points
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

__all__ = ["INFLATION", "Doubts", "doubts_about", "note_of", "questioned", "without_specks"]

INFLATION: Final = 9.0
"""What covariances of joints in doubt are multiplied by: three standard deviations become one."""

# Wide enough that no frame of six real clips is in doubt.
_NARROW: Final = 0.003  # radians: somebody half a kilometre away
_FLAT: Final = 0.02  # width over length of keypoints on a line; people seen from the side have 0.1
_OFF: Final = 0.15  # of the person's size in the picture
_STATURE: Final = (0.7, 2.5)  # metres
_NEAR, _FAR = 0.3, 200.0  # metres
_INVERTED: Final = -0.5  # cosine between trunk and vertical: 120 degrees
_TRUNK: Final = ("hip", "shoulder")
_LEGS: Final = ("knee", "ankle", "heel", "big_toe", "small_toe", "foot", "foot_index")
_UPRIGHT: Final = 0.755  # see lifting.grounded
_TRUSTED: Final = 0.2  # confidence; lifters take those below for missing, too


@dataclass(frozen=True, slots=True)
class Doubts:
    """Joints of one person's frames that are not to be believed, and why.

    `reasons` are words, each with the share of lifted frames that it is true of.
    """

    joints: Bool[Tensor, "frames joints"]
    reasons: tuple[tuple[str, float], ...]


def without_specks(keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose2D]:
    """The same keypoints; missing in frames where they lie within 0.003 radians: on one point.

    Turns, crops and zooms of the picture do not change which.
    """
    length, _ = _spans(keypoints.pose, camera)
    bad = (length < _NARROW) & keypoints.pose.seen.any(-1)
    if not bool(bad.any()):
        return keypoints
    pose = keypoints.pose
    confidence = torch.where(bad[:, None], 0.0, pose.confidence)
    kept = Pose2D.from_detections(pose.keypoints, confidence, pose.skeleton, pose.image_size)
    return replace(keypoints, pose=kept, observed=keypoints.observed & ~bad)


def _spans(
    pose: Pose2D, camera: Camera
) -> tuple[Float[Tensor, " frames"], Float[Tensor, " frames"]]:
    """How long and how wide keypoints look, in radians about: four standard deviations each.

    Rays of a line lie in a plane through the camera's centre, whichever way the camera is turned.
    """
    rays = camera.rays(pose.keypoints.nan_to_num().to(camera.intrinsics.dtype)).double()
    rays = torch.where(pose.seen[..., None], rays, 0.0)
    rays = torch.nn.functional.pad(rays, (0, 0, 0, 3))  # three axes, however few the joints
    spread = torch.linalg.svdvals(rays) / pose.seen.sum(-1, keepdim=True).clamp(min=1).sqrt()
    return 4 * spread[..., 1], 4 * spread[..., 2]


def doubts_about(keypoints: Motion[Pose2D], lifted: Motion[Pose3D], camera: Camera) -> Doubts:
    """Why the lifted frames of a person (camera frame) may be wrong.

    The vertical is the camera's where its tilt is known, else the picture's.
    """
    pose, joints = lifted.pose, lifted.pose.joints.double()
    legs = torch.tensor([_part(name) in _LEGS for name in pose.skeleton.joints])
    whole = torch.ones(len(pose.skeleton), dtype=torch.bool)
    size = _statures(joints, pose.skeleton)
    depth = joints[:, 0, 2]
    length, width = _spans(_trusted(keypoints.pose), camera)
    found = (
        ("keypoints on one line", width < _FLAT * length, whole),
        ("keypoints that fit no likely body", _misfit(keypoints.pose, pose, camera) > _OFF, whole),
        ("unlikely sizes", (size < _STATURE[0]) | (size > _STATURE[1]), whole),
        ("unlikely distances", (depth < _NEAR) | (depth > _FAR), whole),
        ("upside down", _uprightness(joints, pose.skeleton, camera) < _INVERTED, whole),
        ("legs out of sight, guessed", _without_legs(keypoints.pose), legs),
    )
    known = lifted.observed
    lifted_frames = max(1, int(known.sum()))
    masks = [(known & on)[:, None] & where for _, on, where in found]
    shares = [float((known & on).sum()) / lifted_frames for _, on, _ in found]
    reasons = [(words, share) for (words, _, _), share in zip(found, shares, strict=True) if share]
    return Doubts(torch.stack(masks).any(0), tuple(reasons))


def questioned(lifted: Motion[Pose3D], doubts: Doubts) -> Motion[Pose3D]:
    """The same joints, nine times the covariance where they are in doubt."""
    pose = lifted.pose
    factor = torch.where(doubts.joints, INFLATION, 1.0).to(pose.covariance)
    larger = Pose3D(
        pose.joints, pose.covariance * factor[..., None, None], pose.skeleton, pose.frame
    )
    return replace(lifted, pose=larger)


def note_of(people: Sequence[tuple[int, Doubts]]) -> str:
    """The doubts in words, by the people's ids; empty where there are none."""
    told = [
        f"person {number} ({', '.join(f'{words}: {_percent(share)}' for words, share in d.reasons)})"
        for number, d in people
        if d.reasons
    ]
    if not told:
        return ""
    return f"doubtful frames, with covariances made larger: {'; '.join(told)}"


def _percent(share: float) -> str:
    return f"{math.ceil(100 * share)} %"


def _misfit(seen: Pose2D, lifted: Pose3D, camera: Camera) -> Float[Tensor, " frames"]:
    """Median distance of lifted joints from their keypoints, over the person's size in the picture."""
    target = _trusted(seen).to(lifted.skeleton)
    intrinsics, lens = camera.intrinsics.double(), camera.distortion.double()
    drawn = pixels_from_points(lifted.joints.double(), intrinsics, lens, camera.lens)
    points = target.keypoints.double()
    off: Tensor = torch.linalg.vector_norm(drawn - points, dim=-1).nanmedian(-1).values
    away = points - points.nanmean(-2, keepdim=True)
    size: Tensor = away.square().sum(-1).nanmean(-1).sqrt()
    return off / size


def _statures(joints: Tensor, skeleton: Skeleton) -> Float[Tensor, " frames"]:
    """Heights frame by frame from legs and trunk; NaN where they are not all there."""
    sides = ("left", "right")
    at = {
        f"{side}_{part}": _named(joints, skeleton, f"{side}_{part}")
        for side in sides
        for part in (*_TRUNK, "knee", "ankle")
    }
    bones = [
        torch.linalg.vector_norm(at[f"{side}_{a}"] - at[f"{side}_{b}"], dim=-1)
        for side in sides
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips, shoulders = (_middle(joints, skeleton, part) for part in _TRUNK)
    trunk: Tensor = torch.linalg.vector_norm(hips - shoulders, dim=-1)
    return (trunk + torch.stack(bones).sum(0) / 2) / _UPRIGHT


def _uprightness(joints: Tensor, skeleton: Skeleton, camera: Camera) -> Float[Tensor, " frames"]:
    """Cosine between the trunk and the vertical."""
    up = torch.tensor([0.0, -1.0, 0.0], dtype=joints.dtype)
    if camera.tilt_known:
        up = camera.cam_from_world[..., :3, 1].to(joints)
    trunk = _middle(joints, skeleton, "shoulder") - _middle(joints, skeleton, "hip")
    return (torch.nn.functional.normalize(trunk, dim=-1) * up).sum(-1)


def _without_legs(pose: Pose2D) -> Bool[Tensor, " frames"]:
    """Frames that show somebody, but no knee and nothing below."""
    below = [i for i, name in enumerate(pose.skeleton.joints) if _part(name) in _LEGS]
    return pose.seen.any(-1) & ~_trusted(pose).seen[:, below].any(-1)


def _trusted(pose: Pose2D) -> Pose2D:
    confidence = torch.where(pose.confidence >= _TRUSTED, pose.confidence, 0.0)
    return Pose2D.from_detections(pose.keypoints, confidence, pose.skeleton, pose.image_size)


def _part(name: str) -> str:
    side, _, part = name.partition("_")
    return part if side in ("left", "right") else name


def _middle(joints: Tensor, skeleton: Skeleton, part: str) -> Tensor:
    left, right = (_named(joints, skeleton, f"{side}_{part}") for side in ("left", "right"))
    return (left + right) / 2


def _named(joints: Tensor, skeleton: Skeleton, name: str) -> Tensor:
    if name in skeleton.joints:
        return joints[:, skeleton.index(name)]
    return torch.full_like(joints[:, 0], torch.nan)
