"""Files that no detector should have written, and what reading each must say.

A case is built in an empty folder and read by `read_keypoints`. `says` is what the refusal must tell
(a regular expression), or, where `reads` is true, what the report must tell: some damage is harmless,
and then the file is read. `examine` holds a case against the promise: one sentence of a typed error
that names the file, within 2 seconds of CPU time and 1 GB of memory.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lift3d.errors import Lift3dError
from lift3d.io import read_keypoints
from tests.helpers.hostile_arrays import HOSTILE
from tests.helpers.hostile_case import Case, file_of
from tests.helpers.hostile_json import FOLDERS, LISTS, OPENPOSE
from tests.helpers.hostile_others import OTHERS

__all__ = ["CASES", "MAX_BYTES", "MAX_SECONDS", "OWN", "Case", "Verdict", "examine"]

MAX_SECONDS = 2.0
MAX_BYTES = 1 << 30
ARRAYS = [Case(name, file_of(f"a{end}", build), "expected") for name, end, build in HOSTILE]
OWN = (*OPENPOSE, *FOLDERS, *LISTS, *OTHERS)
CASES = (*OWN, *ARRAYS)


@dataclass(frozen=True)
class Verdict:
    """`clear` is whether the promise was kept; `told` is what the reader said, in words."""

    clear: bool
    seconds: float
    told: str


def examine(case: Case, folder: Path) -> Verdict:
    """Build and read one case."""
    path = case.build(folder)
    started = time.process_time()
    kept, told = False, ""
    try:
        with _memory_for(MAX_BYTES):
            report = str(read_keypoints(path).report)
        kept, told = case.reads, report
    except Lift3dError as error:
        told = str(error)
        named = path.name in told or any(p.name in told for p in folder.iterdir())
        one_sentence = told.startswith("expected") and "\n" not in told and len(told) < 500
        kept = not case.reads and named and one_sentence
    except Exception as error:  # anything else breaks the promise
        told = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started
    said = re.search(case.says, told, re.DOTALL) is not None
    return Verdict(kept and said and seconds < MAX_SECONDS, seconds, told)


@contextmanager
def _memory_for(size: int) -> Iterator[None]:
    """At most so many bytes more than now, where the system can hold a process to it (Linux)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        yield
        return
    import resource

    now = int(status.read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
