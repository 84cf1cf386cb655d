"""What the verbs `view` and `plot` do: a lifted clip in a browser or a window, or in curves."""

import os
import time
from pathlib import Path
from typing import Any

from lift3d.cli.console import console
from lift3d.errors import InputError
from lift3d.io import read_clip
from lift3d.pictures.web import open_html
from lift3d.pipeline import make_body
from lift3d.plots import ClipPlot, plot_clip, plot_run
from lift3d.plugins import displays, viewers

__all__ = ["plot", "view"]


def view(
    source: Path,
    *,
    live: bool,
    window: bool,
    host: str,
    port: int,
    token: str,
    body_path: str | os.PathLike[str] | None,
) -> None:
    """Show a clip until it is closed; a page stays where it is. `InputError` for two ways at once."""
    if live and window:
        raise InputError("expected --live or --window, got both: leave one out")
    clip = read_clip(source)
    model = make_body(clip.body_model, body_path) if clip.body_model else None
    if window:
        player: Any = viewers["window"]()
        try:
            player.show(clip, model)
        finally:
            player.close()
        return
    if not live:
        page = open_html(clip, model, title=source.stem)
        console.print(f"the page is {page}", highlight=False)
        return
    viewer = displays["live"](model, host=host, port=port, token=token)
    try:
        viewer.show(clip)
        console.print(f"open {viewer.url} (Ctrl-C ends)", highlight=False)
        while True:
            time.sleep(1.0)
    finally:
        viewer.close()


def plot(
    source: Path,
    output: Path,
    what: ClipPlot,
    *,
    person: int | None,
    truth: Path | None,
    body_path: str | os.PathLike[str] | None,
) -> None:
    """Plot a clip, or the training run in a folder."""
    if source.is_dir():
        plot_run(source, output)
        return
    clip = read_clip(source)
    body = make_body(clip.body_model, body_path).articulation if clip.body_model else None
    other = read_clip(truth) if truth is not None else None
    plot_clip(clip, output, what, person=person, body=body, truth=other)
