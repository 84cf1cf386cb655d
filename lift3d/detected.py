"""The people that a detector finds in one picture."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton

__all__ = ["DetectedPeople", "boxes_around"]


@dataclass(frozen=True, slots=True)
class DetectedPeople:
    """Everybody in a picture; there may be nobody.

    `pose` has one leading axis, the people, and the picture's size. `boxes` are column and row of the
    first pixel, width and height in pixels; they may reach beyond the picture. `scores` say how sure a
    detector is of each person, higher being surer; what they are is up to it.
    """

    pose: Pose2D
    boxes: Float[Tensor, "people 4"]
    scores: Float[Tensor, " people"]

    def __post_init__(self) -> None:
        people = self.pose.keypoints.shape[0] if self.pose.keypoints.ndim == 3 else -1
        if self.boxes.shape != (people, 4) or self.scores.shape != (people,):
            raise InputError(
                f"expected keypoints, boxes and scores of the same people, got shapes "
                f"{list(self.pose.keypoints.shape)}, {list(self.boxes.shape)} and "
                f"{list(self.scores.shape)}: give each person a box of 4 numbers and a score"
            )

    @classmethod
    def nobody(cls, skeleton: Skeleton, image_size: tuple[int, int]) -> "DetectedPeople":
        """A picture of (height, width) without people."""
        joints = len(skeleton)
        pose = Pose2D(torch.zeros(0, joints, 2), torch.zeros(0, joints), skeleton, image_size)
        return cls(pose, torch.zeros(0, 4), torch.zeros(0))

    @classmethod
    def from_points(
        cls,
        points: Float[Tensor, "people joints 3"],
        skeleton: Skeleton,
        image_size: tuple[int, int],
        boxes: Float[Tensor, "people 4"] | None = None,
        scores: Float[Tensor, " people"] | None = None,
    ) -> "DetectedPeople":
        """From x, y in pixels and confidence, as detectors give them (`Pose2D.from_detections`).

        Boxes that nobody gives lie around the keypoints, and scores are mean confidences.
        """
        pose = Pose2D.from_detections(points[..., :2], points[..., 2], skeleton, image_size)
        around = boxes_around(pose) if boxes is None else boxes
        return cls(pose, around, pose.confidence.mean(-1) if scores is None else scores)

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, kept: Bool[Tensor, " people"]) -> "DetectedPeople":
        """Those of them."""
        pose = Pose2D(
            self.pose.keypoints[kept],
            self.pose.confidence[kept],
            self.pose.skeleton,
            self.pose.image_size,
        )
        return DetectedPeople(pose, self.boxes[kept], self.scores[kept])


def boxes_around(pose: Pose2D, least: float = 0.0) -> Float[Tensor, "people 4"]:
    """The boxes around keypoints of a confidence above `least`; NaN around nothing.

    Like all boxes: column and row of the first pixel, width and height, so that a single keypoint has a
    box of one pixel about it.
    """
    sure = (pose.confidence > least)[..., None]
    low = torch.where(sure, pose.keypoints, torch.inf).amin(-2)
    high = torch.where(sure, pose.keypoints, -torch.inf).amax(-2)
    boxes = torch.cat([low, high - low + 1], -1)
    return torch.where(boxes.isfinite().all(-1, keepdim=True), boxes, torch.nan)
