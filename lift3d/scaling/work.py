"""What is done with every file: how it is read and lifted. Values that go to other processes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.io import read_keypoints
from lift3d.pipeline import LiftOptions, Prepared, lift, prepare
from lift3d.tracking import Tracker

__all__ = ["CameraChoice", "Reading", "Work"]


@runtime_checkable
class CameraChoice(Protocol):
    """What is known of the camera of all files: a value that can be pickled and says all in its repr."""

    def camera(self, image_size: tuple[int, int] | None) -> Camera | None:
        """The camera for pictures of (height, width), or None where it is to be assumed."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What overrules the files (see `lift3d.io.read_keypoints`)."""

    skeleton: str | None = None
    format: str | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    tracker: Tracker = "greedy"
    repair_swaps: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """How every file is read and lifted."""

    options: LiftOptions = field(default_factory=LiftOptions)
    reading: Reading = field(default_factory=Reading)
    camera: CameraChoice | None = None

    def prepared(self) -> Prepared:
        """Networks and bodies, to be loaded once per process."""
        return prepare(self.options)

    def lift(self, path: Path, prepared: Prepared) -> Clip:
        """One file to a clip, as `lift3d.pipeline.lift` does. Raises `Lift3dError` for bad input."""
        reading = self.reading
        file = read_keypoints(
            path,
            reading.skeleton,
            format=reading.format,
            fps=reading.fps,
            image_size=reading.image_size,
            tracker=reading.tracker,
            repair_swaps=reading.repair_swaps,
        )
        camera = self.camera.camera(file.report.image_size) if self.camera is not None else None
        return lift(file, camera=camera, prepared=prepared)
