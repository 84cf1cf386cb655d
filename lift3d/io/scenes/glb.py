"""Animated bodies as one glTF 2.0 binary file (.glb), for Blender, three.js and game engines.

Each person becomes a mesh at rest in their own shape, skinned to joints named as in SMPL, with a
rotation per joint and frame and the root's place. The file is y-up and in metres, as glTF asks.
"""

import os
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.rigid import rigid_from
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.world_body import held, in_world, lowest_place, one_shape, people_in_world
from lift3d.io.scenes.glb_motion import moved
from lift3d.protocols import BodyModel

__all__ = ["write_clip_glb", "write_glb"]


def write_glb(  # noqa: PLR0913 - most by keyword
    path: str | os.PathLike[str],
    model: BodyModel,
    people: Sequence[BodyParams],
    fps: float,
    names: Sequence[str] = (),
    *,
    world_from_camera: Float[Tensor, "3 3"] = WORLD_FROM_CAMERA,
    on_floor: bool = True,
    correctives: int = 0,
    copyright: str = "",  # noqa: A002 - glTF's own word
) -> None:
    """Write people who move over the same frames (camera frame) as a skinned, animated GLB.

    `world_from_camera` turns the camera's axes into y-up ones. With `on_floor` all are moved so that
    the lowest place that a body reaches lies at y = 0. A person's betas are averaged over time.
    Frames with NaN hold the nearest known pose.

    glTF skins have four joints per vertex and no pose blend shapes, so surfaces may differ from the
    model's by some millimetres; joints do not. `correctives` is how many morph targets a person gets
    against that, each as big as the surface's vertices; each mesh's `extras` tell what error is left
    (`mean_error_mm`, `largest_error_mm`).

    Raises `InputError` where people or frames are missing or do not fit, `OutputError` where the
    file cannot be written.
    """
    _expect_common_frames(people)
    shift = torch.zeros(3, dtype=torch.float64)
    world = rigid_from(world_from_camera.double(), shift)
    bodies = [held(in_world(one_shape(body), model, world)) for body in people]
    labels = list(names) or [f"person{i + 1}" for i in range(len(people))]
    floor = min(lowest_place(model, body) for body in bodies) if on_floor else 0.0
    _write(path, model, bodies, fps, labels, floor=floor, correctives=correctives, owner=copyright)


def write_clip_glb(
    path: str | os.PathLike[str],
    clip: Clip,
    body: BodyModel,
    *,
    on_floor: bool = True,
    correctives: int = 0,
) -> None:
    """Write everybody of a clip who has a body as `write_glb` does, in the clip's own y-up world.

    Raises `InputError` for a clip without bodies, `OutputError` where the file cannot be written.
    """
    people = people_in_world(clip, body, on_floor=on_floor)
    labels = [
        f"person{person.id}"
        for person in clip.people
        if person.body is not None and bool(person.body.finite.any())
    ]
    _write(path, body, people, clip.fps, labels, floor=0.0, correctives=correctives, owner="")


def _write(
    path: str | os.PathLike[str],
    model: BodyModel,
    bodies: Sequence[BodyParams],
    fps: float,
    labels: Sequence[str],
    *,
    floor: float,
    correctives: int,
    owner: str,
) -> None:
    """Write people of one shape over finite frames in a y-up world, let down by `floor` metres."""
    from lift3d.io.scenes.glb_correctives import find_correctives
    from lift3d.io.scenes.glb_scene import (
        glb_bytes,
        strongest_joints,
    )  # its glTF library is slow to import

    if len(labels) != len(bodies):
        raise InputError(
            f"expected one name per person ({len(bodies)}), got {len(labels)}: name each once"
        )
    if not fps > 0:
        raise InputError(f"expected a frame rate above 0, got {fps}: give frames per second")
    if correctives < 0:
        raise InputError(f"expected no or more correctives, got {correctives}: give 0 or more")
    skinning = strongest_joints(model.surface.lbs_weights.float().numpy())
    found = [find_correctives(model, b, skinning, correctives) for b in bodies if correctives]
    moves = [moved(model, body) for body in bodies]
    whole = glb_bytes(model, moves, found, labels, fps, floor=floor, copyright_=owner)
    with atomic_path(path) as partial:
        partial.write_bytes(whole)


def _expect_common_frames(people: Sequence[BodyParams]) -> None:
    shapes = {tuple(body.global_orient.shape[:-1]) for body in people}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or 0 in next(iter(shapes)):
        raise InputError(
            "expected people with one and the same axis of frames, got batch shapes "
            f"{sorted(shapes) or 'of nobody'}: cut them to common frames"
        )
