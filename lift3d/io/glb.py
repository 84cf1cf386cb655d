"""Animated bodies as one glTF 2.0 binary file (.glb), for Blender, three.js and game engines.

Each person becomes a mesh at rest in their own shape, skinned to joints named as in SMPL, with a
rotation per joint and frame and the root's place. The file is y-up and in metres, as glTF asks.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.io.atomic import atomic_path
from lift3d.io.glb_motion import moved
from lift3d.protocols import BodyModel

__all__ = ["write_glb"]


def write_glb(
    path: str | os.PathLike[str],
    model: BodyModel,
    people: Sequence[BodyParams],
    fps: float,
    names: Sequence[str] = (),
    *,
    world_from_camera: Float[Tensor, "3 3"] = WORLD_FROM_CAMERA,
    on_floor: bool = True,
    copyright: str = "",  # noqa: A002 - glTF's own word
) -> None:
    """Write people who move over the same frames (camera frame) as a skinned, animated GLB.

    `world_from_camera` turns the camera's axes into y-up ones. With `on_floor` all are moved so that
    the lowest place that a body reaches lies at y = 0. A person's betas are averaged over time.
    Frames with NaN hold the nearest known pose. glTF skins have four joints per vertex and no pose
    blend shapes, so surfaces may differ from the model's by some millimetres; joints do not.
    Raises `InputError` where people or frames are missing or do not fit, `OutputError` where the
    file cannot be written.
    """
    from lift3d.io.glb_scene import glb_bytes  # its glTF library takes long to import

    _expect_common_frames(people)
    if names and len(names) != len(people):
        raise InputError(f"expected one name per person ({len(people)}), got {len(names)}")
    if not fps > 0:
        raise InputError(f"expected a frame rate above 0, got {fps}")
    labels = list(names) or [f"person{i + 1}" for i in range(len(people))]
    moves = [moved(model, _held(body), world_from_camera.double()) for body in people]
    floor = min(move.lowest for move in moves) if on_floor else 0.0
    whole = glb_bytes(model, moves, labels, fps, floor=floor, copyright_=copyright)
    with atomic_path(path) as partial:
        partial.write_bytes(whole)


def _expect_common_frames(people: Sequence[BodyParams]) -> None:
    shapes = {tuple(body.global_orient.shape[:-1]) for body in people}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or 0 in next(iter(shapes)):
        raise InputError(
            "expected people with one and the same axis of frames, got batch shapes "
            f"{sorted(shapes) or 'of nobody'}: cut them to common frames"
        )


def _held(body: BodyParams) -> BodyParams:
    """The same body with every frame that is not finite replaced by the nearest one that is."""
    flat = torch.cat([body.body_pose.flatten(1), body.global_orient, body.transl], 1)
    known = flat.isfinite().all(1).nonzero()[:, 0]
    betas = body.betas if body.betas.ndim == 2 else body.betas[None]
    betas = betas[betas.isfinite().all(1)]
    if not len(known) or not len(betas):
        raise InputError(
            "expected a person with at least one finite frame, got none: leave them out"
        )
    frames = torch.arange(len(flat))
    nearest = known[(frames[:, None] - known).abs().argmin(1)]
    return replace(body[nearest], betas=betas.mean(0, keepdim=True))
