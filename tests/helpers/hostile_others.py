"""Files of other things, and tables that are none."""

import io
import zipfile

import numpy as np

from tests.helpers.hostile_case import Case, file_of

__all__ = ["OTHERS"]


def other_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", b"nothing")
    return file.getvalue()


OTHERS = [
    Case("a PNG", file_of("a.json", b"\x89PNG\r\n\x1a\n\0\0"), "a PNG picture"),
    Case("a video", file_of("a.json", b"\0\0\0\x20ftypisom" + b"\0" * 99), "an MP4 video"),
    Case("gzip", file_of("a.json", b"\x1f\x8b\x08\0" + b"\0" * 20), "gzip: unpack"),
    Case("a zip of other things", file_of("a.npz", other_zip), "zip"),
    Case("BVH", file_of("a.bvh", b"HIERARCHY\nROOT Hips\n"), "BVH"),
    Case("a table of other things", file_of("a.csv", b"name,age\nA,7\n"), "text that begins with"),
    Case("random bytes", file_of("a.json", np.random.default_rng(0).bytes(70_000)), "got"),
    Case("a megabyte of zeros", file_of("a.json", bytes(1 << 20)), "something else"),
    Case("a megabyte of one line", file_of("a.csv", b"a" * (1 << 20)), "text that begins with"),
    Case(
        "a table in UTF-16",
        file_of("a.csv", "frame,nose_x,nose_y\n0,1,2\n".encode("utf-16")),
        "UTF-8",
    ),
]
