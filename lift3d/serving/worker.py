"""A process that lifts: bytes of jobs go in through a pipe, bytes of answers come out.

What travels is MessagePack of plain values. The process belongs to the service: it ends when its pipe
does, and is ended from outside where it takes too long.
"""

import multiprocessing
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final, Protocol

import msgspec

from lift3d.serving.values import Answer, Job

__all__ = ["LostError", "Place", "ProcessWorker", "Worker"]

_JOBS: Final = msgspec.msgpack.Decoder(list[Job])
_ANSWERS: Final = msgspec.msgpack.Decoder(list[Answer])
_READY: Final = b"ready"
_START: Final = 300.0
"""Seconds until a worker is ready: a machine with many other jobs takes long to import torch."""


class LostError(Exception):
    """A worker that ended, or took too long and was ended."""


class Place(msgspec.Struct, frozen=True):
    """What a worker is started with: where uploads are written meanwhile, and the limits."""

    folder: str
    frames: int
    people: int


class Worker(Protocol):
    """Whoever answers jobs."""

    def start(self) -> None:
        """Make ready to answer; raises `LostError`."""
        ...

    def ask(self, jobs: Sequence[Job], seconds: float) -> list[Answer]:
        """An answer for each job within so many seconds; raises `LostError`."""
        ...

    def close(self) -> None: ...


class ProcessWorker:
    """A worker in a process of its own, of one thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._pipe: Connection | None = None
        self._process: SpawnProcess | None = None

    def start(self) -> None:
        """Start the process and wait until it has lifted somebody made up."""
        self.close()
        context = multiprocessing.get_context("spawn")  # threads and locks do not survive a fork
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, msgspec.msgpack.encode(self._place)), daemon=True
        )
        process.start()
        theirs.close()
        self._pipe, self._process = ours, process
        if self._told(_START) != _READY:
            raise LostError("it did not get ready")

    def ask(self, jobs: Sequence[Job], seconds: float) -> list[Answer]:
        if self._pipe is None:
            raise LostError("it was not started")
        try:
            self._pipe.send_bytes(msgspec.msgpack.encode(jobs))
        except (OSError, ValueError) as error:
            raise LostError(f"it does not listen: {error}") from error
        return _ANSWERS.decode(self._told(seconds))

    def _told(self, seconds: float) -> bytes:
        pipe = self._pipe
        try:
            if pipe is None or not pipe.poll(seconds):
                raise LostError(f"it took longer than {seconds:g} seconds")
            return pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise LostError("it ended") from error

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            with suppress(ValueError):
                self._process.kill()
                self._process.join(5)
        self._pipe = self._process = None


def _work(pipe: Connection, place: bytes) -> None:
    """The process: answers until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the service ends its workers
    import cv2
    import torch

    from lift3d.serving.engine import Engine, warm_job
    from lift3d.serving.reading import Bounds

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    told = msgspec.msgpack.decode(place, type=Place)
    engine = Engine(Path(told.folder), Bounds(told.frames, told.people))
    engine.answers([warm_job()])
    with suppress(EOFError, OSError):
        pipe.send_bytes(_READY)
        while True:
            jobs = _JOBS.decode(pipe.recv_bytes())
            pipe.send_bytes(msgspec.msgpack.encode(engine.answers(jobs)))
