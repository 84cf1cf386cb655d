"""What the verbs `lift`, `render` and `demo` do: read, lift, write, and tell what was done."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.detect import keypoints_in, made_ready
from lift3d.cli.detect_options import PictureOptions
from lift3d.cli.options import CameraOptions, ReadOptions
from lift3d.cli.writing import PAGE, Row, check_place, write_files, write_page
from lift3d.clip import Clip
from lift3d.detection import holds_pictures
from lift3d.errors import InputError
from lift3d.fitting.solve import kernels_on_disk
from lift3d.io import KeypointFile, read_keypoints
from lift3d.io.output_formats import format_of, known_endings
from lift3d.pictures import open_viewer, render_clip
from lift3d.pipeline import LiftOptions, lift, make_body, reprojection
from lift3d.protocols import BodyModel

__all__ = ["check_outputs", "check_place", "lift_to_files", "write_outputs"]

_PICTURES: Final = (".png", ".mp4", ".gif")
_ENDINGS: Final = (*known_endings(), *_PICTURES, PAGE)
_AS_TOLD: Final = ReadOptions()
_AS_SEEN: Final = PictureOptions()
_POOR: Final = 0.1
"""Share of a person's height; real clips have 0.01, wrong skeletons and cameras 0.2 and more."""


def lift_to_files(
    keypoints: Path,
    outputs: Sequence[Path],
    options: LiftOptions,
    camera: CameraOptions,
    reading: ReadOptions = _AS_TOLD,
    pictures: PictureOptions = _AS_SEEN,
) -> None:
    """Lift a keypoint file and write every output, with bars on the way and a table at the end.

    A video or pictures go through a detector first, as `pictures` tells.
    """
    check_outputs(outputs, body=bool(options.body_model), source=keypoints)
    seen = reading.format is None and holds_pictures(keypoints)
    file, read_seconds = (
        _seen(keypoints, options, camera, reading, pictures)
        if seen
        else _read(keypoints, camera, reading)
    )
    console.print(f"{file.report}\n{camera}", highlight=False)
    if options.body_model and not kernels_on_disk():
        console.print("compiling for about 20 seconds, this once on this machine", highlight=False)
    with Stages() as stages:
        started = time.perf_counter()
        clip = lift(
            file,
            camera=camera.camera(file.report.image_size),
            options=options,
            progress=stages,
        )
        lift_seconds = time.perf_counter() - started
        written = write_outputs(
            clip, outputs, viewer="auto", stages=stages, body_path=options.body_path
        )
    frames = len(clip) * len(clip.people)
    speed = [
        (
            "find keypoints" if seen else "read keypoints",
            f"{read_seconds:.2f}",
            f"{file.report.frames / read_seconds:.0f}",
        ),
        ("lift and fit", f"{lift_seconds:.2f}", f"{frames / lift_seconds:.0f}"),
    ]
    if clip.note:
        console.print(f"note: {clip.note}", highlight=False)
    left_out = len(file.people) - len(clip.people)
    if left_out:
        console.print(f"note: {left_out} people, seen too briefly or the least, were left out")
    show_table("speed", ("stage", "seconds", "frames per second"), speed)
    if options.body_model:
        _show_fit(clip, make_body(options.body_model, options.body_path))
    show_table("written", ("file", "size", "seconds"), written)


def _read(path: Path, camera: CameraOptions, reading: ReadOptions) -> tuple[KeypointFile, float]:
    """A keypoint file, and the seconds that it took."""
    started = time.perf_counter()
    file = read_keypoints(
        path,
        reading.skeleton,
        format=reading.format,
        fps=reading.fps,
        image_size=camera.image_size,
        tracker=reading.tracker,
        repair_swaps=reading.repair_swaps,
    )
    return file, time.perf_counter() - started


def _seen(
    path: Path,
    options: LiftOptions,
    camera: CameraOptions,
    reading: ReadOptions,
    pictures: PictureOptions,
) -> tuple[KeypointFile, float]:
    """The keypoints in pictures; meanwhile what lifting needs is loaded. Pictures know their size."""
    with made_ready(options):
        started = time.perf_counter()
        file = keypoints_in(path, pictures, reading)
        seconds = time.perf_counter() - started
    told, seen = camera.image_size, file.report.image_size
    if told is not None and told != seen:
        raise InputError(
            f"expected no --image-size with pictures, which have {seen[0]} x {seen[1]} pixels (height x "
            f"width), got {told[0]} x {told[1]}: leave it out"
        )
    return file, seconds


def check_outputs(outputs: Sequence[Path], *, body: bool, source: Path | None = None) -> None:
    """Refuse, before any work, what cannot be written, or would replace what was read."""
    if not outputs:
        raise InputError("expected at least one file after --output, got none: name it")
    for number, path in enumerate(outputs):
        if path.suffix.lower() not in _ENDINGS:
            raise InputError(
                f"expected outputs ending in {', '.join(_ENDINGS)}, got '{path}': rename it"
            )
        if path in outputs[:number]:
            raise InputError(f"expected every output once, got '{path}' twice: rename one")
        if path.suffix.lower() == PAGE:
            check_place(path, source)
            continue
        if not body and (_is_picture(path) or format_of(path).needs == "body"):
            raise InputError(
                f"expected a body model to write '{path}', got none: give --body-model"
            )
        check_place(path, source)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _PICTURES


def _has_keypoints(clip: Clip) -> bool:
    return any(len(person.keypoints.pose.skeleton) for person in clip.people)


def write_outputs(
    clip: Clip,
    outputs: Sequence[Path],
    *,
    viewer: str,
    stages: Stages,
    body_path: str | os.PathLike[str] | None = None,
) -> list[Row]:
    """Write each output by its ending; returns rows of file, size and seconds.

    `body_path` is where the clip's body model was read from, if it is read from a file.
    """
    check_outputs(outputs, body=bool(clip.body_model))
    if any(map(_is_picture, outputs)) and not _has_keypoints(clip):
        raise InputError(
            "expected a clip of lifted keypoints to draw pictures, got a recording, which no camera "
            "saw: write .glb, .usd or a folder of meshes"
        )
    rows: list[Row] = []
    for path in outputs:
        if path.suffix.lower() == PAGE:
            rows.append(write_page(clip, path, stages, body_path=body_path))
            continue
        if not _is_picture(path):
            rows += write_files(clip, path, format_of(path), stages, body_path=body_path)
            continue
        started = time.perf_counter()
        _draw(clip, path, viewer, stages, body_path)
        seconds = time.perf_counter() - started
        rows.append((str(path), f"{path.stat().st_size / 1000:.0f} kB", f"{seconds:.1f}"))
    return rows


def _draw(
    clip: Clip,
    path: Path,
    viewer: str,
    stages: Stages,
    body_path: str | os.PathLike[str] | None,
) -> None:
    model = make_body(clip.body_model, body_path)
    drawer, _ = open_viewer(viewer)
    try:
        render_clip(
            clip,
            model,
            drawer,
            path,
            progress=lambda done, total: stages(f"drawing {path.name}", done, total),
        )
    finally:
        drawer.close()


def _show_fit(clip: Clip, model: BodyModel) -> None:
    rows: list[tuple[str, str, str, str]] = []
    poor = 0
    for person in clip.people:
        fit = reprojection(clip, person, model)
        seen = int(person.joints.observed.sum())
        poor += not fit.share < _POOR
        rows.append((str(person.id), str(seen), f"{fit.error_px:.1f}", f"{100 * fit.share:.1f} %"))
    show_table(
        "fitted bodies, drawn back into the picture",
        ("person", "frames", "median error in pixels", "of the person's height"),
        rows,
    )
    if poor:
        console.print(
            f"note: {poor} of {len(rows)} bodies do not cover their keypoints: check the camera, "
            "the picture's size and the skeleton"
        )
