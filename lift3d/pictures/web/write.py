"""A clip as one HTML file that plays it, with nothing to install and nothing to fetch."""

import os
import tempfile
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxtyping import Bool
from torch import Tensor

from lift3d.clip import Clip
from lift3d.io.files.atomic import atomic_path
from lift3d.pictures.web.clips import FILE, Limits, stage_of_clip
from lift3d.pictures.web.page import page_of
from lift3d.protocols import BodyModel

__all__ = ["open_html", "write_html"]


def write_html(
    path: str | os.PathLike[str],
    clip: Clip,
    model: BodyModel | None = None,
    *,
    title: str = "lift3d",
    names: Mapping[int, str] | None = None,
    stands: Sequence[Bool[Tensor, "frames 2"]] | None = None,
    limits: Limits = FILE,
) -> None:
    """Write a page that shows everybody of a clip, moving, from all sides.

    It holds the bodies as a GLB, the joints with their uncertainty, and the camera that saw the
    keypoints (without its lens distortion). `model` is the clip's body model; without it the page
    shows skeletons. `names` are by person id. `stands` tells in which frames left and right feet
    stand; they are looked for where it is None. `limits` bounds the file: long clips lose frames.

    Raises `InputError` for a clip without people, `OutputError` where the file cannot be written.
    """
    page = page_of(stage_of_clip(clip, model, limits, title=title, names=names, stands=stands))
    with atomic_path(path) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")


def open_html(clip: Clip, model: BodyModel | None = None, *, title: str = "lift3d") -> Path:
    """Write a page into a new temporary folder of the user's own and open it in their browser.

    Returns the page, for those on whose machine no browser opened. Raises what `write_html` raises.
    """
    path = Path(tempfile.mkdtemp(prefix="lift3d-")) / "clip.html"
    write_html(path, clip, model, title=title)
    webbrowser.open(path.as_uri())
    return path
