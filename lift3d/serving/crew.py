"""The workers and those who feed them: one thread each, which waits for its process."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Final

from lift3d.serving.backlog import Backlog, NoRoomError, Ticket
from lift3d.serving.metrics import Metrics
from lift3d.serving.refused import refusal
from lift3d.serving.settings import ServeSettings
from lift3d.serving.values import Answer, Job
from lift3d.serving.worker import LostError, Place, ProcessWorker, Worker

__all__ = ["Crew", "NoRoomError"]

_LATE: Final = (
    "expected a worker free within {seconds:g} seconds, got none in that time: come again later"
)
_LOST: Final = (
    "expected a worker to answer within {seconds:g} seconds, got none ({why}): send less at once"
)
_STOPPING: Final = "expected a service that runs, got one that is being stopped: come again later"
_AGAIN: Final = 1.0
"""Seconds before a worker that does not start is tried once more."""


class Crew:
    """Takes jobs and has them answered. `worker` makes a worker; by default processes."""

    def __init__(
        self,
        settings: ServeSettings,
        metrics: Metrics,
        worker: Callable[[Place], Worker] = ProcessWorker,
    ) -> None:
        self._settings, self._metrics = settings, metrics
        self.backlog = Backlog(settings.max_queue, settings.max_batch, settings.max_wait_ms / 1000)
        self._folder = tempfile.mkdtemp(prefix="lift3d-serve-")
        place = Place(self._folder, settings.max_frames, settings.max_people)
        self._workers = [worker(place) for _ in range(settings.processes)]
        self._ready = [threading.Event() for _ in self._workers]
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._feed, args=(number,), daemon=True)
            for number in range(len(self._workers))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> bool:
        """Whether somebody works."""
        return not self._stopped.is_set() and any(event.is_set() for event in self._ready)

    def submit(self, job: Job, came: float, tell: Callable[[Answer], None]) -> None:
        """Have a job answered; `tell` is called from another thread. Raises `NoRoomError`."""
        self.backlog.put(Ticket(job, came, came + self._settings.max_seconds, tell))

    def close(self, patience: float = 5.0) -> None:
        """Turn away who waits, let the work at hand be done, end the workers."""
        self._stopped.set()
        for ticket in self.backlog.close():
            ticket.tell(refusal(503, _STOPPING))
        for thread in self._threads:
            thread.join(patience)
        for worker in self._workers:
            worker.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _feed(self, number: int) -> None:
        slow = number > 0 or len(self._workers) == 1
        while not self._stopped.is_set():
            if not self._started(number):
                continue
            tickets = self.backlog.take(slow=slow)
            if tickets:
                self._served(number, tickets)

    def _started(self, number: int) -> bool:
        if self._ready[number].is_set():
            return True
        if self._stopped.is_set():
            return False
        try:
            self._workers[number].start()
        except (LostError, OSError) as error:
            sys.stderr.write(f"lift3d serve: a worker did not start, {error}; trying again\n")
            self._stopped.wait(_AGAIN)
            return False
        self._ready[number].set()
        return True

    def _served(self, number: int, tickets: list[Ticket]) -> None:
        """Answers for all; where a batch costs the worker, each ticket is tried alone."""
        in_time = self._in_time(tickets)
        if not in_time:
            return
        self._metrics.batch(len(in_time))
        left = max(ticket.until for ticket in in_time) - self._metrics.now()
        try:
            answers = self._workers[number].ask([ticket.job for ticket in in_time], max(left, 0.1))
        except LostError as lost:
            self._replaced(number)
            if len(in_time) > 1 and self._started(number):
                for ticket in in_time:
                    if self._started(number):
                        self._served(number, [ticket])
                    else:
                        self._sorry(ticket, lost)
                return
            for ticket in in_time:
                self._sorry(ticket, lost)
            return
        for ticket, answer in zip(in_time, answers, strict=True):
            ticket.tell(answer)

    def _in_time(self, tickets: list[Ticket]) -> list[Ticket]:
        """Those that may still be answered; the others are told."""
        moment = self._metrics.now()
        late = _LATE.format(seconds=self._settings.max_seconds)
        for ticket in tickets:
            if ticket.until <= moment:
                ticket.tell(refusal(503, late))
        return [ticket for ticket in tickets if ticket.until > moment]

    def _sorry(self, ticket: Ticket, lost: LostError) -> None:
        ticket.tell(refusal(503, _LOST.format(seconds=self._settings.max_seconds, why=lost)))

    def _replaced(self, number: int) -> None:
        self._metrics.lost()
        self._ready[number].clear()
        self._workers[number].close()
