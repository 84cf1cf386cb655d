"""IUV pictures of DensePose v1: PNG whose blue is the part, green U and red V, both times 255.

As a program that thinks in RGB sees it, the first channel is V; OpenCV's order (B, G, R) gives I, U, V.
One file holds all people of a picture, without telling them apart.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.zip_entries import check_regular
from lift3d.surface.quantised import bytes_of_map, map_of_bytes
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["decoded_png", "read_iuv_png", "write_iuv_png"]

_MOST_PIXELS: Final = 200_000_000
_MOST_BYTES: Final = 1 << 28
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def read_iuv_png(path: str | PathLike[str]) -> SurfaceMap:
    """The map of a whole picture. Raises `FileFormatError` for anything but colour of 8 bits."""
    place = Path(path)
    try:
        check_regular(place)
        if place.stat().st_size > _MOST_BYTES:
            raise FileFormatError(
                f"expected an IUV picture of at most {_MOST_BYTES} bytes at '{path}', got more: scale "
                "it down"
            )
        content = place.read_bytes()
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected an IUV picture at '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check the path"
        ) from error
    return map_of_bytes(decoded_png(content, f"'{path}'"), f"'{path}'")


def write_iuv_png(
    path: str | PathLike[str],
    maps: Sequence[SurfaceMap],
    image_size: tuple[int, int] | None = None,
) -> None:
    """Write the people of one picture; of two in one place the one with the better score shows.

    `image_size` is (height, width), where the maps do not say it. Raises `InputError` without people
    and size, and `OutputError`.
    """
    size = image_size or next((one.image_size for one in maps if one.image_size), None)
    if size is None:
        raise InputError("expected the picture's size (height, width), got none: give image_size")
    layers = np.zeros((3, *size), np.uint8)
    for person in sorted(maps, key=lambda one: one.score):
        own = bytes_of_map(person.on_picture(size))
        layers = np.where(own[0] > 0, own, layers)
    _, data = cv2.imencode(".png", np.ascontiguousarray(layers.transpose(1, 2, 0)))
    with atomic_path(path) as partial:
        partial.write_bytes(data.tobytes())


def decoded_png(content: bytes, where: str) -> UInt8[ndarray, "3 height width"]:
    """The blue, green and red of a PNG file's bytes, untouched. Raises `FileFormatError`."""
    try:
        hopeless = not content.startswith(_SIGNATURE) or _claims(content) > _MOST_PIXELS
        data = np.frombuffer(b"" if hopeless else content, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:  # nothing in it, or more pixels than OpenCV unpacks
        picture = None
    if picture is None:
        raise FileFormatError(
            f"expected an IUV picture as PNG in {where}, got something else or damage: write it again"
        )
    if picture.dtype != np.uint8 or picture.shape[2:] != (3,):
        raise FileFormatError(
            f"expected a PNG of three colours of 8 bits in {where}, got {picture.dtype} of shape "
            f"{picture.shape}: save I, U, V without palette and alpha"
        )
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def _claims(content: bytes) -> int:
    """Pixels that a PNG says it holds: width and height stand at byte 16 (PNG specification, 11.2.2).

    One whose parts end beyond its end claims more than any number: OpenCV would find the room first.
    """
    at = len(_SIGNATURE)
    while at + 8 <= len(content):
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    if at > len(content):
        return _MOST_PIXELS + 1
    width, height = (int.from_bytes(content[n : n + 4], "big") for n in (16, 20))
    return width * height
