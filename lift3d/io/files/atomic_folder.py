"""Folders of outputs appear whole or not at all, as single files do."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lift3d.errors import OutputError
from lift3d.io.files.atomic import clear_abandoned, partial_path

__all__ = ["atomic_folder"]


@contextmanager
def atomic_folder(target: str | os.PathLike[str]) -> Generator[Path]:
    """A folder beside `target` to fill; renamed to `target` when the block ends without error.

    `target` must not exist, or be an empty folder: what lies there is never mixed with new files.
    Raises `OutputError` otherwise, and where the folder cannot be made or written to.
    """
    path = Path(target)
    partial = partial_path(path)
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(
                f"expected a new or an empty folder to write, got '{path}', where something is: "
                "choose another name"
            )
        clear_abandoned(path)
        shutil.rmtree(partial, ignore_errors=True)  # of a killed process that had our number
        partial.mkdir(parents=True)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise OutputError(
            f"expected a place to write the folder '{path}', got "
            f"{getattr(error, 'strerror', None) or error}: choose another place"
        ) from error
    try:
        yield partial
        partial.replace(path)  # over an empty folder too
    except OSError as error:
        raise OutputError(
            f"expected to write the folder '{path}', got {error.strerror or error}: "
            "free some room or choose another place"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
