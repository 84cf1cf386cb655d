"""Outputs appear whole or not at all: written under a temporary name, then renamed."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from lift3d.errors import OutputError

__all__ = ["atomic_path"]


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Generator[Path]:
    """A path beside `target` to write to; renamed to `target` when the block ends without error.

    The temporary name keeps the ending, since writers choose their format by it. Raises
    `OutputError` where the folder cannot be made or written to.
    """
    path = Path(target)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
        raise OutputError(
            f"expected to write '{path}', got {error.strerror or error}: "
            "free some room or choose another output folder"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
