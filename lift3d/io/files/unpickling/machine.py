"""Reads the pickle format without ever calling anything: names stay names, calls stay notes.

A pickle is a small program for a stack machine. This machine runs only the part that moves data about.
Where a program asks for a global it gets a `Name`, if that is one of the allowed; where it asks to call
it, a `Call` that writes the wish down. Python's own `pickle` is not used, nothing is imported by name,
and no attribute is looked up or set.
"""

import struct
from collections.abc import Callable, Container
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.io.files.unpickling.literals import LITERALS, Reader
from lift3d.io.files.unpickling.notes import ABSENT, Call, Members, Name, Pairs, Stored, shown

__all__ = ["Machine"]

_HIGHEST_PROTOCOL: Final = 5
_COSTS: Final = dict.fromkeys(b"]}ltd\x85\x86\x87\x8f\x91Rio\x81\x92", 10)
"""Steps that an opcode counts for: containers and calls take a hundred bytes, and time to make."""
_REFUSED: Final = {
    **dict.fromkeys(b"\x82\x83\x84", "an extension code"),
    **dict.fromkeys(b"\x97\x98", "a buffer outside the file"),
}


class Machine:
    """One run over one pickle; `run` gives what it describes, as notes."""

    def __init__(
        self,
        data: bytes,
        *,
        name: str,
        allowed: Container[tuple[str, str]],
        limit_steps: int,
        stored: bool = False,
    ) -> None:
        """`allowed` are the globals that may be named; `stored` allows persistent ids."""
        self.reader = Reader(data)
        self._name = name
        self._allowed = allowed
        self._limit_steps = limit_steps
        self._stored = stored
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        """Read to the end of the first pickle; `FileFormatError` for anything out of order."""
        try:
            left = self._limit_steps
            while left > 0:
                code = self.reader.take(1)[0]
                left -= _COSTS.get(code, 1)
                if code == ord("."):
                    return self.pop()
                self._step(code)
        except EOFError as error:
            raise self._bad(str(error)) from error
        except (ValueError, IndexError, KeyError, struct.error, OverflowError) as error:
            raise self._bad(f"damaged bytes near {self.reader.at} ({shown(str(error))})") from error
        raise self._bad(
            f"more than {self._limit_steps} steps", "if you trust it, raise limit_steps"
        )

    def _step(self, code: int) -> None:
        if code in LITERALS:
            self._stack.append(LITERALS[code](self.reader))
        elif code in _MOVES:
            _MOVES[code](self)
        else:
            raise self._bad(_REFUSED.get(code, f"the unknown opcode {code:#04x}"))

    def _bad(self, got: str, advice: str = "get it again from its maker") -> FileFormatError:
        return FileFormatError(
            f"expected a pickle of plain data in '{self._name}', got {got}: "
            f"nothing of it was run; {advice}"
        )

    # ---- the stack ----

    def pop(self) -> object:
        """Take the top; what lies below the last mark is out of reach, as in Python."""
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise ValueError("nothing to take")
        return self._stack.pop()

    def push(self, value: object) -> None:
        """Put a value on top."""
        self._stack.append(value)

    def mark(self) -> None:
        """Remember this height."""
        self._marks.append(len(self._stack))

    def above_mark(self) -> list[object]:
        """Take all above the last mark, and the mark."""
        low = self._marks.pop()
        values = self._stack[low:]
        del self._stack[low:]
        return values

    def drop(self) -> None:
        """Forget the top, or the last mark where nothing lies above it."""
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self.pop()

    def duplicate(self) -> None:
        """Put the top on top of itself."""
        self.push(self._stack[-1])

    def put(self, place: int) -> None:
        """Remember the top under a number."""
        self._memo[place] = self._stack[-1]

    def put_next(self) -> None:
        """Remember the top under the next number."""
        self.put(len(self._memo))

    def get(self, place: int) -> None:
        """Put on top what was remembered under a number."""
        self.push(self._memo[place])

    # ---- containers ----

    def tuple_of(self, count: int) -> None:
        """A tuple of the top values."""
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def extend(self, values: list[object]) -> None:
        """Append to the list on top."""
        top = self._stack[-1]
        if not isinstance(top, list):
            raise self._bad(f"values appended to a {type(top).__name__}")
        top.extend(values)

    def set_items(self, values: list[object]) -> None:
        """Set keys and values, one after another, in the dict on top."""
        top = self._stack[-1]
        if not isinstance(top, Pairs | Call):
            raise self._bad(f"items set in a {type(top).__name__}")
        top.items.extend(_paired(values))

    def add(self, values: list[object]) -> None:
        """Add to the set on top."""
        top = self._stack[-1]
        if not isinstance(top, Members) or top.frozen:
            raise self._bad(f"members added to a {type(top).__name__}")
        top.values.extend(values)

    # ---- names and calls: noted, never done ----

    def name(self, module: object, name: object) -> Name:
        """A global by its name, if it is one of the allowed."""
        if not isinstance(name, str) or not isinstance(module, str):
            raise self._bad("a global whose name is no text")
        if (module, name) not in self._allowed:
            raise self._bad(f"one that asks for '{shown(f'{module}.{name}')}'")
        return Name(module, name)

    def name_in_lines(self) -> Name:
        """A global whose module and name stand in the next two lines."""
        module, name = self.reader.line(), self.reader.line()
        return self.name(module.decode("utf-8"), name.decode("utf-8"))

    def name_on_stack(self) -> None:
        """A global whose module and name lie on the stack."""
        name, module = self.pop(), self.pop()
        self.push(self.name(module, name))

    def call(self, what: object, args: object) -> None:
        """Note a call."""
        if not isinstance(what, Name) or not isinstance(args, tuple):
            raise self._bad(f"a call of a {type(what).__name__}")
        self.push(Call(what, args))

    def call_on_stack(self) -> None:
        """Note a call of what lies on the stack, with the arguments above it."""
        args, what = self.pop(), self.pop()
        self.call(what, args)

    def call_with_keywords(self) -> None:
        """The same; keywords are refused."""
        keywords = self.pop()
        if not isinstance(keywords, Pairs) or keywords.items:
            raise self._bad("a call with keywords")
        self.call_on_stack()

    def call_above_mark(self) -> None:
        """Note a call of the first value above the mark, with the others."""
        values = self.above_mark()
        self.call(values[0], tuple(values[1:]))

    def build(self) -> None:
        """Note the state that the result of a call would get."""
        state, top = self.pop(), self._stack[-1]
        if not isinstance(top, Call):
            raise self._bad(f"a state for a {type(top).__name__}")
        if top.state is not ABSENT:
            raise self._bad(f"two states for one '{top.what}'")
        top.state = state

    def keep(self, key: object) -> None:
        """Note something kept outside the pickle."""
        if not self._stored:
            raise self._bad("a persistent id")
        self.push(Stored(key))

    # ---- frame ----

    def protocol(self) -> None:
        """Check the protocol's number."""
        number = self.reader.take(1)[0]
        if number > _HIGHEST_PROTOCOL:
            raise self._bad(f"pickle protocol {number}")


def _paired(values: list[object]) -> list[tuple[object, object]]:
    return list(zip(values[::2], values[1::2], strict=True))


_MOVES: Final[dict[int, Callable[[Machine], object]]] = {
    0x80: Machine.protocol,
    0x95: lambda m: m.reader.take(8),  # the length of a frame: a hint for reading ahead
    ord("("): Machine.mark,
    ord("0"): Machine.drop,
    ord("1"): Machine.above_mark,
    ord("2"): Machine.duplicate,
    ord("l"): lambda m: m.push(m.above_mark()),
    ord("a"): lambda m: m.extend([m.pop()]),
    ord("e"): lambda m: m.extend(m.above_mark()),
    ord("t"): lambda m: m.push(tuple(m.above_mark())),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("d"): lambda m: m.push(Pairs(_paired(m.above_mark()))),
    ord("s"): lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    ord("u"): lambda m: m.set_items(m.above_mark()),
    0x90: lambda m: m.add(m.above_mark()),
    0x91: lambda m: m.push(Members(m.above_mark(), frozen=True)),
    ord("p"): lambda m: m.put(int(m.reader.line())),
    ord("q"): lambda m: m.put(m.reader.number("<B")),
    ord("r"): lambda m: m.put(m.reader.number("<I")),
    0x94: Machine.put_next,
    ord("g"): lambda m: m.get(int(m.reader.line())),
    ord("h"): lambda m: m.get(m.reader.number("<B")),
    ord("j"): lambda m: m.get(m.reader.number("<I")),
    ord("c"): lambda m: m.push(m.name_in_lines()),
    0x93: Machine.name_on_stack,
    ord("R"): Machine.call_on_stack,
    0x81: Machine.call_on_stack,
    0x92: Machine.call_with_keywords,
    ord("i"): lambda m: m.call(m.name_in_lines(), tuple(m.above_mark())),
    ord("o"): Machine.call_above_mark,
    ord("b"): Machine.build,
    ord("P"): lambda m: m.keep(m.reader.line().decode("latin1")),
    ord("Q"): lambda m: m.keep(m.pop()),
}
"""By opcode: what is done to the stack."""
