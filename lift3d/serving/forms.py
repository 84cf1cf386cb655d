"""The file in a form (multipart/form-data, RFC 7578): what `curl -F file=@NAME` and browsers send.

Only the first part that has a file is taken, and of its head nothing but that: names are not looked at.
"""

import re
from typing import Final

from lift3d.errors import InputError

__all__ = ["boundary_of", "file_of_form"]

_BOUNDARY: Final = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.IGNORECASE)
_MOST_PARTS: Final = 16
_HEAD: Final = 10_000
"""Bytes of a part's head."""


def boundary_of(content_type: str) -> str:
    """What stands between the parts, "" where the header does not say (RFC 2046, 5.1.1)."""
    found = _BOUNDARY.search(content_type)
    return found[1].rstrip() if found else ""


def file_of_form(body: bytes, boundary: str) -> bytes:
    """The content of the first file in a form; `InputError` where there is none."""
    between = b"\r\n--" + boundary.encode()
    parts = (b"\r\n" + body).split(between, _MOST_PARTS) if boundary else []
    for part in parts[1:-1]:
        head, empty, content = part.partition(b"\r\n\r\n")
        if empty and len(head) <= _HEAD and b"filename" in head.lower():
            return content
    raise InputError(
        f"expected a form with a file in its first {_MOST_PARTS - 1} parts, got none: send "
        "curl -F file=@NAME"
    )
