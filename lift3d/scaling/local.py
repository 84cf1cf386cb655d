"""The local engine: processes of this machine, each with the networks loaded once and one thread.

A worker that dies (killed, out of memory) takes its chunk with it and is replaced; whoever leads sees
the chunk missing. When the leading process dies, pipes close and workers end.
"""

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any, Final

from lift3d.errors import InputError, Lift3dError
from lift3d.scaling.values import Chunk, Result
from lift3d.scaling.worker import Recipe, Worker

__all__ = ["LocalEngine", "cores"]

if TYPE_CHECKING:
    Pipe = Connection[Any, Any]
else:
    Pipe = Connection  # takes no parameters before Python 3.14

_PATIENCE: Final = 10.0
"""Seconds that a worker is given to end by itself."""
_UNLUCKY: Final = 8
"""Workers that may die one after the other before the run is given up, and two for each place."""


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Processes on this machine; 0 `workers` means one for each core."""

    workers: int = 0

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise InputError(
                f"expected 1 worker or more, or 0 for one a core, got {self.workers}: correct it"
            )

    @property
    def count(self) -> int:
        return self.workers or cores()

    def run(self, recipe: Recipe, chunks: Sequence[Chunk]) -> Iterator[Result]:
        """Results as they come; chunks of workers that died are left out."""
        waiting = iter(chunks)
        hands: dict[object, _Hand] = {}
        left: list[_Hand] = []
        idle = 0
        try:
            for first in itertools.islice(waiting, self.count):
                _hire(recipe, first, hands)
            while hands:
                for pipe in wait([hand.pipe for hand in hands.values()]):
                    hand = hands[pipe]
                    result = hand.answer()
                    idle = 0 if result is not None else idle + 1
                    self._check(idle)
                    chunk = next(waiting, None)
                    if result is None or chunk is None:
                        hand.ask(None)
                        left.append(hands.pop(pipe))
                    if chunk is not None:
                        hand.ask(chunk) if result is not None else _hire(recipe, chunk, hands)
                    if result is not None:
                        yield result
        finally:
            for hand in hands.values():
                hand.stop()
            for hand in (*left, *hands.values()):
                hand.end()

    def _check(self, idle: int) -> None:
        if idle > 2 * self.count + _UNLUCKY:
            raise InputError(
                f"expected workers that finish what they begin, got {idle} in a row that died: take "
                "fewer workers if memory is short, or lift one file alone to see why"
            )


class _Hand:
    """One worker process, and the pipe to it."""

    def __init__(self, recipe: Recipe, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        self.pipe: Pipe = pipe
        self._process: SpawnProcess = context.Process(
            target=_work, args=(theirs, recipe), name=f"lift3d-worker-{number}", daemon=True
        )
        with _interrupts_ignored():
            self._process.start()
        theirs.close()

    def ask(self, chunk: Chunk | None) -> None:
        with suppress(OSError):  # of a dead worker: `answer` will tell
            self.pipe.send(chunk)

    def answer(self) -> Result | None:
        """What came, or None of a worker that is gone. An error of the start is raised here."""
        try:
            said: Result | Lift3dError = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if isinstance(said, Lift3dError):
            raise said
        return said

    def stop(self) -> None:
        if self._process.is_alive():
            self._process.terminate()

    def end(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()
        self._process.close()


def _hire(recipe: Recipe, chunk: Chunk, hands: "dict[object, _Hand]") -> None:
    hand = _Hand(recipe, len(hands))
    hands[hand.pipe] = hand
    hand.ask(chunk)


def _work(pipe: Pipe, recipe: Recipe) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the leader tells us
    signal.signal(signal.SIGTERM, _leave)
    try:
        worker = Worker(recipe)
    except Lift3dError as error:
        pipe.send(error)
        return
    with suppress(EOFError, OSError):  # the leader is gone
        while (chunk := pipe.recv()) is not None:
            pipe.send(worker(chunk))
    pipe.close()
    os._exit(0)  # all is written; taking torch apart takes a second


def _leave(*_: object) -> None:
    """End, but let files that are being written be removed."""
    raise SystemExit(1)


@contextmanager
def _interrupts_ignored() -> Generator[None]:
    """Children inherit this, so that Ctrl-C does not meet them while they start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
