"""Opens HDF5 files and looks at all that is in them, so that nobody else is hurt; for `hdf5_probe`.

A path comes on a line of its own (JSON), an "ok" goes back. Whatever HDF5 makes of a file that is not
one is no matter here, as long as this process lives and finds the memory that it wants: readers have
sentences for that. Parts that lie in other files are left alone.
"""

import faulthandler
import json
import math
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(sys.argv[1])

import h5py

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_WHOLE = 64_000_000
"""Bytes of data that are read; what is beyond is looked at from outside."""
_MEMORY = (500_000_000, 60)
"""Bytes that a file may ask for: so many, and so many for each of its own."""
_SECONDS = (5.0, 2e-7)
_NO_MEMORY = ("alloc", "memory", "resource unavailable")
"""What HDF5 says where it gets none."""


class _TooMuch(BaseException):
    """Memory that nobody has."""


def main() -> None:
    """Answer paths until no more come."""
    if resource:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say("ready")
    for line in sys.stdin:
        path = Path(json.loads(line))
        size = path.stat().st_size
        first, each = _SECONDS
        faulthandler.dump_traceback_later(first + each * size, exit=True)
        _limit(size)
        _Look().at(path)
        faulthandler.cancel_dump_traceback_later()
        _say("ok")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _limit(size: int) -> None:
    """More memory than it has now by what the file may ask for; a file that wants more gets none."""
    now = Path("/proc/self/statm")
    if resource and now.exists():
        pages = int(now.read_text("ascii").split()[0])
        first, each = _MEMORY
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = pages * resource.getpagesize() + first + each * size
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


class _Look:
    """A look at one file."""

    def __init__(self) -> None:
        self.left = _WHOLE

    def at(self, path: Path) -> None:
        with _minding(), h5py.File(path, "r") as file:
            self.at_part("", file)
            file.visititems(self.at_part)

    def at_part(self, _name: str, part: "h5py.HLObject") -> None:
        names: list[str] = []
        with _minding():
            names = list(part.attrs)
        for name in names:
            with _minding():
                part.attrs[name]
        if isinstance(part, h5py.Dataset):
            with _minding():
                self.at_values(part)

    def at_values(self, data: "h5py.Dataset") -> None:
        values = math.prod(data.shape or ())
        values = max(values, math.prod(data.chunks or ()))  # a piece is unpacked as a whole
        size = values * max(1, int(data.dtype.itemsize))
        if not data.external and not data.is_virtual and size <= self.left:
            self.left -= size
            data[()]


@contextmanager
def _minding() -> Generator[None]:
    """Whatever goes wrong is for the reader to say, but memory that is not there ends this process."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or any(word in str(error) for word in _NO_MEMORY):
            raise _TooMuch from error


if __name__ == "__main__":
    main()
