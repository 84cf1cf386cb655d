"""The pictures of a video through PyAV, where it is installed: for files that OpenCV does not open."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import FileFormatError, MissingDependencyError
from lift3d.io.files.limits import LIMITS
from lift3d.pictures.video_stream import refuse_lists

__all__ = ["AvStream", "has_pyav"]


def has_pyav() -> bool:
    """Whether PyAV can be used here."""
    try:
        import_module("av")
    except ImportError:
        return False
    return True


class AvStream:
    """A video read forwards, as `VideoStream` is: the same numbers, sizes and turns.

    Raises `MissingDependencyError` without PyAV and `FileFormatError` for files that hold no video.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._av: Any = import_module("av")
        except ImportError as error:
            raise MissingDependencyError(
                f"expected PyAV to read '{self.path}', got {error}: pip install av"
            ) from error
        refuse_lists(self.path)
        self._open()
        if not self.step():
            raise self._no_video("a file that holds none that can be decoded")
        first = self.picture()
        self.size: tuple[int, int] = (first.shape[0], first.shape[1])

    def _open(self) -> None:
        try:
            self._file: Any = self._av.open(f"file:{self.path}")
            self._stream: Any = self._file.streams.video[0]
        except (OSError, ValueError, IndexError) as error:
            raise self._no_video(str(error)) from error
        if self._stream.width * self._stream.height > LIMITS.pixels:
            raise self._no_video(f"{self._stream.width} x {self._stream.height} pixels")
        rate = self._stream.average_rate
        self.fps = float(rate) if rate and 0 < rate < 10_000 else 0.0
        self.count = int(self._stream.frames)
        self.position = -1
        self._frames: Iterator[Any] = self._decoded()
        self._frame: Any = None

    def _decoded(self) -> Iterator[Any]:
        """Frames in the order in which they are shown; broken packets are left out."""
        for packet in self._file.demux(self._stream):
            try:
                yield from packet.decode()
            except (OSError, ValueError):  # PyAV's errors are both of them
                continue

    def step(self) -> bool:
        """Go to the next picture; False where there is none."""
        try:
            frame = next(self._frames, None)
        except (OSError, ValueError):  # a container that ends in the middle
            frame = None
        if frame is None:
            return False
        self._frame, self.position = frame, self.position + 1
        return True

    def picture(self) -> UInt8[ndarray, "height width 3"]:
        """The picture it stands at, display RGB, turned as the video says."""
        stored = np.asarray(self._frame.to_ndarray(format="rgb24"))
        quarters = round(float(getattr(self._frame, "rotation", 0)) / 90) % 4
        return np.ascontiguousarray(np.rot90(stored, quarters))

    def go_to(self, number: int) -> bool:
        """Stand at the n-th picture; False where the video ends before."""
        if number < self.position:
            self.close()
            self._open()
        while self.position < number:
            if not self.step():
                return False
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _no_video(self, got: str) -> FileFormatError:
        return FileFormatError(
            f"expected a video with pictures in '{self.path}', got {got}: give another, or convert "
            "it to H.264 in .mp4"
        )
