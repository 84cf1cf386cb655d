"""Values shown inside notebooks: the page in a frame of its own, cut off from the notebook."""

import html
from typing import Final

from lift3d.body import BodyMesh
from lift3d.clip import Clip
from lift3d.errors import InputError, Lift3dError
from lift3d.motion import Motion
from lift3d.pictures.web.clips import NOTEBOOK, stage_of_clip
from lift3d.pictures.web.page import page_of
from lift3d.pictures.web.stage import Stage
from lift3d.pictures.web.values import stage_of_mesh, stage_of_motion
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel

__all__ = ["inline_html"]

_HEIGHT: Final = 480


def inline_html(value: object) -> str:
    """A `Clip`, `Motion` or `BodyMesh` as HTML for a notebook's cell: a frame that holds a page.

    Long clips lose frames, and only some people have bodies (`NOTEBOOK`); the page says so. Raises
    `InputError` for other values, and for those that hold nothing to show.
    """
    page = html.escape(page_of(_stage(value)))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" allow="fullscreen" loading="lazy" '
        f'title="lift3d" style="width:100%;height:{_HEIGHT}px;border:0;border-radius:8px"></iframe>'
    )


def _stage(value: object) -> Stage:
    if isinstance(value, Clip):
        people = "1 person" if len(value.people) == 1 else f"{len(value.people)} people"
        title = f"{people}, {len(value)} frames, {value.fps:g} a second"
        return stage_of_clip(value, _model(value), NOTEBOOK, title=title)
    if isinstance(value, Motion):
        title = f"person {value.person}, {len(value)} frames, {value.fps:g} a second"
        return stage_of_motion(value, title=title)
    if isinstance(value, BodyMesh):
        title = f"{value.vertices.shape[-2]} vertices, {len(value.faces)} triangles"
        return stage_of_mesh(value, title=title)
    raise InputError(
        f"expected a clip, a motion or a body mesh, got a {type(value).__name__}: give one of these"
    )


def _model(clip: Clip) -> BodyModel | None:
    """The clip's body model; None where it is not on this machine, and skeletons are shown."""
    try:
        return body_models[clip.body_model]() if clip.body_model else None
    except Lift3dError:
        return None
