"""Random cameras around a person: where they stand, how they look, what fits into the picture."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["Shots", "level_shots", "random_shots", "uniform"]


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
    level = _normal(count, generator) * 0.22 + 0.06
    pitch = _mixed(level, uniform(count, -0.7, 1.2, generator), 0.2, generator)
    roll = _normal(count, generator) * 0.05
    roll = _mixed(roll, _normal(count, generator) * 0.5, 0.1, generator)
    roll = _mixed(roll, uniform(count, -math.pi, math.pi, generator), 0.033, generator)
    distance = uniform(count, math.log(1.5), math.log(8.0), generator).exp()
    half = _half_size(count, generator)
    nearest = uniform(count, 0.7, 1.2, generator) / half.amax(-1)
    distance = torch.maximum(distance, nearest)
    shift = torch.rand(count, 2, generator=generator, device=generator.device) * 2 - 1
    slope = shift * half * 0.8
    root = torch.cat([slope, torch.ones_like(slope[:, :1])], -1) * distance[:, None]
    half_turn = _turn(torch.full_like(yaw, math.pi), 0)
    rotmat = _turn(roll, 2) @ _turn(pitch, 0) @ half_turn @ _turn(yaw, 1)
    return Shots(rotmat, root, half)


def level_shots(count: int, generator: Generator) -> Shots:
    """Cameras as `lift3d.evaluation.PROTOCOL` has them: 3 to 7 m away, nearly level, one lens.

    Yaw 360 degrees, from 26 degrees up to 11 degrees down, roll 3 degrees (standard deviation), up to
    18 degrees off-centre, focal length 1145 pixels on 1000 x 1000.
    """
    yaw = uniform(count, -math.pi, math.pi, generator)
    pitch = uniform(count, -0.45, 0.2, generator)
    roll = _normal(count, generator) * 0.05
    distance = uniform(count, 3.0, 7.0, generator)
    x, y = uniform(count, -0.33, 0.33, generator), uniform(count, -0.25, 0.25, generator)
    root = torch.stack([x, y, torch.ones_like(x)], -1) * distance[:, None]
    rotmat = _turn(roll, 2) @ _turn(pitch + math.pi, 0) @ _turn(yaw, 1)
    return Shots(rotmat, root, torch.full_like(root[:, :2], 500 / 1145))


def uniform(count: int, low: float, high: float, generator: Generator) -> Float[Tensor, " count"]:
    """Evenly spread numbers between two bounds."""
    return _chance(count, generator) * (high - low) + low


def _chance(count: int, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator, device=generator.device)


def _normal(count: int, generator: Generator) -> Tensor:
    return torch.randn(count, generator=generator, device=generator.device)


def _mixed(most: Tensor, rest: Tensor, share: float, generator: Generator) -> Tensor:
    return torch.where(_chance(len(most), generator) < share, rest, most)


def _half_size(count: int, generator: Generator) -> Tensor:
    """Focal lengths of 0.6 to 2 longer sides; pictures from square to 9:16, upright or lying."""
    longer = 0.5 / uniform(count, math.log(0.6), math.log(2.0), generator).exp()
    shorter = longer * uniform(count, 0.56, 1.0, generator)
    upright = _chance(count, generator) < 0.5
    width, height = torch.where(upright, shorter, longer), torch.where(upright, longer, shorter)
    return torch.stack([width, height], -1)


def _turn(angle: Tensor, axis: int) -> Tensor:
    zero = torch.zeros_like(angle)
    return rotmat_from_axis_angle(torch.stack([zero] * axis + [angle] + [zero] * (2 - axis), -1))
