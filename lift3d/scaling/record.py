"""What is finished already, so that a run can go on: told by what is written."""

import json
from collections.abc import Iterator, Mapping
from typing import IO, Final, Protocol, runtime_checkable

from lift3d.errors import OutputError
from lift3d.io.clips.clip_rows import drop_rows, keys_in, parquet_files
from lift3d.io.files.atomic import atomic_path
from lift3d.scaling.sinks import FilesSink, RowsSink, outputs_are_whole
from lift3d.scaling.values import Chunk, Done

__all__ = ["FilesRecord", "Record", "RowsRecord", "record_of"]

_JOURNAL: Final = "_done.jsonl"


@runtime_checkable
class Record(Protocol):
    """What is finished in a place of outputs."""

    def keys(self) -> Mapping[str, str]:
        """The key of every file whose outputs are whole."""
        ...

    def forget(self, names: frozenset[str]) -> None:
        """Outputs of these files are of another time: take away what would be counted twice."""
        ...

    def written(self, chunk: Chunk) -> frozenset[str]:
        """Names of a lost chunk whose outputs are whole all the same."""
        ...

    def note(self, done: Done) -> None: ...

    def close(self) -> None: ...


def record_of(sink: FilesSink | RowsSink) -> "FilesRecord | RowsRecord":
    """The record that fits what is written to: a line for each file, or rows that say so themselves."""
    return FilesRecord(sink) if isinstance(sink, FilesSink) else RowsRecord(sink)


class FilesRecord:
    """A line of JSON in `_done.jsonl` for each file that was lifted: its name, key and outputs.

    A line that was cut off by a crash is left out: that file is lifted again.
    """

    def __init__(self, sink: FilesSink) -> None:
        self._out = sink.out
        self._file: IO[bytes] | None = None

    def keys(self) -> Mapping[str, str]:
        return {
            done.name: done.key
            for done in self._lines()
            if outputs_are_whole(self._out, done.outputs)
        }

    def forget(self, names: frozenset[str]) -> None:
        """Nothing: new outputs take the places of the old ones."""

    def written(self, chunk: Chunk) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def note(self, done: Done) -> None:
        line = json.dumps([done.name, done.key, done.outputs], ensure_ascii=False)
        try:
            self._opened().write(line.encode() + b"\n")
        except OSError as error:
            raise OutputError(
                f"expected to write to '{self._out}', got {error.strerror or error}: free some room and "
                "go on with --resume"
            ) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            path = self._out / _JOURNAL
            self._file = path.open("ab", buffering=0)
            self._file.write(
                b"\n"
            )  # a crash may have cut off the line before; empty ones do no harm
        return self._file

    def _lines(self) -> Iterator[Done]:
        path = self._out / _JOURNAL
        if not path.exists():
            return
        with path.open("rb") as file:
            for line in file:
                done = _done(line)
                if done is not None:
                    yield done


class RowsRecord:
    """The columns `file` and `key` of the Parquet files themselves."""

    def __init__(self, sink: RowsSink) -> None:
        self._sink = sink

    def keys(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for part in parquet_files(self._sink.out):
            found.update(keys_in(part))
        return found

    def forget(self, names: frozenset[str]) -> None:
        """Their rows go; Parquet files are written anew without them."""
        for part in parquet_files(self._sink.out) if names else ():
            held = {name for name, _ in keys_in(part)}
            if held <= names:
                part.unlink()
            elif held & names:
                with atomic_path(part) as partial:
                    drop_rows(part, partial, names)

    def written(self, chunk: Chunk) -> frozenset[str]:
        part = self._sink.part(chunk)
        return frozenset(name for name, _ in keys_in(part)) if part.exists() else frozenset()

    def note(self, done: Done) -> None:
        """Nothing: the rows say it."""

    def close(self) -> None:
        """Nothing is open."""


def _done(line: bytes) -> Done | None:
    try:
        name, key, outputs = json.loads(line)
        pairs = tuple((str(output), int(size)) for output, size in outputs)
        return Done(str(name), str(key), pairs)
    except (ValueError, TypeError):
        return None
