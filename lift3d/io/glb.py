"""Animated bodies as one glTF 2.0 binary file (.glb), for Blender, three.js and game engines.

Each person becomes a mesh at rest in their own shape, skinned to joints named as in SMPL, with a
rotation per joint and frame and the root's place. The file is y-up and in metres, as glTF asks.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pygltflib as gltf
import torch
from jaxtyping import Float, Int, UInt
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.rotations import quat_wxyz_from_axis_angle, quat_wxyz_from_rotmat
from lift3d.geometry.rotations import rotmat_from_axis_angle as rotmat_of
from lift3d.io.atomic import atomic_path
from lift3d.io.gltf_file import GltfFile
from lift3d.protocols import BodyModel

__all__ = ["write_glb"]

_FLOOR_FRAMES: Final = 48  # frames in which the lowest place of the bodies is looked for
_INFLUENCES: Final = 4  # glTF's JOINTS_0 and WEIGHTS_0 hold four joints per vertex


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
    frames = _common_frames(people)
    if names and len(names) != len(people):
        raise InputError(f"expected one name per person ({len(people)}), got {len(names)}")
    if not fps > 0:
        raise InputError(f"expected a frame rate above 0, got {fps}")
    labels = list(names) or [f"person{i + 1}" for i in range(len(people))]
    moves = [_moved(model, _held(body), world_from_camera.double()) for body in people]
    file = GltfFile()
    shared = _shared_surface(file, model)
    times = file.add((np.arange(frames) / fps).astype(np.float32), gltf.SCALAR, bounds=True)
    lift = min(move.lowest for move in moves) if on_floor else 0.0
    hips: list[int] = []
    for label, move in zip(labels, moves, strict=True):
        prefix = f"{label}_" if len(people) > 1 else ""
        joints = _add_joints(file, model, move, prefix)
        _add_skin(file, move, shared, joints, label)
        _add_motion(file, move, joints, times)
        hips.append(joints[0])
    file.node(gltf.Node(name="ground", translation=[0.0, -lift, 0.0], children=hips))
    with atomic_path(path) as partial:
        partial.write_bytes(file.to_bytes(copyright))


def _common_frames(people: Sequence[BodyParams]) -> int:
    shapes = {tuple(body.global_orient.shape[:-1]) for body in people}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or 0 in next(iter(shapes)):
        raise InputError(
            "expected people with one and the same axis of frames, got batch shapes "
            f"{sorted(shapes) or 'of nobody'}: cut them to common frames"
        )
    return next(iter(shapes))[0]


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


@dataclass(frozen=True, slots=True)
class _Move:
    """One person's rest surface and motion, in the file's y-up world."""

    vertices: Float[ndarray, "vertices 3"]
    rest_joints: Float[ndarray, "joints 3"]
    rotations: Float[ndarray, "frames joints 4"]
    root: Float[ndarray, "frames 3"]
    lowest: float


@torch.no_grad()
def _moved(model: BodyModel, body: BodyParams, world: Float[Tensor, "3 3"]) -> _Move:
    rest = BodyParams(
        body.betas,
        torch.zeros_like(body.body_pose[:1]),
        torch.zeros_like(body.global_orient[:1]),
        torch.zeros_like(body.transl[:1]),
    )
    root_turn = world @ rotmat_of(body.global_orient.double())
    quats = quat_wxyz_from_axis_angle(body.body_pose.double())
    quats = torch.cat([quat_wxyz_from_rotmat(root_turn)[:, None], quats], 1)
    root = model.joints(body)[:, 0].double() @ world.transpose(0, 1)
    return _Move(
        model(rest).vertices[0].float().numpy(),
        model.joints(rest)[0].float().numpy(),
        _continuous(quats)[..., [1, 2, 3, 0]].float().numpy(),
        root.float().numpy(),
        _lowest(model, body, world),
    )


def _lowest(model: BodyModel, body: BodyParams, world: Float[Tensor, "3 3"]) -> float:
    """The lowest place of the body's surface (metres, along the world's up) in a sample of frames."""
    total = len(body.transl)
    frames = torch.linspace(0, total - 1, min(total, _FLOOR_FRAMES)).round().long()
    lows = [
        model(body[at]).vertices.double() @ world[1]
        for at in (frames[i : i + 16] for i in range(0, len(frames), 16))
    ]
    return min(float(low.min()) for low in lows)


def _continuous(quats: Float[Tensor, "frames joints 4"]) -> Float[Tensor, "frames joints 4"]:
    """Of q and -q the one nearer to the frame before: viewers interpolate along the shorter arc."""
    near = (quats[1:] * quats[:-1]).sum(-1, keepdim=True)
    signs = torch.where(near < 0, -1.0, 1.0).cumprod(0)
    return torch.cat([quats[:1], quats[1:] * signs])


@dataclass(frozen=True, slots=True)
class _Surface:
    """What all people share. `vertex` tells which model vertex each vertex of the file is."""

    vertex: Int[ndarray, " split"]
    faces: Int[ndarray, "faces 3"]
    indices: int
    attributes: dict[str, int] = field(default_factory=dict[str, int])


def _shared_surface(file: GltfFile, model: BodyModel) -> _Surface:
    surface = model.surface
    faces = surface.faces.numpy().astype(np.int64)
    vertex, uv, split = _split_at_seams(
        faces, surface.uv.float().numpy(), surface.uv_faces.numpy().astype(np.int64)
    )
    weights, joints = _strongest(surface.lbs_weights.float().numpy())
    colors = np.clip(surface.colors.float().numpy(), 0, 1)
    rgba = np.concatenate([colors, np.ones_like(colors[:, :1])], 1) * 65535
    at = gltf.ARRAY_BUFFER
    attributes = {
        "COLOR_0": file.add(
            np.round(rgba).astype(np.uint16)[vertex], gltf.VEC4, at, normalized=True
        ),
        "JOINTS_0": file.add(joints[vertex], gltf.VEC4, at),
        "WEIGHTS_0": file.add(weights[vertex], gltf.VEC4, at),
    }
    if len(uv):
        # glTF counts v from the top.
        flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], 1).astype(np.float32)
        attributes["TEXCOORD_0"] = file.add(flipped, gltf.VEC2, at)
    indices = file.add(split.astype(np.uint32).ravel(), gltf.SCALAR, gltf.ELEMENT_ARRAY_BUFFER)
    return _Surface(vertex, faces, indices, attributes)


def _split_at_seams(
    faces: Int[ndarray, "faces 3"],
    uv: Float[ndarray, "uv_vertices 2"],
    uv_faces: Int[ndarray, "faces 3"],
) -> tuple[Int[ndarray, " split"], Float[ndarray, "split 2"], Int[ndarray, "faces 3"]]:
    """One vertex per pair of vertex and UV: their vertices, their UVs and the triangles over them."""
    if not len(uv):
        return np.arange(int(faces.max()) + 1), uv, faces
    pairs = faces.ravel() * len(uv) + uv_faces.ravel()
    unique, inverse = np.unique(pairs, return_inverse=True)
    return unique // len(uv), uv[unique % len(uv)], inverse.reshape(faces.shape)


def _strongest(
    weights: Float[ndarray, "vertices joints"],
) -> tuple[Float[ndarray, "vertices 4"], UInt[ndarray, "vertices 4"]]:
    """The four largest weights per vertex, summing to 1, and their joints (0 where unused)."""
    padded = np.pad(weights, [(0, 0), (0, max(0, _INFLUENCES - weights.shape[1]))])
    joints = np.argsort(-padded, axis=1, kind="stable")[:, :_INFLUENCES]
    strongest = np.take_along_axis(padded, joints, 1)
    strongest /= strongest.sum(1, keepdims=True)
    small = np.uint8 if weights.shape[1] <= 256 else np.uint16
    return strongest.astype(np.float32), np.where(strongest > 0, joints, 0).astype(small)


def _normals(
    vertices: Float[ndarray, "vertices 3"], faces: Int[ndarray, "faces 3"]
) -> Float[ndarray, "vertices 3"]:
    """Unit vertex normals: the mean of the triangles around, weighted by area."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, faces[:, corner], across)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    # glTF wants unit normals everywhere, also on vertices that no triangle uses.
    up = np.array([0, 1, 0], dtype=vertices.dtype)
    return np.where(length > 1e-20, summed / np.maximum(length, 1e-20), up).astype(np.float32)


def _add_skin(file: GltfFile, move: _Move, shared: _Surface, joints: list[int], label: str) -> None:
    bind = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    bind[:, :3, 3] = -move.rest_joints
    inverse_bind = file.add(bind.transpose(0, 2, 1), gltf.MAT4)  # glTF stores columns
    file.gltf.skins.append(
        gltf.Skin(name=label, joints=joints, inverseBindMatrices=inverse_bind, skeleton=joints[0])
    )
    normals = _normals(move.vertices, shared.faces)
    at = gltf.ARRAY_BUFFER
    attributes = gltf.Attributes(
        POSITION=file.add(move.vertices[shared.vertex], gltf.VEC3, at, bounds=True),
        NORMAL=file.add(normals[shared.vertex], gltf.VEC3, at),
        **shared.attributes,
    )
    primitive = gltf.Primitive(attributes=attributes, indices=shared.indices, material=0)
    file.gltf.meshes.append(gltf.Mesh(name=label, primitives=[primitive]))
    number = len(file.gltf.meshes) - 1
    file.node(gltf.Node(name=label, mesh=number, skin=number))


def _add_motion(file: GltfFile, move: _Move, joints: list[int], times: int) -> None:
    file.animate(joints[0], "translation", times, file.add(move.root, gltf.VEC3))
    for joint, node in enumerate(joints):
        turns = file.add(move.rotations[:, joint], gltf.VEC4)
        file.animate(node, "rotation", times, turns)


def _add_joints(file: GltfFile, model: BodyModel, move: _Move, prefix: str) -> list[int]:
    """One node per joint, as it stands in the first frame; returns their numbers."""
    skeleton, first = model.skeleton, len(file.gltf.nodes)
    for joint, parent in enumerate(skeleton.parents):
        place = move.root[0] if parent < 0 else move.rest_joints[joint] - move.rest_joints[parent]
        node = gltf.Node(
            name=prefix + skeleton.joints[joint],
            translation=[float(x) for x in place],
            rotation=[float(x) for x in move.rotations[0, joint]],
            children=[first + c for c, p in enumerate(skeleton.parents) if p == joint],
        )
        file.node(node, top=False)
    return list(range(first, first + len(skeleton)))
