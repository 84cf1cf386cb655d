"""Bodies in SMPL's format by compiled kernels: float32, CPU, no gradients.

Big batches go in groups of bodies and chunks of vertices that stay in the cache: a matrix product
makes a chunk's pose displacements, and a kernel skins them. A few bodies go one by one. Nothing of
the size bodies x vertices is made but the result.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float32, Int16, Int32, Int64
from numpy import ndarray
from torch import Tensor

from lift3d_body_models.kernels.many import LANES, pose_tiles, skin_chunk
from lift3d_body_models.kernels.one import pose_one, skin_one
from lift3d_body_models.pose_input import Turns
from lift3d_body_models.smpl_arrays import PoseShapes, SmplArrays

__all__ = ["CompiledBody", "Shape"]

_CHUNK: Final = 128  # vertices
_GROUP: Final = 256  # bodies
_FEW: Final = 4  # bodies; more of them are faster side by side
# Pose shapes go as 16-bit integers where `_as_int16` expects no more error than this (metres).
_NEAR: Final = 5e-6

Rows = Float32[ndarray, "bodies _"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Joints at rest, and vertices to which `coefficients` are yet to be added.

    There is one row for all bodies, or one each.
    """

    joints: Float32[ndarray, "shapes joint_values"]
    coefficients: Float32[ndarray, "shapes given"]
    vertices: Float32[ndarray, " coordinates"]


class CompiledBody:
    """A body's arrays packed for the kernels. All results are None where a number is bad."""

    def __init__(self, arrays: SmplArrays, *, half_pose_shapes: bool) -> None:
        """Copy the arrays; pose shapes are packed when vertices are first asked for."""
        self._pose_shapes = arrays.pose_shapes
        self._half = half_pose_shapes
        self._parents = np.array(arrays.parents, np.int64)
        self._dirs = _float32(arrays.shapedirs.permute(2, 0, 1).flatten(1))
        self._joints_dirs = _float32(arrays.joints_shapedirs.permute(2, 0, 1).flatten(1))
        self._bones, self._weights = _influences(_float32(arrays.lbs_weights))
        self._joints = _float32(arrays.joints_template.flatten())
        self._template = _float32(arrays.v_template.flatten())

    def shape(self, coefficients: Float32[ndarray, "shapes given"]) -> Shape:
        """The template in one shape for all bodies or one for each; its vertices are still to come."""
        with np.errstate(invalid="ignore"):  # the kernels see what is not finite
            joints = self._joints + coefficients @ self._joints_dirs
        return Shape(joints, coefficients, self._template)

    def fold(self, shape: Shape) -> Shape:
        """The same shape with its one row of coefficients added to the vertices."""
        row = shape.coefficients[0]
        used = np.flatnonzero(row)
        dirs = self._dirs[: len(row)] if len(used) == len(row) else self._dirs[used]
        return Shape(shape.joints, shape.coefficients[:, :0], shape.vertices + row[used] @ dirs)

    def joints(self, shape: Shape, turns: Turns) -> Float32[ndarray, "bodies joint_values"] | None:
        """Posed joints (metres); no vertex is touched."""
        out = np.empty((len(turns.transl), len(self._joints)), np.float32)
        if len(out) == 1:
            good = pose_one(*self._start(shape, turns), 0, out, _NO_MAPS, _NO_FEATURES)
            return out if good else None
        no_maps = np.empty((0, len(self._parents), 12 * LANES), np.float32)
        bad = pose_tiles(*self._start(shape, turns), out, no_maps, _NO_ROWS)
        return out if bad < 0 else None

    def vertices(self, shape: Shape, turns: Turns) -> tuple[Rows, Rows] | None:
        """Posed vertices and joints (metres)."""
        bodies = len(turns.transl)
        if bodies > _FEW and len(shape.coefficients) == 1:
            shape = self.fold(shape)
        out = np.empty((bodies, len(shape.vertices)), np.float32)
        joints = np.empty((bodies, len(self._joints)), np.float32)
        pose = self._few if bodies <= _FEW else self._many
        return (out, joints) if pose(shape, turns, out, joints) else None

    def _start(
        self, shape: Shape, turns: Turns
    ) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]:
        """The arguments with which both kernels of kinematics begin."""
        return turns.root, turns.pose, turns.transl, shape.joints, self._parents

    def _few(self, shape: Shape, turns: Turns, out: Rows, joints: Rows) -> bool:
        maps = np.empty((len(self._parents), 12), np.float32)
        features = np.empty(9 * (len(self._parents) - 1), np.float32)
        packed = self._rows
        for body, row in enumerate(out):
            if not pose_one(*self._start(shape, turns), body, joints, maps, features):
                return False
            own = body if len(shape.coefficients) > 1 else 0
            skin_one(
                features, packed.starts, packed.rows, packed.scales, packed.values,
                shape.coefficients[own], shape.vertices, self._dirs,
                maps, self._bones, self._weights, row,
            )  # fmt: skip
        return True

    def _many(self, shape: Shape, turns: Turns, out: Rows, joints: Rows) -> bool:
        for first in range(0, len(out), _GROUP):
            part = slice(first, first + _GROUP)
            rows = (values[part] for values in (turns.root, turns.pose, turns.transl))
            some = shape
            if len(shape.joints) > 1:
                some = Shape(shape.joints[part], shape.coefficients[part], shape.vertices)
            if not self._group(some, Turns(*rows), out[part], joints[part]):
                return False
        return True

    def _group(self, shape: Shape, turns: Turns, out: Rows, joints: Rows) -> bool:
        count, tiles = len(self._parents), -(-len(out) // LANES)
        maps = np.empty((tiles, count, 12 * LANES), np.float32)
        features = np.empty((9 * (count - 1), tiles * LANES), np.float32)
        if pose_tiles(*self._start(shape, turns), joints, maps, features) >= 0:
            return False
        given = np.zeros((shape.coefficients.shape[1], tiles * LANES), np.float32)
        given[:, : len(out)] = shape.coefficients.T
        buffer = torch.empty(3 * _CHUNK, tiles * LANES)
        for chunk in range(len(self._matrices)):
            at = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
            values = slice(3 * at.start, 3 * at.stop)
            template = shape.vertices[values]
            offsets = buffer[: len(template)]
            self._displace(chunk, torch.from_numpy(features), offsets)
            if len(given) > 0:
                dirs = torch.from_numpy(self._dirs[: len(given), values])
                offsets.addmm_(dirs.T, torch.from_numpy(given))
            skin_chunk(
                offsets.numpy(), template, maps, self._bones[at], self._weights[at],
                out, values.start,
            )  # fmt: skip
        return True

    def _displace(self, chunk: int, features: Tensor, out: Tensor) -> None:
        """Fill in the pose displacements of a chunk's vertices for some bodies."""
        matrix, rows = self._matrices[chunk]
        if len(rows) == 0:
            out.zero_()
            return
        some = features if len(rows) == len(features) else features[rows]
        if self._half:
            out.copy_(matrix @ some.to(matrix.dtype))
        else:
            torch.mm(matrix, some, out=out)

    @cached_property
    def _matrices(self) -> list[tuple[Float[Tensor, "values rows"], Int32[Tensor, " rows"]]]:
        """For each chunk, its pose shapes as a product wants them, and the features they take."""
        packed = _pack(self._pose_shapes, len(self._bones))
        # One block of numpy's, which asks the system for big pages: quicker to read.
        block = np.empty(packed.values.size, np.int16 if self._half else np.float32)
        room = torch.from_numpy(block).view(torch.bfloat16 if self._half else torch.float32)
        out: list[tuple[Tensor, Tensor]] = []
        for chunk, (first, last) in enumerate(pairwise(packed.starts.tolist())):
            values = 3 * min(_CHUNK, len(self._bones) - chunk * _CHUNK)
            matrix, room = room[: values * (last - first)], room[values * (last - first) :]
            matrix = matrix.view(values, last - first)
            matrix.copy_(torch.from_numpy(packed.values[first:last, :values]).T)
            out.append((matrix, torch.from_numpy(packed.rows[first:last])))
        return out

    @cached_property
    def _rows(self) -> "_Packed":
        """Pose shapes as one body takes them."""
        packed = _pack(self._pose_shapes, len(self._bones))
        small, error = _as_int16(packed)
        return small if self._half or error <= _NEAR else packed


@dataclass(frozen=True, slots=True)
class _Packed:
    """Pose shapes by chunks of vertices, only of the joints that displace some of them.

    Rows `starts[c]` to `starts[c + 1]` belong to chunk c: by feature `rows` of the pose, times
    `scales`, its vertices move by `values`, three per vertex.
    """

    starts: Int64[ndarray, " bounds"]
    rows: Int32[ndarray, " rows"]
    scales: Float32[ndarray, " rows"]
    values: Float32[ndarray, "rows width"] | Int16[ndarray, "rows width"]


def _pack(pose_shapes: tuple[PoseShapes, ...], vertices: int) -> _Packed:
    chunks = -(-vertices // _CHUNK)
    rows: list[list[ndarray]] = [[] for _ in range(chunks)]
    blocks: list[list[ndarray]] = [[] for _ in range(chunks)]
    for shape in sorted(pose_shapes, key=lambda shape: shape.joint):
        at, values = shape.vertices.cpu().numpy(), _float32(shape.values)
        for chunk in np.unique(at // _CHUNK):
            inside = at // _CHUNK == chunk
            block = np.zeros((9, _CHUNK, 3), np.float32)
            block[:, at[inside] % _CHUNK] = values[inside].transpose(1, 0, 2)
            blocks[chunk].append(block.reshape(9, -1))
            rows[chunk].append(np.arange(9 * (shape.joint - 1), 9 * shape.joint, dtype=np.int32))
    starts = np.cumsum([0] + [9 * len(own) for own in rows], dtype=np.int64)
    none = np.empty((0, 3 * _CHUNK), np.float32)
    return _Packed(
        starts,
        np.concatenate([np.empty(0, np.int32), *(row for own in rows for row in own)]),
        np.ones(starts[-1], np.float32),
        np.concatenate([none, *(block for own in blocks for block in own)]),
    )


def _as_int16(packed: _Packed) -> tuple[_Packed, float]:
    """The same as 16-bit integers, and the error that is expected of vertices (metres).

    The error is that of the worst coordinate when every joint is turned by half a turn (a feature
    vector of length sqrt 8 per joint) and the roundings along it add up as independent ones do. It is
    no bound: axes sought for the worst vertex reach about twice as much, and roundings that all
    agreed, sqrt(joints) times as much (Cauchy and Schwarz).
    """
    scales = np.maximum(np.abs(packed.values).max(1, initial=0) / 32767, np.float32(1e-30))
    small = np.rint(packed.values / scales[:, None]).astype(np.int16)
    worst = 0.0
    for first, last in pairwise(packed.starts):
        away = packed.values[first:last] - small[first:last] * scales[first:last, None]
        worst = max(worst, float(np.square(away).sum(0).max()))
    return replace(packed, scales=scales, values=small), (8 * worst) ** 0.5


def _influences(weights: Float32[ndarray, "vertices joints"]) -> tuple[ndarray, ndarray]:
    """Joints and weights per vertex, heaviest first, in as many fours as the model needs."""
    most = int((weights != 0).sum(1).max(initial=1))
    count = 4 * -(-most // 4)
    wide = np.pad(weights, [(0, 0), (0, max(0, count - weights.shape[1]))])
    bones = np.argsort(-np.abs(wide), axis=1, kind="stable")[:, :count]
    kept = np.take_along_axis(wide, bones, 1)
    return np.where(kept != 0, bones, 0).astype(np.int32), np.ascontiguousarray(kept)


def _float32(values: Tensor) -> ndarray:
    out: ndarray = values.detach().to("cpu", torch.float32).contiguous().numpy()
    return out


_NO_MAPS: Final = np.empty((0, 12), np.float32)
_NO_FEATURES: Final = np.empty(0, np.float32)
_NO_ROWS: Final = np.empty((0, 0), np.float32)
