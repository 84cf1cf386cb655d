"""Outputs appear whole or not at all: written under a temporary name, then renamed."""

import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lift3d.errors import OutputError

__all__ = ["atomic_path", "clear_abandoned", "partial_path"]

_WRITER: Final = re.compile(r"([0-9a-f]{8})-(\d{1,9})")
_DAY: Final = 86_400.0
_HDF5: Final = re.compile(r"errno = \d+, error message = '([^']*)'")


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Generator[Path]:
    """A path beside `target` to write to; renamed to `target` when the block ends without error.

    The temporary name keeps the ending, since writers choose their format by it. What a killed process
    left behind of the same target is removed. Raises `OutputError` where the folder cannot be made or
    written to.
    """
    path = Path(target)
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_abandoned(path)
        partial.touch()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise OutputError(
            f"expected a place to write '{path}', got {getattr(error, 'strerror', None) or error}: "
            "choose another output folder"
        ) from error
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.filename is not None and Path(error.filename) not in (path, partial):
            raise  # about some other file
        raise _not_written(path, error.strerror or str(error)) from error
    except RuntimeError as error:  # HDF5 says in its own way that a disk is full
        said = _HDF5.search(str(error))
        if said is None:
            raise
        raise _not_written(path, said[1]) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _not_written(path: Path, why: str) -> OutputError:
    return OutputError(
        f"expected to write '{path}', got {why}: free some room or choose another output folder"
    )


def partial_path(path: Path) -> Path:
    """Where this process writes what is to become `path`: the name says which process that is."""
    return path.with_name(f".{path.stem}.{_host()}-{os.getpid()}.partial{path.suffix}")


def clear_abandoned(path: Path) -> None:
    """Remove what killed processes left of `path`: nobody is going to finish it.

    What another machine writes on a shared disk counts as abandoned after a day without change.
    """
    start, end = f".{path.stem}.", f".partial{path.suffix}"
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start) and entry.name.endswith(end):
                writer = _WRITER.fullmatch(entry.name[len(start) : -len(end)])
                if writer is not None and _is_gone(writer[1], int(writer[2]), entry):
                    _remove(entry)


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_gone(host: str, process: int, entry: "os.DirEntry[str]") -> bool:
    if host != _host():
        with suppress(OSError):
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY
        return False
    if os.name == "nt":  # os.kill would end it there; but files in use cannot be removed
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False


def _remove(entry: "os.DirEntry[str]") -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
        return
    with suppress(OSError):
        Path(entry.path).unlink()
