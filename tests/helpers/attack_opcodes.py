"""A small assembler of pickles: values, globals and calls as opcodes, with nothing of `pickle` in it."""

import struct

__all__ = [
    "bound",
    "build",
    "call",
    "data",
    "dotted",
    "framed",
    "name",
    "new",
    "text",
    "value",
    "whole",
]


def text(words: str) -> bytes:
    """A text on the stack."""
    raw = words.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def data(raw: bytes) -> bytes:
    """Bytes on the stack."""
    return b"B" + struct.pack("<I", len(raw)) + raw


def value(thing: object) -> bytes:
    """Opcodes that put a thing on the stack."""
    match thing:
        case None | int():
            return b"N" if thing is None else b"J" + struct.pack("<i", thing)
        case bytes() | str():  # bytes are opcodes already
            return thing if isinstance(thing, bytes) else text(thing)
        case tuple():
            return b"(" + b"".join(map(value, thing)) + b"t"
        case list():
            return b"(" + b"".join(map(value, thing)) + b"l"
        case dict():
            return b"(" + b"".join(value(k) + value(v) for k, v in thing.items()) + b"d"
        case _:
            raise TypeError(thing)


def name(where: str) -> bytes:
    """A global, by two lines of text (GLOBAL)."""
    module, _, attribute = where.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def dotted(module: str, attributes: str) -> bytes:
    """A global, by two texts on the stack (STACK_GLOBAL); its name may have points in it."""
    return text(module) + text(attributes) + b"\x93"


def call(what: str | bytes, *args: object) -> bytes:
    """Call with arguments (REDUCE)."""
    return _found(what) + value(args) + b"R"


def new(what: str | bytes, *args: object) -> bytes:
    """An object by its class's `__new__` (NEWOBJ)."""
    return _found(what) + value(args) + b"\x81"


def build(thing: bytes, state: object) -> bytes:
    """An object with a state, given to its `__setstate__` if it has one (BUILD)."""
    return thing + value(state) + b"b"


def bound(thing: bytes, attribute: str) -> bytes:
    """An attribute of a thing."""
    return call("builtins.getattr", thing, attribute)


def whole(body: bytes, protocol: int = 4) -> bytes:
    """A pickle from its beginning to its end."""
    return b"\x80" + bytes([protocol]) + body + b"."


def framed(body: bytes) -> bytes:
    """The same in a frame, as protocol 4 writes it."""
    return b"\x80\x04\x95" + struct.pack("<Q", len(body) + 1) + body + b"."


def _found(what: str | bytes) -> bytes:
    return what if isinstance(what, bytes) else name(what)
