"""Planes, and the ground under points that mostly lie on it."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Plane", "fit_ground"]

_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Plane:
    """Points p with `normal @ p + offset = 0`; the normal has length 1.

    For the ground in a camera's frame the normal points up and `offset` is the camera's height in
    metres.
    """

    normal: Float[Tensor, "3"]
    offset: float

    def heights(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """How far above the plane points are, in metres; negative below."""
        return points @ self.normal.to(points) + self.offset


def fit_ground(
    points: Float[Tensor, "points 3"],
    up: Float[Tensor, "3"],
    *,
    spread: float = 0.04,
    tilt: float = 0.09,
) -> Plane:
    """The plane under most of the points that is about level.

    Points (metres) lie off it by `spread` (metres, Cauchy errors, so a few may lie far off) and it
    is tilted against `up` by about `tilt` (radians, in each direction): points in one place or on a
    line tell only what they can. Maximum a posteriori by iteratively reweighted least squares
    (Holland and Welsch 1977), from the median height. NaN points do not count; without any the plane
    goes through the origin.
    """
    up = torch.nn.functional.normalize(up.double(), dim=0)
    known = points.double()[points.isfinite().all(-1)]
    if not len(known):
        return Plane(up, 0.0)
    along = _beside(up)
    middle = known.median(0).values
    flat, height = (known - middle) @ along.T, (known - middle) @ up
    rows = torch.cat([flat, torch.ones_like(flat[:, :1])], -1)
    prior = torch.diag(torch.tensor([tilt**-2, tilt**-2, 0.0], dtype=torch.float64))
    found = torch.stack([*torch.zeros(2).double(), height.median()])
    for _ in range(_STEPS):
        off = (height - rows @ found) / spread
        weights = 1 / (1 + off.square()) / spread**2
        found = torch.linalg.solve(
            rows.T @ (weights[:, None] * rows) + prior, rows.T @ (weights * height)
        )
    slope = up - found[:2] @ along
    normal = torch.nn.functional.normalize(slope, dim=0)
    return Plane(normal, -float(normal @ (middle + found[2] * up)))


def _beside(up: Tensor) -> Float[Tensor, "2 3"]:
    """Two directions at right angles to a unit vector and to each other."""
    first = torch.eye(3, dtype=up.dtype)[up.abs().argmin()]
    first = torch.nn.functional.normalize(first - (first @ up) * up, dim=0)
    return torch.stack([first, torch.linalg.cross(up, first)])
