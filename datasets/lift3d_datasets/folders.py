"""What folder readers share: finding files, and what happens to one that is broken."""

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TypeVar

from lift3d.errors import FileFormatError, InputError, Lift3dError

__all__ = ["checked_split", "existing_folder", "files_below", "read_each"]

T = TypeVar("T")


def existing_folder(root: str | PathLike[str], what: str) -> Path:
    """The folder, or `FileFormatError` naming what it should hold."""
    folder = Path(root)
    if not folder.is_dir():
        raise FileFormatError(
            f"expected a folder with {what} at '{folder}', got "
            f"{'a file' if folder.exists() else 'nothing there'}: give the folder's path"
        )
    return folder


def files_below(root: Path, suffix: str) -> tuple[Path, ...]:
    """All files of a suffix in a folder and below it, in the order of their paths.

    Upper case is forgiven; hidden files are left out, like those that macOS adds to archives.
    """
    found = (p for p in root.rglob("*") if p.suffix.lower() == suffix and p.is_file())
    return tuple(sorted(path for path in found if not path.name.startswith(".")))


def checked_split(split: str, splits: tuple[str, ...]) -> str:
    """The split, or `InputError` with the splits that there are."""
    if split not in splits:
        raise InputError(
            f"expected a split of {', '.join(splits)}, got '{split}': choose one of these"
        )
    return split


def read_each(
    files: Iterable[Path], read: Callable[[Path], T], skipped: dict[str, str] | None
) -> Iterator[T]:
    """What `read` makes of each file; one that is broken stops it, or is named in `skipped`."""
    for path in files:
        try:
            made = read(path)
        except Lift3dError as error:
            if skipped is None:
                raise
            skipped[str(path)] = str(error)
            continue
        yield made
