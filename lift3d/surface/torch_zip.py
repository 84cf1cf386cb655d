"""Files of `torch.save` with objects of classes that are not installed here.

The reader's torch makes objects of the class that stands in the file; the writer needs only its name.
Such a file is a zip archive of `data.pkl`, a pickle of protocol 2 whose tensors refer to entries
`data/0`, `data/1` and so on by persistent ids, with `version` and `byteorder` beside it (as
`torch.load` of torch 1.6 and later expects). The few opcodes used here are those of Python's library
reference, module pickletools.
"""

import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Final

import torch
from torch import Tensor

from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path

__all__ = ["NamedObject", "write_torch_zip"]

_STORAGES: Final = {
    torch.float32: "FloatStorage",
    torch.int64: "LongStorage",
    torch.uint8: "ByteStorage",
}
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class NamedObject:
    """An object of the class `module.name`, with its attributes."""

    module: str
    name: str
    attributes: Mapping[str, object]


def write_torch_zip(path: str | PathLike[str], value: object) -> None:
    """Write a value so that `torch.load` reads it.

    It holds lists, tuples, dicts, texts, numbers, tensors and `NamedObject`s. The same value gives the
    same bytes. Raises `InputError` for anything else, and `OutputError`.
    """
    pickled = _Pickled()
    pickled.value(value)
    entries = [
        ("archive/data.pkl", b"\x80\x02" + b"".join(pickled.pieces) + b"."),
        ("archive/byteorder", b"little"),
        *((f"archive/data/{n}", raw) for n, raw in enumerate(pickled.storages)),
        ("archive/version", b"3\n"),
    ]
    with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


@dataclass(frozen=True, slots=True)
class _Pickled:
    """Opcodes so far, and the bytes that lie beside them."""

    pieces: list[bytes] = field(default_factory=list[bytes])
    storages: list[bytes] = field(default_factory=list[bytes])

    def value(self, value: object) -> None:
        """Opcodes that leave the value on the stack."""
        match value:
            case Tensor():
                self._tensor(value)
            case NamedObject():
                self._object(value)
            case Mapping():
                self._dict(value)
            case tuple():
                self._within(b"(", value, b"t")
            case list():
                self._within(b"](", value, b"e")
            case _:
                self.pieces.append(_plain(value))

    def _within(self, begin: bytes, values: Sequence[object], end: bytes) -> None:
        self.pieces.append(begin)
        for value in values:
            self.value(value)
        self.pieces.append(end)

    def _dict(self, entries: Mapping[str, object]) -> None:
        self._within(b"}(", [part for pair in entries.items() for part in pair], b"u")

    def _object(self, made: NamedObject) -> None:
        self._name(made.module, made.name)
        self.pieces.append(b")\x81")  # the class made new without arguments
        self._dict(made.attributes)
        self.pieces.append(b"b")

    def _tensor(self, tensor: Tensor) -> None:
        kept = tensor.detach().cpu().contiguous()
        if kept.dtype not in _STORAGES:
            raise InputError(
                f"expected tensors of float32, int64 or uint8 to write, got {kept.dtype}: convert it"
            )
        numbers = kept.numpy()
        self.storages.append(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
        self._name("torch._utils", "_rebuild_tensor_v2")
        self.pieces.append(b"((")
        self.value("storage")
        self._name("torch", _STORAGES[kept.dtype])
        for word in (str(len(self.storages) - 1), "cpu", kept.numel()):
            self.value(word)
        self.pieces.append(b"tQ")  # the storage that this tuple stands for
        for place in (0, tuple(kept.shape), kept.stride(), False):
            self.value(place)
        self._name("collections", "OrderedDict")
        self.pieces.append(b")RtR")

    def _name(self, module: str, name: str) -> None:
        self.pieces.append(f"c{module}\n{name}\n".encode())


def _plain(value: object) -> bytes:
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int() if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        case int():
            raise InputError(
                f"expected whole numbers of 32 bits to write, got {value}: use a tensor"
            )
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            encoded = value.encode("utf-8", "surrogatepass")
            return b"X" + struct.pack("<I", len(encoded)) + encoded
        case _:
            raise InputError(
                f"expected plain values and tensors to write, got {type(value).__name__}: convert it"
            )
