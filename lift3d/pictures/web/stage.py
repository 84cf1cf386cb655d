"""What a page shows, as values: people with joints and bodies over frames, in a y-up world."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.skeleton import Skeleton

__all__ = ["Figure", "Sight", "Stage"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One person. `joints` (metres) and `covariance` (square metres) are in the stage's world.

    `joints_shown`, `body_shown` and `stands` (left and right foot) tell of each frame. `body` is the
    place of the person's mesh in the stage's GLB, None where there is none; `color` is the person's
    place in the clip, which colours go by.
    """

    name: str
    skeleton: Skeleton
    joints: Float[Tensor, "frames joints 3"]
    covariance: Float[Tensor, "frames joints 3 3"]
    joints_shown: Bool[Tensor, " frames"]
    body_shown: Bool[Tensor, " frames"]
    stands: Bool[Tensor, "frames 2"]
    body: int | None
    color: int


@dataclass(frozen=True, slots=True)
class Sight:
    """The camera that saw the keypoints: one place for all frames or one each; it does not zoom."""

    intrinsics: Float[Tensor, "3 3"]
    cam_from_world: Float[Tensor, "places 4 4"]
    image_size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything on a page. Frame i of it is frame `first_frame + i * stride` of `total_frames`.

    `fps` is that of the page's frames. `glb` holds the bodies, and is empty without any. With
    `one_by_one` the figures are not people but one after the other of a batch. `notes` are sentences
    about what is shown and what is not.
    """

    title: str
    figures: tuple[Figure, ...]
    fps: float
    sight: Sight | None = None
    glb: bytes = b""
    first_frame: int = 0
    stride: int = 1
    total_frames: int = 0
    one_by_one: bool = False
    notes: Sequence[str] = field(default=())

    def __len__(self) -> int:
        return len(self.figures[0].joints_shown) if self.figures else 0
