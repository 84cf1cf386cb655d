"""Entries of zip archives from strangers: never more bytes than an entry says it has.

Nothing is ever unpacked to a file: what an entry is called is only compared, never taken for a path.
"""

import stat
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

__all__ = ["check_packing", "check_regular", "entry_bytes", "most_unpacked"]

_FREE: Final = 64_000_000
_PACKED: Final = 60
"""Times that arrays of people are packed at most; zeros are packed a thousand to one."""


def most_unpacked(held: int) -> int:
    """Bytes of memory that so many bytes of a file may ask for, before they are taken for a trap."""
    return _FREE + _PACKED * held


def check_packing(archive: zipfile.ZipFile, wanted: Collection[str] | None = None) -> None:
    """Raise `ValueError` where an archive is small and its entries would fill the memory.

    `wanted` are the entries that count; all without it. Other packings than NumPy's and torch's are
    refused as `entry_bytes` refuses them.
    """
    entries = [i for i in archive.infolist() if wanted is None or i.filename in wanted]
    for entry in entries:
        _check_method(entry)
    said = sum(entry.file_size for entry in entries)
    held = min(sum(entry.compress_size for entry in entries), archive.start_dir)  # they may overlap
    if said > most_unpacked(held):
        raise ValueError(f"{said} bytes packed into {held}, more than arrays can be packed")


def entry_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry.

    An entry may say that it is small and unpack to much; bzip2 and LZMA, which NumPy and torch never
    write, make gigabytes of a few hundred bytes in one step. Raises `ValueError` for those, and
    `zipfile.BadZipFile` for damage.
    """
    _check_method(info)
    with archive.open(info) as stream:
        data = stream.read(info.file_size)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"'{info.filename}', which ends too early")
    return data


def _check_method(info: zipfile.ZipInfo) -> None:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"'{info.filename}', packed in another way than NumPy and torch pack")


def check_regular(path: Path) -> None:
    """Raise `OSError` for what is no plain file: reading a pipe or a device may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, a pipe or a device")
