"""The parts of an animated GLB: joints, a skinned surface that people share, and their motion."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pygltflib as gltf
from jaxtyping import Float, Int
from numpy import ndarray

from lift3d.io.scenes.glb_correctives import Correctives, Skinning
from lift3d.io.scenes.glb_motion import Move
from lift3d.io.scenes.gltf_file import GltfFile
from lift3d.protocols import BodyModel

__all__ = ["glb_bytes", "strongest_joints"]

_INFLUENCES: Final = 4  # glTF's JOINTS_0 and WEIGHTS_0 hold four joints per vertex


def glb_bytes(
    model: BodyModel,
    moves: Sequence[Move],
    correctives: Sequence[Correctives],
    names: Sequence[str],
    fps: float,
    *,
    floor: float,
    copyright_: str,
) -> bytes:
    """The file with people who move over the same frames, let down by `floor` metres.

    `correctives` are those of each person, or none at all.
    """
    file = GltfFile()
    shared = _shared_surface(file, model)
    frames = len(moves[0].root)
    times = file.add((np.arange(frames) / fps).astype(np.float32), gltf.SCALAR, bounds=True)
    hips: list[int] = []
    for number, (name, move) in enumerate(zip(names, moves, strict=True)):
        prefix = f"{name}_" if len(moves) > 1 else ""
        joints = _add_joints(file, model, move, prefix)
        skin = _add_skin(file, move, shared, joints, name)
        _add_motion(file, move, joints, times)
        if correctives:
            _add_correctives(file, skin, correctives[number], shared, times)
        hips.append(joints[0])
    file.node(gltf.Node(name="ground", translation=[0.0, -floor, 0.0], children=hips))
    return file.to_bytes(copyright_)


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
    if len(surface.uv):
        vertex, uv, split = _split_at_seams(
            faces, surface.uv.float().numpy(), surface.uv_faces.numpy().astype(np.int64)
        )
    else:
        vertex, uv, split = np.arange(len(surface.lbs_weights)), None, faces
    skinning = strongest_joints(surface.lbs_weights.float().numpy())
    colors = np.clip(surface.colors.float().numpy(), 0, 1)
    rgba = np.concatenate([colors, np.ones_like(colors[:, :1])], 1) * 65535
    at = gltf.ARRAY_BUFFER
    attributes = {
        "COLOR_0": file.add(
            np.round(rgba).astype(np.uint16)[vertex], gltf.VEC4, at, normalized=True
        ),
        "JOINTS_0": file.add(skinning.joints[vertex], gltf.VEC4, at),
        "WEIGHTS_0": file.add(skinning.weights[vertex], gltf.VEC4, at),
    }
    if uv is not None:
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
    pairs = faces.ravel() * len(uv) + uv_faces.ravel()
    unique, inverse = np.unique(pairs, return_inverse=True)
    return unique // len(uv), uv[unique % len(uv)], inverse.reshape(faces.shape)


def strongest_joints(weights: Float[ndarray, "vertices joints"]) -> Skinning:
    """The four largest weights per vertex, summing to 1, and their joints (0 where unused)."""
    padded = np.pad(weights, [(0, 0), (0, max(0, _INFLUENCES - weights.shape[1]))])
    joints = np.argsort(-padded, axis=1, kind="stable")[:, :_INFLUENCES]
    strongest = np.take_along_axis(padded, joints, 1)
    strongest /= strongest.sum(1, keepdims=True)
    small = np.uint8 if weights.shape[1] <= 256 else np.uint16
    return Skinning(strongest.astype(np.float32), np.where(strongest > 0, joints, 0).astype(small))


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


def _add_skin(file: GltfFile, move: Move, shared: _Surface, joints: list[int], label: str) -> int:
    """A person's surface on their joints; returns the node that shows it."""
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
    return file.node(gltf.Node(name=label, mesh=number, skin=number))


def _add_correctives(
    file: GltfFile, node: int, found: Correctives, shared: _Surface, times: int
) -> None:
    """Morph targets of the surface that a node shows, and their weights over time."""
    number: Any = file.gltf.nodes[node].mesh
    mesh = file.gltf.meshes[number]
    mesh.primitives[0].targets = [
        {"POSITION": file.add(shape[shared.vertex], gltf.VEC3, gltf.ARRAY_BUFFER, bounds=True)}
        for shape in found.shapes
    ]
    mesh.weights = found.weights[0].tolist()
    mesh.extras = {
        "targetNames": [f"corrective{number + 1}" for number in range(len(found.shapes))],
        "mean_error_mm": found.mean_error_mm,
        "largest_error_mm": found.largest_error_mm,
    }
    file.animate(node, "weights", times, file.add(found.weights.reshape(-1), gltf.SCALAR))


def _add_motion(file: GltfFile, move: Move, joints: list[int], times: int) -> None:
    file.animate(joints[0], "translation", times, file.add(move.root, gltf.VEC3))
    for joint, node in enumerate(joints):
        turns = file.add(move.rotations[:, joint], gltf.VEC4)
        file.animate(node, "rotation", times, turns)


def _add_joints(file: GltfFile, model: BodyModel, move: Move, prefix: str) -> list[int]:
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
