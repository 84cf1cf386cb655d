"""Pose correctives as morph targets: what skinning with four joints per vertex leaves out.

Where a body's surface lies is taken back through the file's own skinning into the rest pose. The
difference from the rest surface is what pose blend shapes do (and weights that four joints do not
hold). Its principal components over a clip become morph targets, with a weight per frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.motion.world_body import at_rest
from lift3d.protocols import BodyModel

__all__ = ["Correctives", "Skinning", "find_correctives"]

_SAMPLES: Final = 128
"""Frames from which the components are taken."""
_CHUNK: Final = 8
_FLAT: Final = 0.2
"""Where joints turn so far apart that skinning shrinks a vertex's surroundings to this share of their
volume, nothing is taken back: it would blow up."""


@dataclass(frozen=True, slots=True)
class Skinning:
    """The strongest joints of each vertex, and their weights, which sum to 1."""

    weights: Float32[ndarray, "vertices influences"]
    joints: UInt[ndarray, "vertices influences"]


@dataclass(frozen=True, slots=True)
class Correctives:
    """Displacements of the rest surface (metres), and how much of each a frame has, at most 1.

    The errors are what is left between the posed surface of the file and that of the body, in
    millimetres, over all frames: on average, and the largest.
    """

    shapes: Float32[ndarray, "targets vertices 3"]
    weights: Float32[ndarray, "frames targets"]
    mean_error_mm: float
    largest_error_mm: float


@torch.no_grad()
def find_correctives(
    model: BodyModel, body: BodyParams, skinning: Skinning, targets: int
) -> Correctives:
    """At most so many correctives for a body of one shape over finite frames."""
    frames = len(body.transl)
    sample = torch.linspace(0, frames - 1, min(frames, _SAMPLES)).round().long()
    seen = torch.cat([d.flatten(1) for d, _ in _displacements(model, body[sample], skinning)])
    shapes = _components(seen, targets)
    weights: list[Tensor] = []
    sums, largest = 0.0, 0.0
    for displaced, maps in _displacements(model, body, skinning):
        flat = displaced.flatten(1)
        weights.append(flat @ shapes.T)
        left = (flat - weights[-1] @ shapes).reshape(displaced.shape)
        error = torch.linalg.vector_norm(_turned(maps, left), dim=-1)
        sums, largest = sums + float(error.sum()), max(largest, float(error.max()))
    every = torch.cat(weights)
    size = every.abs().amax(0).clamp(min=1e-12)
    count = frames * len(skinning.weights)
    return Correctives(
        (shapes * size[:, None]).reshape(len(shapes), -1, 3).numpy(),
        (every / size).numpy(),
        1000 * sums / count,
        1000 * largest,
    )


def _components(seen: Float[Tensor, "frames n"], targets: int) -> Float[Tensor, "targets n"]:
    """The directions (unit rows) of the largest squared sums, by the frames' inner products."""
    values, vectors = torch.linalg.eigh((seen @ seen.T).double())
    known = int((values > 1e-9 * values[-1].clamp(min=1e-30)).sum())
    best = vectors.flip(1)[:, : min(targets, known)].to(seen.dtype)
    return torch.nn.functional.normalize(best.T @ seen, dim=1)


def _displacements(
    model: BodyModel, body: BodyParams, skinning: Skinning
) -> Iterator[tuple[Float[Tensor, "frames vertices 3"], Float[Tensor, "frames vertices 3 3"]]]:
    """Chunk by chunk the displacements in the rest pose, and each vertex's skinning matrix."""
    at = model(at_rest(body))
    rest, joints = at.vertices[0].float(), at.joints[0].float()
    parents = model.skeleton.parents
    offsets = torch.stack(
        [j - joints[p] if p >= 0 else j for j, p in zip(joints, parents, strict=True)]
    )
    for start in range(0, len(body.transl), _CHUNK):
        part = body[start : start + _CHUNK]
        turns = rotmat_from_axis_angle(part.axis_angle.float())
        way = offsets.repeat(len(turns), 1, 1)
        way[:, 0] += part.transl.float()
        rotmats, places = forward_kinematics(turns, way, parents)
        shifts = places - (rotmats @ joints[..., None])[..., 0]
        maps, shift = _blended(rotmats, shifts, skinning)
        wanted = model(part).vertices.float() - shift
        yield _undone(maps, wanted, rest), maps


def _blended(rotmats: Tensor, shifts: Tensor, skinning: Skinning) -> tuple[Tensor, Tensor]:
    """Each vertex's matrix [frames vertices 3 3] and shift [frames vertices 3]."""
    weights = torch.from_numpy(skinning.weights)
    dense = weights.new_zeros(len(weights), rotmats.shape[1])
    dense.scatter_add_(1, torch.from_numpy(skinning.joints.astype(np.int64)), weights)
    both = torch.cat([rotmats.flatten(2), shifts], -1)
    mixed = dense @ both
    return mixed[..., :9].reshape(*mixed.shape[:-1], 3, 3), mixed[..., 9:]


def _undone(maps: Tensor, wanted: Tensor, rest: Tensor) -> Float[Tensor, "frames vertices 3"]:
    """M^-1 wanted - rest, by Cramer's rule; 0 where M is nearly flat."""
    a, b, c = maps.unbind(-1)
    across = torch.stack(
        [torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2
    )
    volume = (a * across[..., 0, :]).sum(-1, keepdim=True)
    found = _turned(across, wanted) / volume.clamp(min=_FLAT)
    return torch.where(volume > _FLAT, found - rest, 0.0)


def _turned(maps: Tensor, vectors: Tensor) -> Tensor:
    return (maps @ vectors[..., None])[..., 0]
