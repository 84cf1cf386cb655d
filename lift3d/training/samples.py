"""Training samples: poses gathered from a dataset, turned into what a lifter sees and should say."""

from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.lifting.universal import INPUT_JOINTS, UniversalOptions, View
from lift3d.training.bank import PoseBank
from lift3d.training.body import Poses
from lift3d.training.cameras import random_shots
from lift3d.training.noise import (
    NoiseConfig,
    detector_gaps,
    detector_jitter,
    other_definitions,
)
from lift3d.training.recombine import RecombineConfig, recombined

__all__ = ["AugmentConfig", "Sample", "observe", "training_sample"]

_INPUT: Final = list(INPUT_JOINTS)
_NEAR: Final = 0.1
"""Points closer to the camera plane (metres) are not in any picture."""


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """What happens to captured poses before a lifter sees them."""

    recombine: RecombineConfig = field(default_factory=RecombineConfig)
    """How poses are changed."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """How keypoints are spoiled."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the network reads, and what it should say: root-relative joints in the virtual camera.

    `counts` tells which joints are known, and is false for people with too few keypoints.
    """

    view: View
    target: Float[Tensor, "batch 23 3"]
    counts: Bool[Tensor, "batch 23"]

    def to(self, device: torch.device) -> "Sample":
        """The same on a device."""
        view = View(*(getattr(self.view, name).to(device) for name in View.__slots__))
        return Sample(view, self.target.to(device), self.counts.to(device))


def training_sample(
    bank: PoseBank, count: int, config: AugmentConfig, generator: Generator
) -> Sample:
    """Fresh poses, cameras and noise."""
    poses = recombined(bank.draw(count, generator), config.recombine, generator)
    return observe(poses, config.noise, generator)


def observe(poses: Poses, noise: NoiseConfig | None, generator: Generator) -> Sample:
    """Poses as random cameras and a detector show them; without noise everything is seen."""
    shots = random_shots(len(poses), generator)
    points = shots.points(poses.joints)
    seen = poses.valid & (points[..., 2] > _NEAR)
    if noise is None:
        slopes = _slopes(points)
    else:
        defined = shots.points(other_definitions(poses.joints, noise, generator))
        slopes = detector_jitter(_slopes(defined), shots.root[:, 2], noise, generator)
        found = shots.inside(slopes) & ~detector_gaps(len(poses), noise, generator)
        clean = (
            torch.rand(len(poses), 1, generator=generator, device=generator.device) < noise.clean
        )
        slopes = torch.where(clean[..., None], _slopes(points), slopes)
        seen &= found | clean
    rays = torch.nn.functional.normalize(
        torch.cat([slopes, torch.ones_like(slopes[..., :1])], -1), dim=-1
    )
    view = View.of(rays[:, _INPUT], seen[:, _INPUT])
    target = (points - shots.root[:, None]) @ view.virtual.mT
    enough = view.seen.sum(-1, keepdim=True) >= UniversalOptions().min_keypoints
    return Sample(view, target, poses.valid & enough)


def _slopes(points: Tensor) -> Tensor:
    return points[..., :2] / points[..., 2:].clamp(min=_NEAR)
