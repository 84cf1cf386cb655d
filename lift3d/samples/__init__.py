"""Real keypoint files that come with the library."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

__all__ = ["balancing"]


@contextmanager
def balancing() -> Generator[Path]:
    """MediaPipe's keypoints of somebody balancing on one leg, 100 frames at 60 Hz.

    The card beside the file, `balancing_mediapipe.md`, says where they come from.
    """
    with as_file(files("lift3d.samples") / "balancing_mediapipe.json") as path:
        yield path
