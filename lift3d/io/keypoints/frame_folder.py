"""A folder with one JSON file per frame, as OpenPose, MMPose and EasyMocap write them.

Of 100,000 files only the names and the numbers in them are held (8 bytes each): a file is read, decoded
and forgotten before the next one is opened.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.rows import Rows
from lift3d.io.keypoints.specimen import Specimen

__all__ = ["FrameFormat", "frame_number", "list_frames", "read_frame", "read_frames"]

_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")
_BLOCK: Final = 1 << 16
_ENDING: Final = ".json"


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """How a detector's frames are read: one file at a time, and everything together at the end.

    `add` takes the rows so far, a frame's text and number, and the file's name for messages;
    `finish` makes detections of all rows and of all frames' numbers, in order.
    """

    add: Callable[[Rows, bytes, int, str], None]
    finish: Callable[[Rows, list[int]], Detections]


def read_frames(how: FrameFormat, folder: Path, names: Mapping[int, str]) -> Detections:
    """All frames of a clip; `names` are the files by their numbers, as `list_frames` gives them."""
    rows = Rows(f"'{folder}'", "person")
    for frame, name in names.items():
        source = f"{folder}{os.sep}{name}"
        how.add(rows, _content(source), frame, source)
    return how.finish(rows, list(names))


def read_frame(how: FrameFormat, specimen: Specimen) -> Detections:
    """A single frame; its number is the last one in the file's name, or 0."""
    rows, frame = Rows(specimen.where, "person"), frame_number(specimen.path)
    how.add(rows, specimen.content, frame, str(specimen.path))
    return how.finish(rows, [frame])


def list_frames(folder: Path) -> dict[int, str]:
    """Names of the JSON files in a folder by the last number in them, in its order.

    Raises `FileFormatError` for none, for names without a number, and for those of two clips.
    """
    names = sorted(_names(folder))
    files = [name for name in names if name.lower().endswith(_ENDING)]
    if not files:
        got = ", ".join(names[:3]) or "an empty folder"
        raise FileFormatError(
            f"expected JSON files, one per frame, in '{folder}', got {got}: "
            "give the folder that holds the keypoint files themselves"
        )
    return {0: files[0]} if len(files) == 1 else _numbered(folder, files)


def frame_number(path: Path) -> int:
    """The last number in a file's name, or 0."""
    match = _LAST_NUMBER.search(path.stem)
    return int(match[1][-12:]) if match else 0


def _numbered(folder: Path, files: list[str]) -> dict[int, str]:
    numbered: dict[int, str] = {}
    clip = ""
    for name in files:
        match = _LAST_NUMBER.search(name[: -len(_ENDING)])
        if not match:
            raise FileFormatError(
                f"expected a frame number in every file name of '{folder}', got '{name}': "
                "remove it or give that file alone"
            )
        frame, prefix = int(match[1][-12:]), name[: match.start()]
        clip = clip if numbered else prefix
        if frame in numbered or prefix != clip:
            other = numbered.get(frame, files[0])
            raise FileFormatError(
                f"expected the frames of one clip in '{folder}', got '{other}' and '{name}': "
                "put each clip in its own folder"
            )
        numbered[frame] = name
    return dict(sorted(numbered.items()))


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name
    except OSError as error:
        raise FileFormatError(
            f"expected a readable folder at '{folder}', got {error.strerror or error}: "
            "check its permissions"
        ) from error


def _content(path: str) -> bytes:
    """A small file's bytes by the system's own calls, in half the time of `open`."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            block = os.read(handle, _BLOCK)
            if len(block) < _BLOCK:
                return block
            with os.fdopen(os.dup(handle), "rb") as file:
                return block + file.read()
        finally:
            os.close(handle)
    except OSError as error:
        raise FileFormatError(
            f"expected a readable file at '{path}', got {error.strerror}: check its permissions"
        ) from error
