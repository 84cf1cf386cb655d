"""Requests that wait for a worker: which go together, which go first, and when there are too many.

Short work (joints by a quick lifter) goes in batches. Long work goes alone, and where there are several
workers the first one never takes it: nobody waits for somebody else's minute-long clip.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lift3d.serving.values import Answer, Job

__all__ = ["Backlog", "NoRoomError", "Ticket", "is_quick"]

_QUICK: Final = frozenset({"universal", "martinez"})
"""Lifters that take about a millisecond a frame; a hint for the order of work, nothing else."""
_SMALL: Final = 1_000_000
"""Bytes of a request that may go in a batch, and eight times that of the whole batch."""


class NoRoomError(Exception):
    """There are too many requests already."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job, when it came and must be done (seconds of the monotonic clock), and whom to tell."""

    job: Job
    came: float
    until: float
    tell: Callable[[Answer], None]


def is_quick(job: Job) -> bool:
    """Whether a job may go in a batch with others."""
    wanted = job.wanted
    light = wanted.output == "json" and not wanted.body_model and wanted.lifter in _QUICK
    return light and len(job.body) <= _SMALL


class Backlog:
    """Two queues under one lock. `NoRoomError` is raised beyond `most` tickets."""

    def __init__(self, most: int, max_batch: int, max_wait: float) -> None:
        self._most, self._max_batch, self._max_wait = most, max_batch, max_wait
        self._quick: deque[Ticket] = deque()
        self._slow: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._last = 1  # how many went together before

    def __len__(self) -> int:
        return len(self._quick) + len(self._slow)

    def put(self, ticket: Ticket) -> None:
        with self._changed:
            if len(self) >= self._most or not self._open:
                raise NoRoomError
            (self._quick if is_quick(ticket.job) else self._slow).append(ticket)
            self._changed.notify_all()

    def take(self, *, slow: bool) -> list[Ticket]:
        """The next tickets for one worker, who takes slow ones or not; none once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._quick or (slow and self._slow))
            if not self._open:
                return []
            if slow and self._slow and self._slow_first():
                return [self._slow.popleft()]
            if not self._enough():
                self._changed.wait_for(self._enough, self._max_wait)
            return self._batch()

    def close(self) -> list[Ticket]:
        """Send all workers home; returns what nobody took."""
        with self._changed:
            self._open = False
            left = [*self._quick, *self._slow]
            self._quick.clear()
            self._slow.clear()
            self._changed.notify_all()
            return left

    def _slow_first(self) -> bool:
        return not self._quick or self._slow[0].came < self._quick[0].came

    def _enough(self) -> bool:
        """Whether as many wait as went together before: a lone client never waits for company."""
        return not self._open or len(self._quick) >= min(self._last, self._max_batch)

    def _batch(self) -> list[Ticket]:
        """As many as fit; another worker may have taken some or all of them meanwhile."""
        taken: list[Ticket] = []
        size = 0
        while self._quick and len(taken) < self._max_batch and size < 8 * _SMALL:
            taken.append(self._quick.popleft())
            size += len(taken[-1].job.body)
        self._last = len(taken)
        return taken
