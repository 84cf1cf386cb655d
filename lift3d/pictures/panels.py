"""What a picture is made of: its panels and its look, checked against what a clip holds."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.clothes import Outfit
from lift3d.pictures.compose import GAP
from lift3d.pictures.theme import DARK, Theme
from lift3d.protocols import BodyModel, Viewer

__all__ = ["CAPTIONS", "WITH_BODY", "Look", "Panel", "bounded", "chosen_panels", "panel_sizes"]

Panel = Literal["keypoints", "skeleton", "mesh", "turned", "side", "top", "overlay"]

CAPTIONS: Final[dict[Panel, str]] = {
    "keypoints": "2D keypoints",
    "skeleton": "3D joints",
    "mesh": "body, camera view",
    "turned": "body, from the side",
    "side": "side view",
    "top": "from above",
    "overlay": "camera view",
}
WITH_BODY: Final = ("mesh", "turned")
"""Panels that show bodies or nothing; `side`, `top` and `overlay` show joints of those without."""
_NEED_PICTURE: Final = ("keypoints", "mesh", "overlay")
_LARGEST: Final = 8192


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows and how large: panels from left to right, each `height` pixels high.

    Panels become smaller together where the whole would be wider than `max_width`. Without
    `panels`, all that the clip holds are shown: with bodies `keypoints`, `skeleton` and `mesh`.
    `template` replaces the counter by a caption (`lift3d.pictures.captions`); `texture` is a picture
    (display RGB) laid on the body by its UV coordinates; `opacity` is how solid bodies are over a video.
    """

    panels: tuple[Panel, ...] = ()
    height: int = 720
    max_width: int = 1920
    theme: Theme = DARK
    captions: bool = True
    template: str = ""
    uncertainty: bool = True
    contacts: bool = False
    clothes: Outfit = "own"
    texture: UInt8[ndarray, "rows columns 3"] | None = None
    opacity: float = 1.0

    def __post_init__(self) -> None:
        for name, pixels in (("height", self.height), ("width", self.max_width)):
            if not 2 <= pixels <= _LARGEST:
                raise InputError(
                    f"expected a picture's {name} of 2 to {_LARGEST} pixels, got {pixels}: "
                    "choose one between"
                )
        if not 0 <= self.opacity <= 1:
            raise InputError(
                f"expected an opacity from 0 to 1, got {self.opacity}: give 1 for bodies that hide all"
            )
        unknown = [panel for panel in self.panels if panel not in get_args(Panel)]
        if unknown:
            raise InputError(
                f"expected panels among {', '.join(get_args(Panel))}, got '{unknown[0]}': "
                "choose one of them"
            )


def chosen_panels(
    clip: Clip, model: BodyModel | None, viewer: Viewer | None, asked: tuple[Panel, ...]
) -> tuple[Panel, ...]:
    """The panels asked for, or all that the clip can fill. Raises `InputError` for what it cannot."""
    if not any(bool(p.joints.shown.any()) for p in clip.people):
        raise InputError(
            "expected a clip with at least one person in one frame, got none to draw: check its "
            "source"
        )
    bodies = any(p.body is not None for p in clip.people)
    drawable = bodies and model is not None and viewer is not None
    filmed = any(len(p.keypoints.pose.skeleton) for p in clip.people)
    if set(WITH_BODY) & set(asked) and not drawable:
        raise InputError(
            "expected a clip with bodies, a body model and a viewer for the panels 'mesh' and "
            "'turned', got a clip or call without: fit bodies first or leave these panels out"
        )
    if set(_NEED_PICTURE) & set(asked) and not filmed:
        raise InputError(
            "expected a clip of lifted keypoints for the panels 'keypoints', 'mesh' and 'overlay', got "
            "a recording, which no camera saw: take 'skeleton', 'turned', 'side' or 'top'"
        )
    if asked:
        return asked
    if not filmed:
        return ("skeleton", *(("turned",) if drawable else ("side",)))
    return ("keypoints", "skeleton", *(("mesh",) if drawable else ()))


def panel_sizes(
    points: Tensor, panels: tuple[Panel, ...], image_size: tuple[int, int], look: Look
) -> dict[Panel, tuple[int, int]]:
    """(height, width) of each panel: the people's or the video's proportions, within the limits."""
    known = points[points.isfinite().all(-1)]
    people = 1.0
    if len(known):
        span = (known.amax(0) - known.amin(0)).clamp(min=1)
        people = min(1.6, max(0.72, float(span[0] / span[1])))
    aspects: dict[Panel, float] = {
        p: image_size[1] / image_size[0] if p == "overlay" else people for p in panels
    }
    room = look.max_width - GAP * (len(panels) - 1)
    height = min(float(look.height), room / sum(aspects[panel] for panel in panels))
    tall = max(2, 2 * round(height / 2))
    return {p: (tall, max(2, 2 * int(height * aspect / 2))) for p, aspect in aspects.items()}


def bounded(points: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Pixels drawn in to twice the picture: who stands at the lens would fill a whole country."""
    height, width = image_size
    size = torch.tensor([width, height], dtype=points.dtype)
    return points.clamp(-0.5 * size, 1.5 * size)
