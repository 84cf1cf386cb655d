"""Archives that hold pickles, lie about sizes, or name places outside: .npy, .npz, torch's files."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from tests.helpers.attack_opcodes import call, name, value, whole
from tests.helpers.attack_pickles import BOMBS
from tests.helpers.attack_zeros import crc_of_zeros, raw_zeros

__all__ = ["ARCHIVES", "NAMES", "TORCH", "npy", "npz", "torch_stream", "torch_tar", "torch_zip"]

NAMES: Final = (
    *("keypoints", "positions_2d", "results", "metadata", "boxes", "arr_0"),
    *("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table"),
    *("poses", "trans", "betas", "gender", "mocap_framerate"),
    *("train_data", "positions_3d", "imgname", "S", "part"),
    *("format_version", "person_ids", "joints", "fps"),
)
"""What our readers look for in archives."""


def npy(pickled: bytes, shape: str = "1,") -> bytes:
    """An array of objects, whose pickle this is."""
    return header(shape, "|O") + pickled


def header(shape: str, kind: str = "<f8") -> bytes:
    """The head of an .npy file."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz(content: bytes | Mapping[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with these entries, or with the same under all names that readers look for."""
    entries = {f"{key}.npy": content for key in NAMES} if isinstance(content, bytes) else content
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as out:
        for entry, data in entries.items():
            out.writestr(entry, data)
    return file.getvalue()


def torch_zip(pickled: bytes, **storages: bytes) -> bytes:
    """What `torch.save` has written since 1.6."""
    data = {f"archive/data/{key}": raw for key, raw in storages.items()}
    return npz({"archive/data.pkl": pickled, "archive/version": b"3\n", **data}, zipfile.ZIP_STORED)


def torch_stream(pickled: bytes) -> bytes:
    """What `torch.save` wrote before: pickles one after another, the first a magic number."""
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    about = whole(value({"protocol_version": 1001, "little_endian": 1}), 2)
    return magic + b"\x80\x02M\xe9\x03." + about + pickled + whole(value([]), 2)


def torch_tar(pickled: bytes) -> bytes:
    """What it wrote in the beginning, with entries that lie outside and link there."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as out:
        for entry in ("pickle", "storages", "tensors", "../../canary", "/tmp/canary"):  # noqa: S108
            about = tarfile.TarInfo(entry)
            about.size = len(pickled)
            out.addfile(about, io.BytesIO(pickled))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
    return file.getvalue()


def _zeros(megabytes: int) -> bytes:
    """An archive of zeros under every name, packed a thousand to one, whose directory is honest."""
    size = megabytes << 20
    start = header(f"{size // 8},")
    check = crc_of_zeros(size, zlib.crc32(start))
    return _raw_zip(raw_zeros(size, start), size + len(start), check)


def _raw_zip(packed: bytes, size: int, check: int = 0, method: int = 8) -> bytes:
    """An archive whose entries all lie over the same bytes, and say that they are so large."""
    about = struct.pack("<IIIHH", check, len(packed), size, 1, 0)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, method, 0, 0) + about + b"x" + packed
    listing = b""
    for key in NAMES:
        entry = f"{key}.npy".encode()
        sizes = struct.pack("<IIIHH", check, len(packed), size, len(entry), 0)
        listing += b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, method, 0, 0) + sizes
        listing += struct.pack("<HHHII", 0, 0, 0, 0, 0) + entry
    count = len(NAMES)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(listing), len(local), 0)
    return local + listing + b"PK\x05\x06" + end


def _links() -> bytes:
    """Entries that are symbolic links to places outside."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for key in NAMES:
            about = zipfile.ZipInfo(f"{key}.npy")
            about.create_system, about.external_attr = 3, 0o120777 << 16
            out.writestr(about, "/etc/passwd")
    return file.getvalue()


def _encrypted() -> bytes:
    data = bytearray(npz(header("1, 17, 3") + bytes(408)))
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    return bytes(data)


_GOOD: Final = header("1, 17, 3") + np.ones(51).tobytes()

ARCHIVES: Final[Mapping[str, bytes]] = {
    "400 MB of zeros": _zeros(400),
    "4 GB in a few bytes": _raw_zip(zlib.compress(_GOOD)[2:-4], 4_000_000_000),
    "entries over each other": _raw_zip(zlib.compress(_GOOD + bytes(9_000_000))[2:-4], 9_000_536),
    "4 GB that are stored": _raw_zip(_GOOD, 4_000_000_000, method=0),
    "bzip2": npz(_GOOD, zipfile.ZIP_BZIP2),
    "LZMA": npz(_GOOD, zipfile.ZIP_LZMA),
    "an unknown packing": _raw_zip(_GOOD, len(_GOOD), method=93),
    "encrypted": _encrypted(),
    "names that climb": npz({f"../../../{key}.npy": _GOOD for key in NAMES}),
    "names from the root": npz({f"/{key}.npy": _GOOD for key in NAMES}),
    "names with a drive": npz({f"C:\\{key}.npy": _GOOD for key in NAMES}),
    "names of devices": npz({"CON": b"", "NUL": b"", "/dev/stdout": _GOOD}),
    "symbolic links": _links(),
    "an archive in an archive": npz(npz(_GOOD)),
    "10^13 numbers claimed": npz(header("10000000000000,") + bytes(8)),
    "a shape beyond 64 bits": npz(header("4294967296, 4294967296, 4294967296") + bytes(8)),
    "a negative shape": npz(header("-1, 17, 3") + bytes(8)),
    "a header of brackets": npz(header("(" * 9_000)),
    "a header that calls": npz(header("__import__('os').system('true')")),
    "a type of objects in records": npz(header("1,", "[('a', '|O')]") + bytes(8)),
    "memory as a type": npz(header("1,", "|V2000000000") + bytes(8)),
    "version 9": npz(b"\x93NUMPY\x09\x00" + bytes(8)),
    "laughs": npz(npy(BOMBS["laughs"])),
    "a thousand arrays of one text": npz(npy(BOMBS["a thousand arrays of one text"])),
}
"""Archives that NumPy's readers would fall for, or that no archive of numbers is."""


def _tensor(offset: int, size: tuple[int, ...], stride: tuple[int, ...], count: int = 2) -> bytes:
    key = value(("storage", name("torch.FloatStorage"), "s", "cpu", count)) + b"Q"
    made = call("torch._utils._rebuild_tensor_v2", key, offset, size, stride)
    return torch_zip(whole(made, 2), s=bytes(8))


TORCH: Final[Mapping[str, bytes]] = {
    "a storage of another size": _tensor(0, (2,), (1,), 99),
    "a storage of negative size": _tensor(0, (2,), (1,), -2),
    "a tensor beyond its storage": _tensor(1, (2,), (1,)),
    "a tensor before its storage": _tensor(-1, (1,), (1,)),
    "strides beyond the storage": _tensor(0, (2, 2), (1_000_000, 1)),
    "strides that go back": _tensor(1, (2,), (-1,)),
    "a number 2^30 times": _tensor(0, (1 << 15, 1 << 15), (0, 0)),
    "a shape beyond 64 bits": _tensor(0, (1 << 30, 1 << 30, 1 << 30), (0, 0, 0)),
    "another class as storage": torch_zip(
        whole(value(("storage", name("os.system"), "s", "cpu", 2)) + b"Q"), s=bytes(8)
    ),
    "a storage outside": torch_zip(
        whole(value(("storage", name("torch.FloatStorage"), "../../x", "cpu", 2)) + b"Q")
    ),
    "two descriptions": npz({"a/data.pkl": b"N.", "b/data.pkl": b"N."}),
    "a script module": npz({"a/data.pkl": b"c__torch__\nM\n)\x81.", "a/code/m.py": b"import os"}),
}
"""Files in torch's layout that ask for what is not there."""
