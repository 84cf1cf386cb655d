"""Numbers and texts of the pickle format, read from bytes that may be damaged.

The opcodes are documented in Python's own `pickletools`.
"""

import struct
from collections.abc import Callable
from typing import Final

from lift3d.io.files.unpickling.notes import Members, Pairs

__all__ = ["LITERALS", "Reader"]

_LONGEST_INTEGER: Final = 1024
"""Bytes; larger ones are of no use here, and slow to print."""


class Reader:
    """Reads bytes from front to back; `EOFError` or `ValueError` where they are damaged."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise EOFError("a file that ends too early")
        part = self.data[self.at : end]
        self.at = end
        return part

    def line(self) -> bytes:
        """The bytes up to the end of the line, without it."""
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise EOFError("a file that ends too early")
        part = self.data[self.at : end]
        self.at = end + 1
        return part

    def number(self, form: str) -> int:
        """An integer in one of `struct`'s forms."""
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def sized(self, form: str) -> bytes:
        """Bytes with their number before them."""
        return self.take(self.number(form))

    def text(self, form: str) -> str:
        """UTF-8 with its number of bytes before it."""
        return self.sized(form).decode("utf-8", "surrogatepass")


def _decimal(reader: Reader) -> int:
    line = reader.line()
    if line in (b"00", b"01"):  # how the oldest protocol writes False and True
        return line == b"01"
    return int(line)


def _binary_integer(reader: Reader, form: str) -> int:
    size = reader.number(form)
    if not 0 <= size <= _LONGEST_INTEGER:
        raise ValueError(f"an integer of {size} bytes")
    return int.from_bytes(reader.take(size), "little", signed=True)


def _quoted(reader: Reader) -> str:
    """A byte string of Python 2, as its `repr` wrote it; each byte becomes one character."""
    line = reader.line().strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
        raise ValueError("a text without quotes")
    return line[1:-1].decode("unicode_escape")


LITERALS: Final[dict[int, Callable[[Reader], object]]] = {
    ord("N"): lambda _: None,
    0x88: lambda _: True,
    0x89: lambda _: False,
    ord("I"): _decimal,
    ord("L"): lambda reader: int(reader.line().rstrip(b"L")),
    ord("F"): lambda reader: float(reader.line()),
    ord("J"): lambda reader: reader.number("<i"),
    ord("K"): lambda reader: reader.number("<B"),
    ord("M"): lambda reader: reader.number("<H"),
    0x8A: lambda reader: _binary_integer(reader, "<B"),
    0x8B: lambda reader: _binary_integer(reader, "<i"),
    ord("G"): lambda reader: float(struct.unpack(">d", reader.take(8))[0]),
    ord("S"): _quoted,
    ord("T"): lambda reader: reader.sized("<i").decode("latin1"),
    ord("U"): lambda reader: reader.sized("<B").decode("latin1"),
    ord("V"): lambda reader: reader.line().decode("raw-unicode-escape"),
    ord("X"): lambda reader: reader.text("<I"),
    0x8C: lambda reader: reader.text("<B"),
    0x8D: lambda reader: reader.text("<Q"),
    ord("B"): lambda reader: reader.sized("<I"),
    ord("C"): lambda reader: reader.sized("<B"),
    0x8E: lambda reader: reader.sized("<Q"),
    0x96: lambda reader: bytearray(reader.sized("<Q")),
    ord("]"): lambda _: list[object](),
    ord("}"): lambda _: Pairs(),
    ord(")"): lambda _: (),
    0x8F: lambda _: Members(),
}
"""By opcode: what is read and put on the stack."""
