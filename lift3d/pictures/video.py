"""Pictures to files: PNG, and H.264 video written as the frames come."""

import os
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import InputError, MissingDependencyError, OutputError
from lift3d.io.atomic import atomic_path

__all__ = ["write_png", "write_video"]


def write_png(path: str | os.PathLike[str], picture: UInt8[ndarray, "height width 3"]) -> None:
    """Write display RGB as a PNG file, whole or not at all. Raises `OutputError`."""
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"expected a picture to encode as PNG, got shape {list(picture.shape)}")
    with atomic_path(path) as partial:
        partial.write_bytes(data.tobytes())


def write_video(
    path: str | os.PathLike[str], frames: Iterable[UInt8[ndarray, "height width 3"]], fps: float
) -> int:
    """Write display RGB frames of one size as H.264 (yuv420p, plays everywhere); returns how many.

    Holds one frame at a time. An odd width or height is made even by repeating the last line. The
    file appears when it is complete. Raises `InputError` without frames or where their sizes
    differ, `MissingDependencyError` without ffmpeg, `OutputError` where ffmpeg fails.
    """
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise InputError("expected at least one frame for a video, got none")
    written = 0
    with atomic_path(path) as partial, closing(_encoder(partial, first, fps)) as encoder:
        for frame in _with_first(first, source):
            if frame.shape != first.shape:
                raise InputError(
                    f"expected all frames to be {list(first.shape)}, got {list(frame.shape)}"
                )
            _send(encoder, _even(frame))
            written += 1
        encoder.close()
        if not partial.stat().st_size:
            raise OutputError(
                f"expected ffmpeg to write '{path}', got an empty file: see its message"
            )
    return written


def _with_first(
    first: ndarray, rest: Iterable[UInt8[ndarray, "height width 3"]]
) -> Generator[UInt8[ndarray, "height width 3"]]:
    yield first
    yield from rest


def _encoder(path: Path, first: ndarray, fps: float) -> Generator[None, ndarray]:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError(
            f"expected ffmpeg to write '{path.suffix}' video, got {error}: "
            "pip install imageio-ffmpeg, or put ffmpeg on the PATH"
        ) from error
    height, width = _even(first).shape[:2]
    write_frames: Any = imageio_ffmpeg.write_frames  # its stub takes the defaults' types for all
    encoder: Generator[None, ndarray] = write_frames(
        str(path),
        (width, height),
        fps=float(fps),
        codec="libx264",
        quality=None,
        macro_block_size=2,
        ffmpeg_log_level="error",
        output_params=["-crf", "18", "-preset", "veryfast", "-movflags", "+faststart"],
    )
    encoder.send(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return encoder


def _send(encoder: Generator[None, ndarray], frame: ndarray) -> None:
    try:
        encoder.send(frame)
    except (OSError, StopIteration) as error:
        text = str(error).strip().splitlines() or ["it stopped"]
        raise OutputError(
            f"expected ffmpeg to take the frames, got {text[-1]}: free some room and try again"
        ) from error


def _even(frame: ndarray) -> UInt8[ndarray, "height width 3"]:
    odd = [(0, side % 2) for side in frame.shape[:2]]
    return np.ascontiguousarray(np.pad(frame, [*odd, (0, 0)], mode="edge"))
