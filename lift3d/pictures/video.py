"""Pictures to files: PNG, H.264 video and GIF, written as the frames come."""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import InputError, OutputError
from lift3d.io.files.atomic import atomic_path
from lift3d.pictures.encoder import LOSSLESS, Encoder, ffmpeg, h264, palette, paletted, run_ffmpeg

__all__ = ["StoppedByHandError", "write_gif", "write_png", "write_video"]

Frames = Iterable[UInt8[ndarray, "height width 3"]]


class StoppedByHandError(KeyboardInterrupt):
    """Ctrl-C while frames were written: those so far play from `path`."""

    def __init__(self, path: Path, frames: int) -> None:
        super().__init__(f"stopped by hand; the first {frames} frames were kept as '{path}'")
        self.path, self.frames = path, frames


def write_png(
    path: str | os.PathLike[str], picture: UInt8[ndarray, "height width channels"]
) -> None:
    """Write display RGB, or RGB and alpha, as a PNG file, whole or not at all. Raises `OutputError`."""
    order = cv2.COLOR_RGBA2BGRA if picture.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, order))
    if not done:
        raise OutputError(
            f"expected a picture to encode as PNG, got shape {list(picture.shape)}: give uint8 [height, "
            "width, 3]"
        )
    with atomic_path(path) as partial:
        partial.write_bytes(data.tobytes())


def write_video(path: str | os.PathLike[str], frames: Frames, fps: float) -> int:
    """Write display RGB frames of one size as H.264 (yuv420p, plays everywhere); returns how many.

    Holds a few frames at a time. An odd width or height is made even by repeating the last line. The
    file appears when it is complete; after Ctrl-C the frames so far appear under a name that says how
    many they are, and `StoppedByHandError` is raised. Raises `InputError` without frames or where
    their sizes differ, `MissingDependencyError` without ffmpeg, `OutputError` where ffmpeg fails.
    """
    with _kept_when_stopped(Path(path)) as (partial, told):
        told.append(_encode(frames, lambda size: Encoder(partial, size, fps, h264()), told))
    return told[-1]


def write_gif(path: str | os.PathLike[str], frames: Frames, fps: float) -> int:
    """Write display RGB frames of one size as an endless GIF with one palette; returns how many.

    In two passes over a lossless video beside the file, so that memory does not grow with the
    length. Otherwise as `write_video`.
    """
    ffmpeg()
    target = Path(path)
    with (
        _kept_when_stopped(target) as (partial, told),
        TemporaryDirectory(dir=target.parent, prefix=f".{target.stem}.") as folder,
    ):
        whole, colors = Path(folder) / "whole.mkv", Path(folder) / "palette.png"

        def finish() -> None:
            run_ffmpeg(palette(whole, colors))
            run_ffmpeg(paletted(whole, colors, partial))

        try:
            told.append(_encode(frames, lambda size: Encoder(whole, size, fps, LOSSLESS), told))
        except KeyboardInterrupt:
            whole_frames = told.pop() if told else 0
            if whole_frames:
                finish()
                told.append(whole_frames)
            raise
        finish()
    return told[-1]


@contextmanager
def _kept_when_stopped(target: Path) -> Generator[tuple[Path, list[int]]]:
    """`atomic_path`, but after Ctrl-C a file that holds frames is kept under another name.

    Whoever writes says in the list how many frames the file holds.
    """
    told: list[int] = []
    with atomic_path(target) as partial:
        try:
            yield partial, told
        except KeyboardInterrupt as error:
            if not told or not told[-1]:
                raise
            kept = target.with_stem(f"{target.stem}_first_{told[-1]}_frames")
            with atomic_path(kept) as place:
                partial.replace(place)
            raise StoppedByHandError(kept, told[-1]) from error


def _encode(frames: Frames, begin: Callable[[tuple[int, int]], Encoder], told: list[int]) -> int:
    """Send all frames to the encoder that the first one's size begins; after Ctrl-C, finish early."""
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise InputError("expected at least one frame for a video, got none: draw one")
    if first.ndim != 3 or not first.size:
        raise InputError(
            f"expected frames with pixels for a video, got {list(first.shape)}: give [height, width, 3]"
        )
    encoder = begin(_even(first).shape[:2])
    try:
        encoder.send(_even(first))
        for frame in source:
            if frame.shape != first.shape:
                raise InputError(
                    f"expected all frames to be {list(first.shape)}, got {list(frame.shape)}: "
                    "draw all of them in one size"
                )
            encoder.send(_even(frame))
        return encoder.finish()
    except KeyboardInterrupt:
        told.append(encoder.finish())
        raise
    finally:
        encoder.abort()


def _even(frame: ndarray) -> UInt8[ndarray, "height width 3"]:
    """A copy, since whoever makes frames may paint the next one into the same memory."""
    odd = [(0, side % 2) for side in frame.shape[:2]]
    return np.ascontiguousarray(np.pad(frame, [*odd, (0, 0)], mode="edge"))
