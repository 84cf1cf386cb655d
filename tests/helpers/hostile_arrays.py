"""Files that want to break a reader of arrays and tables: `HOSTILE` lists (name, ending, builder).

Each is small, or is made in about a second, and must give a `FileFormatError` that names the file,
within two seconds and a gigabyte.
"""

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from tests.helpers.array_files import BODY, dlc_csv, listed, npy, npz, tidy_csv, trc, walk, wide_csv

__all__ = ["HOSTILE"]


class Runs:
    """Pickled, it is a call of `os.system`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/a-hostile-file-ran",)


LAUGHS = b")" + b"2\x86" * 60 + b"."
"""Tuples of two references each, sixty deep."""


def header(shape: str, kind: str = "<f8", data: int = 8) -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(data)


def entry(data: bytes, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as out:
        out.writestr("keypoints.npy", data)
    return file.getvalue()


def bomb() -> bytes:
    """300 MB of zeros in 300 KB, whose directory says so."""
    size, squeeze = 300_000_000, zlib.compressobj(1, zlib.DEFLATED, -15)
    start = header(f"{(size - 200) // 408}, 17, 3", data=0)
    check = zlib.crc32(start)
    parts, block = [squeeze.compress(start)], bytes(1_000_000)
    for _ in range(size // len(block)):
        parts.append(squeeze.compress(block))
        check = zlib.crc32(block, check)
    data = b"".join((*parts, squeeze.flush()))
    name, whole = b"keypoints.npy", size + len(start)
    sizes = struct.pack("<IIIHH", check, len(data), whole, len(name), 0)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + name + data
    listing = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
    listing += struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(listing), len(local), 0)
    return local + listing + b"PK\x05\x06" + end


def lying() -> bytes:
    """An entry that says it has 200 bytes and unpacks to 20 million."""
    data = bytearray(entry(header("3, 17, 3", data=20_000_000)))
    place = data.rfind(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 200)
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(npz(keypoints=walk(2)))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    return bytes(data)


def videos(positions: object) -> bytes:
    return npz(positions_2d=np.array(positions, dtype=object))


def hdf5(fill: Callable[[Any], object]) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        fill(out)
    return file.getvalue()


def sleap(shape: tuple[int, ...], *, written: bool) -> bytes:
    """Tracks of a claimed size, of which one chunk was written, or none."""

    def fill(out: Any) -> None:
        chunks = (1, 1, min(shape[2], 10), min(shape[3], 100))
        tracks = out.create_dataset("tracks", shape, "<f8", chunks=chunks, compression="gzip")
        if written:
            tracks[tuple(slice(0, length) for length in chunks)] = np.nan
        out["node_names"] = np.array([f"n{n}" for n in range(min(shape[2], 5))], "S")
        out["track_names"] = np.empty(0)

    return hdf5(fill)


def dlc_h5(kinds: bytes, rows: int = 2) -> bytes:
    def fill(out: Any) -> None:
        record = np.dtype([("index", "<i8"), ("values_block_0", "<f8", (3,))])
        table = out.create_dataset("df_with_missing/table", (rows,), record, chunks=(2,))
        table[:2] = np.ones(2, record)
        table.attrs["values_block_0_kind"] = np.bytes_(kinds)

    return hdf5(fill)


def dlc_loop(out: Any) -> None:
    out["df_with_missing"] = h5py.SoftLink("/df_with_missing")


def dlc_elsewhere(out: Any) -> None:
    out["df_with_missing"] = h5py.ExternalLink("/etc/passwd", "/")


def dlc_elsewhere_raw(out: Any) -> None:
    out.create_dataset(
        "df_with_missing/table", (9,), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    )


def fixed_labels(out: Any) -> None:
    group = out.create_group("df_with_missing")
    group.attrs["nblocks"], group.attrs["block0_items_nlevels"] = 10**9, 3
    for level in range(3):
        group[f"block0_items_level{level}"] = np.array(["a"], "S")
        group[f"block0_items_label{level}"] = np.full(6, -1, np.int8)
    group["block0_values"] = np.ones((2, 6))


def pickled(value: object) -> Callable[[], bytes]:
    return lambda: pickle.dumps(value, 4)


def many_joints() -> bytes:
    """Every line has a frame and a joint of its own: the table of all would have 10^9 cells."""
    lines = (f"{n},j{n},1,1,1" for n in range(9_000))
    return "\n".join(("frame,joint,x,y,confidence", *lines)).encode()


def crowd() -> bytes:
    return npy(np.ones((1, 1_000_000, 17, 2), np.uint8))


GOOD = walk(3)
TRC = trc(GOOD[:, 0], [f"m{n}" for n in range(17)]).encode()
DLC = dlc_csv(GOOD[:, :, :5], BODY).encode()
WIDE, TIDY = wide_csv(GOOD).encode(), tidy_csv(GOOD).encode()
LANDMARKS = ",".join(f"x{n},y{n},z{n},v{n}" for n in range(33)).encode() + b"\n"

HOSTILE: list[tuple[str, str, Callable[[], bytes]]] = [
    ("npy, 10^13 frames claimed", ".npy", lambda: header("10000000000000, 17, 3")),
    ("npy, claims that fit memory but not the file", ".npy", lambda: header("1000000, 17, 3")),
    ("npy, negative axis", ".npy", lambda: header("-4, 17, 3")),
    ("npy, product of axes beyond 64 bits", ".npy", lambda: header("4294967296, 4294967296, 3")),
    ("npy, no bytes and a billion frames", ".npy", lambda: header("1000000000, 0, 3", data=0)),
    ("npy, cut off", ".npy", lambda: npy(GOOD)[:-11]),
    ("npy, header of brackets", ".npy", lambda: header("(" * 9000)),
    ("npy, objects that run code", ".npy", lambda: npy(listed([Runs()]), allow_pickle=True)),
    ("npy, texts", ".npy", lambda: npy(np.full((3, 17, 2), "x" * 50))),
    ("npy, complex numbers", ".npy", lambda: npy(np.ones((3, 17, 2), complex))),
    ("npy, records", ".npy", lambda: npy(np.zeros((3, 17, 2), [("a", "<f8"), ("b", "<i4")]))),
    ("npy, a million people", ".npy", crowd),
    ("npy, nobody", ".npy", lambda: npy(np.full((1000, 17, 3), np.nan))),
    ("npy, infinite", ".npy", lambda: npy(np.full((3, 17, 3), np.inf))),
    ("npy, MediaPipe's shape and 10^12 frames", ".npy", lambda: header("1000000000000, 33, 4")),
    ("npz, 300 MB of zeros", ".npz", bomb),
    ("npz, an entry larger than it says", ".npz", lying),
    ("npz, encrypted", ".npz", encrypted),
    ("npz, cut off", ".npz", lambda: npz(keypoints=GOOD)[:-30]),
    ("npz, half a directory", ".npz", lambda: npz(keypoints=GOOD)[40:]),
    ("npz, packed by bzip2", ".npz", lambda: entry(npy(GOOD), zipfile.ZIP_BZIP2)),
    ("npz, 10^13 frames claimed", ".npz", lambda: entry(header("10000000000000, 17, 3"))),
    ("npz, objects that run code", ".npz", lambda: npz(keypoints=listed([Runs(), GOOD[0]]))),
    ("npz, laughs without end", ".npz", lambda: entry(header("1", "|O", 0) + LAUGHS)),
    ("npz, VideoPose3D of nothing", ".npz", lambda: videos({"a": {}})),
    ("npz, VideoPose3D of texts", ".npz", lambda: videos({"a": {"b": ["c"]}})),
    ("npz, Detectron of other shapes", ".npz", lambda: npz(boxes=GOOD, keypoints=listed([[[], GOOD]]))),
    ("npz, ragged people", ".npz", lambda: npz(keypoints=listed([GOOD[0], [[1, 2], [3]]]))),
    ("npz, mixed layouts", ".npz", lambda: npz(keypoints=listed([GOOD[0], walk(1, 26)[0]]))),
    ("npz, a rate of nothing", ".npz", lambda: npz(keypoints=GOOD, fps=np.nan)),
    ("h5, cut off", ".h5", lambda: dlc_h5(b"(l.")[:700]),
    ("h5, magic alone", ".h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(500)),
    ("h5, 10^13 numbers claimed", ".h5", lambda: sleap((1000, 2, 5, 10**9), written=True)),
    ("h5, numbers never written", ".h5", lambda: sleap((1, 2, 5, 29_000_000), written=False)),
    ("h5, one piece of millions", ".h5", lambda: sleap((1, 2, 5, 29_000_000), written=True)),
    ("h5, empty as far as allowed", ".h5", lambda: sleap((1, 2, 500, 49_000), written=True)),
    ("h5, a million empty tracks", ".h5", lambda: sleap((1_000_000, 2, 5, 3), written=True)),
    ("h5, names that run code", ".h5", lambda: dlc_h5(pickle.dumps([Runs()], 0))),
    ("h5, names without end", ".h5", lambda: dlc_h5(LAUGHS.replace(b"\x86", b"\x86"))),
    ("h5, 10^12 rows claimed", ".h5", lambda: dlc_h5(b"(l.", 10**12)),
    ("h5, a link to itself", ".h5", lambda: hdf5(dlc_loop)),
    ("h5, a link to another file", ".h5", lambda: hdf5(dlc_elsewhere)),
    ("h5, values in another file", ".h5", lambda: hdf5(dlc_elsewhere_raw)),
    ("h5, labels below zero", ".h5", lambda: hdf5(fixed_labels)),
    ("pickle that runs code", ".pkl", pickled({"keypoints": Runs()})),
    ("pickle, laughs without end", ".pkl", lambda: b"\x80\x02" + LAUGHS),
    ("pickle, 10^15 bytes claimed", ".pkl", lambda: b"\x80\x04\x8e" + struct.pack("<Q", 10**15) + b"x."),
    ("pickle, 10,000 lists deep", ".pkl", lambda: b"\x80\x02" + b"]" * 10_000 + b"a" * 9_999 + b"."),
    ("pickle, a list inside itself", ".pkl", lambda: b"\x80\x02]q\x00h\x00a."),
    ("pickle, frames of nothing and one of a number", ".pkl", pickled([[]] * 3_000 + [1])),
    ("pickle, cut off", ".pkl", lambda: pickle.dumps({"keypoints": GOOD})[:-40]),
    ("csv, a line of five million cells", ".csv", lambda: b"frame," + b"1," * 2_500_000),
    ("csv, 60,000 joints", ".csv", lambda: ",".join(f"j{n}_x,j{n}_y" for n in range(60_000)).encode()),
    ("csv, a cell without end", ".csv", lambda: WIDE + b'"' + b"a" * 3_000_000),
    ("csv, zero bytes", ".csv", lambda: WIDE[:900] + bytes(5000)),
    ("csv, cut off", ".csv", lambda: WIDE[:-60]),
    ("csv, joints and frames that never meet", ".csv", many_joints),
    ("csv, one joint twice", ".csv", lambda: TIDY + TIDY.splitlines()[1]),
    ("csv, frame 10^30", ".csv", lambda: TIDY + b"\n1" + b"0" * 30 + b",0,nose,1,2,0.5"),
    ("csv, numbers without end", ".csv", lambda: TIDY + b"\n9,0,nose," + b"9" * 100_000 + b"x,2,0.5"),
    ("csv, columns twice", ".csv", lambda: b"frame,joint,x,x,y\n0,nose,1,1,1"),
    ("csv, joints in space", ".csv", lambda: b"frame,joint,x,y,z\n0,nose,1,1,1"),
    ("csv, landmarks of half a line", ".csv", lambda: LANDMARKS + b"0.5,0.5\n"),
    ("csv, landmarks of words", ".csv", lambda: LANDMARKS + b",".join([b"a"] * 132)),
    ("DeepLabCut, header rows of unlike lengths", ".csv", lambda: DLC.replace(b",x,", b",", 1)),
    ("DeepLabCut, cut off", ".csv", lambda: DLC[:-30]),
    ("DeepLabCut, a part twice", ".csv", lambda: DLC.replace(b"L_hip", b"nose")),
    ("DeepLabCut, depths", ".csv", lambda: DLC.replace(b"likelihood", b"z")),
    ("TRC, 10^12 frames claimed", ".trc", lambda: TRC.replace(b"\t3\t17\t", b"\t1000000000000\t17\t")),
    ("TRC, more markers than names", ".trc", lambda: TRC.replace(b"\t3\t17\t", b"\t3\t1700000\t")),
    ("TRC, cut off", ".trc", lambda: TRC[:-25]),
    ("TRC, words", ".trc", lambda: TRC.replace(b"\n2\t", b"\ntwo\t")),
    ("TRC, a frame twice", ".trc", lambda: TRC.replace(b"\n2\t", b"\n1\t")),
    ("TRC, names in every cell", ".trc", lambda: TRC.replace(b"\t\t\t", b"\t")),
    ("TRC, markers in space", ".trc", lambda: TRC),
]  # fmt: skip
"""What is wrong, the file's ending, and what makes its bytes."""
