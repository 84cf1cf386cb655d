"""Where attacks happen: a folder with a secret beside it, and who looks whether anything was touched.

Three things tell that an attack ran: the canary exists, a secret file was opened (the kernel tells, by
inotify, also of C libraries), or Python was about to start a program, a connection or a pickle.
"""

import ctypes
import os
import resource
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py

from lift3d.errors import Lift3dError
from lift3d.io.files import hdf5_probe

__all__ = ["MOST_MEGABYTES", "MOST_SECONDS", "Lair", "Verdict", "judged"]

MOST_SECONDS, MOST_MEGABYTES = 2.0, 500.0

_TELLING = (
    *(
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.fork",
        "subprocess.Popen",
        "pty.spawn",
    ),
    *(
        "socket.connect",
        "socket.getaddrinfo",
        "urllib.Request",
        "webbrowser.open",
        "ftplib.connect",
    ),
    *("pickle.find_class", "sqlite3.connect", "shutil.copyfile", "os.mkdir", "os.symlink"),
)
_heard: list[list[str]] = []
"""Lists that hear of such events now: hooks cannot be taken away again."""
_OPEN, _NONBLOCK = 0x20, 0o4000


def _hook(event: str, values: tuple[object, ...]) -> None:
    if _heard and event in _TELLING and not _is_ours(event, values):
        _heard[-1].append(event)


def _is_ours(event: str, values: tuple[object, ...]) -> bool:
    """The process that opens HDF5 files first, started with nothing of the file's in its words."""
    probe = [sys.executable, "-I", str(hdf5_probe._CHILD), str(Path(h5py.__file__).parents[1])]
    return event == "subprocess.Popen" and list(values[1]) == probe  # type: ignore[call-overload]


sys.addaudithook(_hook)


@dataclass(frozen=True, slots=True)
class Lair:
    """A folder of its own for one attack."""

    folder: Path

    @property
    def canary(self) -> Path:
        """What an attack makes when it runs."""
        return self.folder / "canary"

    @property
    def secret(self) -> Path:
        """A folder that no reader has any business in."""
        return self.folder / "secret"

    @property
    def victim(self) -> Path:
        """The folder that is read."""
        return self.folder / "victim"

    def prepare(self) -> None:
        """Make the folders, and a script that gadgets may run."""
        self.secret.mkdir(parents=True)
        self.victim.mkdir()
        script = f"open({str(self.canary)!r}, 'w').close()\n"
        (self.folder / "evil.py").write_text(script)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an attack: `told` in the reader's words, `ran` what it touched, nothing if "" ."""

    outcome: str
    seconds: float
    megabytes: float
    ran: str
    told: str

    @property
    def harmless(self) -> bool:
        """Read or refused with an error of ours, soon and in little memory, and nothing ran."""
        cheap = self.seconds < MOST_SECONDS and self.megabytes < MOST_MEGABYTES
        return self.outcome in ("read", "refused") and cheap and not self.ran

    @property
    def refused(self) -> bool:
        """Harmless, and refused."""
        return self.outcome == "refused" and self.harmless


def judged(read: Callable[[Path], object], lair: Lair) -> Verdict:
    """Let a reader read what lies in the lair, and see what happens."""
    _forget_peak()
    before, started = _peak(), time.process_time()
    heard: list[str] = []
    with _opened_below(lair.secret) as opened:
        _heard.append(heard)
        try:
            told, outcome = type(read(lair.victim)).__name__, "read"
        except Lift3dError as error:
            told, outcome = str(error), "refused"
        except Exception as error:  # whatever else comes is what is looked for
            told, outcome = f"{type(error).__name__}: {error}", type(error).__name__
        finally:
            _heard.pop()
    seconds, megabytes = time.process_time() - started, (_peak() - before) / 1024
    left = [str(p) for p in lair.folder.iterdir() if p.name.startswith("canary")]
    ran = ", ".join([*left, *heard, *opened()])
    return Verdict(outcome, seconds, megabytes, ran, told)


def _peak() -> float:
    """The most memory so far, in kB."""
    status = Path("/proc/self/status")
    if status.exists():
        rows = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return float(rows[0].split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _forget_peak() -> None:
    """The most memory becomes that of now (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


@contextmanager
def _opened_below(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """Names of files in a folder that anybody opens meanwhile; none where there is no inotify."""
    if not sys.platform.startswith("linux"):
        yield list
        return
    libc = ctypes.CDLL(None)
    handle = libc.inotify_init1(_NONBLOCK)
    libc.inotify_add_watch(handle, os.fsencode(folder), _OPEN)
    found: list[str] = []
    try:
        yield lambda: found
    finally:
        try:
            found += _names(os.read(handle, 1 << 16))
        except BlockingIOError:  # nothing happened
            pass
        finally:
            os.close(handle)


def _names(events: bytes) -> list[str]:
    out, at = [], 0
    while at < len(events):
        *_, size = struct.unpack_from("iIII", events, at)
        out.append(events[at + 16 : at + 16 + size].rstrip(b"\0").decode())
        at += 16 + size
    return out
