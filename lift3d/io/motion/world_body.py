"""People of a clip as animation files want them: in every frame, in a y-up world, on its floor."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.io.motion.world_points import world_from_camera
from lift3d.protocols import BodyModel

__all__ = [
    "at_rest",
    "body_of",
    "held",
    "in_world",
    "lowered",
    "lowest_place",
    "one_shape",
    "people_in_world",
    "person_in_world",
]

_FLOOR_FRAMES: Final = 48
"""Frames in which the lowest place of the bodies is looked for."""
_NOBODY: Final = "expected a person with at least one finite frame, got none: leave them out"


def person_in_world(
    clip: Clip, model: BodyModel, person: int = 0, *, on_floor: bool = True
) -> BodyParams:
    """One person in a y-up world; `person` is a place in `clip.people`.

    Frames with NaN hold the nearest known pose, and betas become one row. With `on_floor` the lowest
    place that anybody of the clip reaches lies at y = 0, so that all people's files fit together.
    Raises `InputError` where there is no such person or it has no finite frame.
    """
    chosen = _upright(clip, model, body_of(clip, person))
    if not on_floor:
        return chosen
    everybody = [_upright(clip, model, body) for body in _known(clip)]
    return lowered(chosen, min(lowest_place(model, body) for body in everybody))


def people_in_world(clip: Clip, model: BodyModel, *, on_floor: bool = True) -> list[BodyParams]:
    """Everybody who has a body in some frame, as `person_in_world` gives one person.

    Raises `InputError` where nobody has.
    """
    people = [_upright(clip, model, body) for body in _known(clip)]
    if not people:
        raise InputError(
            "expected a clip with bodies, got joints only: lift again with a body model"
        )
    floor = min(lowest_place(model, body) for body in people) if on_floor else 0.0
    return [lowered(body, floor) for body in people]


def _known(clip: Clip) -> list[BodyParams]:
    return [p.body for p in clip.people if p.body is not None and bool(p.body.finite.any())]


def _upright(clip: Clip, model: BodyModel, body: BodyParams) -> BodyParams:
    # Held after it was turned: who is not seen stays where they are in the world, not before the camera.
    return held(in_world(one_shape(body), model, world_from_camera(clip)))


def body_of(clip: Clip, person: int) -> BodyParams:
    """The body (camera frame) at a place in `clip.people`; `InputError` where there is none."""
    if not 0 <= person < len(clip.people):
        raise InputError(
            f"expected a person between 0 and {len(clip.people) - 1}, got {person}: count from 0 in "
            "the clip's people"
        )
    body = clip.people[person].body
    if body is None:
        raise InputError(
            f"expected a body of person {person}, got joints only: lift again with a body model"
        )
    return body


def one_shape(body: BodyParams) -> BodyParams:
    """The body with its finite betas' mean over time, one row; `InputError` where none is finite."""
    betas = body.betas.reshape(-1, body.betas.shape[-1])
    betas = betas[betas.isfinite().all(1)]
    if not len(betas):
        raise InputError(_NOBODY)
    return replace(body, betas=betas.mean(0, keepdim=True))


def held(body: BodyParams) -> BodyParams:
    """The body with every frame that is not finite replaced by the nearest one that is.

    Raises `InputError` where no frame is finite.
    """
    known = body.finite.nonzero()[:, 0]
    if not len(known):
        raise InputError(_NOBODY)
    return body if len(known) == len(body.transl) else body[_nearest(known, len(body.transl))]


def _nearest(known: Tensor, frames: int) -> Tensor:
    """For each frame the nearest one of the rising `known`; ties go to the earlier."""
    every = torch.arange(frames)
    after = torch.searchsorted(known, every).clamp(max=len(known) - 1)
    before = (after - 1).clamp(min=0)
    nearer = (every - known[before]).abs() <= (known[after] - every).abs()
    return known[torch.where(nearer, before, after)]


def at_rest(body: BodyParams) -> BodyParams:
    """One frame of the rest pose in the same shape, with the root at its rest place."""
    return replace(
        body,
        betas=body.betas[:1] if body.betas.ndim == 2 else body.betas,
        body_pose=torch.zeros_like(body.body_pose[:1]),
        global_orient=torch.zeros_like(body.global_orient[:1]),
        transl=torch.zeros_like(body.transl[:1]),
        expression=body.expression[:1] if body.expression.ndim == 2 else body.expression,
    )


def in_world(
    body: BodyParams, model: BodyModel, world: Float[Tensor, "*#frames 4 4"]
) -> BodyParams:
    """A body of one shape in a rigidly moved frame of reference, in its own dtype.

    A body turns about its root joint, which lies at `root + transl`: that place moves with the axes,
    so transl becomes `R (root + transl) + t - root`.
    """
    turn, shift = world[..., :3, :3].double(), world[..., :3, 3].double()
    root = model.joints(at_rest(body))[0, 0].double()
    orient = axis_angle_from_rotmat(turn @ rotmat_from_axis_angle(body.global_orient.double()))
    transl = (turn @ (root + body.transl.double())[..., None])[..., 0] + shift - root
    kind = body.transl.dtype
    return replace(body, global_orient=orient.to(kind), transl=transl.to(kind))


@torch.no_grad()
def lowest_place(model: BodyModel, body: BodyParams) -> float:
    """The lowest place of a body's surface (metres, y up) in a sample of its frames."""
    total = len(body.transl)
    frames = torch.linspace(0, total - 1, min(total, _FLOOR_FRAMES)).round().long()
    parts: Sequence[Tensor] = [frames[i : i + 16] for i in range(0, len(frames), 16)]
    return min(float(model(body[at]).vertices[..., 1].min()) for at in parts)


def lowered(body: BodyParams, floor: float) -> BodyParams:
    """The body let down by so many metres."""
    return replace(body, transl=body.transl - body.transl.new_tensor([0.0, floor, 0.0]))
