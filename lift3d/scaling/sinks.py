"""Where clips go: a folder with a file for each, or a folder with Parquet files of many.

Workers write beside the place, in a folder of their own, and rename what is whole. So a file is whole
or absent, and looking for what killed workers left takes no time in folders of a million files.
"""

import hashlib
import shutil
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from lift3d.clip import Clip
from lift3d.errors import InputError, OutputError
from lift3d.io.clips.clip_rows import ClipRows
from lift3d.io.files.atomic import clear_abandoned, partial_path
from lift3d.io.output_formats import format_of
from lift3d.io.outputs import OutputJob, write_output
from lift3d.protocols import BodyModel
from lift3d.scaling.values import Chunk, Item

__all__ = [
    "FilesSink",
    "RowsSink",
    "Sink",
    "Writer",
    "clear_workplaces",
    "sink_of",
    "workplace",
]

_WORKPLACE: Final = "_work"
Outputs = tuple[tuple[str, int], ...]


@runtime_checkable
class Writer(Protocol):
    """Takes the clips of one chunk."""

    def add(self, item: Item, key: str, clip: Clip) -> Outputs:
        """Names of the outputs of a clip, and their bytes (0 where others share them)."""
        ...


@runtime_checkable
class Sink(Protocol):
    """A place for clips; a value that goes to the workers."""

    @property
    def out(self) -> Path: ...

    @property
    def needs_body(self) -> bool: ...

    def writer(self, chunk: Chunk, model: BodyModel | None) -> AbstractContextManager[Writer]: ...


@dataclass(frozen=True, slots=True)
class FilesSink:
    """A file for each clip (for some formats: each person), in folders as those of the inputs.

    The output of `walk/a.json` is `walk/a.json.npz`: so two inputs never share one.
    """

    out: Path
    ending: str = ".npz"

    @property
    def needs_body(self) -> bool:
        return format_of(f"x{self.ending}").needs == "body"

    def writer(self, chunk: Chunk, model: BodyModel | None) -> AbstractContextManager[Writer]:  # noqa: ARG002
        return _files(self, model)

    def write(self, folder: Path, item: Item, clip: Clip, model: BodyModel | None) -> Outputs:
        """Write to a folder of our own, then move."""
        target = self.out / f"{item.place}{self.ending}"
        job = OutputJob(clip, model)
        written = write_output(folder / target.name, format_of(target), job)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            return tuple(_moved(each, target.parent / each.name, self.out) for each in written)
        except OSError as error:
            raise _unwritten(self.out, error) from error


@dataclass(frozen=True, slots=True)
class RowsSink:
    """A Parquet file for each chunk (`lift3d.io.clips.clip_rows`), named by the files in it."""

    out: Path

    @property
    def needs_body(self) -> bool:
        return False

    def writer(self, chunk: Chunk, model: BodyModel | None) -> AbstractContextManager[Writer]:  # noqa: ARG002
        return _rows(self, chunk)

    def part(self, chunk: Chunk) -> Path:
        """Where a chunk's rows go: the same chunk done again replaces what it wrote."""
        names = "\0".join(item.name for item in chunk.items).encode()
        return self.out / f"part-{hashlib.sha256(names).hexdigest()[:16]}.parquet"


def sink_of(out: Path, ending: str) -> FilesSink | RowsSink:
    """Rows for a name ending in .parquet, else files with that ending; both make a folder.

    Raises `InputError` for an ending that no format has, or that is not a file's.
    """
    if out.suffix.lower() == ".parquet":
        return RowsSink(out)
    if out.suffix and not out.is_dir():
        raise InputError(
            f"expected a folder or a name ending in .parquet for many clips, got '{out}': "
            "name a folder, and the files in it with --to"
        )
    suffix = ending if ending.startswith(".") else f".{ending}"
    format_of(f"x{suffix}")
    return FilesSink(out, suffix)


def clear_workplaces(out: Path) -> None:
    """Remove what killed workers left."""
    clear_abandoned(out / _WORKPLACE)


@dataclass(frozen=True, slots=True)
class _FilesWriter:
    sink: FilesSink
    folder: Path
    model: BodyModel | None

    def add(self, item: Item, key: str, clip: Clip) -> Outputs:  # noqa: ARG002
        return self.sink.write(self.folder, item, clip, self.model)


@dataclass(frozen=True, slots=True)
class _RowsWriter:
    rows: ClipRows
    name: str

    def add(self, item: Item, key: str, clip: Clip) -> Outputs:
        self.rows.add(item.name, key, clip)
        return ((self.name, 0),)


@contextmanager
def _files(sink: FilesSink, model: BodyModel | None) -> Generator[Writer]:
    with workplace(sink.out) as folder:
        yield _FilesWriter(sink, folder, model)


@contextmanager
def _rows(sink: RowsSink, chunk: Chunk) -> Generator[Writer]:
    target = sink.part(chunk)
    with workplace(sink.out) as folder:
        path = folder / target.name
        with ClipRows(path) as rows:
            yield _RowsWriter(rows, target.name)
        if rows.count:
            _moved(path, target, sink.out)


@contextmanager
def workplace(out: Path) -> Generator[Path]:
    """A hidden folder of this process beside the outputs."""
    folder = partial_path(out / _WORKPLACE)
    try:
        shutil.rmtree(folder, ignore_errors=True)  # of a killed process that had our number
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise _unwritten(out, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unwritten(out: Path, error: OSError) -> OutputError:
    return OutputError(
        f"expected to write to the folder '{out}', got {error.strerror or error}: free some room or "
        "choose another folder"
    )


def _moved(source: Path, target: Path, out: Path) -> tuple[str, int]:
    size = source.stat().st_size
    source.replace(target)
    return target.relative_to(out).as_posix(), size


def outputs_are_whole(out: Path, outputs: Sequence[tuple[str, int]]) -> bool:
    """Whether files are there with the sizes that they had when they were written."""
    try:
        return all((out / name).stat().st_size == size for name, size in outputs)
    except OSError:
        return False
