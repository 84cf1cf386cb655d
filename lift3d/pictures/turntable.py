"""One frame seen from all around, and many frames on one sheet."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.captions import check_template, filled
from lift3d.pictures.compose import GAP, beside, footnote
from lift3d.pictures.ground import Room
from lift3d.pictures.panels import Look, Panel, chosen_panels
from lift3d.pictures.people import telling_frame
from lift3d.pictures.scene import Bodies, Scene
from lift3d.pictures.storyboard import Backdrop, Storyboard
from lift3d.pictures.theme import Picture
from lift3d.pictures.view import orbit
from lift3d.protocols import BodyModel, Viewer

__all__ = ["contact_sheet", "telling_frames", "turntable"]


_ELEVATION: Final = math.radians(14)
_SPOKES: Final = 16
_LONGEST: Final = 600.0
_MOST_CELLS: Final = 400
_TURNED: Final = ("mesh", "skeleton")


def turntable(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    frame: int | None = None,
    seconds: float = 6.0,
    fps: float = 30.0,
    look: Look | None = None,
) -> Iterator[Picture]:
    """One frame (the most telling one where None) while the camera walks around it once.

    Panels are `mesh` and `skeleton`; without any, bodies where there are some. The last picture is
    one step before the first, so that it may be played in circles. Raises `InputError`.
    """
    look = look or Look()
    check_template(look.template)
    if not 0 < seconds <= _LONGEST or not 0 < fps <= 240:
        raise InputError(
            f"expected a turn of up to {_LONGEST:g} seconds at up to 240 frames per second, got "
            f"{seconds:g} at {fps:g}: choose less of either"
        )
    panels = _turned_panels(chosen_panels(clip, model, viewer, look.panels), look)
    scene = Scene(clip, model, viewer if "mesh" in panels else None, look)
    chosen = telling_frame(clip) if frame is None else frame
    if not 0 <= chosen < len(clip):
        raise InputError(
            f"expected a frame from 0 to {len(clip) - 1}, got {chosen}: choose one that the clip has"
        )
    return _turn(scene, panels, chosen, max(1, round(seconds * fps)))


def _turned_panels(panels: tuple[Panel, ...], look: Look) -> tuple[Panel, ...]:
    strange = [panel for panel in look.panels if panel not in _TURNED]
    if strange:
        raise InputError(
            f"expected the panels mesh or skeleton on a turntable, got '{strange[0]}': leave it out"
        )
    if look.panels:
        return look.panels
    return ("mesh",) if {"mesh", "turned"} & set(panels) else ("skeleton",)


def _turn(scene: Scene, panels: tuple[Panel, ...], frame: int, pictures: int) -> Iterator[Picture]:
    clip, look = scene.clip, scene.look
    bodies = next(iter(scene.posed([frame])))
    everybody = [n for n, p in enumerate(clip.people) if bool(p.joints.shown[frame])]
    joints = [clip.people[n].joints.pose.joints[frame] for n in everybody]
    points = torch.cat([*joints, *(mesh.vertices[::4].to(joints[0]) for _, mesh in bodies)])
    known = points[points.isfinite().all(-1)]
    if not len(known):
        raise InputError(
            f"expected somebody in frame {clip.first_frame + frame}, got nobody there: choose "
            "another frame"
        )
    rim = _revolved(known.double(), scene.world)
    size = _turned_size(rim, scene.world, len(panels), look)
    for step in range(pictures):
        view = orbit(rim, scene.world, size, 2 * math.pi * step / pictures, _ELEVATION)
        room = Room(view, scene.floor, look.theme)
        drawn: list[Picture] = []
        for panel in panels:
            shown: Bodies = bodies if panel == "mesh" else []
            bare = scene.seen_without(shown, frame)
            shadows, spread = scene.shadows(frame, shown, bare)
            behind = room.with_shadows(shadows, spread=spread)
            scene.paint_marks(behind, frame, view)
            drawn.append(
                scene.with_bodies(scene.with_joints(behind, frame, view, bare), shown, view)
            )
        if look.template:
            ids = [clip.people[n].id for n in everybody]
            number = clip.first_frame + frame
            text = filled(look.template, number, number / clip.fps, ids)
            footnote(drawn[0], text, look.theme)
        yield beside(drawn, look.theme)


def _revolved(
    points: Float[Tensor, "points 3"], world: Float[Tensor, "3 3"]
) -> Float[Tensor, "rim 3"]:
    """Points on the cylinder around all of them, upright: it looks the same from all around."""
    level = points @ world.transpose(0, 1)
    low, high = level.amin(0), level.amax(0)
    middle = (low + high) / 2
    radius = (level - middle)[:, [0, 2]].norm(dim=-1).max()
    angle = torch.arange(_SPOKES, dtype=torch.float64) * (2 * math.pi / _SPOKES)
    circle = torch.stack([angle.cos(), torch.zeros_like(angle), angle.sin()], -1) * radius
    rims = [circle + middle * torch.tensor([1.0, 0.0, 1.0]) + _up(h) for h in (low[1], high[1])]
    return torch.cat(rims) @ world


def _up(height: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(height), height, torch.zeros_like(height)])


def _turned_size(
    rim: Tensor, world: Float[Tensor, "3 3"], panels: int, look: Look
) -> tuple[int, int]:
    level = rim @ world.transpose(0, 1)
    span = (level.amax(0) - level.amin(0)).tolist()
    aspect = min(1.6, max(0.72, span[0] / max(span[1], 1e-6)))
    room = (look.max_width - GAP * (panels - 1)) / panels
    height = min(float(look.height), room / aspect)
    return max(2, 2 * round(height / 2)), max(2, 2 * int(height * aspect / 2))


def telling_frames(clip: Clip, among: Sequence[int], count: int) -> list[int]:
    """So many frames spread evenly over those named, each the most telling of its stretch's middle."""
    parts = np.array_split(np.asarray(among), min(count, len(among)))
    middles = [part[len(part) // 4 : max(1, len(part) - len(part) // 4)] for part in parts]
    return [telling_frame(clip, middle.tolist()) for middle in middles if len(middle)]


def contact_sheet(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    *,
    rows: int,
    columns: int,
    among: Sequence[int] | None = None,
    look: Look | None = None,
    backdrop: Backdrop | None = None,
) -> Picture:
    """Evenly spaced telling frames (of those named, or all) in rows; the look's size is the sheet's.

    Cells that a short clip leaves over stay empty. Without panels a cell shows the body in the camera's
    view, or the joints. Raises `InputError`.
    """
    if not (1 <= rows <= 100 and 1 <= columns <= 100 and rows * columns <= _MOST_CELLS):
        raise InputError(
            f"expected a sheet of 1 to {_MOST_CELLS} cells, got {rows} rows and {columns} "
            "columns: choose other numbers"
        )
    look = look or Look()
    panels = chosen_panels(clip, model, viewer, look.panels)
    if not look.panels:
        panels = ("overlay",) if backdrop else (panels[-1],)
    each = replace(
        look,
        panels=panels,
        height=max(2, (look.height - GAP * (rows - 1)) // rows),
        max_width=max(2, (look.max_width - GAP * (columns - 1)) // columns),
        captions=False,
        template=look.template or "{time:.2f} s",
    )
    chosen = telling_frames(clip, range(len(clip)) if among is None else among, rows * columns)
    cells = list(Storyboard(clip, model, viewer, each, backdrop).pictures(chosen))
    cells += [np.full_like(cells[0], look.theme.bottom)] * (rows * columns - len(cells))
    lines = [beside(cells[n : n + columns], look.theme) for n in range(0, len(cells), columns)]
    gap = np.full((GAP, lines[0].shape[1], 3), look.theme.gap, dtype=np.uint8)
    return np.concatenate([part for line in lines for part in (gap, line)][1:], 0)
