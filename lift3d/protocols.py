"""What a plug-in is. A plug-in inherits nothing: it has these attributes, and that is all."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.camera import Camera
from lift3d.capture import AnnotatedPicture
from lift3d.detected import DetectedPeople
from lift3d.estimate import BodyEstimate
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

__all__ = [
    "AnyLayoutLifter",
    "BodyModel",
    "Dataset",
    "Detector",
    "Lifter",
    "MotionClip",
    "PictureDataset",
    "Regressor",
    "TopDownDetector",
    "VideoDetector",
    "Viewer",
]


@runtime_checkable
class Detector(Protocol):
    """Pictures -> the keypoints of the people in each, in pixels."""

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""
        ...

    def __call__(
        self,
        pictures: Sequence[UInt8[ndarray, "_ _ 3"]],
        boxes: Sequence[Float[Tensor, "_ 4"] | None] | None = None,
    ) -> list[DetectedPeople]:
        """The people in each picture (display RGB, of any sizes).

        `boxes` are where people are, for each picture: column and row of the first pixel, width and
        height. Where there are none (None), the detector finds people by itself.
        """
        ...


@runtime_checkable
class TopDownDetector(Detector, Protocol):
    """A detector that can be asked whether it finds people where no boxes are given."""

    @property
    def finds_people(self) -> bool:
        """If not, it takes the whole picture for the box of one person."""
        ...


@runtime_checkable
class VideoDetector(Detector, Protocol):
    """A detector whose answers depend on which picture of a video it sees, or on those before."""

    def over(self, frames: Iterable[int], before: DetectedPeople | None) -> Detector:
        """The same detector, for pictures of one video that come one after the other.

        `frames` are their numbers. `before` is what was found in the last picture before them, so that
        work can go on where it was broken off; None at the start.
        """
        ...


@runtime_checkable
class Lifter(Protocol):
    """Keypoints of one person over time -> joints in the camera frame, in metres."""

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the joints that come out; keypoints may come in any layout."""
        ...

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]: ...


@runtime_checkable
class AnyLayoutLifter(Lifter, Protocol):
    """A lifter that can be asked for another layout of joints."""

    def giving(self, skeleton: Skeleton) -> Lifter:
        """The same lifter, whose joints come out in that layout."""
        ...


@runtime_checkable
class Regressor(Protocol):
    """Keypoints of one person over time -> body parameters in the camera frame, and how certain."""

    @property
    def needs(self) -> Skeleton:
        """The layout in which it wants lifted joints."""
        ...

    def __call__(
        self,
        keypoints: Motion[Pose2D],
        camera: Camera,
        joints: Motion[Pose3D] | None = None,
    ) -> BodyEstimate:
        """`joints` are the lifted points where they are known, in the layout that it needs."""
        ...


@runtime_checkable
class BodyModel(Protocol):
    """A parametric body. It owns no pose and no batch size."""

    @property
    def name(self) -> str: ...

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def articulation(self) -> Articulation: ...

    @property
    def surface(self) -> Surface: ...

    def __call__(self, params: BodyParams) -> BodyMesh: ...

    def joints(self, params: BodyParams) -> Float[Tensor, "*batch joints 3"]:
        """Joints only, without touching a vertex."""
        ...


@runtime_checkable
class MotionClip(Protocol):
    """One clip of motion capture: joints in a y-up world, in metres. `lift3d.capture.Capture` is one."""

    @property
    def name(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def action(self) -> str: ...

    @property
    def motion(self) -> Motion[Pose3D]: ...


@runtime_checkable
class Dataset(Protocol):
    """Motion capture on disk: clips by split, read one at a time."""

    @property
    def splits(self) -> tuple[str, ...]: ...

    def clips(self, split: str) -> Iterator[MotionClip]: ...


@runtime_checkable
class PictureDataset(Protocol):
    """Annotated pictures on disk, read one at a time."""

    @property
    def splits(self) -> tuple[str, ...]: ...

    def pictures(self, split: str) -> Iterator[AnnotatedPicture]: ...


@runtime_checkable
class Viewer(Protocol):
    """Draws meshes seen by a camera, over a background of the camera's size where one is given.

    Gives display RGB in [0, 255], and where a body covers the picture. Colours come as linear RGB. A
    viewer may also have a static `probe() -> str` that tells whether it works here.
    """

    def render(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "vertices 3"]],
        camera: Camera,
        background: UInt8[ndarray, "height width 3"] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]: ...

    def close(self) -> None: ...
