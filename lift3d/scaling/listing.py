"""Which files are meant: a pattern, a list, a table, a folder of clips, or several names.

A folder is one clip with one file per frame, as everywhere in lift3d; with `each`, every file and every
folder directly inside is a clip of its own. Everything else that names several files does so too:

| given | clips | relative names stand |
|---|---|---|
| `'data/**/*.json'` | what matches, files and folders; `**` goes through folders | where you are |
| `names.txt` | a name per line; empty lines and those that begin with # are left out | beside the list |
| `names.parquet` | the column `path` (or `file`) | beside the table |
| `folder` with `each` | what lies directly inside, hidden files left out | in the folder |
| several names | each | where you are |
"""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lift3d.errors import FileFormatError, InputError
from lift3d.io.clips.clip_rows import pyarrow
from lift3d.scaling.values import Item

__all__ = ["Listing", "listing_of"]

_LISTS: Final = (".txt", ".list")
_COLUMNS: Final = ("path", "file")
_LONGEST: Final = 4_096
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Clips to lift, each once, and in words what was understood.

    `base` is the folder that outputs' names are relative to; those of files elsewhere begin with the
    whole path.
    """

    base: Path
    items: tuple[Item, ...]
    understood: str

    def __len__(self) -> int:
        return len(self.items)


def listing_of(sources: Sequence[str | os.PathLike[str]], *, each: bool = False) -> Listing | None:
    """The clips that `sources` name, or None where they are one clip.

    Raises `InputError` for patterns without a match, lists without names, and `each` of one file;
    `FileFormatError` for lists and tables that cannot be read.
    """
    if len(sources) != 1:
        if each:
            raise InputError(
                f"expected one folder of clips with --each, got {len(sources)} names: leave out --each"
            )
        return _listed(Path(), [os.fspath(source) for source in sources], f"{len(sources)} names")
    source = Path(sources[0])
    if source.is_dir():
        return _folder(source) if each else None
    if not os.path.lexists(source) and glob.has_magic(str(source)):
        return _pattern(str(source))
    if source.suffix.lower() == ".parquet" and source.is_file():
        return _table(source)
    if source.suffix.lower() in _LISTS and source.is_file() and (each or _is_list(source)):
        return _list(source)
    if each:
        raise InputError(
            f"expected a folder whose entries are clips with --each, got '{source}': leave out --each, "
            "or give the folder"
        )
    return None


def _folder(folder: Path) -> Listing:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise FileFormatError(
            f"expected a readable folder at '{folder}', got {error.strerror}: check its permissions"
        ) from error
    paths = (os.path.join(folder, name) for name in names)  # noqa: PTH118 - of millions
    return _listed(
        folder, paths, f"the folder '{folder}', in which every entry is a clip of its own"
    )


def _pattern(pattern: str) -> Listing:
    fixed = Path()
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        fixed /= part
    found = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207 - of millions
    return _listed(fixed, found, f"the pattern '{pattern}', in which every match is a clip")


def _is_list(source: Path) -> bool:
    """Whether the first name in a text is that of something that exists."""
    try:
        with source.open(encoding="utf-8") as file:
            names = _names(file.readline(_LONGEST) for _ in range(64))
            first = next(iter(names), None)
        return first is not None and (source.parent / first).exists()
    except (OSError, ValueError):
        return False


def _list(source: Path) -> Listing:
    try:
        with source.open(encoding="utf-8") as file:
            names = list(_names(file))
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected a list of names, one a line, in '{source}', got {error}: save it as UTF-8 text"
        ) from error
    return _listed(source.parent, names, f"the list '{source}', in which every line is a clip")


def _names(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        name = line.strip()
        if name and not name.startswith("#"):
            yield name


def _table(source: Path) -> Listing:
    parquet: Any = pyarrow("pyarrow.parquet")
    try:
        held = parquet.read_schema(str(source)).names
        column = next((name for name in _COLUMNS if name in held), None)
        if column is None:
            raise ValueError(f"the columns {', '.join(held)}")
        names = parquet.read_table(str(source), columns=[column], partitioning=None)
        paths = [str(name) for name in names[column].to_pylist() if name]
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are among these
        raise FileFormatError(
            f"expected a table with a column 'path' of keypoint files in '{source}', got "
            f"{error!s:.300}: rename the column, or give a list of names as .txt"
        ) from error
    return _listed(source.parent, paths, f"the table '{source}', in which every row is a clip")


def _listed(base: Path, names: Iterable[str], what: str) -> Listing:
    """Names relative to `base`, unless they come with it; each once, in their order."""
    root = os.path.abspath(base)  # noqa: PTH100 - links stay as they are named
    beside = what.startswith(("the list", "the table"))
    items: dict[str, Item] = {}
    for name in names:
        path = os.path.join(base, name) if beside else name  # noqa: PTH118
        item = Item(name, path, _place(root, path))
        items.setdefault(item.place, item)
    if not items:
        raise InputError(
            f"expected keypoint files from {what}, got none: check it, and put a pattern in quotes"
        )
    return Listing(base, tuple(items.values()), what)


def _place(root: str, path: str) -> str:
    """Where the outputs of a file lie in the folder of outputs, with / between folders."""
    whole = os.path.abspath(path)  # noqa: PTH100
    inside = whole.startswith(root + os.sep) or root == os.sep
    kept = whole[len(root) :] if inside else os.path.splitdrive(whole)[1]
    return kept.strip(os.sep).replace(os.sep, "/")
