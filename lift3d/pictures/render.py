"""A clip to a file: one still or a whole video, chosen by the file's ending."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.panels import Backdrop, Look, Storyboard
from lift3d.pictures.people import telling_frame
from lift3d.pictures.video import write_png, write_video
from lift3d.protocols import BodyModel, Viewer

__all__ = ["frames", "render_clip", "still"]

Progress = Callable[[int, int], None]


def still(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    frame: int | None = None,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
) -> UInt8[ndarray, "height width 3"]:
    """One frame of a clip as display RGB; the most telling one where `frame` is None."""
    board = Storyboard(clip, model, viewer, look, backdrop)
    chosen = telling_frame(clip) if frame is None else frame
    if not 0 <= chosen < len(clip):
        raise InputError(f"expected a frame from 0 to {len(clip) - 1}, got {chosen}")
    return next(board.pictures([chosen]))


def frames(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
) -> Iterator[UInt8[ndarray, "height width 3"]]:
    """All frames of a clip as display RGB, one at a time."""
    return Storyboard(clip, model, viewer, look, backdrop).pictures()


def render_clip(
    clip: Clip,
    model: BodyModel | None,
    viewer: Viewer | None,
    path: str | os.PathLike[str],
    *,
    frame: int | None = None,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a clip as a picture: `.png` one still, `.mp4` a video.

    `model` and `viewer` may be None where the clip holds no bodies. `progress` is called with the
    frames done and their total. Raises `InputError` for other endings and clips without people.
    """
    ending = Path(path).suffix.lower()
    if ending == ".png":
        write_png(path, still(clip, model, viewer, frame=frame, look=look, backdrop=backdrop))
    elif ending == ".mp4":
        made = frames(clip, model, viewer, look=look, backdrop=backdrop)
        write_video(path, _told(made, len(clip), progress), clip.fps)
    else:
        raise InputError(f"expected a picture file ending in .png or .mp4, got '{path}'")


def _told(
    made: Iterator[UInt8[ndarray, "height width 3"]], total: int, progress: Progress | None
) -> Iterator[UInt8[ndarray, "height width 3"]]:
    for done, picture in enumerate(made, 1):
        yield picture
        if progress is not None:
            progress(done, total)
