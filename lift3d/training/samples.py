"""Training samples: poses gathered from a dataset, turned into what a lifter sees and should say."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.lifting.martinez import INPUT_JOINTS, MartinezOptions, View
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23
from lift3d.training.body import Poses, indices
from lift3d.training.cameras import random_shots
from lift3d.training.noise import (
    NoiseConfig,
    detector_gaps,
    detector_jitter,
    other_definitions,
)
from lift3d.training.recombine import RecombineConfig, recombined

__all__ = ["AugmentConfig", "PoseBank", "Sample", "gather", "observe", "training_sample"]

_INPUT: Final = list(INPUT_JOINTS)
_NEAR: Final = 0.1
"""Points closer to the camera plane (metres) are not in any picture."""
_LIMBS: Final = indices(
    *(f"{s}_{p}" for s in ("left", "right") for p in ("hip", "knee", "ankle"))
) + indices(*(f"{s}_{p}" for s in ("left", "right") for p in ("shoulder", "elbow", "wrist")))


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """What happens to captured poses before a lifter sees them."""

    recombine: RecombineConfig = field(default_factory=RecombineConfig)
    """How poses are changed."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """How keypoints are spoiled."""


@dataclass(frozen=True, slots=True)
class PoseBank:
    """Single poses of many clips; `until` are the summed weights, for drawing at random."""

    poses: Poses
    until: Float[Tensor, " poses"]

    def draw(self, count: int, generator: Generator) -> Poses:
        """Poses drawn by weight, with replacement."""
        at = torch.rand(count, generator=generator, dtype=torch.float64) * self.until[-1]
        return self.poses[torch.searchsorted(self.until, at).clamp(max=len(self.until) - 1)]


def gather(clips: Iterable[MotionClip], *, every: int = 1) -> PoseBank:
    """All observed frames of clips in `LIFT_23` (or each `every`th of them).

    A clip may carry a `weight` per frame and counts 1 otherwise.
    """
    joints: list[Tensor] = []
    weights: list[Tensor] = []
    for clip in clips:
        pose = clip.motion.pose.require_frame("world").to(LIFT_23)
        limbs = pose.joints[:, _LIMBS].isfinite().all(-1).all(-1)
        kept = pose.joints[clip.motion.observed & limbs][::every].float()
        joints.append(kept - kept[:, :1])
        weight = float(getattr(clip, "weight", 1.0))
        weights.append(torch.full((len(kept),), weight, dtype=torch.float64))
    if not joints or not sum(map(len, joints)):
        raise InputError(
            "expected at least one observed frame to learn from, got none: "
            "check the dataset's path and split"
        )
    everything = torch.cat(joints)
    poses = Poses(everything.nan_to_num(), everything.isfinite().all(-1))
    return PoseBank(poses, torch.cat(weights).cumsum(0))


@dataclass(frozen=True, slots=True)
class Sample:
    """What the network reads, and what it should say: root-relative joints in the virtual camera.

    `counts` tells which joints are known, and is false for people with too few keypoints.
    """

    view: View
    target: Float[Tensor, "batch 23 3"]
    counts: Bool[Tensor, "batch 23"]


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
        clean = torch.rand(len(poses), 1, generator=generator) < noise.clean
        slopes = torch.where(clean[..., None], _slopes(points), slopes)
        seen &= found | clean
    rays = torch.nn.functional.normalize(
        torch.cat([slopes, torch.ones_like(slopes[..., :1])], -1), dim=-1
    )
    view = View.of(rays[:, _INPUT], seen[:, _INPUT])
    target = (points - shots.root[:, None]) @ view.virtual.mT
    enough = view.seen.sum(-1, keepdim=True) >= MartinezOptions().min_keypoints
    return Sample(view, target, poses.valid & enough)


def _slopes(points: Tensor) -> Tensor:
    return points[..., :2] / points[..., 2:].clamp(min=_NEAR)
