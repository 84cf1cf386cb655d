"""The size of a JPEG picture from its header, without decoding it (ISO/IEC 10918-1, annex B)."""

from pathlib import Path
from typing import Final

from lift3d.io.files.zip_entries import check_regular

__all__ = ["jpeg_size"]

_HEAD: Final = 1 << 20
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that start a frame; the three left out are tables and reserved."""


def jpeg_size(path: Path) -> tuple[int, int] | None:
    """(height, width), or None where there is no such file or it is not a JPEG."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except (OSError, ValueError):  # ValueError: a zero byte in a name
        return None
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return height, int.from_bytes(data[at + 7 : at + 9], "big")
        at += 1 if marker == 0xFF else 2 + length
    return None
