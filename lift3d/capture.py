"""Recorded data on its way into training and evaluation: captured clips and annotated pictures."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D

__all__ = [
    "AnnotatedPerson",
    "AnnotatedPicture",
    "Capture",
    "CapturedView",
    "Finding",
    "SurfacePoints",
]


@dataclass(frozen=True, slots=True)
class CapturedView:
    """A clip as one camera saw it.

    `camera` may have a leading axis of frames where it moves. `keypoints` has the clip's frames;
    `source` says who made them: "projected", or the detector's or annotator's name.
    """

    name: str
    camera: Camera
    keypoints: Motion[Pose2D]
    source: str


@dataclass(frozen=True, slots=True)
class Capture:
    """One clip of motion capture: joints in a y-up world (metres), and what else was recorded.

    `measured` is false where joints were not solved for this person's own skeleton: such clips may
    train but do not judge accuracy. `weight` is how much a frame counts in training. `bodies` are
    body parameters of `body_format` ("smpl", "smplh", "smplx") where the source gives them.
    """

    name: str
    subject: str
    action: str
    motion: Motion[Pose3D]
    views: tuple[CapturedView, ...] = ()
    bodies: BodyParams | None = None
    body_format: str = ""
    measured: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.motion.pose.require_frame("world")
        for view in self.views:
            if len(view.keypoints) != len(self.motion):
                raise InputError(
                    f"expected {len(self.motion)} frames in view '{view.name}' of clip "
                    f"'{self.name}', got {len(view.keypoints)}: cut both to common frames"
                )


@dataclass(frozen=True, slots=True)
class SurfacePoints:
    """DensePose-style annotation: pixels, and where on the body's charts they lie.

    `part` is 1 to 24, `uv` in [0, 1] within the part.
    """

    pixels: Float[Tensor, "points 2"]
    part: Int[Tensor, " points"]
    uv: Float[Tensor, "points 2"]


@dataclass(frozen=True, slots=True)
class AnnotatedPerson:
    """One person in a picture: a pose without leading axes, a box (left, top, width, height) in pixels.

    `area` is the mask's, in square pixels, 0 where it is not known. A `crowd` is several people in
    one box and does not count in evaluation.
    """

    keypoints: Pose2D
    box: Float[Tensor, "4"]
    area: float = 0.0
    crowd: bool = False
    surface: SurfacePoints | None = None


@dataclass(frozen=True, slots=True)
class AnnotatedPicture:
    """A picture's file name (relative to the dataset's pictures), size (height, width) and people."""

    file_name: str
    image_size: tuple[int, int]
    people: tuple[AnnotatedPerson, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a dataset's folder: what it is, whether it is there, and what was seen or is missing.

    A dataset reader may have a static `examine(root) -> Iterator[Finding]`; `lift3d doctor` shows it.
    """

    what: str
    present: bool
    detail: str
