"""How a step is told, and how the release stops."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["Trouble", "step"]


class Trouble(Exception):  # noqa: N818 - it is told to people
    """Why this is no release, in one sentence."""


@contextmanager
def step(what: str) -> Generator[None, None, None]:
    """Say what is being done, and how long it took."""
    sys.stdout.write(f"{what} ... ")
    sys.stdout.flush()
    started = time.monotonic()
    yield
    sys.stdout.write(f"done in {time.monotonic() - started:.0f} s\n")
