"""A file that is about to be read: its first bytes, and of JSON its outline. What sniffing looks at."""

import codecs
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from lift3d.errors import FileFormatError
from lift3d.io.files.json_values import read_bytes
from lift3d.io.keypoints.json_stream import BOM, Members, Terms, batches, members

__all__ = ["HEAD", "Specimen"]

HEAD: Final = 1 << 16
"""Bytes of a file that decide on its format, where it is not JSON."""

_ANYTHING: Final = msgspec.json.Decoder(list[Any])


@dataclass(frozen=True)
class Specimen:
    """A file by its path and the first `HEAD` bytes."""

    path: Path
    head: bytes

    @classmethod
    def of(cls, path: Path) -> "Specimen":
        """`FileFormatError` where there is no file that can be read."""
        with _opened(path) as read:
            head = read(HEAD)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FileFormatError(
                f"expected text in UTF-8 in '{path}', got UTF-16: save it as UTF-8"
            )
        return cls(path, head)

    @property
    def where(self) -> str:
        """The file's name for messages."""
        return f"'{self.path}'"

    @cached_property
    def start(self) -> bytes:
        """The head without a byte order mark and white space."""
        return self.head.removeprefix(BOM).lstrip()

    @cached_property
    def content(self) -> bytes:
        """The whole file."""
        return read_bytes(self.path)

    @cached_property
    def members(self) -> Members:
        """The values of a JSON object; none where the file is no such thing."""
        return members(self.content, self.where) if self.start.startswith(b"{") else {}

    @cached_property
    def first(self) -> Any:
        """The first entry of a JSON list that is not empty; None where there is none."""
        if not self.start.startswith(b"["):
            return None
        with self.reader() as read:
            for some in batches(read, _ANYTHING.decode, self.where, Terms("entry")):
                if entry := next(filter(None, some), None):
                    return entry
        return None

    @contextmanager
    def reader(self) -> Generator[Callable[[int], bytes], None, None]:
        """The open file's `read`."""
        with _opened(self.path) as read:
            yield read


@contextmanager
def _opened(path: Path) -> Generator[Callable[[int], bytes], None, None]:
    try:
        if path.exists() and not path.is_file():
            raise OSError("a pipe or a device")
        file = path.open("rb")
    except FileNotFoundError:
        raise FileFormatError(
            f"expected a keypoint file at '{path}', got nothing there: check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a readable file at '{path}', got {getattr(error, 'strerror', None) or error}: "
            "check its permissions"
        ) from error
    with file:
        yield file.read
