"""Readers one after another, each in a process of its own; what was found, as values."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzing.watch import search

__all__ = ["Told", "run_targets"]

_PATIENCE = 120
"""Seconds beyond its time that a process may take before it is ended."""
_TIMES = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one target; `finds` name what neither was read nor refused.

    `processor` are the seconds that it really had, which are fewer than asked for beside other jobs.
    """

    target: str
    executions: int
    processor: float
    read: int
    slowest: float
    good: str
    finds: tuple[str, ...]


def run_targets(names: Iterable[str], seconds: int, folder: Path) -> Iterator[Told]:
    """Each target for so many seconds; finds are kept below `folder`, which must be new."""
    for name in names:
        yield _run(name, seconds, folder / name)


def _run(name: str, seconds: int, finds: Path) -> Told:
    finds.mkdir(parents=True)
    executions, read, slowest, processor = 0, 0, 0.0, 0.0
    ends = time.monotonic() + seconds
    for _ in range(_TIMES):  # a crash ends the process, not the search
        left = round(ends - time.monotonic())
        if left < 1:
            break
        _process(name, left, finds)
        stats = _stats(finds)
        executions, read = executions + int(stats["executions"]), read + int(stats["read"])
        slowest, processor = max(slowest, stats["slowest"]), processor + stats["processor"]
    kept = {"corpus", "stats", "good", "log"}
    found = {path.stem if path.suffix else path.name for path in finds.iterdir()} - kept
    good = finds / "good"
    text = good.read_text() if good.exists() else "did not start"
    return Told(name, executions, round(processor, 1), read, slowest, text, tuple(sorted(found)))


def _process(name: str, seconds: int, finds: Path) -> None:
    """A copy of this process, in which all is loaded already."""
    (finds / "stats.json").unlink(missing_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _become(name, seconds, finds)
    ends = time.monotonic() + seconds + _PATIENCE
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > ends:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            (finds / "stuck").touch()
            return
        time.sleep(0.2)


def _become(name: str, seconds: int, finds: Path) -> None:
    with (finds / "log.txt").open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    try:
        search(name, seconds, finds)
    except Exception:  # what stops the search itself is a find
        (finds / "failed.txt").write_text(traceback.format_exc())
    finally:
        os._exit(0)


def _stats(finds: Path) -> dict[str, float]:
    path = finds / "stats.json"
    found: dict[str, float] = {"executions": 0, "read": 0, "slowest": 0.0, "processor": 0.0}
    return found | (json.loads(path.read_text()) if path.exists() else {})
