"""How large a picture is, and whether it moves, by its first bytes: known before anything is decoded.

PNG (w3.org/TR/png-3), JPEG (ITU-T T.81), GIF89a, BMP, WebP (RFC 9649) and TIFF 6.0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["PictureHeader", "picture_header"]

PictureKind = Literal["PNG", "JPEG", "GIF", "BMP", "WebP", "TIFF"]

_NO_SIZE: Final = (0xC4, 0xC8, 0xCC)
"""Markers of JPEG among those of frames that begin none."""
_TIFF_SIDES: Final = {256: "width", 257: "height"}


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """`size` is (height, width) as it is stored; `moves` is whether it may hold several frames."""

    kind: PictureKind
    size: tuple[int, int]
    moves: bool = False


def picture_header(data: bytes) -> PictureHeader | None:
    """What the bytes of a file say of the picture in it; None where they hold none that is known."""
    for look in (_png, _jpeg, _gif, _bmp, _webp, _tiff):
        try:
            found = look(data)
        except (IndexError, ValueError):  # the file ends before it has said its size
            found = None
        if found is not None:
            return found if min(found.size) > 0 else None
    return None


def _number(data: bytes, at: int, length: int, order: Literal["little", "big"] = "little") -> int:
    part = data[at : at + length]
    if len(part) < length:
        raise ValueError(at)
    return int.from_bytes(part, order)


def _png(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    size = (_number(data, 20, 4, "big"), _number(data, 16, 4, "big"))
    before = data.find(b"IDAT")
    return PictureHeader("PNG", size, b"acTL" in data[: before if before >= 0 else None])


def _jpeg(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    for marker, at in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            return PictureHeader(
                "JPEG", (_number(data, at + 3, 2, "big"), _number(data, at + 5, 2, "big"))
            )
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers of JPEG, each with the place of its length."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:  # fill bytes, no length
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, at + 2
        at += 2 + max(2, _number(data, at + 2, 2, "big"))


def _gif(data: bytes) -> PictureHeader | None:
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    return PictureHeader("GIF", (_number(data, 8, 2), _number(data, 6, 2)), moves=True)


def _bmp(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"BM"):
        return None
    if _number(data, 14, 4) == 12:  # OS/2
        return PictureHeader("BMP", (_number(data, 20, 2), _number(data, 18, 2)))
    height = int.from_bytes(data[22:26], "little", signed=True)  # negative: from the top
    return PictureHeader("BMP", (abs(height), _number(data, 18, 4)))


def _webp(data: bytes) -> PictureHeader | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    chunk = data[12:16]
    if chunk == b"VP8X":
        size = (_number(data, 27, 3) + 1, _number(data, 24, 3) + 1)
        return PictureHeader("WebP", size, bool(data[20] & 2))
    if chunk == b"VP8L":
        bits = _number(data, 21, 4)
        return PictureHeader("WebP", ((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1))
    if chunk == b"VP8 ":
        return PictureHeader("WebP", (_number(data, 28, 2) & 0x3FFF, _number(data, 26, 2) & 0x3FFF))
    return None


def _tiff(data: bytes) -> PictureHeader | None:
    orders: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
    order = orders.get(data[:4])
    if order is None:
        return None
    start = _number(data, 4, 4, order)
    sides: dict[str, int] = {}
    for entry in range(_number(data, start, 2, order)):
        at = start + 2 + 12 * entry
        side = _TIFF_SIDES.get(_number(data, at, 2, order))
        if side is not None:
            short = _number(data, at + 2, 2, order) == 3
            sides[side] = _number(data, at + 8, 2 if short else 4, order)
    if len(sides) < 2:
        return None
    return PictureHeader("TIFF", (sides["height"], sides["width"]))
