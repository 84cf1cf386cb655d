"""What is known about a body, in the form that the solver takes: places and directions of points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.pose import Pose2D, Pose3D

__all__ = ["Evidence", "gather_evidence"]

# How much further off than others a detector's keypoints lie from the body's points by definition: an
# annotator's hip is some centimetres outside the joint.
_LOOSENESS: Final[Mapping[str, float]] = {
    "left_hip": 2.5,
    "right_hip": 2.5,
    "left_shoulder": 1.5,
    "right_shoulder": 1.5,
    "left_ear": 1.5,
    "right_ear": 1.5,
    "left_pinky": 2.0,
    "right_pinky": 2.0,
    "left_index": 2.0,
    "right_index": 2.0,
    "left_thumb": 2.0,
    "right_thumb": 2.0,
}
# Points of the trunk that every source defines in its own way.
_NOT_IN_SPACE: Final = frozenset({"pelvis", "spine", "thorax", "neck", "head"})
_NOT_IN_PICTURE: Final = frozenset({"pelvis", "head"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some of a body's points should be near: a place each, and a direction each.

    `points` are their indices in the body's `PointTable`. `places` in metres with `place_precision`
    in 1 / m^2, zero where nothing is known; `slopes` are (x / z, y / z) of the viewing ray with
    `slope_precision` in 1 / slope^2, likewise.
    """

    points: Int[Tensor, " used"]
    places: Float[Tensor, "frames used 3"]
    place_precision: Float[Tensor, "frames used 3 3"]
    slopes: Float[Tensor, "frames used 2"]
    slope_precision: Float[Tensor, "frames used"]

    @property
    def placed(self) -> Bool[Tensor, "frames used"]:
        """Whether something is known about the point's place."""
        return self.place_precision.diagonal(dim1=-2, dim2=-1).sum(-1) > 0

    @property
    def informed(self) -> Bool[Tensor, " frames"]:
        """Whether something is known about any point."""
        return (self.placed | (self.slope_precision > 0)).any(-1)

    def __getitem__(self, frames: slice | Tensor) -> "Evidence":
        return Evidence(
            self.points,
            self.places[frames],
            self.place_precision[frames],
            self.slopes[frames],
            self.slope_precision[frames],
        )


def gather_evidence(
    names: tuple[str, ...],
    joints: Pose3D,
    keypoints: Pose2D | None = None,
    camera: Camera | None = None,
    *,
    joint_std: float = 0.03,
    keypoint_std: float = 0.02,
) -> Evidence:
    """Match joints and keypoints to the body's points, `names`, by name.

    `joint_std` (metres) stands in where the joints carry no covariance; `keypoint_std` is how far off
    keypoints are, in metres at the person's distance. Joints must be in the camera frame when
    keypoints are given. Raises `InputError` for keypoints without a camera, and for joints that are
    in another frame or not of the same length.
    """
    if keypoints is not None and camera is None:
        raise InputError("expected a camera with the keypoints, got none: pass camera=...")
    if keypoints is not None:
        frames = len(joints.require_frame("camera").joints)
        if len(keypoints.keypoints) != frames:
            raise InputError(
                f"expected keypoints for the {frames} frames of the joints, got "
                f"{len(keypoints.keypoints)}: cut them to common frames"
            )
    in_space = _matches(names, joints.skeleton.joints, _NOT_IN_SPACE)
    in_picture: dict[int, int] = {}
    if keypoints is not None:
        in_picture = _matches(names, keypoints.skeleton.joints, _NOT_IN_PICTURE)
    used = sorted({*in_space, *in_picture})
    frames, dtype = len(joints.joints), joints.joints.dtype
    evidence = Evidence(
        torch.tensor(used, dtype=torch.long),
        torch.zeros(frames, len(used), 3, dtype=dtype),
        torch.zeros(frames, len(used), 3, 3, dtype=dtype),
        torch.zeros(frames, len(used), 2, dtype=dtype),
        torch.zeros(frames, len(used), dtype=dtype),
    )
    for row, point in enumerate(used):
        if point in in_space:
            _add_place(evidence, row, joints, in_space[point], joint_std)
    if keypoints is not None and camera is not None:
        slopes = _slopes(keypoints, camera).to(dtype)
        spread = keypoint_std / _distance(joints)
        for row, point in enumerate(used):
            if point in in_picture:
                joint = in_picture[point]
                confidence = keypoints.confidence[:, joint].to(dtype).clamp(max=1.0)
                sigma = spread * _LOOSENESS.get(names[point], 1.0)
                evidence.slopes[:, row] = slopes[:, joint]
                evidence.slope_precision[:, row] = confidence / sigma**2
    return evidence


def _add_place(evidence: Evidence, row: int, joints: Pose3D, joint: int, std: float) -> None:
    eye = torch.eye(3, dtype=joints.joints.dtype)
    place, covariance = joints.joints[:, joint], joints.covariance[:, joint]
    stated = covariance.isfinite().flatten(1).all(1)[:, None, None]
    covariance = torch.where(stated, covariance, eye * std**2) + eye * 1e-6
    seen = place.isfinite().all(-1)
    precision = torch.linalg.inv(covariance)
    evidence.places[:, row] = torch.where(seen[:, None], place, 0.0)
    evidence.place_precision[:, row] = torch.where(seen[:, None, None], precision, 0.0)


def _slopes(keypoints: Pose2D, camera: Camera) -> Float[Tensor, "frames joints 2"]:
    """x / z and y / z of the keypoints' rays, 0 where nothing was seen."""
    seen = keypoints.seen[..., None]
    rays = camera.rays(torch.where(seen, keypoints.keypoints, 0.0).to(camera.intrinsics))
    return torch.where(seen, rays[..., :2] / rays[..., 2:], 0.0)


def _distance(joints: Pose3D) -> Float[Tensor, " frames"]:
    """The person's depth in each frame (metres); where it is not known, the clip's median."""
    depth = joints.joints[..., 2].nanmean(-1)
    return torch.where(depth > 0.1, depth, depth[depth > 0.1].nanmedian()).nan_to_num(1.0)


def _matches(
    names: tuple[str, ...], joints: tuple[str, ...], leave_out: frozenset[str]
) -> dict[int, int]:
    """The body's point of that name: the joint's index."""
    return {
        names.index(joint): index
        for index, joint in enumerate(joints)
        if joint in names and joint not in leave_out
    }
