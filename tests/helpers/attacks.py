"""Files that want to run code, reach other files, or take a machine down, for every reader.

`attacks_on(door)` makes all that are meant for a reader: pickles in each form in which files hold them,
archives, HDF5 files, texts. `attack` puts one in front of its reader and says what came of it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lift3d.errors import Lift3dError
from lift3d.io.files.numbers import parse_numbers
from tests.helpers.attack_archives import (
    ARCHIVES,
    TORCH,
    npy,
    npz,
    torch_stream,
    torch_tar,
    torch_zip,
)
from tests.helpers.attack_doors import Door
from tests.helpers.attack_hdf5 import CLAIMS, moved_away
from tests.helpers.attack_lair import Lair, Verdict, judged
from tests.helpers.attack_pickles import BOMBS, GADGETS, TRICKS
from tests.helpers.attack_texts import TEXTS

__all__ = ["MAY_READ", "Attack", "attack", "attacks_on", "pipe_before", "warm"]

MAY_READ: Final = frozenset(
    {
        "a name of digits without end",
        "files of pictures that climb",
        "pictures outside",
        "9,000 tips of one joint",
    }
)
"""Harmless where a reader has no use for the trap: names of pictures in keypoints, say."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What is attempted, and what makes the file; the lair is prepared before."""

    name: str
    make: Callable[[Lair], bytes]


_FORMS: Final[Mapping[str, tuple[Callable[[bytes], bytes], ...]]] = {
    "pickle": (bytes, torch_stream, torch_tar),
    "npy": (npy,),
    "npz": (lambda p: npz(npy(p)), lambda p: npz(npy(p, ""))),
    "torch": (torch_zip, torch_stream, torch_tar),
    "hdf5": (),
}
"""How files of a kind hold a pickle."""


def attacks_on(door: Door) -> Iterator[Attack]:
    """All that are meant for a reader."""
    kinds = door.kinds.split()
    for kind in kinds:
        for form in _FORMS.get(kind, ()):
            yield from _pickled(form)
    if "hdf5" in kinds:
        yield from _in_hdf5(door)
    if "npz" in kinds:
        yield from _plain(ARCHIVES)
    if "torch" in kinds:
        yield from _plain(TORCH)
    for name, (meant, make) in TEXTS.items():
        if set(meant.split()) & set(kinds):
            yield Attack(name, make)


def _pickled(form: Callable[[bytes], bytes]) -> Iterator[Attack]:
    for name, gadget in GADGETS.items():
        yield Attack(name, lambda lair, made=gadget: form(made(str(lair.canary))))
    for name, data in (BOMBS | TRICKS).items():
        yield Attack(name, lambda _, made=data: form(made))


def _plain(files: Mapping[str, bytes]) -> Iterator[Attack]:
    for name, data in files.items():
        yield Attack(name, lambda _, made=data: made)


def _in_hdf5(door: Door) -> Iterator[Attack]:
    for name, make in CLAIMS.items():
        yield Attack(name, lambda _, made=make: made())
    for good in door.seeds():
        for name, move in moved_away(good):
            yield Attack(name, lambda lair, made=move: made(lair.secret))


def warm(door: Door) -> None:
    """Let a reader read a good file first: what it loads and compiles then, it will not load later."""
    parse_numbers(
        b"0.5 " * 300_000, 300_000
    )  # compiled code is kept by numba, as pickles of its own
    with TemporaryDirectory() as folder:
        place = Path(folder)
        door.around(place)
        path = place / door.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(door.seeds()[0])
        with suppress(Lift3dError):
            door.read(place)


def attack(door: Door, what: Attack) -> Verdict:
    """Put an attack where a door reads, let it read, and say what came of it."""
    with TemporaryDirectory() as folder:
        lair = Lair(Path(folder))
        path = _place(door, lair)
        path.write_bytes(what.make(lair))
        before = _everything(lair)
        verdict = judged(door.read, lair)
        new = sorted(_everything(lair) - before)
        return replace(verdict, ran=", ".join(filter(None, (verdict.ran, *new))))


def pipe_before(door: Door) -> Verdict:
    """A pipe where a reader looks for its file: who opens it waits for ever."""
    with TemporaryDirectory() as folder:
        lair = Lair(Path(folder))
        os.mkfifo(_place(door, lair))
        return judged(door.read, lair)


def _place(door: Door, lair: Lair) -> Path:
    """Where the file goes, in a lair that is ready."""
    lair.prepare()
    door.around(lair.victim)
    path = lair.victim / door.place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def _everything(lair: Lair) -> set[str]:
    return {str(path) for path in lair.folder.rglob("*")}
