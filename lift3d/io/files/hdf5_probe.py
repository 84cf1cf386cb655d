"""HDF5 files are opened by another process first: what ends it is refused here.

The HDF5 library reads damaged files with pointers that it believes: some end the process, some never
come back, some take all memory. There are more such places than anybody can look for from outside
(`hdf5_heaps` knows two of the slow ones). So a process of our own, which waits for paths, opens each
file before we do; if it dies or takes too long, the file is refused and the next one gets another
process. It starts with the first HDF5 file, takes 0.3 s to do so, and ends with this process.
"""

import atexit
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Final

__all__ = ["probe_hdf5"]

_CHILD: Final = Path(__file__).with_name("hdf5_probe_child.py")
_KNOWN: Final = 10_000
"""Files that need not be looked at again, at most."""
_SETTLED: Final = 2.0
"""Seconds after its last change from which on another change shows in a file's time."""


class _Probe:
    """The other process, if it runs; of a forked process's parent it is none."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._known: set[tuple[str, int, int, int]] = set()

    def survives(self, path: Path) -> bool:
        """Whether a process lives on after it has looked at a file."""
        facts = path.stat()
        key = (str(path.resolve()), facts.st_ino, facts.st_size, facts.st_mtime_ns)
        with self._lock:
            if key in self._known:
                return True
            process = self._running()
            if process is None:
                return True  # no process can be started here: nothing is known against the file
            if not _asked(process, key[0]):
                self._end()
                return False
            if len(self._known) >= _KNOWN:
                self._known.clear()
            if time.time() - facts.st_mtime > _SETTLED:
                self._known.add(key)
            return True

    def _running(self) -> "subprocess.Popen[str] | None":
        if self._owner != os.getpid():
            self._process = None  # the parent's, after a fork
        if self._process is not None and self._process.poll() is not None:
            self._end()  # somebody else ended it
        if self._process is None:
            self._process, self._owner = _started(), os.getpid()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End the other process."""
        with self._lock:
            self._end()


def _started() -> "subprocess.Popen[str] | None":
    spec = find_spec("h5py")
    frozen = getattr(sys, "frozen", False)  # there the executable is the whole application
    if spec is None or spec.origin is None or not sys.executable or frozen:
        return None
    place = Path(spec.origin).parents[1]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed script
            [sys.executable, "-I", str(_CHILD), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
    except OSError:
        return None
    if process.stdout is None or process.stdout.readline() != "ready\n":
        process.kill()
        process.communicate()
        return None
    return process


def _asked(process: "subprocess.Popen[str]", path: str) -> bool:
    if process.stdin is None or process.stdout is None:
        return True
    try:
        process.stdin.write(json.dumps(path) + "\n")
        process.stdin.flush()
        return process.stdout.readline() == "ok\n"
    except OSError:
        return False


_PROBE: Final = _Probe()
atexit.register(_PROBE.close)


def probe_hdf5(path: Path) -> None:
    """Raise `ValueError` for a file over which the HDF5 library ends a process."""
    if not _PROBE.survives(path):
        raise ValueError("a damaged file, over which the HDF5 library crashes or hangs")
