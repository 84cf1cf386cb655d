"""Where outputs may go, and writing a clip in one format, with a bar and rows for the closing table."""

import os
import time
from pathlib import Path
from typing import Final

from lift3d.cli.console import Stages
from lift3d.clip import Clip
from lift3d.errors import OutputError
from lift3d.io.motion.bvh_rigs import RigName
from lift3d.io.output_formats import OutputFormat
from lift3d.io.outputs import OutputJob, write_output
from lift3d.pipeline import make_body

__all__ = ["PAGE", "Row", "check_place", "check_target", "write_files", "write_page"]

PAGE: Final = ".html"

Row = tuple[str, str, str]
"""A file, its size and the seconds that it took."""


def write_files(
    clip: Clip,
    path: Path,
    found: OutputFormat,
    stages: Stages,
    *,
    body_path: str | os.PathLike[str] | None = None,
    rig: RigName = "smpl",
    correctives: int = 0,
) -> list[Row]:
    """Write a clip in a format; `body_path` is where its body model is read from, if from a file."""
    started = time.perf_counter()

    def tell(done: int, total: int) -> None:
        stages(f"writing {path.name}", done, total)

    uses_body = found.needs == "body" or found.name in ("mot", "angles")
    model = make_body(clip.body_model, body_path) if clip.body_model and uses_body else None
    written = write_output(path, found, OutputJob(clip, model, rig, correctives, progress=tell))
    seconds = f"{time.perf_counter() - started:.1f}"
    return [(str(each), f"{_size(each) / 1000:.0f} kB", seconds) for each in written]


def write_page(
    clip: Clip, path: Path, stages: Stages, *, body_path: str | os.PathLike[str] | None = None
) -> Row:
    """Write a clip as a page that plays it."""
    from lift3d.pictures.web import write_html

    started = time.perf_counter()
    stages(f"writing {path.name}", 0, 1)
    model = make_body(clip.body_model, body_path) if clip.body_model else None
    write_html(path, clip, model, title=path.stem)
    stages(f"writing {path.name}", 1, 1)
    return str(path), f"{_size(path) / 1000:.0f} kB", f"{time.perf_counter() - started:.1f}"


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def check_place(path: Path, source: Path | None = None) -> None:
    """Refuse a place that takes no file, or that of the source."""
    try:
        same = source is not None and path.resolve() == source.resolve()
        taken = path.is_dir()
        folder = next(place for place in path.absolute().parents if os.path.lexists(place))
    except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links in a ring
        raise OutputError(
            f"expected a place to write '{path}', got {error}: choose another name"
        ) from error
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(
            f"expected a folder to write '{path}' to, got '{folder}', which takes no files: "
            "choose another place"
        )
    if taken:
        raise OutputError(f"expected a file to write, got '{path}', a folder: choose another name")
    if same:
        raise OutputError(
            f"expected an output beside the input, got '{path}' for both: choose another name"
        )


def check_target(found: OutputFormat, source: Path, target: Path) -> None:
    """Refuse, before any work, what cannot be written, or would replace what is read."""
    if not target.suffix and target.is_dir() and found.endings[0] == "":
        if any(target.iterdir()):
            raise OutputError(
                f"expected a new or an empty folder to write, got '{target}', which holds something: "
                "choose another name"
            )
        return
    check_place(target, source)
