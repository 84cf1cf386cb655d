"""One reader under damaged files: what is counted, and what should not have happened.

Atheris (libFuzzer under Python) changes files and keeps those that reach new lines of our code. Allowed
is a value or a `Lift3dError`, within two seconds of the processor and half a gigabyte; everything else
is a find, kept with its traceback, once for each place that it comes from.
"""

import json
import resource
import sys
import time
import traceback
import zipfile
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import atheris

__all__ = ["DOORS", "search"]

MOST_SECONDS, MOST_MEGABYTES = 2.0, 500
_COMPILED = [
    *(
        "lift3d.io.files.number_scan",
        "lift3d.fitting",
        "lift3d.geometry",
        "lift3d.lifting.few_rows",
    ),
    *("lift3d_body_models.kernels", "lift3d_body_models.compiled"),
]
"""Turned into machine code, which the counting of lines would keep them from."""

with atheris.instrument_imports(
    include=["lift3d", "lift3d_body_models", "lift3d_datasets"], exclude=_COMPILED
):
    from lift3d.errors import Lift3dError
    from lift3d.plugins import datasets
    from tests.helpers.attack_doors import DOORS, Door

    for _reader in datasets:  # loads the plug-ins while lines are counted
        datasets[_reader]


class Watch:
    """Reads one damaged file after another, and writes down what should not have happened."""

    def __init__(self, door: Door, folder: Path, finds: Path) -> None:
        self.door, self.folder, self.finds = door, folder, finds
        door.around(folder)
        self.path = folder / door.place
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.count, self.read, self.slowest, self.told = 0, 0, 0.0, 0.0
        self.begun = time.process_time()
        self.seen: set[str] = set()

    def __call__(self, data: bytes) -> None:
        self.path.write_bytes(data)
        before, started = _megabytes(), time.process_time()
        try:
            self.door.read(self.folder)
            self.read += 1
        except Lift3dError:
            pass
        except Exception as error:  # everything else is what is looked for
            self.find(_signature(error), data, traceback.format_exc())
        seconds, grown = time.process_time() - started, _megabytes() - before
        self.count += 1
        self.slowest = (
            max(self.slowest, seconds) if self.count > 1 else 0.0
        )  # the first one compiles
        if seconds > MOST_SECONDS and self.count > 1:
            self.find("slow", data, f"{seconds:.1f} s")
        if grown > MOST_MEGABYTES and self.count > 1:
            self.find("memory", data, f"{grown:.0f} MB")
        if time.monotonic() - self.told > 0.5:
            self.tell()

    def find(self, name: str, data: bytes, text: str) -> None:
        """Keep a file, the first of its kind."""
        if name not in self.seen:
            self.seen.add(name)
            (self.finds / f"{name}.bin").write_bytes(data)
            (self.finds / f"{name}.txt").write_text(text)

    def tell(self) -> None:
        """Leave the figures where whoever started this looks for them."""
        self.told = time.monotonic()
        figures = {"executions": self.count, "read": self.read, "slowest": self.slowest}
        figures["processor"] = time.process_time() - self.begun
        (self.finds / "stats.json").write_text(json.dumps(figures))


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _signature(error: Exception) -> str:
    """The kind of error and the line of ours that it came through last."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if "/lift3d" in f.filename]
    place = f"{Path(own[-1].filename).stem}-{own[-1].lineno}" if own else "nowhere"
    return f"{type(error).__name__}-{place}"


def search(name: str, seconds: int, finds: Path) -> None:
    """Feed one reader for so many seconds. Ends the process: libFuzzer does."""
    corpus = finds / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    door = DOORS[name]
    good = door.seeds()
    for number, seed in enumerate(good):
        (corpus / f"seed{number}").write_bytes(seed)
    # A sum over the bytes would hide everything behind it from changes.
    zipfile.ZipExtFile._update_crc = lambda *_: None  # type: ignore[method-assign]
    shm = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    folder = Path(mkdtemp(prefix="fuzz-", dir=shm if shm.is_dir() else None))
    try:
        watch = Watch(door, folder, finds)
        for seed in good:
            watch(seed)
        (finds / "good").write_text(f"{watch.read} of {watch.count} good files are read")
        longest = max(4096, 2 * max(map(len, good)))
        options = [f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=6000"]
        options += [f"-artifact_prefix={finds}/hard-", f"-max_len={longest}", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], watch, enable_python_coverage=True)
        atheris.Fuzz()
    finally:
        rmtree(folder, ignore_errors=True)
