"""A clip to a file: one still or a whole video, chosen by the file's ending."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from jaxtyping import UInt8
from numpy import ndarray

from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.panels import Look
from lift3d.pictures.people import telling_frame
from lift3d.pictures.storyboard import Backdrop, Storyboard
from lift3d.pictures.theme import Picture
from lift3d.pictures.video import write_gif, write_png, write_video
from lift3d.protocols import BodyModel, Viewer

__all__ = ["PICTURES", "cutout", "frames", "frames_between", "render_clip", "still", "write_moving"]

Progress = Callable[[int, int], None]

PICTURES: Final = (".png", ".mp4", ".gif")
"""Endings of the files that are drawn."""
GIF_RATE: Final = 20.0
"""Frames per second of a GIF where nobody says them: 60 would make it three times as large."""


def still(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    frame: int | None = None,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
) -> Picture:
    """One frame of a clip as display RGB; the most telling one where `frame` is None."""
    board = Storyboard(clip, model, viewer, look, backdrop)
    return next(iter(board.pictures([_chosen(clip, frame)])))


def cutout(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    frame: int | None = None,
    look: Look | None = None,
) -> UInt8[ndarray, "height width 4"]:
    """One frame's people alone, as display RGB and alpha, without floor and letters."""
    return Storyboard(clip, model, viewer, look).cutout(_chosen(clip, frame))


def _chosen(clip: Clip, frame: int | None) -> int:
    chosen = telling_frame(clip) if frame is None else frame
    if not 0 <= chosen < max(1, len(clip)):
        raise InputError(
            f"expected a frame from 0 to {len(clip) - 1}, got {chosen}: choose one that the clip has"
        )
    return chosen


def frames(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
) -> Iterator[Picture]:
    """All frames of a clip as display RGB, one at a time."""
    return Storyboard(clip, model, viewer, look, backdrop).pictures()


def frames_between(
    clip: Clip,
    start: float | None = None,
    stop: float | None = None,
    fps: float | None = None,
) -> list[int]:
    """The frames (from 0) to draw between two times, both included, as often a second as asked for.

    Times in seconds as pictures show them: frame i of the clip lies at (first_frame + i) / fps. With
    `fps` frames are left out or repeated so that the motion keeps its speed. Raises `InputError`.
    """
    if not len(clip):
        return []
    first, last = clip.first_frame / clip.fps, (clip.first_frame + len(clip) - 1) / clip.fps
    begin, end = first if start is None else start, last if stop is None else stop
    if not (math.isfinite(begin) and math.isfinite(end)):
        raise InputError(f"expected times in seconds, got {begin} and {end}: correct them")
    if begin > end or end < first - 1e-9 or begin > last + 0.5 / clip.fps:
        raise InputError(
            f"expected a stretch of {first:.2f} to {last:.2f} seconds, got {begin:.2f} to {end:.2f}: "
            "correct --from and --to"
        )
    low = max(0, math.ceil((begin - first) * clip.fps - 1e-6))
    high = min(len(clip) - 1, math.floor((end - first) * clip.fps + 1e-6))
    high = max(low, high)
    if fps is None or math.isclose(fps, clip.fps):
        return list(range(low, high + 1))
    if not 0 < fps <= 240:
        raise InputError(
            f"expected 0 to 240 frames per second, got {fps:g}: leave it out or choose less"
        )
    count = math.floor((high - low) / clip.fps * fps + 1e-6) + 1
    return [min(high, low + round(i * clip.fps / fps)) for i in range(count)]


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
    """Write a clip as a picture: `.png` one still, `.mp4` and `.gif` moving ones.

    `model` and `viewer` may be None where the clip holds no bodies. A video has the clip's frame rate, a
    GIF 20 frames a second at most. `progress` is called with the frames done and their total; for some
    of the frames, or another rate, give `Storyboard(...).pictures(frames)` to `write_moving`. Raises
    `InputError` for other endings and clips without people, and what `write_video` raises.
    """
    ending = Path(path).suffix.lower()
    if ending not in PICTURES:
        raise InputError(
            f"expected a picture file ending in {', '.join(PICTURES)}, got '{path}': choose such a name"
        )
    board = Storyboard(clip, model, viewer, look, backdrop)
    if ending == ".png":
        write_png(path, next(iter(board.pictures([_chosen(clip, frame)]))))
        return
    rate = min(clip.fps, GIF_RATE) if ending == ".gif" else clip.fps
    wanted = frames_between(clip, fps=rate)
    write_moving(path, board.pictures(wanted), rate, len(wanted), progress)


def write_moving(
    path: str | os.PathLike[str],
    pictures: Iterable[Picture],
    fps: float,
    total: int,
    progress: Progress | None = None,
) -> int:
    """Write pictures as `.mp4` or `.gif`, telling how many of all are done; returns their number."""
    write = write_gif if Path(path).suffix.lower() == ".gif" else write_video
    return write(path, _told(iter(pictures), total, progress), fps)


def _told(made: Iterator[Picture], total: int, progress: Progress | None) -> Iterator[Picture]:
    for done, picture in enumerate(made, 1):
        yield picture
        if progress is not None:
            progress(done, total)
