"""What the verb `detect` does, and `lift` with pictures: keypoints out of them, with a bar."""

import hashlib
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.detect_options import PictureOptions
from lift3d.cli.options import ReadOptions
from lift3d.cli.writing import Row, check_target, write_files
from lift3d.detection import (
    DEFAULT_DETECTOR,
    DetectOptions,
    Keeper,
    PictureSource,
    detect,
    open_pictures,
)
from lift3d.errors import InputError
from lift3d.io import KeypointFile
from lift3d.io.files.json_values import read_bytes
from lift3d.io.keypoints.person_boxes import read_person_boxes
from lift3d.io.keypoints.reading import ReadReport
from lift3d.io.motion.clip_build import clip_of_keypoints
from lift3d.io.output_formats import FormatName, OutputFormat, format_of, reason_against
from lift3d.motion import Motion
from lift3d.pipeline import LiftOptions, lift
from lift3d.plugins import open_detector
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17

__all__ = ["detect_to_files", "keypoints_in", "made_ready"]

_PROGRESS: Final = ".progress"
_SPEED_OVER: Final = 2.0
"""Seconds over which the speed is the mean."""
_FIRST_TRY: Final = (
    "note: the built-in detector learned from painted pictures alone and is for a first try: look at "
    "the result over the pictures (lift3d render CLIP -o over.mp4 --video FILE), and give --detector "
    "a better one where it fails"
)


def detect_to_files(
    source: Path,
    outputs: Sequence[Path],
    pictures: PictureOptions,
    reading: ReadOptions,
    *,
    to: FormatName | None = None,
    resume: bool = False,
) -> None:
    """Find the keypoints in a video or in pictures and write them in every format asked for."""
    formats = _formats(source, outputs, to)
    kept = outputs[0].with_name(outputs[0].name + _PROGRESS)
    file = keypoints_in(source, pictures, reading, keep=kept, resume=resume)
    console.print(str(file.report), highlight=False)
    clip = clip_of_keypoints(file)
    rows: list[Row] = []
    with Stages() as stages:
        for path, found in zip(outputs, formats, strict=True):
            lacks = reason_against(found, clip)
            if lacks:
                raise InputError(
                    f"expected {found.needs} to write '{path}', got {lacks}: use lift3d lift"
                )
            rows += write_files(clip, path, found, stages)
    kept.unlink(missing_ok=True)
    show_table("written", ("file", "size", "seconds"), rows)
    console.print(_how_to_lift(outputs[0], file.report), highlight=False)


def keypoints_in(
    source: Path,
    pictures: PictureOptions,
    reading: ReadOptions,
    *,
    keep: Path | None = None,
    resume: bool = False,
) -> KeypointFile:
    """The keypoints in a video or in pictures, as the options tell; a bar shows pictures a second.

    With `keep` what was found is kept in that file, and with `resume` taken from there.
    """
    if reading.format is not None:
        raise InputError(
            f"expected a keypoint file with --format, got pictures in '{source}': leave it out"
        )
    asked = list(pictures.detector_option)
    if reading.skeleton is not None:
        asked.append(f"skeleton={reading.skeleton}")
    detector = open_detector(pictures.detector, asked)
    options = DetectOptions(
        every=pictures.every,
        fps=reading.fps,
        reader=pictures.reader,
        boxes=read_person_boxes(pictures.boxes) if pictures.boxes is not None else None,
        tracker=reading.tracker,
        repair_swaps=reading.repair_swaps,
    )
    shown = open_pictures(source, reader=pictures.reader, fps=reading.fps)
    keeper = Keeper(keep, _told(source, shown, pictures, asked)) if keep is not None else None
    with _Bar() as bar:
        file = detect(shown, detector, options, keeper=keeper, resume=resume, progress=bar)
    if pictures.detector == DEFAULT_DETECTOR:
        console.print(_FIRST_TRY, highlight=False)
    return file


def _formats(source: Path, outputs: Sequence[Path], to: FormatName | None) -> list[OutputFormat]:
    """The format of each output, refused before any work where it cannot be written."""
    if not outputs:
        raise InputError("expected at least one file after --output, got none: name it")
    formats = [format_of(path, to or "") for path in outputs]
    for path, found in zip(outputs, formats, strict=True):
        if found.needs not in ("anything", "keypoints"):
            raise InputError(
                f"expected an output for 2D keypoints (.json, .csv, .parquet, .trc or a folder), got "
                f"'{path}' ({found.what}): use lift3d lift"
            )
        check_target(found, source, path)
    return formats


def _told(
    source: Path, shown: PictureSource, pictures: PictureOptions, asked: Sequence[str]
) -> dict[str, str]:
    """What a run is, in words: another file, detector or option is another run."""
    files = shown.names or (source,)
    state = hashlib.sha256()
    for file in files:
        with suppress(OSError):
            facts = file.stat()
            state.update(f"{file.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    boxes = pictures.boxes
    return {
        "source": f"{source.absolute()} ({state.hexdigest()[:12]})",
        "detector": pictures.detector,
        "options": " ".join(sorted(asked)),
        "every": str(pictures.every),
        "reader": pictures.reader,
        "boxes": hashlib.sha256(read_bytes(boxes)).hexdigest()[:12] if boxes is not None else "",
    }


def _how_to_lift(path: Path, report: ReadReport) -> str:
    height, width = report.image_size
    return (
        f"to lift them: lift3d lift {path} --image-size {height} {width} --fps {report.fps:g} "
        "-o body.npz"
    )


class _Bar:
    """Pictures done and in all, how many a second of late, and the time left."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("detecting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("detecting", total=None, speed="")
        self._since, self._counted, self._speed = time.perf_counter(), -1, ""

    def __enter__(self) -> "_Bar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if self._counted < 0:  # what was done before is not ours
            self._counted, self._since = done, now
        elif now - self._since > _SPEED_OVER:
            self._speed = f"{(done - self._counted) / (now - self._since):.1f} pictures/s"
            self._counted, self._since = done, now
        self._bar.update(self._task, completed=done, total=total or None, speed=self._speed)


@contextmanager
def made_ready(options: LiftOptions) -> Generator[None]:
    """Get lifter, body and kernels ready in a thread while the pictures are looked at.

    Somebody made up is lifted: it loads all that a real person will need. What goes wrong there will
    be said when people are lifted.
    """

    def work() -> None:
        with suppress(Exception):
            lift(_somebody(), options=options)

    thread = Thread(target=work, daemon=True)
    thread.start()
    yield  # an error ends the program, and with it the thread
    thread.join()


def _somebody() -> KeypointFile:
    """A person who stands for half a second, 17 keypoints in 640 x 480 pixels."""
    across = torch.tensor(
        [0, 6, -6, 14, -14, 36, -36, 46, -46, 50, -50, 22, -22, 24, -24, 26, -26.0]
    )
    down = torch.tensor(
        [0, -6, -6, -2, -2, 44, 44, 104, 104, 156, 156, 160, 160, 250, 250, 330, 330.0]
    )
    places = torch.stack([320 + across, 80 + down], -1).expand(16, 17, 2).clone()
    pose = Pose2D(places, torch.ones(16, 17), COCO_17, (480, 640))
    motion = Motion(pose, 30.0, 0, torch.ones(16, dtype=torch.bool))
    report = ReadReport(
        "nothing", "made up", "coco_17", "made up", 1, 16, 0, "pixels", (480, 640), "caller",
        30.0, "caller", (),
    )  # fmt: skip
    return KeypointFile((motion,), report)
