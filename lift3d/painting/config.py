"""What may vary from picture to picture, and how far."""

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from lift3d.errors import InputError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import HALPE_26

__all__ = ["PaintConfig"]


@dataclass(frozen=True, slots=True)
class PaintConfig:
    """How pictures vary. Shares and chances are in [0, 1], lengths in metres, angles in degrees."""

    height: int = 256
    width: int = 192
    skeleton: Skeleton = field(default=HALPE_26)
    """The layout of the keypoints."""
    skin: float = 0.4
    """How far hips and shoulders lie from the joint towards the skin, as annotators mark them."""
    people: int = 3
    """At most so many in a picture; half of the pictures have one."""
    padding: float = 1.25
    """The picture around the subject's box, as detectors crop it."""
    zoom: float = 0.2
    """Standard spread of the log scale of that crop."""
    shift: float = 0.08
    """Standard deviation of the crop's place, in heights of the box."""
    turned: float = 0.3
    """Share of pictures that are turned in their plane."""
    turn: float = 20.0
    """Standard deviation of those turns; one in ten may be any angle."""
    truncated: float = 0.17
    """Share of pictures that show only a part of the body."""
    edged: float = 0.12
    """Share of crops that reach beyond the picture, where they are black."""
    near: float = 1.6
    """Nearest distance to the camera."""
    far: float = 9.0
    dressed: float = 0.95
    """Share of people with clothes."""
    occluded: float = 0.4
    """Share of pictures with things in front of people."""
    spoilt: float = 0.8
    """Share of pictures with blur, noise, bad compression or odd colours."""
    backgrounds: Path | None = None
    """A folder of pictures to paint people over; half of the backgrounds then come from it."""

    def __post_init__(self) -> None:
        shares = (
            self.skin,
            self.turned,
            self.truncated,
            self.edged,
            self.dressed,
            self.occluded,
            self.spoilt,
        )
        wrong = [
            not all(0 <= share <= 1 for share in shares),
            not all(8 <= size <= 4096 for size in (self.height, self.width)),
            not 1 <= self.people <= 16,
            not (0.5 < self.near <= self.far and isfinite(self.far)),
            not (0.5 <= self.padding <= 4 and 0 <= self.zoom <= 1 and 0 <= self.shift <= 1),
            not 0 <= self.turn <= 180,
        ]
        if any(wrong):
            raise InputError(
                "expected shares in [0, 1], pictures of 8 to 4096 pixels, 1 to 16 people, a distance "
                "above 0.5 m, a padding of 0.5 to 4, zoom and shift in [0, 1] and turns up to 180 "
                f"degrees, got {self}: correct them"
            )
