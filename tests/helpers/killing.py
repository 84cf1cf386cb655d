"""Processes that are killed without warning at seeded moments, and what is left behind by them.

Started as a program it waits for jobs, one JSON document per line of its input, and does each in a
process of its own that is forked from it: the library is imported once, and the moments fall into the
work. A moment is a number of seconds, or the number of a change to the disk (a file opened for writing,
renamed, removed), before which the process ends: so every gap between two changes is hit.
"""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

__all__ = ["Did", "Job", "Moment", "Workers", "tree"]

KILLED: Final = -int(signal.SIGKILL)
_CHANGES: Final = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.utime")
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a process is ended: after so many seconds, or before a change to the disk; or never."""

    seconds: float | None = None
    change: int | None = None
    signal: int = int(signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Job:
    """A function (`module:name`) that is called with texts, and may return an exit code.

    `largest` is how many bytes a file may have, as on a disk that is full.
    """

    function: str
    arguments: tuple[str, ...] = ()
    folder: str = "."
    largest: int | None = None
    ends: Moment = field(default_factory=Moment)


@dataclass(frozen=True, slots=True)
class Did:
    """What became of a job: exit code (negative: the signal), seconds, changes to the disk, words."""

    code: int
    seconds: float
    changes: int
    said: str


class Workers:
    """The program, kept running; each `do` is a process of its own."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.killing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        )

    def do(self, job: Job) -> Did:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(asdict(job)) + "\n")
        self._program.stdin.flush()
        return Did(**json.loads(self._program.stdout.readline()))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._program.communicate()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, with its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _done(job: Mapping[str, Any]) -> Did:
    """Fork, wait, and say how it ended."""
    says, told = os.pipe()
    words = os.memfd_create("words")
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.close(says)
        _work(job, told, words)
    os.close(told)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    with os.fdopen(says, "rb") as pipe:
        counted = pipe.read()
    size = os.lseek(words, 0, os.SEEK_END)
    said = os.pread(words, 4000, max(0, size - 4000)).decode(errors="replace")
    os.close(words)
    return Did(os.waitstatus_to_exitcode(status), seconds, int(counted or b"0"), said)


def _work(job: Mapping[str, Any], told: int, words: int) -> None:
    """The forked process: it never returns."""
    code = 70
    for stream in (1, 2):
        os.dup2(words, stream)
    try:
        os.chdir(job["folder"])
        if job["largest"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest"], job["largest"]))
        module, name = job["function"].split(":")
        function: Callable[..., int | None] = getattr(importlib.import_module(module), name)
        arguments = [list(job["arguments"])] if name == "main" else job["arguments"]
        count = _counter(Moment(**job["ends"]))
        code = function(*arguments) or 0
        os.write(told, str(count[0]).encode())
    except BaseException as error:  # the forked process must not go on as its parent
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _counter(moment: Moment) -> list[int]:
    """Count changes in the current folder from now on, and end the process at its moment."""
    count, here = [0], Path.cwd()

    def end() -> None:
        os.kill(os.getpid(), moment.signal)

    def hook(event: str, values: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and _writes(values)):
            if not isinstance(values[0], str | bytes | os.PathLike) or not _within(values[0], here):
                return
            count[0] += 1
            if count[0] == moment.change:
                end()

    sys.addaudithook(hook)
    if moment.seconds is not None:
        timer = threading.Timer(moment.seconds, end)
        timer.daemon = True
        timer.start()
    return count


def _within(path: str | bytes | os.PathLike[Any], folder: Path) -> bool:
    return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(folder)  # noqa: PTH100 - no disk


def _writes(values: tuple[Any, ...]) -> bool:
    flags = values[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def main() -> None:
    """Wait for jobs; what they need is imported before the first."""
    import torch

    torch.set_num_threads(1)
    for module in ("lift3d.cli.app", "lift3d.cli.convert", "lift3d.cli.verbs", "numba"):
        importlib.import_module(module)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(_done(json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
