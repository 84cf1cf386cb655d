"""A network that moves a body towards its viewing rays, asked again and again with the same weights.

In the manner of Song, Chen and Hilliges, "Human body model fitting by learned gradient descent", ECCV
2020, written from the paper's idea. All that it reads is told from the person, as the posture network
has it: how far points are off their rays (metres at the person) and the camera's axes in the root's
frame, which points are seen, local rotations as two columns, betas, distance. Each bone is then
turned in its own frame by what two columns say; the root's place follows from the rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lift3d.fitting.points import PointTable, place_points
from lift3d.geometry.rays import root_from_rays
from lift3d.geometry.rotations import rotmat_from_rot6d
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.regressing.posture_net import JOINTS

__all__ = ["Descent", "Seen", "State"]

BETAS, WIDTH = 10, 512
OFF, TURN, SHAPE = 0.05, 0.1, 0.3
"""Metres of one unit of residuals; what one unit of its answers turns and changes."""


@dataclass(frozen=True, slots=True)
class State:
    """A body in a camera that looks straight at it: local rotations but for the root's, and betas."""

    rotmats: Tensor
    betas: Tensor

    def __getitem__(self, rows: Tensor) -> State:
        return State(self.rotmats[rows], self.betas[rows])


@dataclass(frozen=True, slots=True)
class Seen:
    """Slopes of rays [frames, 40, 2] in that camera, and which of them were seen."""

    slopes: Tensor
    seen: Tensor

    def __getitem__(self, rows: Tensor) -> Seen:
        return Seen(self.slopes[rows], self.seen[rows])


class Descent(nn.Module):
    """What the body is and how far off its rays, to how it should change."""

    def __init__(self, table: PointTable) -> None:
        super().__init__()
        self.table = table
        named = [name in table.names for name in VOCABULARY.joints]
        self.named = torch.tensor(named)
        self.index = [table.names.index(n) if n in table.names else 0 for n in VOCABULARY.joints]
        inputs = len(named) * 4 + (JOINTS - 1) * 6 + BETAS + 7
        self.first = nn.Linear(inputs, WIDTH)
        self.block = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(),
            nn.Linear(WIDTH, WIDTH),
        )  # fmt: skip
        self.last = nn.Sequential(nn.LayerNorm(WIDTH), nn.GELU())
        self.head = nn.Linear(WIDTH, JOINTS * 6 + BETAS)
        nn.init.zeros_(self.head.weight)  # start with no change at all
        nn.init.zeros_(self.head.bias)

    def forward(self, state: State, rays: Seen) -> State:
        """The body after one application."""
        hidden = self.first(self.features(state, rays))
        numbers = self.head(self.last(hidden + self.block(hidden)))
        turns = numbers[:, : JOINTS * 6].unflatten(-1, (JOINTS, 6))
        still = torch.eye(3)[:, :2].T.flatten()
        turn = rotmat_from_rot6d(still + TURN * turns)
        betas = state.betas + SHAPE * numbers[:, JOINTS * 6 :]
        return State(state.rotmats @ turn, betas.clamp(-4, 4))

    @torch.no_grad()
    def features(self, state: State, rays: Seen) -> Tensor:
        """Everything from the person: residuals and the camera's axes in the root's frame."""
        places, _, seen = self.placed(state, rays)
        depth = places[..., 2:].clamp(min=0.1)
        off = (rays.slopes * depth - places[..., :2]) * seen[..., None]
        root = state.rotmats[:, 0]
        local = nn.functional.pad(off / OFF, (0, 1)) @ root
        columns = state.rotmats[:, 1:, :, :2].mT.flatten(1)
        distance = depth[:, :1, 0].log()
        local, axes = local.clamp(-10, 10).flatten(1), root[:, 1:].flatten(1)
        return torch.cat([local, seen, columns, state.betas, axes, distance], -1)

    def placed(self, state: State, rays: Seen) -> tuple[Tensor, Tensor, Tensor]:
        """The vocabulary's points where the rays want the body, its translation, and which count."""
        still = state.betas.new_zeros(len(state.betas), 3)
        points = place_points(self.table, state.rotmats, still, state.betas).places[:, self.index]
        seen = (rays.seen & self.named).float()
        ahead = nn.functional.pad(rays.slopes, (0, 1), value=1.0)
        transl = root_from_rays(points, ahead, seen)
        return points + transl[:, None], transl, seen
