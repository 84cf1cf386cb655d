"""Files of `torch.save` (the zip form of torch 1.6 and later), read without running them.

Such a file is a zip archive: `data.pkl` describes the values, and one entry per storage holds numbers.
The pickle is read by the machine of `lift3d.io.files.safe_pickle`; tensors come as NumPy arrays,
bfloat16 as float32.
"""

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.safe_pickle import LIMIT_BYTES, LIMIT_STEPS, known_makers, known_names
from lift3d.io.files.unpickling.arrays import array_of_bytes
from lift3d.io.files.unpickling.machine import Machine
from lift3d.io.files.unpickling.notes import Name, shown
from lift3d.io.files.unpickling.values import Maker, Values, Wish
from lift3d.io.files.zip_entries import check_packing, check_regular, entry_bytes, most_unpacked

__all__ = ["read_torch_tensors"]

_STORAGES: Final[Mapping[str, "np.dtype[np.generic]"]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("<i1"),
    "ByteStorage": np.dtype("<u1"),
    "BoolStorage": np.dtype("?"),
}
_TENSOR: Final = ("torch._utils", "_rebuild_tensor_v2")
_PARAMETER: Final = ("torch._utils", "_rebuild_parameter")


def read_torch_tensors(
    path: str | os.PathLike[str],
    *,
    limit_bytes: int = LIMIT_BYTES,
    records: Collection[str] = (),
) -> object:
    """The value in a file of `torch.save`, with NumPy arrays for tensors; see `loads_pickle`.

    `records` and `limit_bytes` are as there; the limit bounds the unpacked file and all tensors.
    Raises `FileFormatError`.
    """
    try:
        check_regular(Path(path))
        with zipfile.ZipFile(Path(path)) as archive:
            if sum(info.file_size for info in archive.infolist()) > limit_bytes:
                raise ValueError("more bytes than limit_bytes, which may be raised")
            check_packing(archive)
            return _value(archive, str(path), limit_bytes, records)
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        MemoryError,
        NotImplementedError,  # a compression that Python does not know
        RuntimeError,  # an encrypted archive
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise FileFormatError(
            f"expected a zip file of torch.save at '{path}', got {shown(str(error))}: save it again"
        ) from error


def _value(
    archive: zipfile.ZipFile, name: str, limit_bytes: int, records: Collection[str]
) -> object:
    described = [entry for entry in archive.namelist() if entry.endswith("/data.pkl")]
    if len(described) != 1:
        raise ValueError(f"{len(described)} entries named data.pkl")
    root = described[0].removesuffix("data.pkl")
    makers = known_makers(records) | {_TENSOR: Maker(_tensor), _PARAMETER: Maker(_parameter)}
    allowed = known_names(makers) | {("torch", kind) for kind in _STORAGES}
    notes = Machine(
        entry_bytes(archive, archive.getinfo(described[0])),
        name=name,
        allowed=allowed,
        limit_steps=LIMIT_STEPS,
        stored=True,
    ).run()
    most = min(limit_bytes, most_unpacked(archive.start_dir))  # strides of 0 make much of little
    return Values(name, makers, most, _storages(archive, root)).of(notes)


def _storages(archive: zipfile.ZipFile, root: str) -> Callable[[tuple[object, ...]], object]:
    read: dict[tuple[str, str], ndarray] = {}

    def storage(key: tuple[object, ...]) -> object:
        match key:
            case ("storage", Name("torch", kind), str() as entry, str(), int() as count):
                pass
            case _:
                raise ValueError("a storage of an unknown kind")
        if (kind, entry) not in read:
            if any(other == entry for _, other in read):
                raise ValueError(f"a storage of two types, '{shown(entry)}'")
            raw = entry_bytes(archive, archive.getinfo(f"{root}data/{entry}"))
            read[kind, entry] = _numbers(raw, kind)
        if len(read[kind, entry]) != count:
            raise ValueError(f"a storage of {len(read[kind, entry])} numbers for {count}")
        return read[kind, entry]

    return storage


def _numbers(raw: bytes, kind: str) -> ndarray:
    numbers = array_of_bytes(raw, _STORAGES[kind], (len(raw) // _STORAGES[kind].itemsize,), "C")
    if kind == "BFloat16Storage":  # the upper half of a float32
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers


def _tensor(wish: Wish) -> object:
    """A strided view on a storage, as an array of its own."""
    match wish.args:
        case (ndarray() as storage, int() as offset, tuple() as size, tuple() as stride, *_):
            pass
        case _:
            raise ValueError("a tensor without numbers")
    shape = tuple(n for n in size if isinstance(n, int) and n >= 0)
    steps = tuple(n for n in stride if isinstance(n, int) and n >= 0)
    if len(shape) != len(size) or len(steps) != len(shape) or len(steps) != len(stride):
        raise ValueError("a tensor of an impossible shape")
    count = math.prod(shape)
    wish.spend(count * storage.itemsize)
    last = offset + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if count and not 0 <= offset <= last < len(storage):
        raise ValueError("a tensor that reaches outside its storage")
    if not count:
        return np.empty(shape, storage.dtype)
    strides = tuple(step * storage.itemsize for step in steps)
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, strides, writeable=False)
    return np.array(view, order="C")


def _parameter(wish: Wish) -> object:
    if not wish.args or not isinstance(wish.args[0], ndarray):
        raise ValueError("a parameter without a tensor")
    return wish.args[0]
