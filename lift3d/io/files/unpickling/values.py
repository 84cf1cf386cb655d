"""Makes values of what a pickle describes: plain Python, and the few calls that are known.

`Values` walks the notes of `machine`. Each `Wish` is granted by a maker of our own, found under the
name that the pickle used; the thing of that name itself is never touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lift3d.errors import FileFormatError
from lift3d.io.files.unpickling.notes import ABSENT, Call, Members, Name, Pairs, Stored, shown

__all__ = ["BUILTIN_MAKERS", "BUILTIN_NAMES", "Maker", "Values", "Wish"]

_DEPTH: Final = 100
_LONGEST_KEY: Final = 16
_MOST_ARGUMENTS: Final = 100
_ENTRY_BYTES: Final = 100
"""What an entry of a set or a dict takes."""
_KEY_WORK: Final = 10_000**2
"""Numbers can be chosen so that their hashes are equal (texts cannot: their hashes are secret), and then
a dict of them takes the square of their number."""
_ATOMS: Final = (type(None), bool, int, float, str, bytes)
_BUILTINS: Final = ("builtins", "__builtin__")
_RECONSTRUCTOR: Final = (("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"))


@dataclass(frozen=True, slots=True)
class Wish:
    """A call with its arguments and state made.

    A maker says by `spend` how many bytes of arrays it makes, and by `spend_text` how many that arrays
    are made of: a pickle may ask for the same a million times. What becomes a dict's keys or a set's
    members goes through `keys` first.
    """

    what: Name
    args: tuple[object, ...]
    state: object
    items: dict[object, object]
    spend: Callable[[int], None]
    spend_text: Callable[[int], None]
    keys: Callable[[list[object]], list[object]]

    @property
    def fields(self) -> dict[object, object]:
        """The state of an object with attributes."""
        if not isinstance(self.state, dict):
            raise ValueError(f"no attributes for '{self.what}'")
        return self.state


@dataclass(frozen=True, slots=True)
class Maker:
    """How a wish is granted. Of a state that is a dict, only `fields` are made, if any are named."""

    make: Callable[[Wish], object]
    fields: tuple[str, ...] = ()


class Values:
    """Values of the notes of one pickle."""

    def __init__(
        self,
        name: str,
        makers: Mapping[tuple[str, str], Maker],
        limit_bytes: int,
        stored: Callable[[tuple[object, ...]], object] | None = None,
    ) -> None:
        """`stored` gives what a persistent id stands for."""
        self._name = name
        self._makers = makers
        self._left = limit_bytes
        self._left_for_texts = limit_bytes
        self._key_work = _KEY_WORK
        self._stored = stored
        self._made: dict[int, object] = {}
        self._open: set[int] = set()

    def of(self, node: object) -> object:
        """The value; `FileFormatError` where it makes no sense."""
        try:
            return self._value(node, 0)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError) as error:
            raise FileFormatError(
                f"expected a pickle of plain data in '{self._name}', got {shown(str(error))}: "
                "nothing of it was run; get it again from its maker"
            ) from error

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise ValueError("arrays larger than limit_bytes, which may be raised")

    def _spend_text(self, count: int) -> None:
        self._left_for_texts -= count
        if self._left_for_texts < 0:
            raise ValueError("texts larger than limit_bytes, which may be raised")

    def _keys(self, values: list[object]) -> list[object]:
        """Values as keys of one dict or members of one set, none of which takes long to hash."""
        for value in values:
            _check_key(value)
        self._key_work -= sum(not isinstance(value, str | bytes) for value in values) ** 2
        if self._key_work < 0:
            raise ValueError("a dict or set of too many numbers")
        self._spend(_ENTRY_BYTES * len(values))
        return values

    def _value(self, node: object, depth: int) -> object:
        if isinstance(node, _ATOMS):
            return node
        key = id(node)
        if key in self._made:
            return self._made[key]
        if key in self._open:
            raise ValueError("something that contains itself")
        if depth > _DEPTH:
            raise ValueError(f"more than {_DEPTH} things inside each other")
        self._open.add(key)
        value = self._fresh(node, depth + 1)
        self._open.discard(key)
        self._made[key] = value
        return value

    def _fresh(self, node: object, depth: int) -> object:
        match node:
            case list() | tuple():
                values = [self._value(item, depth) for item in node]
                return values if isinstance(node, list) else tuple(values)
            case Members():
                values = self._keys([self._value(item, depth) for item in node.values])
                return frozenset(values) if node.frozen else set(values)
            case bytearray():
                return bytes(node)
            case Pairs():
                return self._dict(node.items, depth)
            case Call():
                return self._called(node, depth)
            case Stored(tuple() as key) if self._stored is not None:
                return self._stored(tuple(self._argument(part, depth) for part in key))
            case Name():
                raise ValueError(f"'{node}' where a value belongs")
            case _:  # never shown: a few bytes can describe something endless
                raise ValueError("something kept outside where a value belongs")

    def _dict(self, pairs: list[tuple[object, object]], depth: int) -> dict[object, object]:
        keys = self._keys([self._value(key, depth) for key, _ in pairs])
        values = [self._value(value, depth) for _, value in pairs]
        return dict(zip(keys, values, strict=True))

    def _argument(self, node: object, depth: int) -> object:
        """A value, or a name, which only makers may see."""
        return node if isinstance(node, Name) else self._value(node, depth)

    def _called(self, call: Call, depth: int) -> object:
        what, args = call.what, call.args
        if what.key in _RECONSTRUCTOR:
            # How old protocols make an object: (class, base, the base's value).
            match args:
                case (Name() as cls, Name(_, "object"), None):
                    what, args = cls, ()
                case _:
                    raise ValueError(f"'{what}' of something else than an object")
        maker = self._makers.get(what.key)
        if maker is None:
            raise ValueError(f"a call of '{what}'")
        if len(args) > _MOST_ARGUMENTS:
            raise ValueError(f"a call of '{what}' with {len(args)} arguments")
        made = tuple(self._argument(arg, depth) for arg in args)
        state = self._state(call.state, maker.fields, depth)
        items = self._dict(call.items, depth)
        wish = Wish(what, made, state, items, self._spend, self._spend_text, self._keys)
        return maker.make(wish)

    def _state(self, state: object, fields: tuple[str, ...], depth: int) -> object:
        if state is ABSENT:
            return state
        if fields and isinstance(state, Pairs):
            # Objects carry much that is not needed, and may hold anything there.
            self._spend(_ENTRY_BYTES * len(state.items))
            return {
                key: self._value(value, depth)
                for key, value in state.items
                if isinstance(key, str) and key in fields
            }
        return self._value(state, depth)


def _check_key(value: object) -> None:
    """A key's hash is cheap: no tuples of tuples."""
    members = value if isinstance(value, tuple) else (value,)
    simple = (*_ATOMS, complex, np.generic)
    if len(members) > _LONGEST_KEY or not all(isinstance(member, simple) for member in members):
        raise ValueError(f"a {type(value).__name__} as a key")


# ---- builtins ----


def _encoded(wish: Wish) -> object:
    match wish.args:
        case (str() as text, "latin1" | "latin-1"):
            wish.spend_text(len(text))
            return text.encode("latin1")
        case _:
            raise ValueError("text encoded by something else than latin1")


def _bytes(wish: Wish) -> object:
    match wish.args:
        case ():
            return b""
        case (bytes() as data,):
            return data
        case (str(), "latin1" | "latin-1"):
            return _encoded(wish)
        case _:
            raise ValueError("bytes made of something else")


def _members(wish: Wish) -> object:
    match wish.args:
        case () | ([*_],):
            values = wish.keys(_listed(wish.args))
        case _:
            raise ValueError("a set of something that is no list")
    return frozenset(values) if wish.what.name == "frozenset" else set(values)


def _listed(args: tuple[object, ...]) -> list[object]:
    return list(args[0]) if args and isinstance(args[0], list) else []


def _complex(wish: Wish) -> object:
    match wish.args:
        case (float() | int() as real, float() | int() as imaginary):
            return complex(real, imaginary)
        case _:
            raise ValueError("a complex number of something else than two numbers")


def _slice(wish: Wish) -> object:
    if len(wish.args) != 3 or not all(isinstance(arg, int | None) for arg in wish.args):
        raise ValueError("a slice of something else than three numbers")
    return slice(*wish.args)


def _ordered(wish: Wish) -> object:
    """An ordered dict or one with defaults becomes a dict, which keeps its order."""
    pairs = _listed(wish.args) if wish.what.name == "OrderedDict" else []
    entries: list[tuple[object, object]] = []
    for pair in pairs:
        match pair:
            case [key, value] | (key, value):
                entries.append((key, value))
            case _:
                raise ValueError("a dict of something else than pairs")
    wish.keys([key for key, _ in entries])
    return dict(entries) | wish.items


BUILTIN_NAMES: Final = frozenset(
    {
        *_RECONSTRUCTOR,
        *((m, n) for m in _BUILTINS for n in ("object", "list", "dict", "int", "float", "str")),
    }
)
"""What a pickle may name, but not call by itself."""

BUILTIN_MAKERS: Final[Mapping[tuple[str, str], Maker]] = {
    ("_codecs", "encode"): Maker(_encoded),
    ("collections", "OrderedDict"): Maker(_ordered),
    ("collections", "defaultdict"): Maker(_ordered),
    **{
        (module, name): Maker(make)
        for module in _BUILTINS
        for name, make in (
            ("bytes", _bytes),
            ("bytearray", _bytes),
            ("set", _members),
            ("frozenset", _members),
            ("complex", _complex),
            ("slice", _slice),
        )
    },
}
