"""Places and turns that break formulas: nothing at all, tiny and huge lengths, half turns."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from hypothesis import strategies as st
from torch import Tensor

from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["COUNT", "Draw", "draws"]

COUNT: Final = 6
LENGTHS: Final = (0.0, 1e-38, 1e-20, 1e-8, 1e-3, 1.0, math.pi, 2 * math.pi, 30.0, 1e4)


@dataclass(frozen=True)
class Draw:
    """Points [6, 3], turns (axis-angle) [6, 3] with matrices [6, 3, 3], and weights [6] from 0 to 1."""

    points: Tensor
    turns: Tensor
    weights: Tensor

    @property
    def rotmats(self) -> Tensor:
        return rotmat_from_axis_angle(self.turns)

    @property
    def unit(self) -> Tensor:
        """Directions: where a point is nothing, straight ahead."""
        length = self.points.norm(dim=-1, keepdim=True)
        ahead = torch.tensor([0.0, 0.0, 1.0], dtype=self.points.dtype)
        return torch.where(length > 1e-6, self.points / length.clamp(min=1e-6), ahead)


directions = st.sampled_from(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1), (-1, 1, 0), (1, 1, 1), (0.3, -0.5, 0.8)]
)
vectors = st.tuples(st.sampled_from(LENGTHS), directions).map(
    lambda drawn: (torch.tensor(drawn[1]).double() / math.dist((0, 0, 0), drawn[1])) * drawn[0]
)


@st.composite
def draws(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Draw:
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    points = torch.stack([draw(vectors) for _ in range(COUNT)])
    if draw(st.booleans()):
        points[3] = points[0]
    turns = torch.stack([draw(vectors.filter(lambda v: v.norm() < 10)) for _ in range(COUNT)])
    weights = torch.tensor([draw(st.sampled_from([0.0, 1e-6, 0.5, 1.0])) for _ in range(COUNT)])
    return Draw(points.to(dtype), turns.to(dtype), weights.to(dtype))
