"""Colours and letters: one place for what all pictures have in common.

Colours are display RGB in [0, 255].
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

__all__ = [
    "DARK",
    "LIGHT",
    "RGB",
    "LimbColors",
    "Picture",
    "Theme",
    "backdrop",
    "person_colors",
    "quantised",
    "text_width",
    "write_text",
]

RGB = tuple[int, int, int]
Picture = UInt8[ndarray, "_ _ 3"]
"""Display RGB of any height and width."""


@dataclass(frozen=True, slots=True)
class LimbColors:
    """One person's colours; left and right are the person's own."""

    left: RGB
    right: RGB
    centre: RGB


@dataclass(frozen=True, slots=True)
class Theme:
    """What surrounds the people: a backdrop from `top` to `bottom`, a floor, and letters."""

    top: RGB
    bottom: RGB
    floor: RGB
    grid: RGB
    gap: RGB
    text: RGB
    faint: RGB
    edge: RGB
    outline: RGB
    shadow: float


DARK: Final = Theme(
    top=(37, 40, 48),
    bottom=(25, 27, 33),
    floor=(92, 97, 110),
    grid=(138, 145, 160),
    gap=(14, 15, 18),
    text=(236, 238, 242),
    faint=(150, 156, 168),
    edge=(58, 62, 72),
    outline=(16, 17, 21),
    shadow=0.68,
)
LIGHT: Final = Theme(
    top=(247, 248, 250),
    bottom=(228, 231, 236),
    floor=(252, 252, 253),
    grid=(178, 185, 196),
    gap=(205, 209, 216),
    text=(38, 42, 52),
    faint=(112, 119, 132),
    edge=(200, 205, 213),
    outline=(72, 78, 92),
    shadow=0.40,
)

_PEOPLE: Final = (
    LimbColors(left=(255, 140, 84), right=(70, 172, 255), centre=(232, 235, 242)),
    LimbColors(left=(255, 206, 84), right=(76, 209, 160), centre=(214, 240, 214)),
    LimbColors(left=(255, 122, 172), right=(158, 134, 255), centre=(240, 218, 244)),
    LimbColors(left=(233, 186, 134), right=(74, 205, 214), centre=(214, 238, 238)),
    LimbColors(left=(244, 105, 105), right=(140, 190, 90), centre=(236, 228, 206)),
)
_DARKER_CENTRE: Final = 0.52


def person_colors(person: int, theme: Theme) -> LimbColors:
    """The colours of the n-th person of a clip: five chosen ones, then hues that lie well apart."""
    colors = _PEOPLE[person] if person < len(_PEOPLE) else _further(person)
    if theme.shadow < DARK.shadow:  # pale trunks would vanish on a light backdrop
        centre = tuple(round(c * _DARKER_CENTRE) for c in colors.centre)
        return LimbColors(colors.left, colors.right, (centre[0], centre[1], centre[2]))
    return colors


def _further(person: int) -> LimbColors:
    """Steps of the golden ratio round the colour wheel never come near one another for long."""
    hue = person * 0.618034 % 1
    tones = [(hue, 0.62), (hue + 0.42, 0.62), (hue, 0.1)]
    left, right, centre = (
        tuple(round(255 * c) for c in hsv_to_rgb(h % 1, s, 0.94)) for h, s in tones
    )
    return LimbColors(
        (left[0], left[1], left[2]),
        (right[0], right[1], right[2]),
        (centre[0], centre[1], centre[2]),
    )


@cache
def backdrop(height: int, width: int, theme: Theme) -> Float[ndarray, "height width 3"]:
    """The empty room, float32. Read-only, since it is shared."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, bottom = (np.array(c, dtype=np.float32) for c in (theme.top, theme.bottom))
    room = np.broadcast_to(top + (bottom - top) * share, (height, width, 3)).copy()
    room.flags.writeable = False
    return room


def quantised(picture: Float[ndarray, "height width 3"]) -> UInt8[ndarray, "height width 3"]:
    """Rounded to bytes with a fixed grain of half a step, so that slow gradients show no bands."""
    grained = np.clip(picture + _grain(*picture.shape[:2]), 0, 255)
    return np.asarray(grained.astype(np.uint8))


@cache
def _grain(height: int, width: int) -> Float[ndarray, "height width 1"]:
    grain: Float[ndarray, "height width 1"] = np.random.default_rng(7).random(
        (height, width, 1), dtype=np.float32
    )
    return grain


@cache
def _font() -> Any:
    # OpenCV 5 carries a proper sans serif; OpenCV 4 has only Hershey's strokes.
    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


def write_text(
    picture: UInt8[ndarray, "height width 3"],
    text: str,
    at: tuple[int, int],
    size: int,
    color: RGB,
    halo: RGB,
) -> None:
    """Write onto a picture; `at` is the left end of the base line, `size` the letters' height.

    The halo keeps letters legible on photographs; on the backdrop it does not show.
    """
    x, y = at
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)):
        _letters(picture, text, (x + dx, y + dy), size, halo)
    _letters(picture, text, at, size, color)


def _letters(picture: ndarray, text: str, at: tuple[int, int], size: int, color: RGB) -> None:
    if _font() is not None:
        cv2.putText(picture, text, at, color, _font(), size, 400)
    else:
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size / 30, color, 1, cv2.LINE_AA)


def text_width(text: str, size: int) -> int:
    """How many pixels a text takes."""
    if _font() is not None:
        box = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, 400)
        return int(box[2])
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size / 30, 1)[0][0])
