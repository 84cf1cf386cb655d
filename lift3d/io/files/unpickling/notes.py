"""What a pickle asks for, written down and not done."""

from dataclasses import dataclass, field
from typing import Final

__all__ = ["ABSENT", "Call", "Members", "Name", "Pairs", "Stored", "shown"]

ABSENT: Final = object()
"""Stands where a call was given no state: None is a state as well."""


@dataclass(frozen=True, slots=True)
class Name:
    """A global that a pickle names. Nothing was looked up."""

    module: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Module and name."""
        return self.module, self.name

    def __str__(self) -> str:
        return shown(f"{self.module}.{self.name}")


@dataclass(eq=False, slots=True)
class Call:
    """A call that a pickle asks for, and what it would do to the result. Nothing was called."""

    what: Name
    args: tuple[object, ...]
    state: object = ABSENT
    items: list[tuple[object, object]] = field(default_factory=list[tuple[object, object]])


@dataclass(eq=False, slots=True)
class Pairs:
    """A dict whose keys and values are not made yet."""

    items: list[tuple[object, object]] = field(default_factory=list[tuple[object, object]])


@dataclass(eq=False, slots=True)
class Members:
    """A set whose members are not made yet."""

    values: list[object] = field(default_factory=list[object])
    frozen: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """Something kept outside the pickle, by its persistent id: torch keeps its numbers so."""

    id: object


def shown(text: str) -> str:
    """A stranger's text for a message: one short line of printable characters."""
    return text[:120].encode("unicode_escape").decode("ascii")
