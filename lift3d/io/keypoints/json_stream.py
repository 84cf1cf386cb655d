"""JSON of keypoints, decoded straight to the values that are wanted, and long lists piece by piece.

msgspec skips what no reader asks for and checks the types of the rest. A list of a whole video is
read in blocks of 256 KB, which stay in the processor's cache: twice as fast as the whole at once, and
in memory lie one block and its values. A block is cut where brackets say that an entry ends; a cut in
a wrong place (brackets inside a string) does not decode, and the block is doubled.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
import orjson

from lift3d.errors import FileFormatError

__all__ = [
    "BOM",
    "UNREADABLE",
    "Members",
    "Terms",
    "batches",
    "decoded",
    "first_byte",
    "members",
    "reader_of",
]

BOM: Final = b"\xef\xbb\xbf"
BLOCK: Final = 1 << 18
"""Bytes; chosen by trial: from 16 KB to 256 KB equally fast, then slower."""
MAX_ENTRY: Final = 1 << 25
"""Bytes that one entry of a list may take; a block that does not decode grows no further."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for damaged text; names of objects that are no UTF-8 give the second."""

Members = dict[str, msgspec.Raw]
"""The values of a JSON object as their text."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A format's own words for messages: what lists count, what an entry is, and its numbers.

    `fields` says what the value of a name must be, where the type alone says too little.
    """

    unit: str
    entry: str = "named lists of keypoints"
    values: str = "a list of numbers, x, y, confidence, x, ..."
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


T = TypeVar("T")
_MEMBERS: Final = msgspec.json.Decoder(Members)
_BRACKETS: Final = re.compile(rb"[\[\]{}]")
_OTHERS: Final = bytes(set(range(256)) - set(b"[]{}"))
_DEEPEST: Final = 1000
"""Brackets inside each other that parsers follow."""
_PLACE: Final = re.compile(r" - at `\$(.*)`$")
_STEP: Final = re.compile(r"(?:\.\w+)?\[(\d+|\.\.\.)\]")
_WANTED: Final = re.compile(r"Expected `([^`|]*?)(?: \|[^`]*)?`, got `(.*)`")
_PLAIN: Final = Terms("entry")


def decoded(
    decode: Callable[[bytes | msgspec.Raw], T],
    text: bytes | msgspec.Raw,
    where: str,
    terms: Terms = _PLAIN,
) -> T:
    """A whole document; `FileFormatError` names the file and the place in it."""
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        raise _refusal(error, where, terms) from None
    except UNREADABLE as error:
        raise _broken(bytes(text), 0, where, error) from None


def members(text: bytes, where: str) -> Members:
    """The values of an object, not yet parsed; duplicate names keep the last value."""
    return decoded(_MEMBERS.decode, text.removeprefix(BOM), where)


def first_byte(text: msgspec.Raw) -> bytes:
    """What a value inside a document starts with: a bracket, where it is a list or an object."""
    return bytes(memoryview(text)[:1])


def reader_of(text: msgspec.Raw) -> Callable[[int], bytes]:
    """Reads a list inside a document piece by piece, as a file's `read` does."""
    view, at = memoryview(text), 0

    def read(size: int) -> bytes:
        nonlocal at
        at += size
        return bytes(view[at - size : at])

    return read


def batches(
    read: Callable[[int], bytes], decode: Callable[[bytes], list[T]], where: str, terms: Terms
) -> Iterator[list[T]]:
    """The entries of a JSON list, many at a time, in bounded memory.

    `read` gives the next bytes of a file, or of a list inside a document (`reader_of`). Raises
    `FileFormatError` with the entry's number, or the byte at which the text is damaged.
    """
    pending = read(BLOCK).removeprefix(BOM).lstrip()
    if not pending.startswith(b"["):
        raise FileFormatError(f"expected a list in {where}, got something else: write it again")
    before, done, size, pending = 1, 0, BLOCK, pending[1:]
    while block := read(size):
        pending += block
        size, entries, cut = _first_batch(pending, decode, where, done, terms)
        if size > MAX_ENTRY:
            raise _broken(b"[" + pending, before - 1, where, None)
        if entries:
            yield entries
        done, before, pending = done + len(entries), before + cut, pending[cut:]
    if done and pending.lstrip().startswith(b"]"):  # a comma before it was cut off
        raise _broken(b"[,]", before - 2, where, None)
    yield _last_batch(pending, decode, where, before, done, terms)


def _refusal(
    error: msgspec.ValidationError, where: str, terms: Terms, first: int = 0
) -> FileFormatError:
    """msgspec's complaint about a type as one of ours; entries of a list count from `first`."""
    found = _PLACE.search(str(error))
    complaint = str(error)[: found.start() if found else None]
    steps = found[1] if found else ""
    if step := _STEP.match(steps):
        number = f", {terms.unit} {first + int(step[1])}" if step[1].isdigit() else ""
        where, steps = where + number, steps[step.end() :]
    place = f"{where} at '{steps.lstrip('.')}'" if steps else where
    wanted, got = _in_words(complaint, steps, terms)
    return FileFormatError(f"expected {wanted} in {place}, got {got}: write it again")


def _in_words(complaint: str, steps: str, terms: Terms) -> tuple[str, str]:
    """What should stand there, and what does."""
    found = _WANTED.match(complaint)
    if found is None:
        return "all values that the format has", f"this: {complaint}"
    wanted, got = found.groups()
    name = steps.rpartition(".")[2]
    if name in terms.fields:
        return terms.fields[name], got
    if wanted == "array" and name in ("people", "bodies", "annots"):
        return "a list of people", got
    words = {"object": terms.entry, "float": terms.values, "array": terms.values}
    return words.get(wanted, wanted), got


def _first_batch(
    pending: bytes, decode: Callable[[bytes], list[T]], where: str, done: int, terms: Terms
) -> tuple[int, list[T], int]:
    """How much to read next, the entries that are whole, and where the rest begins."""
    cut = _last_end(pending)
    if cut:
        try:
            entries = decode(b"[" + pending[:cut] + b"]")
        except msgspec.ValidationError as error:
            raise _refusal(error, where, terms, done) from None
        except UNREADABLE:
            pass  # cut in a wrong place, or damaged, which the end of the file will show
        else:
            return BLOCK, entries, pending.index(b",", cut) + 1
    return max(len(pending), BLOCK), [], 0


def _last_batch(
    pending: bytes,
    decode: Callable[[bytes], list[T]],
    where: str,
    before: int,
    done: int,
    terms: Terms,
) -> list[T]:
    try:
        return decode(b"[" + pending)
    except msgspec.ValidationError as error:
        raise _refusal(error, where, terms, done) from None
    except UNREADABLE as error:
        raise _broken(b"[" + pending, before - 1, where, error) from None


def _last_end(pending: bytes) -> int:
    """Behind the last entry that ends with a bracket and has a comma after it, or 0."""
    brackets = pending.translate(None, _OTHERS)
    depth = 2 * (brackets.count(b"{") + brackets.count(b"[")) - len(brackets)
    if depth > _DEEPEST:
        return 0
    tail, size = len(pending), 1 << 12
    while tail > 0:
        start = max(0, tail - size)
        for mark in reversed(list(_BRACKETS.finditer(pending, start, tail))):
            closes = mark[0] in b"}]"
            if closes and depth == 0 and pending[mark.end() : mark.end() + 9].lstrip()[:1] == b",":
                return mark.end()
            depth += 1 if closes else -1
        tail, size = start, 8 * size
    return 0


def _broken(text: bytes, before: int, where: str, error: Exception | None) -> FileFormatError:
    """Where and why a text is no JSON, in orjson's words, which say more than msgspec's."""
    got, at = str(error or "an entry without end"), before
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as found:
        got = found.msg
        if not before:
            got += f" at line {found.lineno} column {found.colno}"
        at += found.pos
    if before:
        got += f" at byte {at}"
    outside = any(word in text for word in (b"NaN", b"Infinity"))
    hint = "NaN and Infinity are not JSON: write null instead" if outside else "write it again"
    return FileFormatError(f"expected whole JSON in {where}, got {got}: {hint}")
