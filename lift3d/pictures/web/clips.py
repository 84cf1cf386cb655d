"""A clip as a stage: stood upright on its floor, bounded in size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.geometry.contacts import find_contacts
from lift3d.geometry.rigid import inverse_rigid
from lift3d.io.motion.world_body import lowered, people_in_world
from lift3d.io.motion.world_points import world_covariance, world_from_camera, world_joints
from lift3d.pictures.web.compact import compact_glb
from lift3d.pictures.web.stage import Figure, Sight, Stage
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton

__all__ = ["FILE", "NOTEBOOK", "Limits", "ordinal", "stage_of_clip"]

_UP: Final = (0.0, 1.0, 0.0)
_FLOOR_FRAMES: Final = 24
_SOLE: Final = 0.03
"""Metres from the lowest joints down to the floor."""
_FEW, _SHORT = 4, 1500
"""People, and frames times people, up to which there are correctives: they take room and time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a page: frames times people, and people who are shown with a body.

    Beyond the first, every second, third ... frame is left out; beyond the second, people are shown as
    skeletons. The page says so. `correctives` is as in `write_glb`, for short clips of few people.
    """

    person_frames: int
    bodies: int
    correctives: int = 4

    def __post_init__(self) -> None:
        if min(self.person_frames - 1, self.bodies, self.correctives) < 0:
            raise InputError(
                "expected limits of 1 or more frames, no or more bodies and no or more correctives, "
                f"got {self.person_frames}, {self.bodies} and {self.correctives}: correct them"
            )


FILE: Final = Limits(person_frames=30_000, bodies=50)
NOTEBOOK: Final = Limits(person_frames=1_200, bodies=3, correctives=0)


def stage_of_clip(
    clip: Clip,
    model: BodyModel | None,
    limits: Limits = FILE,
    *,
    title: str = "lift3d",
    names: Mapping[int, str] | None = None,
    stands: Sequence[Bool[Tensor, "frames 2"]] | None = None,
) -> Stage:
    """Everybody of a clip. `names` are by person id; `stands` are the frames in which feet stand.

    Without a model skeletons are shown; without `stands` feet stand where joints are slow and low.
    Raises `InputError` for a clip without people or frames, and where `stands` does not fit.
    """
    _check(clip, stands)
    stride = math.ceil(len(clip) * len(clip.people) / limits.person_frames)
    frames = torch.arange(0, len(clip), stride)
    bodies = _bodies(clip, model, limits.bodies)
    figures = [
        _figure(clip, number, frames, bodies.get(number), model)
        for number in range(len(clip.people))
    ]
    floor = _floor(model, figures, [body[frames] for body in bodies.values()])
    mesh_of = {number: place for place, number in enumerate(bodies)}
    whole = tuple(
        replace(
            figure,
            name=(names or {}).get(person.id, f"person {person.id}"),
            joints=figure.joints - figure.joints.new_tensor([0.0, floor, 0.0]),
            stands=figure.stands if stands is None else stands[number][frames],
            body=mesh_of.get(number),
        )
        for number, (figure, person) in enumerate(zip(figures, clip.people, strict=True))
    )
    moving = [lowered(body[frames], floor) for body in bodies.values()]
    return Stage(
        title,
        whole,
        clip.fps / stride,
        _sight(clip, frames, floor),
        _glb(model, moving, clip.fps / stride, limits) if model is not None and moving else b"",
        clip.first_frame,
        stride,
        len(clip),
        notes=_notes(clip, model, stride, len(bodies)),
    )


def _check(clip: Clip, stands: Sequence[Tensor] | None) -> None:
    if not len(clip):
        raise InputError(
            "expected a clip with people and frames to show, got nobody: lift a file with people"
        )
    if stands is not None and [s.shape for s in stands] != [(len(clip), 2)] * len(clip.people):
        raise InputError(
            f"expected stands of shape [{len(clip)}, 2] for each of {len(clip.people)} people, got "
            f"{[list(s.shape) for s in stands]}: leave them out to have them found"
        )


def _bodies(clip: Clip, model: BodyModel | None, most: int) -> dict[int, BodyParams]:
    """The first bodies in the world, by their people's places in the clip."""
    having = [
        number
        for number, person in enumerate(clip.people)
        if person.body is not None and bool(person.body.finite.any())
    ]
    if model is None or not having or not most:
        return {}
    chosen = having[:most]
    some = replace(clip, people=tuple(clip.people[number] for number in chosen))
    return dict(zip(chosen, people_in_world(some, model, on_floor=False), strict=True))


def _figure(
    clip: Clip, number: int, frames: Tensor, body: BodyParams | None, model: BodyModel | None
) -> Figure:
    person = clip.people[number]
    skeleton, joints, covariance = _joints(clip, person, body, model)
    shown = person.joints.shown
    found = find_contacts(skeleton.joints, joints, clip.fps, torch.tensor(_UP, dtype=joints.dtype))
    nobody = torch.zeros_like(shown)
    known = person.body.finite if person.body is not None and body is not None else nobody
    return Figure(
        "",
        skeleton,
        joints[frames],
        covariance[frames],
        shown[frames],
        (known & shown)[frames],
        (found & shown[:, None])[frames],
        None,
        number,
    )


def _joints(
    clip: Clip, person: Person, body: BodyParams | None, model: BodyModel | None
) -> tuple[Skeleton, Float[Tensor, "frames joints 3"], Float[Tensor, "frames joints 3 3"]]:
    """The lifted joints; the body's own where nothing was lifted."""
    skeleton = person.joints.pose.skeleton
    if len(skeleton) or body is None or model is None:
        return skeleton, world_joints(clip, person), world_covariance(clip, person)
    joints = model.joints(body).double()
    unknown = joints.new_full((*joints.shape, 3), torch.nan)
    return model.skeleton, joints, unknown


@torch.no_grad()
def _floor(
    model: BodyModel | None, figures: Sequence[Figure], bodies: Sequence[BodyParams]
) -> float:
    """The height that soles really reach: of a tenth of the frames, or below the joints.

    As in the pictures of `lift3d.pictures`, so that one stray frame lifts nobody off the floor.
    """
    lows: list[Tensor] = []
    having = [figure for figure in figures if bool(figure.body_shown.any())]
    for figure, body in zip(having, bodies, strict=False):
        shown = figure.body_shown.nonzero()[:, 0]
        few = shown[torch.linspace(0, len(shown) - 1, min(len(shown), _FLOOR_FRAMES)).long()]
        if model is not None:
            lows.append(model(body[few]).vertices[..., 1].amin(-1).double())
    if lows:
        return float(torch.cat(lows).quantile(0.1))
    heights = torch.cat(
        [figure.joints[figure.joints_shown][..., 1].flatten() for figure in figures]
    )
    heights = heights[heights.isfinite()].sort().values
    return float(heights[len(heights) // 200]) - _SOLE if len(heights) else 0.0


def _sight(clip: Clip, frames: Tensor, floor: float) -> Sight | None:
    """The keypoints' camera over the floor; None for recordings, which no camera saw."""
    if not any(len(person.keypoints.pose.skeleton) for person in clip.people):
        return None
    world = world_from_camera(clip).clone()
    world[..., 1, 3] -= floor
    places = inverse_rigid(world)
    moving = places.ndim == 3 and len(places) == len(clip)
    intrinsics = clip.camera.intrinsics.reshape(-1, 3, 3)[0]
    return Sight(
        intrinsics,
        places[frames] if moving else places.reshape(-1, 4, 4)[:1],
        clip.camera.image_size,
    )


def _glb(model: BodyModel, bodies: Sequence[BodyParams], fps: float, limits: Limits) -> bytes:
    # The glTF library is slow to import.
    from lift3d.io.scenes.glb_correctives import find_correctives
    from lift3d.io.scenes.glb_motion import moved
    from lift3d.io.scenes.glb_scene import glb_bytes, strongest_joints

    frames = sum(len(body.transl) for body in bodies)
    targets = limits.correctives if len(bodies) <= _FEW and frames <= _SHORT else 0
    skinning = strongest_joints(model.surface.lbs_weights.float().numpy())
    found = [find_correctives(model, body, skinning, targets) for body in bodies if targets]
    moves = [moved(model, body) for body in bodies]
    labels = [f"person{number}" for number in range(len(bodies))]
    return compact_glb(glb_bytes(model, moves, found, labels, fps, floor=0.0, copyright_=""))


def _notes(clip: Clip, model: BodyModel | None, stride: int, bodies: int) -> list[str]:
    notes: list[str] = []
    if stride > 1:
        notes.append(f"every {stride}{ordinal(stride)} of {len(clip)} frames")
    having = sum(person.body is not None for person in clip.people)
    if model is None and having:
        notes.append(f"skeletons only: the body model '{clip.body_model}' was not at hand")
    elif 0 < bodies < having:
        notes.append(f"bodies of the first {bodies} of {having} people")
    return notes


def ordinal(number: int) -> str:
    """What follows a whole number when it counts: st, nd, rd or th."""
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
