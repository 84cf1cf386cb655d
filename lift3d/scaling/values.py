"""What goes between the process that leads and those that lift. All of it is plain text and numbers."""

from dataclasses import dataclass

__all__ = ["Chunk", "Done", "Failure", "Item", "Result"]


@dataclass(frozen=True, slots=True)
class Item:
    """A keypoint file: its name as it was given, where it is, and the stem of its outputs' names."""

    name: str
    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Files that one worker takes at a time."""

    number: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A file that was lifted; `outputs` are names in the folder of outputs, and their bytes.

    `key` says of which input and options (`lift3d.scaling.keys`).
    """

    name: str
    key: str
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was not lifted, the type of the error, and its sentence."""

    name: str
    type: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a chunk, and the seconds of a processor that it took.

    `fatal` is a sentence about the place of the outputs, which no other file would do better with.
    """

    number: int
    done: tuple[Done, ...]
    failures: tuple[Failure, ...]
    seconds: float
    fatal: str = ""
