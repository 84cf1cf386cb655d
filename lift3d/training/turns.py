"""Unit quaternions (w, x, y, z) multiplied, and motion read between its frames, for augmentation."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["between", "interpolated", "product"]


def product(
    a: Float[Tensor, "*#batch 4"], b: Float[Tensor, "*#batch 4"]
) -> Float[Tensor, "*batch 4"]:
    """The rotation `b` first, then `a` (Hamilton's product)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        -1,
    )


def interpolated(
    quats: Float[Tensor, "clips frames joints 4"], at: Float[Tensor, "clips times"]
) -> Float[Tensor, "clips times joints 4"]:
    """Rotations between frames: the normalised chord, which at small angles is the arc.

    `at` are frame numbers in [0, frames - 1].
    """
    before = at.floor().long().clamp(0, quats.shape[1] - 2)
    rows = torch.arange(len(quats))[:, None]
    a, b = quats[rows, before], quats[rows, before + 1]
    # q and -q are one rotation: go the shorter way.
    b = torch.where((a * b).sum(-1, keepdim=True) < 0, -b, b)
    return torch.nn.functional.normalize(torch.lerp(a, b, (at - before)[..., None, None]), dim=-1)


def between(
    path: Float[Tensor, "clips frames axes"], at: Float[Tensor, "clips times"]
) -> Float[Tensor, "clips times axes"]:
    """Places between frames, on straight lines; `at` are frame numbers in [0, frames - 1]."""
    before = at.floor().long().clamp(0, path.shape[1] - 2)
    rows = torch.arange(len(path))[:, None]
    return torch.lerp(path[rows, before], path[rows, before + 1], (at - before)[..., None])
