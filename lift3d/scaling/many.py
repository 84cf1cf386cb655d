"""Lift many files: leave out what is done, hand out chunks, ask again for what was lost, list errors."""

import csv
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from lift3d.errors import InputError, OutputError
from lift3d.io.files.atomic import atomic_path
from lift3d.scaling.keys import input_key, options_key
from lift3d.scaling.listing import Listing
from lift3d.scaling.local import LocalEngine
from lift3d.scaling.record import Record, record_of
from lift3d.scaling.sinks import FilesSink, RowsSink, clear_workplaces, sink_of
from lift3d.scaling.values import Chunk, Failure, Item, Result
from lift3d.scaling.work import Work
from lift3d.scaling.worker import Recipe

__all__ = ["ERRORS", "Engine", "Report", "lift_files"]

ERRORS: Final = "_errors.csv"
"""The table of files that could not be lifted, in the folder of outputs."""

_ROUNDS: Final = 3
"""How often a file is tried whose worker died: in its chunk, then twice alone."""
_MOST: Final = 256
_MOST_BODIES: Final = 16
_SHARES: Final = 8
"""Chunks for each worker at the least, so that all end together."""
_LOOKERS: Final = 16
"""Threads that ask for sizes and times of inputs, which shared file systems answer slowly."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the files done and the files in all."""


@runtime_checkable
class Engine(Protocol):
    """What has chunks lifted by several workers at once."""

    @property
    def count(self) -> int:
        """Workers."""
        ...

    def run(self, recipe: Recipe, chunks: Sequence[Chunk]) -> Iterator[Result]:
        """Results in any order; chunks whose worker died are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a listing: `kept` files were finished before, `lifted` ones now.

    `lost_chunks` is how often work was begun again since a worker had died. `lead_seconds` is the
    processor time of the leading process, `work_seconds` that of the workers for their chunks.
    """

    kept: int
    lifted: int
    failures: tuple[Failure, ...]
    errors: Path | None
    lost_chunks: int
    seconds: float
    lead_seconds: float
    work_seconds: float


@dataclass(slots=True)
class _Tally:
    """What is known of a run on its way."""

    total: int
    tell: Progress
    kept: int = 0
    lifted: int = 0
    lost_chunks: int = 0
    work_seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list[Failure])

    def told(self) -> None:
        self.tell("lifting files", self.kept + self.lifted + len(self.failures), self.total)


def lift_files(
    listing: Listing,
    out: str | os.PathLike[str],
    work: Work | None = None,
    *,
    engine: Engine | None = None,
    ending: str = ".npz",
    batch: int = 0,
    resume: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Lift every clip of a listing into the folder `out`: files with `ending`, or rows of Parquet.

    `out` is a folder that takes an output for each clip, or one whose name ends in .parquet, which gets
    Parquet files of many clips (`lift3d.io.clips.clip_rows`). It must be new or empty, unless `resume`:
    then files are left out whose outputs are whole and were made of the same input and options
    (`lift3d.scaling.keys`); those that could not be lifted are tried again. Outputs appear whole or not
    at all. `batch` is how many files a worker takes at a time, at most (0: as suits): what it has in
    hand is lost when it is killed, and done again.

    No file's error ends the run: `Report.failures` and the table `_errors.csv` (path, type, sentence)
    list them. A file whose worker dies three times is listed as `WorkerDied`. Raises `InputError`,
    `PluginError` and others for options that no file could be lifted with, before any work;
    `OutputError` where outputs cannot be written.
    """
    started, used = time.perf_counter(), time.process_time()
    work, engine = work or Work(), engine or LocalEngine()
    sink = sink_of(Path(out), ending)
    _check(sink, work, batch, resume=resume)
    work.prepared()  # says what is wrong with the options, before workers start
    recipe = Recipe(work, sink, options_key(work, _ending(sink)))
    items, unnamed = _nameable(listing, sink.out)
    tally = _Tally(len(items) + len(unnamed), progress or (lambda *_: None), failures=unnamed)
    errors: Path | None = None
    record = record_of(sink)
    try:
        todo = _unfinished(items, record, recipe.options) if resume else items
        tally.kept = len(items) - len(todo)
        tally.told()
        _rounds(engine, recipe, todo, record, tally, batch)
    finally:
        record.close()
        clear_workplaces(sink.out)
        errors = _errors_table(sink.out, tally.failures)
    return Report(
        tally.kept,
        tally.lifted,
        tuple(tally.failures),
        errors,
        tally.lost_chunks,
        time.perf_counter() - started,
        time.process_time() - used,
        tally.work_seconds,
    )


def _check(sink: FilesSink | RowsSink, work: Work, batch: int, *, resume: bool) -> None:
    if batch < 0:
        raise InputError(f"expected a batch of 1 file or more, got {batch}: correct it")
    if sink.needs_body and not work.options.body_model:
        raise InputError("expected a body model to write bodies, got none: give --body-model")
    try:
        sink.out.mkdir(parents=True, exist_ok=True)
        clear_workplaces(sink.out)
        taken = any(sink.out.iterdir())
    except (OSError, ValueError) as error:
        raise OutputError(
            f"expected a folder for outputs at '{sink.out}', got {error}: choose another place"
        ) from error
    if taken and not resume:
        raise OutputError(
            f"expected a new or an empty folder for outputs, got '{sink.out}', where something is: "
            "give --resume to go on there, or choose another"
        )


def _ending(sink: FilesSink | RowsSink) -> str:
    return sink.ending if isinstance(sink, FilesSink) else ".parquet"


def _nameable(listing: Listing, out: Path) -> tuple[list[Item], list[Failure]]:
    """Files but those in the folder of outputs, and those whose names are no text."""
    own = os.path.join(os.path.abspath(out), "")  # noqa: PTH100, PTH118
    items: list[Item] = []
    failures: list[Failure] = []
    for item in listing.items:
        try:
            item.name.encode()
        except UnicodeEncodeError:
            name = item.name.encode("utf-8", "backslashreplace").decode()
            said = f"expected a name of Unicode text, got '{name}': rename the file"
            failures.append(Failure(name, "InputError", said))
            continue
        if not os.path.abspath(item.path).startswith(own):  # noqa: PTH100
            items.append(item)
    return items, failures


def _unfinished(items: Sequence[Item], record: Record, options: str) -> list[Item]:
    known = record.keys()
    done = [item for item in items if item.name in known]
    with ThreadPoolExecutor(_LOOKERS) as threads:
        keys = threads.map(lambda item: input_key(item.path, options), done)
        same = {item.name for item, key in zip(done, keys, strict=True) if known[item.name] == key}
    record.forget(frozenset(item.name for item in done) - same)
    return [item for item in items if item.name not in same]


def _rounds(
    engine: Engine,
    recipe: Recipe,
    items: Sequence[Item],
    record: Record,
    tally: _Tally,
    batch: int,
) -> None:
    size = batch or _suitable(len(items), engine.count, bodies=bool(recipe.work.options.body_model))
    lost = _asked(engine, recipe, _chunks(items, size), record, tally)
    for _ in range(_ROUNDS - 1):
        again: list[Item] = []
        for chunk in lost:
            whole = record.written(chunk)  # it died after it had written
            tally.lifted += len(whole)
            again += [item for item in chunk.items if item.name not in whole]
        tally.lost_chunks += len(lost)
        lost = _asked(engine, recipe, _chunks(again, 1), record, tally)
    tally.failures += [
        Failure(
            item.name,
            "WorkerDied",
            f"expected to lift the file, got a worker that died with it {_ROUNDS} times: give more "
            "memory, or lift it alone to see why",
        )
        for chunk in lost
        for item in chunk.items
    ]
    tally.told()


def _asked(
    engine: Engine, recipe: Recipe, chunks: Sequence[Chunk], record: Record, tally: _Tally
) -> list[Chunk]:
    """Chunks that no result came of."""
    open_chunks = {chunk.number: chunk for chunk in chunks}
    for result in engine.run(recipe, chunks) if chunks else ():
        del open_chunks[result.number]
        for done in result.done:
            record.note(done)
        tally.lifted += len(result.done)
        tally.failures += result.failures
        tally.work_seconds += result.seconds
        if result.fatal:
            raise OutputError(result.fatal)
        tally.told()
    return list(open_chunks.values())


def _suitable(files: int, workers: int, *, bodies: bool) -> int:
    most = _MOST_BODIES if bodies else _MOST
    return max(1, min(most, math.ceil(files / (_SHARES * workers))))


def _chunks(items: Sequence[Item], size: int) -> list[Chunk]:
    starts = range(0, len(items), size)
    return [Chunk(n, tuple(items[start : start + size])) for n, start in enumerate(starts)]


def _errors_table(out: Path, failures: Sequence[Failure]) -> Path | None:
    """The table of errors; none where there are none, not even an older one."""
    path = out / ERRORS
    if not failures:
        path.unlink(missing_ok=True)
        return None
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("path", "type", "sentence"))
        rows.writerows((each.name, each.type, each.sentence) for each in failures)
    return path
