"""The pictures of a video one after the other, by number or by time, however they are spaced."""

import os
from bisect import bisect_right
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import FileFormatError, Lift3dError
from lift3d.io.files.limits import LIMITS
from lift3d.pictures.encoder import run_ffmpeg

__all__ = ["VideoStream", "refuse_lists"]

_FAR: Final = 250  # pictures that are sooner decoded than looked up
_BEFORE: Final = 1.0  # seconds to land before what is looked for
_PLAYLISTS: Final = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist]")


class VideoStream:
    """A video read forwards. `position` is the number of the picture it stands at, -1 before the first.

    `size` is (height, width) as players show it, that is turned by the video's rotation flag, or
    with `turned=False` as it is stored; `rotation` is that flag in degrees. `fps` is the mean rate.
    Raises `FileFormatError` for files that hold no video.
    """

    def __init__(self, path: str | os.PathLike[str], *, turned: bool = True) -> None:
        self.path = Path(path)
        refuse_lists(self.path)
        self._turned = turned
        self._stamps: list[float] | None = None
        self._open()
        self._check_size()
        if not self._video.isOpened() or not self.step():
            raise FileFormatError(
                f"expected a video with pictures in '{self.path}', got a file that holds none that can "
                "be decoded: give another, or convert it to H.264 in .mp4"
            )
        self.rotation = round(float(self._video.get(cv2.CAP_PROP_ORIENTATION_META))) % 360
        rate = float(self._video.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 0 < rate < 1e4 else 0.0
        self.count = max(0, round(float(self._video.get(cv2.CAP_PROP_FRAME_COUNT))))
        first = self.picture()
        self.size: tuple[int, int] = (first.shape[0], first.shape[1])

    def _open(self) -> None:
        # Without the name of a reader OpenCV takes a "%" in a name for a pattern of pictures.
        self._video: Any = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, float(self._turned))
        self.position, self.stamp, self._ended = -1, 0.0, False

    def _check_size(self) -> None:
        sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        width, height = (round(float(self._video.get(side))) for side in sides)
        if width * height > LIMITS.pixels:
            raise FileFormatError(
                f"expected a video of at most {LIMITS.pixels:,} pixels a picture in '{self.path}', got "
                f"{width} x {height}: scale it down, or set LIFT3D_MAX_PIXELS"
            )

    def step(self) -> bool:
        """Go to the next picture without converting it; False where there is none."""
        if self._ended or not self._video.grab():
            self._ended = True
            return False
        self.position += 1
        self.stamp = float(self._video.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        return True

    def picture(self) -> UInt8[ndarray, "height width 3"]:
        """The picture it stands at, display RGB."""
        done, picture = self._video.retrieve()
        if not done or picture is None:
            raise FileFormatError(
                f"expected picture {self.position} of '{self.path}' to decode, got a broken one: "
                "convert the video again"
            )
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))

    def go_to(self, number: int) -> bool:
        """Stand at the n-th picture that the video shows; False where it ends before."""
        if number < self.position:
            self._open()
        if number - self.position > _FAR:
            self._leap(number)
        while self.position < number:
            if not self.step():
                return False
        return True

    def go_to_time(self, seconds: float) -> bool:
        """Stand at the picture that is shown at a time; False where the video has ended by then.

        The last picture is shown for as long as the mean one.
        """
        shown = self.stamps
        if not shown:
            return self.go_to(max(0, round(seconds * self.fps)))
        last = shown[-1] + (1 / self.fps if self.fps else 0)
        if seconds >= last - 1e-6:
            return False
        return self.go_to(max(0, bisect_right(shown, seconds + 1e-4) - 1))

    @property
    def stamps(self) -> list[float]:
        """When each picture is shown (seconds after the first); empty where ffmpeg cannot tell.

        Read from the container without decoding, so that hours take seconds.
        """
        if self._stamps is None:
            try:
                self._stamps = _stamps(run_ffmpeg(_list_of_packets(self.path)))
            except (Lift3dError, ValueError, ArithmeticError):
                self._stamps = []
        return self._stamps

    def _leap(self, number: int) -> None:
        """Land a little before a far picture, if its time stamp proves which one it is."""
        shown = self.stamps
        if not 0 <= number < len(shown):
            return
        start, position = shown[number] - _BEFORE, self.position
        if start <= 0 or bisect_right(shown, start) <= position + 1:
            return
        self._video.set(cv2.CAP_PROP_POS_MSEC, start * 1000)
        if self.step():
            near = min(max(0, bisect_right(shown, self.stamp + 1e-3) - 1), number)
            if abs(shown[near] - self.stamp) < 1e-3:
                self.position = near
                return
        self._open()  # the stamps do not fit: count from the start

    def close(self) -> None:
        """Let go of the file."""
        self._video.release()


def refuse_lists(path: Path) -> None:
    """Raise `FileFormatError` for files that cannot be read, and for lists that lead elsewhere."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a video in '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check the path"
        ) from error
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(_PLAYLISTS):  # they may lead anywhere
        raise FileFormatError(
            f"expected a video in '{path}', got a list of other files: give the video itself"
        )


def _list_of_packets(path: Path) -> tuple[str, ...]:
    return ("-i", f"file:{path}", "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-")


def _stamps(told: bytes) -> list[float]:
    """Times of display out of ffmpeg's list: `0, dts, pts, duration, size, checksum` per packet."""
    unit, times = 1.0, list[int]()
    for line in told.decode(errors="replace").splitlines():
        if line.startswith("#tb 0:"):
            over, under = line.removeprefix("#tb 0:").split("/")
            unit = int(over) / int(under)
        elif line and not line.startswith("#"):
            times.append(int(line.split(",")[2]))
    times.sort()
    return [(time - times[0]) * unit for time in times]
