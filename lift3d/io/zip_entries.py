"""Entries of zip archives from strangers: never more bytes than an entry says it has."""

import stat
import zipfile
from pathlib import Path

__all__ = ["check_regular", "entry_bytes"]


def entry_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry.

    An entry may say that it is small and unpack to much; bzip2 and LZMA, which NumPy and torch never
    write, make gigabytes of a few hundred bytes in one step. Raises `ValueError` for those, and
    `zipfile.BadZipFile` for damage.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"'{info.filename}', packed in another way than NumPy and torch pack")
    with archive.open(info) as stream:
        data = stream.read(info.file_size)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"'{info.filename}', which ends too early")
    return data


def check_regular(path: Path) -> None:
    """Raise `OSError` for what is no plain file: reading a pipe or a device may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, a pipe or a device")
