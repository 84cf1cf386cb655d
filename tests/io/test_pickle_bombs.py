"""Small files that ask for much, and bits that NumPy trusts: refused quickly, in little memory."""

import os
import pickle
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from lift3d.errors import FileFormatError
from lift3d.io.files.safe_pickle import loads_pickle, read_object_npz, read_pickle
from lift3d.io.files.safe_torch import read_torch_tensors

LAUGHS = b")" + b"2\x86" * 60
"""Tuples of two references each, sixty deep: its text would have 2^60 characters."""
COLLIDING = (1 << 61) - 1
"""Python's hash of an integer is its remainder by this prime."""
CHUMPY = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR"
X_STATE = b"}X\x01\x00\x00\x00xK\x01s"


def integer(value: int) -> bytes:
    data = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + data


def many(first: bytes, again: bytes, times: int) -> bytes:
    """One value under memo 0, then a list of calls that all use it."""
    return first + b"p0\n0(" + again * times + b"l."


TEXT = b"T" + struct.pack("<i", 1_000_000) + b"x" * 1_000_000
NUMBERS = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in range(5000)) + b"l"
PAIRS = b"(" + b"".join(b"J" + struct.pack("<i", n) + b"N\x86" for n in range(5000)) + b"l"
MULTIPLES = [integer(n * COLLIDING) for n in range(15_000)]
SUMS = [
    b"g1\nG" + struct.pack(">d", -1000003.0 * n) + b"G" + struct.pack(">d", n) + b"\x86R"
    for n in range(11_000)
]
"""Complex numbers whose parts' hashes cancel out."""

BOMBS: dict[str, tuple[bytes, str]] = {
    "a type whose text is endless": (b"cnumpy\ndtype\n(" + LAUGHS + b"tR.", "unknown type"),
    "one text encoded many times": (
        many(TEXT, b"c_codecs\nencode\n(g0\nVlatin1\ntR", 60),
        "limit_bytes",
    ),
    "one list made a set many times": (many(NUMBERS, b"c__builtin__\nset\n(g0\ntR", 50), "numbers"),
    "pairs made a dict many times": (
        many(PAIRS, b"ccollections\nOrderedDict\n(g0\ntR", 50),
        "numbers",
    ),
    "integers of one hash": (b"}(" + b"N".join(MULTIPLES) + b"Nu.", "too many numbers"),
    "integers of one hash in a set": (b"\x8f(" + b"".join(MULTIPLES) + b"\x90.", "too many numbers"),
    "complex numbers of one hash": (
        b"c__builtin__\ncomplex\np1\n0}(" + b"N".join(SUMS) + b"Nu.",
        "too many numbers",
    ),
    "one state of many objects": (
        many(
            b"}(" + b"X\x01\x00\x00\x00qN" * 10_000 + b"X\x01\x00\x00\x00xK\x01u",
            CHUMPY + b"g0\nb",
            100,
        ),
        "limit_bytes",
    ),
    "arguments without end": (
        X_STATE + b"p1\n0" + many(b"(" + b"N" * 20_000 + b"t", b"cchumpy.ch\nCh\ng0\nRg1\nb", 100),
        "with 20000 arguments",
    ),
    "containers without end": (b"(" + b"]" * 40_000 + b"l.", "steps"),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_pickle_cannot_ask_for_much(bomb: str) -> None:
    data, said = BOMBS[bomb]
    with pytest.raises(FileFormatError, match=said):
        loads_pickle(data, name="x", limit_bytes=5_000_000, limit_steps=290_000)


def test_real_dicts_of_numbers_are_read() -> None:
    value = {"frames": {n: [n] for n in range(5000)}, "seen": set(range(1000))}
    assert loads_pickle(pickle.dumps(value), name="x") == value


@pytest.mark.parametrize(
    "change",
    [
        {"indptr": np.array([0, 1000, 2], np.uint32)},
        {"indptr": np.array([0, 2**63 + 5, 2], np.uint64)},
        {"indptr": np.array([0.0, 1.0, 2.0])},
        {"indices": np.array([0, 2**64 - 1], np.uint64)},
    ],
)
def test_sparse_matrices_whose_unsigned_numbers_wrap_round(change: dict[str, Any]) -> None:
    """Differences of unsigned numbers are never negative; SciPy would read outside its arrays."""
    matrix = scipy.sparse.csr_matrix(np.eye(2))
    matrix.__dict__.update(change)
    with pytest.raises(FileFormatError, match="sparse"):
        loads_pickle(pickle.dumps(matrix, 2), name="x")


def test_characters_beyond_unicode_and_flags_beyond_true(tmp_path: Path) -> None:
    """NumPy raises SystemError for the ones, and counts the others wrong."""
    beyond = np.frombuffer(b"\xff\xff\xff\x7f" * 2, "<u4")
    with pytest.raises(FileFormatError, match="beyond Unicode"):
        loads_pickle(pickle.dumps(beyond.view("<U2")), name="x")
    np.save(tmp_path / "text.npy", beyond.view("<U2"))
    with pytest.raises(FileFormatError, match="beyond Unicode"):
        read_object_npz(tmp_path / "text.npy")
    flags: Any = loads_pickle(pickle.dumps(np.full(3, 255, np.uint8).view(bool)), name="x")
    assert flags.view(np.uint8).tolist() == [1, 1, 1]


HEADERS = [
    "{'descr': (), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}",
    "{'descr': '|V8', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,)}",
    "{[]: 1}",
    "(" * 3000,
]


@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_make_no_sense(tmp_path: Path, header: str) -> None:
    text = f"{header}\n".encode()
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8))
    with pytest.raises(FileFormatError) as caught:
        read_object_npz(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_version_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x09\x00")
    with pytest.raises(FileFormatError):
        read_object_npz(tmp_path / "a.npz")


def lying_archive(path: Path, packed: int, entry: str) -> None:
    """An entry that says it has 100 bytes and unpacks to 20 million."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr(entry, bytes(20_000_000))
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 100)
    path.write_bytes(data)


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("read", [read_object_npz, read_torch_tensors])
def test_archives_that_lie_about_their_size_are_not_unpacked(
    tmp_path: Path, packed: int, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.npz"
    lying_archive(path, packed, "x/data.pkl" if read is read_torch_tensors else "x.npy")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileFormatError):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # kB


def torch_file(path: Path, description: bytes, **storages: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", description)
        for name, data in storages.items():
            archive.writestr(f"a/data/{name}", data)
    return path


def test_hostile_storages(tmp_path: Path) -> None:
    def storage(kind: bytes, count: bytes) -> bytes:
        return b"(Vstorage\nctorch\n" + kind + b"\nVs\nVcpu\nI" + count + b"\ntQ"

    path = tmp_path / "x.pt"
    two = storage(b"FloatStorage", b"2") + storage(b"IntStorage", b"2")
    for description, said in (
        (b"]" + LAUGHS + b"aQ.", "kept outside"),
        (b"]" * 5000 + b"a" * 4999 + b"Q.", "kept outside"),
        (b"(" + two + b"t.", "two types"),
        (storage(b"FloatStorage", b"99") + b".", "2 numbers for 99"),
        (storage(b"UntypedStorage", b"2") + b".", "torch.UntypedStorage"),
    ):
        with pytest.raises(FileFormatError, match=said):
            read_torch_tensors(torch_file(path, description, s=bytes(8)))


@pytest.mark.parametrize("read", [read_pickle, read_object_npz, read_torch_tensors])
def test_pipes_and_devices_are_not_read(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """Reading the one would wait for ever, the other would fill the memory."""
    pipe, device = tmp_path / "pipe.pkl", tmp_path / "zero.pkl"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, device, tmp_path):
        with pytest.raises(FileFormatError, match="a pipe or a device"):
            read(path)
