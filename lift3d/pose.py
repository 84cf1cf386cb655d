"""Poses of one skeleton: in the picture (`Pose2D`) and in space (`Pose3D`)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.conventions import Frame
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import Correspondence, correspondence

__all__ = ["Pose2D", "Pose3D"]


@dataclass(frozen=True, slots=True)
class Pose2D:
    """Keypoints in pixels with a confidence each, 0 to 1. Missing: confidence 0 and NaN coordinates.

    `image_size` is (height, width), or None where the file does not say it.
    """

    keypoints: Float[Tensor, "*batch joints 2"]
    confidence: Float[Tensor, "*batch joints"]
    skeleton: Skeleton
    image_size: tuple[int, int] | None

    def __post_init__(self) -> None:
        _expect_joints(self.keypoints, 2, self.skeleton, "keypoints")
        if self.confidence.shape != self.keypoints.shape[:-1]:
            raise InputError(
                f"expected confidence of shape {list(self.keypoints.shape[:-1])}, got "
                f"{list(self.confidence.shape)}: give one number for each keypoint"
            )
        finite, missing = self.keypoints.isfinite().all(-1), self.keypoints.isnan().all(-1)
        if not bool(torch.where(self.seen, finite, missing & (self.confidence == 0)).all()):
            raise InputError(
                "expected numbers where the confidence is above 0 and NaN where it is 0, got a "
                "mixture: build the pose with Pose2D.from_detections"
            )
        if not bool((self.confidence <= 1).all()):
            raise InputError(
                f"expected confidences from 0 to 1, got {float(self.confidence.max()):g}: divide them "
                "by their largest possible value"
            )

    @classmethod
    def from_detections(
        cls,
        keypoints: Float[Tensor, "*batch joints 2"],
        confidence: Float[Tensor, "*batch joints"],
        skeleton: Skeleton,
        image_size: tuple[int, int] | None = None,
    ) -> "Pose2D":
        """Keypoints as detectors write them: what is not finite or has no confidence is missing.

        Confidences above 1, as some detectors' scores are, count as 1.
        """
        seen = keypoints.isfinite().all(-1) & confidence.isfinite() & (confidence > 0)
        return cls(
            torch.where(seen[..., None], keypoints, torch.nan),
            torch.where(seen, confidence.clamp(max=1), torch.zeros_like(confidence)),
            skeleton,
            image_size,
        )

    @property
    def seen(self) -> Bool[Tensor, "*batch joints"]:
        """Which keypoints were detected."""
        return self.confidence > 0

    def to(self, target: Skeleton) -> "Pose2D":
        """The same pose in another layout; joints that it does not give are missing."""
        if target == self.skeleton:
            return self
        corr = correspondence(self.skeleton, target)
        keypoints = _recombine(self.keypoints, corr)
        confidence = torch.zeros_like(keypoints[..., 0])
        for joint, row in enumerate(corr.sources):
            if row:
                used = self.confidence[..., [index for index, _ in row]]
                confidence[..., joint] = used.amin(-1)
        return Pose2D.from_detections(keypoints, confidence, target, self.image_size)


@dataclass(frozen=True, slots=True)
class Pose3D:
    """Joints in metres, in a stated frame, with a covariance each.

    `frame` is `camera` (OpenCV axes), `world` (y up), or `root_relative` (camera axes, root at the
    origin). `covariance` in square metres is NaN where nobody estimated it. Missing joints are NaN.
    """

    joints: Float[Tensor, "*batch joints 3"]
    covariance: Float[Tensor, "*batch joints 3 3"]
    skeleton: Skeleton
    frame: Frame

    def __post_init__(self) -> None:
        _expect_joints(self.joints, 3, self.skeleton, "joints")
        if self.covariance.shape != (*self.joints.shape, 3):
            raise InputError(
                f"expected covariance of shape {[*self.joints.shape, 3]}, got "
                f"{list(self.covariance.shape)}: give zeros where nothing is known of it"
            )

    @classmethod
    def certain(
        cls, joints: Float[Tensor, "*batch joints 3"], skeleton: Skeleton, frame: Frame
    ) -> "Pose3D":
        """Joints whose uncertainty nobody estimated (NaN covariance)."""
        covariance = torch.full(
            (*joints.shape, 3), torch.nan, dtype=joints.dtype, device=joints.device
        )
        return cls(joints, covariance, skeleton, frame)

    def require_frame(self, frame: Frame) -> "Pose3D":
        """This pose, or `InputError` where it is in another frame than `frame`."""
        if self.frame != frame:
            raise InputError(
                f"expected joints in the {frame} frame, got the {self.frame} frame: "
                "transform them first"
            )
        return self

    def to(self, target: Skeleton) -> "Pose3D":
        """The same pose in another layout; joints that it does not give are NaN.

        The covariance of a joint made of several takes theirs as independent.
        """
        if target == self.skeleton:
            return self
        corr = correspondence(self.skeleton, target)
        joints = _recombine(self.joints, corr)
        covariance = torch.full(
            (*joints.shape, 3), torch.nan, dtype=joints.dtype, device=joints.device
        )
        for joint, row in enumerate(corr.sources):
            if row:
                terms = [self.covariance[..., i, :, :] * w * w for i, w in row]
                covariance[..., joint, :, :] = torch.stack(terms).sum(0)
        return Pose3D(joints, covariance, target, self.frame)


def _expect_joints(points: Tensor, axes: int, skeleton: Skeleton, what: str) -> None:
    if points.ndim < 2 or points.shape[-2:] != (len(skeleton), axes):
        raise InputError(
            f"expected {what} of shape [..., {len(skeleton)}, {axes}] for skeleton "
            f"'{skeleton.name}', got {list(points.shape)}: name the skeleton that they have"
        )


def _recombine(points: Tensor, corr: Correspondence) -> Tensor:
    shape = (*points.shape[:-2], len(corr.target), points.shape[-1])
    out = torch.full(shape, torch.nan, dtype=points.dtype, device=points.device)
    for joint, row in enumerate(corr.sources):
        if row:
            out[..., joint, :] = torch.stack([points[..., i, :] * w for i, w in row]).sum(0)
    return out
