"""Pickles of plain data, read without running them: `read_pickle`, `loads_pickle`, `read_object_npz`.

A pickle may name any function of the computer and have it called with any arguments. Here nothing is
called, imported or looked up: a machine of our own (`lift3d.io.files.unpickling`) moves numbers and
texts about, writes down what the pickle asks for, and makes only what is on its list:

- None, bool, int, float, complex, str, bytes, slice, list, tuple, dict (ordered and default ones, too),
  set and frozenset; byte strings of Python 2 come as text, one character per byte (latin1);
- NumPy arrays (of objects, too), numbers and types, under old and new module names;
- SciPy's csc, csr and coo matrices, under old and new module names;
- chumpy's `Ch` and `Select`, as the arrays that they stand for.

Anything else is refused with the name that was asked for. Sizes are bounded: the file, all arrays and
the texts they are made of by `limit_bytes`, the number of opcodes by `limit_steps`, nesting by 100,
numbers as keys of dicts by 10,000, so that a small file cannot fill the machine or keep it busy. Both
limits may be raised for files that you trust to be that big.
"""

import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.unpickling.arrays import ARRAY_MAKERS, ARRAY_NAMES, array_of_bytes
from lift3d.io.files.unpickling.machine import Machine
from lift3d.io.files.unpickling.notes import ABSENT, Pairs, shown
from lift3d.io.files.unpickling.values import BUILTIN_MAKERS, BUILTIN_NAMES, Maker, Values, Wish
from lift3d.io.files.zip_entries import check_packing, check_regular, entry_bytes, most_unpacked

__all__ = [
    "LIMIT_BYTES",
    "LIMIT_STEPS",
    "known_makers",
    "known_names",
    "loads_pickle",
    "read_object_npz",
    "read_pickle",
]

LIMIT_BYTES: Final = LIMITS.unpacked
"""The largest body model that people hold has 0.9 GB."""
LIMIT_STEPS: Final = LIMITS.steps
"""Containers and calls count for ten: about 2 s, and 200 MB of notes at the worst."""


def read_pickle(
    path: str | os.PathLike[str],
    *,
    limit_bytes: int = LIMIT_BYTES,
    limit_steps: int = LIMIT_STEPS,
    records: Collection[str] = (),
    keys: Collection[str] | None = None,
) -> object:
    """The value in a pickle file; see `loads_pickle`. A missing file is a `FileFormatError` as well."""
    data = _file_bytes(Path(path), "a pickle", limit_bytes)
    return loads_pickle(
        data,
        name=str(path),
        limit_bytes=limit_bytes,
        limit_steps=limit_steps,
        records=records,
        keys=keys,
    )


def loads_pickle(
    data: bytes,
    *,
    name: str,
    limit_bytes: int = LIMIT_BYTES,
    limit_steps: int = LIMIT_STEPS,
    records: Collection[str] = (),
    keys: Collection[str] | None = None,
) -> object:
    """The value in the bytes of a pickle (protocols 0 to 5); `name` stands in messages.

    `records` are classes, as "module.Class", whose objects come as dicts of their attributes. With
    `keys` only these entries of a dict are made; other entries may then name any part of chumpy,
    since body models carry expressions that nobody needs. A pickle can use the same bytes a million
    times: arrays and texts take at most 64 MB and sixty times the file, whatever `limit_bytes` is.
    Raises `FileFormatError` for anything that is not plain data, with its name, for damaged bytes, and
    for more than the limits.
    """
    makers = known_makers(records)
    allowed = _Allowed(frozenset(known_names(makers)), any_chumpy=keys is not None)
    notes = Machine(data, name=name, allowed=allowed, limit_steps=limit_steps).run()
    if keys is not None and isinstance(notes, Pairs):
        notes = Pairs(
            [(key, value) for key, value in notes.items if isinstance(key, str) and key in keys]
        )
    return Values(name, makers, min(limit_bytes, most_unpacked(len(data)))).of(notes)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The names that a pickle may give; whether any of chumpy's may stand where nobody needs them."""

    names: frozenset[tuple[str, str]]
    any_chumpy: bool

    def __contains__(self, key: object) -> bool:
        if key in self.names:
            return True
        return self.any_chumpy and isinstance(key, tuple) and str(key[0]).startswith("chumpy.")


def known_makers(records: Collection[str] = ()) -> dict[tuple[str, str], Maker]:
    """The calls that are granted, by module and name, and how; `records` as in `loads_pickle`."""
    pairs = (record.rpartition(".") for record in records)
    return {
        **{(module, name): Maker(_record) for module, _, name in pairs},
        **BUILTIN_MAKERS,
        **ARRAY_MAKERS,
    }


def known_names(makers: Mapping[tuple[str, str], Maker]) -> set[tuple[str, str]]:
    """All that a pickle may name."""
    return {*makers, *BUILTIN_NAMES, *ARRAY_NAMES}


def read_object_npz(
    path: str | os.PathLike[str],
    *,
    limit_bytes: int = LIMIT_BYTES,
    keys: Collection[str] | None = None,
) -> dict[str, object]:
    """All arrays of an .npz archive, or the one of an .npy file as "arr_0"; object arrays, too.

    An object array without axes (a dict that was saved as an array) comes as the object inside. With
    `keys` only these entries are read. `limit_bytes` bounds the unpacked size. Raises
    `FileFormatError`.
    """
    try:
        check_regular(Path(path))
        if zipfile.is_zipfile(path):
            return _archive(Path(path), limit_bytes, keys)
        data = _file_bytes(Path(path), "an .npz or .npy file", limit_bytes)
        return {"arr_0": _npy(data, str(path), limit_bytes)}
    except (
        OSError,
        ValueError,
        EOFError,
        MemoryError,
        RecursionError,
        NotImplementedError,  # a compression that Python does not know
        RuntimeError,  # an encrypted archive
        SyntaxError,  # NumPy parses headers as Python literals
        TypeError,
        IndexError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise FileFormatError(
            f"expected arrays in '{path}', got {shown(str(error))}: get it again from its maker"
        ) from error


def _file_bytes(path: Path, what: str, limit_bytes: int) -> bytes:
    try:
        check_regular(path)
        size = path.stat().st_size
        if size > limit_bytes:
            raise FileFormatError(
                f"expected {what} of at most {limit_bytes} bytes at '{path}', got {size}: "
                "raise limit_bytes if you trust it"
            )
        return path.read_bytes()
    except (OSError, ValueError, MemoryError) as error:
        said = getattr(error, "strerror", None) or error
        raise FileFormatError(f"expected {what} at '{path}', got {said}: check the path") from error


def _record(wish: Wish) -> object:
    """The attributes of an object; those of a class with slots come as the second of a pair."""
    match wish.state:
        case (None, dict() as slots):
            return slots
        case dict() as state if not wish.args:
            return state
        case _ if wish.state is ABSENT:
            return {"args": wish.args} if wish.args else {}
        case _:
            raise ValueError(f"a state of '{wish.what}' that is no dict")


def _archive(path: Path, limit_bytes: int, keys: Collection[str] | None) -> dict[str, object]:
    out: dict[str, object] = {}
    with zipfile.ZipFile(path) as archive:
        wanted = {
            info.filename: info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
            and (keys is None or info.filename.removesuffix(".npy") in keys)
        }
        if sum(info.file_size for info in wanted.values()) > limit_bytes:
            raise FileFormatError(
                f"expected at most {limit_bytes} bytes in '{path}', got more when unpacked: "
                "raise limit_bytes if you trust it"
            )
        check_packing(archive, wanted)
        for name, info in wanted.items():
            out[name.removesuffix(".npy")] = _npy(
                entry_bytes(archive, info), f"{path}:{info.filename}", limit_bytes
            )
    return out


def _npy(data: bytes, name: str, limit_bytes: int) -> object:
    """The array of an .npy file, or the object inside one without axes."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"a file of .npy version {version} at '{name}'")
    shape, fortran, dtype = read(stream)
    rest = memoryview(data)[stream.tell() :]
    if dtype.hasobject:
        array = loads_pickle(bytes(rest), name=name, limit_bytes=limit_bytes)
        if not isinstance(array, ndarray) or array.shape != shape:
            raise ValueError(f"something else than an array of shape {shape} in '{name}'")
        return array[()] if shape == () else array
    if any(n < 0 for n in shape) or len(rest) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} whose bytes do not fit, in '{name}'")
    return array_of_bytes(rest, dtype, shape, "F" if fortran else "C")
