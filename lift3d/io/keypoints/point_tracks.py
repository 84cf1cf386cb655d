"""Named points over time, as motion capture systems store them."""

from dataclasses import dataclass

from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import InputError

__all__ = ["PointTracks"]


@dataclass(frozen=True, slots=True)
class PointTracks:
    """Points in metres in a y-up world; NaN where a point was not seen.

    `first_frame` is the number of the first frame; it lies at first_frame / fps seconds.
    """

    names: tuple[str, ...]
    places: Float64[ndarray, "frames points 3"]
    fps: float
    first_frame: int = 0

    def __post_init__(self) -> None:
        if self.places.shape[1:] != (len(self.names), 3):
            raise InputError(
                f"expected places [frames, {len(self.names)}, 3], got {list(self.places.shape)}: "
                "give every name a point"
            )
        if len(set(self.names)) != len(self.names):
            raise InputError("expected every point's name once, got a name twice: rename it")
        if not self.fps > 0:
            raise InputError(
                f"expected a frame rate above 0, got {self.fps}: give frames per second"
            )

    def __len__(self) -> int:
        return len(self.places)
