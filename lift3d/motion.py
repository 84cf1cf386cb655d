"""A pose over time: one person, evenly spaced frames."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from jaxtyping import Bool
from torch import Tensor

from lift3d.conventions import FPS_RANGE
from lift3d.errors import InputError
from lift3d.notebook import html_of
from lift3d.pose import Pose2D, Pose3D

__all__ = ["Motion"]

PoseT = TypeVar("PoseT", Pose2D, Pose3D)


@dataclass(frozen=True, slots=True)
class Motion(Generic[PoseT]):
    """`pose` has one leading axis, the frames; frame i lies at (first_frame + i) / fps seconds.

    `observed` marks the frames in which the person was really seen; in the others the pose is NaN or,
    after gap filling, interpolated. `person` is an id that stays with the person through the clip.
    """

    pose: PoseT
    fps: float
    person: int
    observed: Bool[Tensor, " frames"]
    first_frame: int = 0

    def __post_init__(self) -> None:
        points = self.pose.keypoints if isinstance(self.pose, Pose2D) else self.pose.joints
        if points.ndim != 3:
            raise InputError(
                f"expected a pose with one axis of frames, got shape {list(points.shape)}: give the "
                "frames the first axis"
            )
        if self.observed.shape != points.shape[:1]:
            raise InputError(
                f"expected one observed flag per frame ({points.shape[0]}), got "
                f"{list(self.observed.shape)}: give each frame one"
            )
        slowest, fastest = FPS_RANGE
        if not slowest <= self.fps <= fastest:
            raise InputError(
                f"expected a frame rate above 0, {slowest:g} to {fastest:g}, got {self.fps}: give "
                "frames per second"
            )

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def inferred(self) -> Bool[Tensor, " frames"]:
        """Frames in which the person was not seen, but where they were is known from others."""
        points = self.pose.keypoints if isinstance(self.pose, Pose2D) else self.pose.joints
        return ~self.observed & points.isfinite().all(-1).any(-1)

    @property
    def shown(self) -> Bool[Tensor, " frames"]:
        """Frames in which there is somebody to show: observed or inferred."""
        return self.observed | self.inferred

    def _repr_html_(self) -> str | None:
        """The value as a page, for notebooks."""
        return html_of(self)
