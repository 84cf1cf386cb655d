"""Maps of mirrored pictures: the other side's parts, and U and V as they are there.

Charts of both sides need not be mirror images of each other, so U and V change, too. DensePose keeps
tables for that (`densepose_tables`); for any other atlas the body itself knows: each triangle is
mirrored in the rest pose and laid onto the nearest one of the part on the other side, as a whole, so
that no triangle is torn where a chart is cut open.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from numpy import ndarray
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.closest import closest_on_mesh
from lift3d.surface.atlas import mirrored_part
from lift3d.surface.lookup import Lookup
from lift3d.surface.surface_map import PARTS, SurfaceDoubt, SurfaceMap

__all__ = ["BodyMirror", "Mirror", "TableMirror", "mirror_of", "mirrored_map", "other_side"]

_OTHER_SIDE = np.array([mirrored_part(part) for part in range(PARTS + 1)])


def other_side(part: Int64[ndarray, " points"]) -> Int64[ndarray, " points"]:
    """The numbers of the parts on the other side."""
    return np.asarray(_OTHER_SIDE[part], np.int64)


@runtime_checkable
class Mirror(Protocol):
    """U and V after a mirroring, in the mirrored part."""

    def __call__(
        self, part: Int64[ndarray, " points"], uv: Float64[ndarray, "points 2"]
    ) -> Float64[ndarray, "points 2"]: ...


@dataclass(frozen=True, slots=True)
class TableMirror:
    """Tables by part, row (V) and column (U)."""

    u: Float32[ndarray, "24 rows columns"]
    v: Float32[ndarray, "24 rows columns"]

    def __post_init__(self) -> None:
        if self.u.shape != self.v.shape or self.u.ndim != 3 or len(self.u) != PARTS:
            raise InputError(
                f"expected tables [{PARTS} rows columns], got {self.u.shape} and {self.v.shape}: give "
                "one for each part"
            )

    def __call__(
        self, part: Int64[ndarray, " points"], uv: Float64[ndarray, "points 2"]
    ) -> Float64[ndarray, "points 2"]:
        rows, columns = (n - 1 for n in self.u.shape[1:])
        at = (part - 1, (uv[:, 1] * rows).astype(np.int64), (uv[:, 0] * columns).astype(np.int64))
        return np.stack([self.u[at], self.v[at]], -1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class BodyMirror:
    """Where the corners of each triangle lie in the charts after a mirroring."""

    lookup: Lookup
    uv: Float32[ndarray, "faces 3 2"]

    def __call__(
        self, part: Int64[ndarray, " points"], uv: Float64[ndarray, "points 2"]
    ) -> Float64[ndarray, "points 2"]:
        found = self.lookup.places(part, uv)
        moved = (self.uv[found.faces] * found.barycentric[..., None]).sum(1)
        return np.where((found.faces >= 0)[:, None], moved, uv)


def mirror_of(lookup: Lookup, vertices: Float[Tensor, "vertices 3"]) -> BodyMirror:
    """The mirror of an atlas on a body; `vertices` are its rest pose, symmetric about x = 0 (metres)."""
    atlas = lookup.atlas
    rest = vertices.detach().cpu().double()
    faces = torch.from_numpy(atlas.faces).long()
    turned = (rest * torch.tensor([-1.0, 1.0, 1.0]))[faces]
    out = np.zeros_like(atlas.uv)
    for part in range(1, PARTS + 1):
        own, other = atlas.part == part, np.flatnonzero(atlas.part == _OTHER_SIDE[part])
        if own.any() and len(other):
            nearest, _, _ = closest_on_mesh(turned[own].mean(1), rest, faces[other])
            twins = other[nearest.numpy()]
            weights = _weights_in(turned[own].numpy(), rest[faces[twins]].numpy())
            out[own] = weights @ atlas.uv[twins]
    return BodyMirror(lookup, np.clip(out, 0, 1))


def _weights_in(
    points: Float64[ndarray, "faces 3 3"], corners: Float64[ndarray, "faces 3 3"]
) -> Float64[ndarray, "faces 3 3"]:
    """Barycentric weights of three points in the plane of each triangle, also outside of it."""
    a = corners[:, :1]
    edges = (corners - a)[:, 1:]
    gram = edges @ edges.transpose(0, 2, 1) + 1e-16 * np.eye(2)
    shares = (points - a) @ edges.transpose(0, 2, 1) @ np.linalg.inv(gram)
    return np.concatenate([1 - shares.sum(-1, keepdims=True), shares], -1)


def mirrored_map(surface: SurfaceMap, mirror: Mirror) -> SurfaceMap:
    """The map of the mirrored picture. Raises `InputError` where the picture's size is not known.

    Doubt keeps its size but not its direction: charts of both sides have axes of their own.
    """
    if surface.image_size is None:
        raise InputError("expected a map that knows its picture's size, got none: set image_size")
    part = surface.part.flip(-1).cpu().numpy().astype(np.int64)
    uv = surface.uv.flip(-1).detach().cpu().double().numpy()
    here = part > 0
    uv[:, here] = np.clip(mirror(part[here], uv[:, here].T), 0, 1).T
    left, top, width, height = surface.box.tolist()
    doubt = surface.doubt
    if doubt is not None:
        spread = (doubt.sigma.square() + doubt.kappa.square().sum(0) / 2).sqrt().flip(-1)
        doubt = SurfaceDoubt(spread, torch.zeros_like(doubt.kappa))
    return SurfaceMap(
        torch.from_numpy(_OTHER_SIDE[part]),
        torch.from_numpy(uv).float(),
        torch.tensor([surface.image_size[1] - left - width, top, width, height]),
        surface.image_size,
        surface.score,
        doubt,
    )
