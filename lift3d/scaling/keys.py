"""Was this made of the same input with the same options? A key of both says so.

The input counts by its size and the time of its last change (a folder by those of all files in it), not
by its content, which would have to be read. The options count as they are, with the version of lift3d,
and files of weights and bodies as inputs do. Names do not count: a key belongs to a name.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lift3d.scaling.work import Work

__all__ = ["input_key", "options_key"]


def options_key(work: Work, *further: str) -> str:
    """32 hexadecimal digits of everything that numbers depend on but the input."""
    files = [path for path in (work.options.weights, work.options.body_path) if path is not None]
    stamps = [_stamp(os.fspath(path)) for path in files]
    return _digest("options", _version(), repr(work), *stamps, *further)


def input_key(path: str | os.PathLike[str], options: str) -> str:
    """32 hexadecimal digits of an input and of options (`options_key`)."""
    return _digest("input", options, _stamp(os.fspath(path)))


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - of millions
        if not stat.S_ISDIR(status.st_mode):
            return f"{status.st_size} {status.st_mtime_ns}"
        return "\n".join(sorted(_inside(Path(path))))
    except (OSError, ValueError):
        return "absent"


def _inside(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                status = entry.stat()
                yield f"{entry.name} {status.st_size} {status.st_mtime_ns}"


def _digest(*parts: str) -> str:
    whole = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(whole).hexdigest()[:32]


def _version() -> str:
    try:
        return version("lift3d")
    except PackageNotFoundError:  # run from a folder, not installed
        return "unknown"
