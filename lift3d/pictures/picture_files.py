"""Pictures out of files of strangers: of any depth and colours, moving ones, broken ones, huge ones."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.json_values import read_bytes
from lift3d.io.files.limits import LIMITS
from lift3d.pictures.picture_headers import PictureHeader, picture_header
from lift3d.pictures.theme import Picture

__all__ = [
    "PICTURE_ENDINGS",
    "MovingPicture",
    "is_picture_name",
    "list_pictures",
    "natural_order",
    "number_in_name",
    "read_moving_picture",
    "read_picture",
]

PICTURE_ENDINGS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_KINDS: Final = "PNG, JPEG, WebP, BMP, TIFF or GIF"
_TURNED: Final = ("JPEG",)
"""Kinds whose files say how the camera was held; OpenCV turns them where they are read as colours."""
_DEEP: Final = 257.0
"""From 16 bits to 8: 65535 becomes 255."""
_GIF_PACE: Final = 0.1
"""Seconds that players show a frame whose file says none."""


@dataclass(frozen=True, slots=True)
class MovingPicture:
    """The frames of an animated picture, display RGB, and how many a second in the mean.

    `left_out` is whether there are more frames than `LIMITS.pixels` allows.
    """

    frames: tuple[Picture, ...]
    fps: float
    left_out: bool


def is_picture_name(path: Path) -> bool:
    """Whether a name ends as a picture's that stands still."""
    return path.suffix.lower() in PICTURE_ENDINGS


def list_pictures(path: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names, or the one file.

    Raises `FileFormatError` where there are none.
    """
    try:
        files = [path] if not path.is_dir() else [p for p in path.iterdir() if p.is_file()]
    except OSError as error:
        raise FileFormatError(
            f"expected pictures in '{path}', got {error.strerror or error}: check the path"
        ) from error
    found = [file for file in files if is_picture_name(file)]
    if not found or (not path.is_dir() and not path.is_file()):
        raise FileFormatError(
            f"expected pictures ({', '.join(PICTURE_ENDINGS)}) in '{path}', got none: check the path"
        )
    return sorted(found, key=natural_order)


def natural_order(path: Path) -> list[tuple[bool, int, str]]:
    """A key that puts picture 9 before picture 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def number_in_name(path: Path) -> int | None:
    """The last number in a file's name."""
    found = re.findall(r"\d+", path.stem)
    return int(found[-1]) if found else None


def read_picture(path: str | os.PathLike[str]) -> UInt8[ndarray, "height width 3"]:
    """A picture as display RGB of 8 bits, turned as its camera says.

    16 bits are divided by 257; decimal numbers count from 0 to 1; grey becomes three equal channels;
    what is transparent lies on white; of an animated picture the first frame counts. Raises
    `FileFormatError` for what is no picture, cannot be decoded, or has more than `LIMITS.pixels`.
    """
    data, header = _opened(Path(path))
    flags = cv2.IMREAD_COLOR if header.kind in _TURNED else cv2.IMREAD_UNCHANGED
    try:
        picture: Any = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:
        picture = None
    if picture is None:
        raise _broken(Path(path), header)
    return _display(np.asarray(picture))


def read_moving_picture(path: str | os.PathLike[str]) -> MovingPicture | None:
    """The frames of an animated GIF, PNG or WebP; None for a picture that stands still.

    Raises `FileFormatError` as `read_picture` does. OpenCV before 4.11 gives the first frame alone.
    """
    data, header = _opened(Path(path))
    if not header.moves or not hasattr(cv2, "imdecodeanimation"):
        return None
    most = max(1, LIMITS.pixels // (header.size[0] * header.size[1]))
    try:
        done, found = cv2.imdecodeanimation(np.frombuffer(data, dtype=np.uint8), 0, most + 1)
    except cv2.error:
        done, found = False, None
    if not done or found is None or not len(found.frames):
        raise _broken(Path(path), header)
    if len(found.frames) == 1:
        return None
    frames = tuple(_display(np.asarray(frame)) for frame in found.frames[:most])
    seconds = [float(time) / 1000 or _GIF_PACE for time in found.durations[:most]]
    return MovingPicture(frames, len(seconds) / sum(seconds), len(found.frames) > most)


def _opened(path: Path) -> tuple[bytes, PictureHeader]:
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        raise FileFormatError(f"expected a picture at '{path}', got {got}: check the path")
    data = read_bytes(path)
    header = picture_header(data)
    if header is None:
        got = "something else" if data else "an empty file"
        raise FileFormatError(
            f"expected a picture ({_KINDS}) in '{path}', got {got}: give another file"
        )
    height, width = header.size
    if height * width > LIMITS.pixels:
        raise FileFormatError(
            f"expected a picture of at most {LIMITS.pixels:,} pixels in '{path}', got {width} x "
            f"{height}: scale it down, or set LIFT3D_MAX_PIXELS"
        )
    return data, header


def _broken(path: Path, header: PictureHeader) -> FileFormatError:
    return FileFormatError(
        f"expected a picture in '{path}', got a {header.kind} file that cannot be decoded: "
        "give another, or save it again"
    )


def _display(stored: ndarray) -> UInt8[ndarray, "height width 3"]:
    """Display RGB of what OpenCV gives: grey, BGR or BGRA of 8 or 16 bits or decimal numbers."""
    picture = stored if stored.ndim == 3 else stored[..., None]
    if picture.dtype == np.uint8 and picture.shape[-1] == 3:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    scaled = _to_eight_bits(picture)
    if picture.shape[-1] in (2, 4):
        alpha = scaled[..., -1:] / 255
        scaled = scaled[..., :-1] * alpha + 255 * (1 - alpha)
    colours = scaled[..., ::-1] if scaled.shape[-1] == 3 else scaled[..., :1].repeat(3, -1)
    return np.ascontiguousarray((colours + 0.5).astype(np.uint8))


def _to_eight_bits(picture: ndarray) -> Float32[ndarray, "height width channels"]:
    values = picture.astype(np.float32)
    if picture.dtype == np.uint16:
        return values / np.float32(_DEEP)
    if picture.dtype == np.uint8:
        return values
    if np.issubdtype(picture.dtype, np.floating):
        return np.nan_to_num(values, posinf=1.0).clip(0, 1) * np.float32(255)
    return values.clip(0, 255)
