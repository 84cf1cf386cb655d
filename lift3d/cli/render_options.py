"""Options of the verb `render`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from lift3d.pictures import Outfit, Panel
from lift3d.pictures.footage import FrameBy

__all__ = ["RenderOptions"]


@dataclass(frozen=True)
class RenderOptions:
    """What pictures of a clip show, and how."""

    viewer: str = "auto"
    """Which renderer to use (see `lift3d list`); auto takes one that works here."""
    path: Path | None = None
    """File or folder that the clip's body model is read from, if it is not in the usual places."""
    video: Path | None = None
    """The video that the keypoints were found in, to draw over."""
    pictures: Path | None = None
    """A folder with a picture per frame, or one picture, to draw over."""
    video_by: FrameBy = "number"
    """How the video's pictures are found: frame k is picture k, or what is shown at the frame's time."""
    fit_video: bool = False
    """Scale a video of another size than the clip's camera has, instead of refusing it."""
    panels: tuple[Panel, ...] = ()
    """What to show, from left to right; all that the clip holds, or the overlay over a video."""
    frame: int | None = None
    """The one frame to show, by its number in the clip; otherwise the most telling one."""
    start: Annotated[float | None, tyro.conf.arg(name="from")] = None
    """Where to begin, in seconds as pictures show them."""
    stop: Annotated[float | None, tyro.conf.arg(name="to")] = None
    """Where to end, in seconds."""
    fps: float | None = None
    """Frames per second; motion keeps its speed. The clip's own rate, for a GIF 20 at most."""
    size: tuple[int, int] | None = None
    """Largest height and width of the whole picture, in pixels."""
    theme: Literal["dark", "light"] = "dark"
    """What surrounds the people."""
    clothes: Outfit = "own"
    """What bodies wear: what their model gives them, plain clay, an outfit, or a colour per part."""
    texture: Path | None = None
    """A picture to lay on bodies by their UV coordinates, where the renderer can."""
    opacity: float = 1.0
    """How solid bodies are over a video, 0 to 1."""
    contacts: bool = False
    """Mark on the floor where feet stand."""
    uncertainty: bool = True
    """Show around limbs' ends where they lie as likely as not."""
    captions: str | None = None
    """A line for every picture, such as "{frame} {time:.2f}s {person}"; "" for none at all."""
    sheet: str | None = None
    """Rows and columns (3x4) of a sheet of telling frames, for .png."""
    turntable: float | None = None
    """Seconds of one frame seen from all around, instead of the motion."""
    transparent: bool = False
    """People alone on nothing, for .png."""
