"""Numbered pictures out of whatever holds them: a video, a picture, one that moves, a folder, a glob."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from lift3d.errors import FileFormatError, InputError
from lift3d.pictures.picture_files import (
    is_picture_name,
    list_pictures,
    natural_order,
    number_in_name,
    read_moving_picture,
    read_picture,
)
from lift3d.pictures.picture_headers import picture_header
from lift3d.pictures.theme import Picture
from lift3d.pictures.video_av import AvStream, has_pyav
from lift3d.pictures.video_stream import VideoStream

__all__ = ["Numbered", "PictureSource", "VideoReader", "holds_pictures", "open_pictures"]

VideoReader = Literal["auto", "opencv", "pyav"]
"""`auto` takes OpenCV, and PyAV for files that OpenCV cannot open where PyAV is installed."""

_VIDEOS: Final = (
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".mts",
    ".m2ts", ".3gp", ".ogv", ".gif", ".mjpeg", ".mjpg", ".h264", ".hevc", ".y4m",
)  # fmt: skip
_MAGIC: Final = (b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\1\xba", b"\0\0\1\xb3", b"OggS", b"FLV\1")
_CLOSE: Final = 3
"""Numbers in names that lie further apart than so many to a picture are no frames of one clip."""
_SLACK: Final = 0.01
"""Share of pictures by which a container's own count may be wrong."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A picture and its number; None where it cannot be decoded."""

    number: int
    picture: Picture | None


@dataclass(slots=True)
class PictureSource:
    """Pictures that are read one after the other.

    `count` is how many there are, 0 where nobody knows; `fps` is None for what is no film. `names` are
    the files of pictures, by number. `notes` are sentences for people, complete when all are read.
    """

    where: str
    count: int
    fps: float | None
    read: Callable[[int, int], Iterator[Numbered]]
    """From a first number on, every so many-th."""
    names: tuple[Path, ...] = ()
    frames: tuple[int, ...] | None = None
    """Frame numbers of pictures, where their names tell them."""
    notes: list[str] = field(default_factory=list[str])

    @property
    def is_film(self) -> bool:
        """Whether its pictures follow each other in time."""
        return self.fps is not None


def holds_pictures(path: Path) -> bool:
    """Whether a path leads to a picture, a video, a folder of pictures or a pattern of such names.

    Files that a name does not tell are known by their first bytes.
    """
    if path.is_dir():
        return _is_folder_of_pictures(path)
    if not path.exists():
        return bool(glob.has_magic(str(path))) and any(map(is_picture_name, _matching(path)))
    if is_picture_name(path) or path.suffix.lower() in _VIDEOS:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return False
    return head.startswith(_MAGIC) or head[4:8] == b"ftyp" or picture_header(head) is not None


def open_pictures(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    reader: VideoReader = "auto",
    fps: float | None = None,
) -> PictureSource:
    """The pictures of a video, of a folder, of the files that a pattern (`*`) names, or of one file.

    `fps` overrules what a video says. Raises `FileFormatError` where there is nothing to read.
    """
    if not isinstance(source, str | os.PathLike):
        return _of_files([Path(each) for each in source], "the pictures given")
    path = Path(source)
    if path.is_dir():
        return _of_files(list_pictures(path), f"'{path}'")
    if not path.exists() and glob.has_magic(str(path)):
        files = sorted(filter(is_picture_name, _matching(path)), key=natural_order)
        return _of_files(files, f"'{path}'")
    if not path.exists():
        raise FileFormatError(
            f"expected a video, a picture or a folder of pictures at '{path}', got nothing there: "
            "check the path"
        )
    return _of_one(path, reader, fps)


def _of_one(path: Path, reader: VideoReader, fps: float | None) -> PictureSource:
    gif = path.suffix.lower() == ".gif"
    if not gif and not is_picture_name(path):
        return _of_video(path, reader, fps)
    moving = read_moving_picture(path)
    if moving is None:
        return _of_files([path], f"'{path}'")

    def read(start: int, step: int) -> Iterator[Numbered]:
        for number in range(start, len(moving.frames), step):
            yield Numbered(number, moving.frames[number])

    source = PictureSource(f"'{path}'", len(moving.frames), fps or moving.fps, read)
    source.notes.append(
        f"'{path.name}' moves: its {len(moving.frames)} frames are taken for a video"
    )
    if moving.left_out:
        source.notes.append(
            f"of '{path.name}' only the first {len(moving.frames)} frames were read: convert it to a "
            "video, or set LIFT3D_MAX_PIXELS"
        )
    return source


def _of_files(files: Sequence[Path], where: str) -> PictureSource:
    if not files:
        raise FileFormatError(f"expected pictures at {where}, got none: check the path")

    def read(start: int, step: int) -> Iterator[Numbered]:
        for number in range(start, len(files), step):
            yield Numbered(number, _read(files[number], source))

    source = PictureSource(
        where, len(files), None, read, tuple(files), frames=_frames_by_name(files)
    )
    return source


def _read(file: Path, source: PictureSource) -> Picture | None:
    """A picture of several; one that is broken does not spoil the others."""
    try:
        return read_picture(file)
    except FileFormatError as error:
        if source.count == 1:
            raise
        source.notes.append(f"'{file.name}' was left out ({error})")
        return None


def _frames_by_name(files: Sequence[Path]) -> tuple[int, ...] | None:
    """The numbers in names where they are those of a clip: all different, and close together."""
    numbers = [number_in_name(file) for file in files]
    known = sorted({number for number in numbers if number is not None})
    if len(known) < len(files) or known[-1] - known[0] >= _CLOSE * len(files):
        return None
    return tuple(number for number in numbers if number is not None)


def _of_video(path: Path, reader: VideoReader, fps: float | None) -> PictureSource:
    stream = _stream(path, reader)
    rate = fps or stream.fps or None
    source = PictureSource(
        f"'{path}'",
        stream.count,
        rate or 30.0,
        lambda start, step: _film(path, reader, source, start, step),
    )
    if rate is None:
        source.notes.append(
            f"'{path.name}' does not say its frames per second: 30 are taken (--fps)"
        )
    stream.close()
    return source


def _stream(path: Path, reader: VideoReader) -> VideoStream | AvStream:
    if reader not in ("auto", "opencv", "pyav"):
        raise InputError(f"expected a reader of auto, opencv or pyav, got '{reader}': name one")
    if reader == "pyav":
        return AvStream(path)
    try:
        return VideoStream(path)
    except FileFormatError:
        if reader == "opencv" or not has_pyav():
            raise
        return AvStream(path)


def _film(
    path: Path, reader: VideoReader, source: PictureSource, start: int, step: int
) -> Iterator[Numbered]:
    stream = _stream(path, reader)
    broken, number, read = 0, start, start
    try:
        while stream.go_to(number):
            try:
                picture = stream.picture()
            except FileFormatError:  # one broken picture does not spoil the others
                broken, picture = broken + 1, None
            yield Numbered(number, picture)
            read, number = number + 1, number + step
    finally:
        stream.close()
    if broken:
        source.notes.append(
            f"{broken} pictures of '{path.name}' cannot be decoded: nobody is in them"
        )
    if read + step <= stream.count - max(1.0, _SLACK * stream.count):
        source.notes.append(
            f"'{path.name}' breaks off: of {stream.count} pictures the first {read} could be read"
        )


def _is_folder_of_pictures(folder: Path) -> bool:
    """Pictures, and no JSON: folders of a detector's output may hold drawings as well."""
    try:
        endings = {path.suffix.lower() for path in folder.iterdir()}
    except OSError:
        return False
    return ".json" not in endings and any(is_picture_name(Path(f"a{end}")) for end in endings)


def _matching(path: Path) -> list[Path]:
    return [Path(name) for name in glob.glob(str(path))]  # noqa: PTH207 - any anchor, as shells do
