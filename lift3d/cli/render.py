"""What the verb `render` does: a lifted clip to pictures, as its options ask for them."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.render_options import RenderOptions
from lift3d.cli.verbs import check_outputs, check_place
from lift3d.cli.writing import PAGE, Row, write_files, write_page
from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError
from lift3d.io import read_clip
from lift3d.io.output_formats import format_of
from lift3d.pictures import (
    DARK,
    LIGHT,
    Footage,
    Look,
    Panel,
    Storyboard,
    contact_sheet,
    cutout,
    frames_between,
    open_viewer,
    telling_frame,
    turntable,
    write_moving,
    write_png,
)
from lift3d.pictures.captions import check_template
from lift3d.pictures.render import GIF_RATE, PICTURES
from lift3d.pipeline import make_body
from lift3d.protocols import BodyModel, Viewer

__all__ = ["RenderOptions", "render"]

Telling = Callable[[int, int], None]

_GIF_SIZE: Final = (480, 640)
_SIZE: Final = (720, 1920)
_SHEET: Final = (1440, 1920)
_LARGEST: Final = 1920
_NO_VIEWER: Final = ("keypoints", "skeleton")


@dataclass(frozen=True)
class _Job:
    """A clip made ready: its body, how it looks, and which of its frames are drawn."""

    clip: Clip
    model: BodyModel | None
    viewer: Viewer | None
    options: RenderOptions
    among: list[int]
    frame: int | None


def render(source: Path, outputs: Sequence[Path], options: RenderOptions) -> None:
    """Read a clip and write every output, with bars on the way and a table at the end.

    Raises `InputError` and its kin before anything is drawn, as far as options can tell.
    """
    pictures = [path for path in outputs if path.suffix.lower() in PICTURES]
    others = [path for path in outputs if path not in pictures]
    _check(pictures, outputs, source, options)
    clip = read_clip(source)
    if others:
        check_outputs(others, body=bool(clip.body_model), source=source)
    rows: list[Row] = []
    notes: list[str] = []
    with Stages() as stages:
        if pictures:
            rows += _draw(clip, pictures, options, stages, notes)
        for path in others:
            if path.suffix.lower() == PAGE:
                rows.append(write_page(clip, path, stages, body_path=options.path))
                continue
            rows += write_files(clip, path, format_of(path), stages, body_path=options.path)
    for note in dict.fromkeys(notes):
        console.print(note, highlight=False)
    show_table("written", ("file", "size", "seconds"), rows)


def _draw(
    clip: Clip, outputs: list[Path], options: RenderOptions, stages: Stages, notes: list[str]
) -> list[Row]:
    job, told = _job(clip, options)
    notes += [f"note: {clip.note}"] if clip.note else []
    notes += [told] if told else []
    rows: list[Row] = []
    try:
        for path in outputs:
            started = time.perf_counter()
            with _footage(job) as footage:
                _write(job, path, footage, _bar(stages, path))
            notes += [f"note: {note}" for note in (footage.notes if footage is not None else ())]
            seconds = time.perf_counter() - started
            rows.append((str(path), f"{path.stat().st_size / 1000:.0f} kB", f"{seconds:.1f}"))
    finally:
        if job.viewer is not None:
            job.viewer.close()
    return rows


def _bar(stages: Stages, path: Path) -> Telling:
    return lambda done, total: stages(f"drawing {path.name}", done, total)


def _job(clip: Clip, options: RenderOptions) -> tuple[_Job, str]:
    """The clip with all that is needed to draw it, and which renderer that takes."""
    among = frames_between(clip, options.start, options.stop, options.fps)
    frame = None if options.frame is None else options.frame - clip.first_frame
    if frame is not None and not 0 <= frame < len(clip):
        last = clip.first_frame + len(clip) - 1
        raise InputError(
            f"expected a frame from {clip.first_frame} to {last}, got {options.frame}: correct --frame"
        )
    bodies = bool(clip.body_model) and any(person.body is not None for person in clip.people)
    if not bodies or (options.panels and set(options.panels) <= set(_NO_VIEWER)):
        return _Job(clip, None, None, options, among, frame), ""
    model = make_body(clip.body_model, options.path)
    viewer, told = open_viewer(options.viewer)
    return _Job(clip, model, viewer, options, among, frame), told


def _footage(job: _Job) -> "Footage | nullcontext[None]":
    options = job.options
    place = options.video or options.pictures
    if place is None:
        return nullcontext()
    if place is options.pictures and not place.exists():
        raise FileFormatError(f"expected pictures in '{place}', got nothing there: check the path")
    empty = (LIGHT if options.theme == "light" else DARK).bottom
    return Footage(place, job.clip, by=options.video_by, fit=options.fit_video, empty=empty)


def _write(job: _Job, path: Path, footage: Footage | None, tell: Telling) -> None:
    clip, options = job.clip, job.options
    look = _look(job, path, footage is not None)
    cast = (clip, job.model, job.viewer)
    if path.suffix.lower() == ".png":
        write_png(path, _picture(job, look, footage))
        return
    fps = options.fps or clip.fps
    if options.turntable is not None:
        fps = options.fps or (GIF_RATE if path.suffix.lower() == ".gif" else 30.0)
        made = turntable(*cast, frame=_one(job), seconds=options.turntable, fps=fps, look=look)
        total = max(1, round(options.turntable * fps))
    else:
        among = job.among
        if path.suffix.lower() == ".gif" and options.fps is None and fps > GIF_RATE:
            fps, among = GIF_RATE, frames_between(clip, options.start, options.stop, GIF_RATE)
        if job.frame is not None:
            among = [job.frame]
        made, total = Storyboard(*cast, look, footage).pictures(among), len(among)
    write_moving(path, made, fps, total, tell)


def _one(job: _Job) -> int:
    return telling_frame(job.clip, job.among) if job.frame is None else job.frame


def _picture(
    job: _Job, look: Look, footage: Footage | None
) -> UInt8[ndarray, "height width channels"]:
    cast = (job.clip, job.model, job.viewer)
    if job.options.transparent:
        return cutout(*cast, frame=_one(job), look=look)
    if job.options.sheet is not None:
        rows, columns = _grid(job.options.sheet)
        return contact_sheet(
            *cast, rows=rows, columns=columns, among=job.among, look=look, backdrop=footage
        )
    if job.options.turntable is not None:
        turned = turntable(*cast, frame=_one(job), seconds=1.0, fps=1.0, look=look)
        return next(iter(turned))
    return next(iter(Storyboard(*cast, look, footage).pictures([_one(job)])))


def _look(job: _Job, path: Path, filmed: bool) -> Look:
    options = job.options
    panels = options.panels or (("overlay",) if filmed and not options.turntable else ())
    height, width = options.size or _natural(job.clip, path, panels, options)
    texture = None if options.texture is None else _texture(options.texture)
    captioned = options.captions is None and panels != ("overlay",)
    return Look(
        panels=panels,
        height=height,
        max_width=width,
        theme=LIGHT if options.theme == "light" else DARK,
        captions=captioned and not options.transparent,
        template=options.captions or "",
        uncertainty=options.uncertainty,
        contacts=options.contacts,
        clothes=options.clothes,
        texture=texture,
        opacity=options.opacity,
    )


def _natural(
    clip: Clip, path: Path, panels: tuple[Panel, ...], options: RenderOptions
) -> tuple[int, int]:
    """The size where nobody asks for one: an overlay has its video's."""
    if options.sheet is not None:
        return _SHEET
    if path.suffix.lower() == ".gif":
        return _GIF_SIZE
    if panels != ("overlay",):
        return _SIZE
    share = min(1.0, _LARGEST / max(clip.camera.image_size))
    height, width = (max(2, round(side * share)) for side in clip.camera.image_size)
    return height, width


def _texture(path: Path) -> UInt8[ndarray, "rows columns 3"]:
    try:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise FileFormatError(f"expected a texture in '{path}', got {error}: check it") from error
    if picture is None:
        raise FileFormatError(
            f"expected a picture as texture, got '{path}', which cannot be decoded: give a .png or .jpg"
        )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _grid(text: str) -> tuple[int, int]:
    rows, by, columns = text.lower().partition("x")
    if not by or not (rows.isdecimal() and columns.isdecimal()) or len(text) > 9:
        raise InputError(
            f"expected --sheet as ROWSxCOLUMNS, got '{text:.20}': give two numbers, such as 3x4"
        )
    return int(rows), int(columns)


def _check(
    pictures: list[Path], outputs: Sequence[Path], source: Path, options: RenderOptions
) -> None:
    """Refuse what does not go together before the clip is read."""
    if not outputs:
        raise InputError("expected at least one file after --output, got none: name it")
    for number, path in enumerate(outputs):
        if path in outputs[:number]:
            raise InputError(f"expected every output once, got '{path}' twice: rename one")
    for path in pictures:
        check_place(path, source)
        moving = path.suffix.lower() != ".png"
        for asked, name, only_png in (
            (options.transparent, "--transparent", True),
            (options.sheet is not None, "--sheet", True),
        ):
            if asked and only_png and moving:
                raise InputError(
                    f"expected a .png for {name}, got '{path}', which holds no such thing: rename it"
                )
    filmed = options.video is not None or options.pictures is not None
    pairs = (
        (options.video is not None, "--video", options.pictures is not None, "--pictures"),
        (options.transparent, "--transparent", filmed, "--video and --pictures"),
        (options.turntable is not None, "--turntable", filmed, "--video and --pictures"),
        (options.sheet is not None, "--sheet", options.turntable is not None, "--turntable"),
        (options.sheet is not None, "--sheet", options.transparent, "--transparent"),
        (options.turntable is not None, "--turntable", options.transparent, "--transparent"),
    )
    for first, name, second, other in pairs:
        if first and second:
            raise InputError(f"expected {name} or {other}, got both: leave one out")
    check_template(options.captions or "")
    if options.sheet is not None:
        _grid(options.sheet)
