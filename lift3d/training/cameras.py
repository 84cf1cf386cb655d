"""Random cameras around a person: where they stand, how they look, what fits into the picture."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["Shots", "random_shots", "uniform"]


@dataclass(frozen=True, slots=True)
class Shots:
    """One camera per person.

    `rotmat` turns the y-up world into the camera frame, `root` is the pelvis there (metres), and
    `half_size` half the picture's width and height over the focal length.
    """

    rotmat: Float[Tensor, "batch 3 3"]
    root: Float[Tensor, "batch 3"]
    half_size: Float[Tensor, "batch 2"]

    def points(self, joints: Float[Tensor, "batch joints 3"]) -> Float[Tensor, "batch joints 3"]:
        """Root-relative world joints, in the camera frame."""
        return joints @ self.rotmat.mT + self.root[:, None]

    def inside(self, slopes: Float[Tensor, "batch joints 2"]) -> Bool[Tensor, "batch joints"]:
        """Which points x / z, y / z lie in the picture."""
        return (slopes.abs() < self.half_size[:, None]).all(-1)


def random_shots(count: int, generator: Generator) -> Shots:
    """Cameras at all sides, 1.5 to 8 m away, mostly level, phone-wide to portrait lenses.

    One in five stands anywhere between well below and well above; one in ten is held askew, one in
    thirty at any roll. People are off-centre by up to 0.8 of the half picture, and nowhere nearer than
    that half of the longer side shows 0.7 to 1.2 m of them.
    """
    yaw = uniform(count, -math.pi, math.pi, generator)
    level = torch.randn(count, generator=generator) * 0.22 + 0.06
    pitch = _mixed(level, uniform(count, -0.7, 1.2, generator), 0.2, generator)
    roll = torch.randn(count, generator=generator) * 0.05
    roll = _mixed(roll, torch.randn(count, generator=generator) * 0.5, 0.1, generator)
    roll = _mixed(roll, uniform(count, -math.pi, math.pi, generator), 0.033, generator)
    distance = uniform(count, math.log(1.5), math.log(8.0), generator).exp()
    half = _half_size(count, generator)
    nearest = uniform(count, 0.7, 1.2, generator) / half.amax(-1)
    distance = torch.maximum(distance, nearest)
    shift = (torch.rand(count, 2, generator=generator) * 2 - 1) * half * 0.8
    root = torch.cat([shift, torch.ones(count, 1)], -1) * distance[:, None]
    half_turn = torch.tensor([math.pi, 0.0, 0.0]).expand(count, 3)
    rotmat = _turn(roll, 2) @ _turn(pitch, 0) @ rotmat_from_axis_angle(half_turn) @ _turn(yaw, 1)
    return Shots(rotmat, root, half)


def uniform(count: int, low: float, high: float, generator: Generator) -> Float[Tensor, " count"]:
    """Evenly spread numbers between two bounds."""
    return torch.rand(count, generator=generator) * (high - low) + low


def _mixed(most: Tensor, rest: Tensor, share: float, generator: Generator) -> Tensor:
    return torch.where(torch.rand(len(most), generator=generator) < share, rest, most)


def _half_size(count: int, generator: Generator) -> Tensor:
    """Focal lengths of 0.6 to 2 longer sides; pictures from square to 9:16, upright or lying."""
    longer = 0.5 / uniform(count, math.log(0.6), math.log(2.0), generator).exp()
    shorter = longer * uniform(count, 0.56, 1.0, generator)
    upright = torch.rand(count, generator=generator) < 0.5
    width, height = torch.where(upright, shorter, longer), torch.where(upright, longer, shorter)
    return torch.stack([width, height], -1)


def _turn(angle: Tensor, axis: int) -> Tensor:
    vector = torch.zeros(len(angle), 3)
    vector[:, axis] = angle
    return rotmat_from_axis_angle(vector)
