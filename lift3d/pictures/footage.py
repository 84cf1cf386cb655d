"""What lies under an overlay: the pictures of a video, of a folder, or a single one, frame by frame."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError
from lift3d.pictures.compose import fitted
from lift3d.pictures.picture_files import is_picture_name, list_pictures, number_in_name
from lift3d.pictures.theme import RGB, Picture
from lift3d.pictures.video_stream import VideoStream

__all__ = ["Footage", "FrameBy"]

FrameBy = Literal["number", "time"]
"""Frame k of a clip is picture k of its video, or the picture shown at the frame's time."""

_RATES_DIFFER: Final = 0.02


class Footage:
    """Gives the picture (display RGB of the camera's size) of each frame of a clip; closes as a context.

    Where there is none, since the video ends or a picture is broken, it is a plain surface of the
    colour `empty`; `notes` says so afterwards, and what was taken for granted. Raises
    `FileFormatError` for files without pictures, and `InputError` where their size is not that of
    the clip's camera, unless `fit` allows to scale them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clip: Clip,
        *,
        by: FrameBy = "number",
        fit: bool = False,
        empty: RGB = (25, 27, 33),
    ) -> None:
        self.path, self._clip = Path(path), clip
        self._size, self._fit = clip.camera.image_size, fit
        self._plain = np.full((*self._size, 3), empty, dtype=np.uint8)
        self._lacking: list[int] = []
        self._told: list[str] = []
        self._last: tuple[int, Picture] | None = None
        if self.path.is_dir() or is_picture_name(self.path):
            self._find: Callable[[int], Picture | None] = self._from_files()
            self.close: Callable[[], None] = lambda: None
        else:
            self._find, self.close = self._from_video(by)

    def __call__(self, frame: int) -> Picture:
        """The picture of the clip's frame (counted from 0). Frames in rising order are quick."""
        if self._last is None or self._last[0] != frame:
            found = self._find(frame)
            if found is None:
                self._lacking.append(frame)
            self._last = (frame, self._plain if found is None else self._scaled(found))
        return self._last[1]

    def __enter__(self) -> "Footage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell people: how pictures were found, and for which frames there was none."""
        if not self._lacking:
            return tuple(self._told)
        first = self._clip.first_frame + min(self._lacking)
        return (
            *self._told,
            (
                f"'{self.path.name}' has no picture for {len(set(self._lacking))} frames, the first of "
                f"them frame {first}: they were drawn on an empty one"
            ),
        )

    def _from_video(
        self, by: FrameBy
    ) -> tuple[Callable[[int], Picture | None], Callable[[], None]]:
        stream = VideoStream(self.path)
        if stream.size != self._size and stream.rotation in (90, 270):
            stored = VideoStream(self.path, turned=False)
            if stored.size == self._size:
                self._told.append(
                    f"the video's rotation flag ({stream.rotation} degrees) was left out, as the "
                    "keypoints' picture size asks"
                )
                stream.close()
                stream = stored
        self._check_size(stream.size)
        self._tell_rates(stream, by)
        clip = self._clip

        def find(frame: int) -> Picture | None:
            number = clip.first_frame + frame
            there = stream.go_to(number) if by == "number" else stream.go_to_time(number / clip.fps)
            try:
                return stream.picture() if there else None
            except FileFormatError:  # one broken picture does not spoil the others
                return None

        return find, stream.close

    def _tell_rates(self, stream: VideoStream, by: FrameBy) -> None:
        clip = self._clip
        if stream.fps and abs(stream.fps / clip.fps - 1) > _RATES_DIFFER:
            how = {
                "number": "frames were matched by their numbers",
                "time": "frames were matched by their times",
            }[by]
            self._told.append(
                f"the video has {stream.fps:.4g} frames per second, the clip {clip.fps:.4g}: {how}"
            )

    def _from_files(self) -> Callable[[int], Picture | None]:
        files = list_pictures(self.path)
        clip = self._clip
        if self.path.is_dir():
            numbers = [clip.first_frame + frame for frame in range(len(clip))]
            by_number = {number_in_name(file): file for file in files}
            chosen = [by_number.get(number) for number in numbers]
            if len(by_number) < len(files) or None in chosen:
                chosen = [*files[: len(clip)], *[None] * (len(clip) - len(files))]
                self._told.append("pictures were taken in the order of their names")
        else:
            chosen = [self.path] * len(clip)
        first = _read(files[0], self._size)
        if first is None:
            raise FileFormatError(
                f"expected a picture in '{files[0]}', got a file that cannot be decoded: give another"
            )
        self._check_size((first.shape[0], first.shape[1]))

        def find(frame: int) -> Picture | None:
            file = chosen[frame] if 0 <= frame < len(chosen) else None
            picture = None if file is None else _read(file, self._size)
            if picture is not None:
                self._check_size((picture.shape[0], picture.shape[1]))
            return picture

        return find

    def _check_size(self, size: tuple[int, int]) -> None:
        if size == self._size or self._fit:
            return
        (height, width), (wanted_height, wanted_width) = size, self._size
        raise InputError(
            f"expected pictures of {wanted_width} x {wanted_height} pixels, as the clip's camera has, "
            f"got {width} x {height} in '{self.path}': lift again with --image-size {height} {width}, "
            "or give --fit-video if the video was only scaled since its keypoints were found"
        )

    def _scaled(self, picture: Picture) -> Picture:
        return picture if picture.shape[:2] == self._size else fitted(picture, self._size)


def _read(path: Path, size: tuple[int, int]) -> Picture | None:
    """A picture as display RGB, turned as its camera says unless only its stored form has the size."""
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        if not data.size:
            return None
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if picture is None:
            return None
        if picture.shape[:2] != size and picture.shape[:2] == size[::-1]:
            stored = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            picture = stored if stored is not None and stored.shape[:2] == size else picture
    except (OSError, cv2.error):
        return None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
