"""People as a lifter is shown them: through random cameras, a detector and somebody's joint layout."""

from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.lifting.universal_net import about_hips
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import FLIP, HIPS, VOCABULARY
from lift3d.skeletons import (
    AIC_14,
    BODY_25,
    BODY_25B,
    COCO_17,
    COCO_18,
    CROWDPOSE_14,
    H36M_17,
    HALPE_26,
    LIFT_23,
    MEDIAPIPE_33,
    MPII_16,
)
from lift3d.training.body import lower_frame
from lift3d.training.cameras import Shots, level_shots, random_shots
from lift3d.training.detector import detect
from lift3d.training.noise import NoiseConfig
from lift3d.training.people import People

__all__ = ["MIN_KEYPOINTS", "Shown", "ShownConfig", "other_definitions", "show"]

MIN_KEYPOINTS: Final = 6
_NEAR: Final = 0.1
"""Points closer to the camera plane (metres) are not in any picture."""
_LIMBS: Final = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_FOUND: Final = (*_LIMBS, "nose", "ear", "big_toe", "heel")
_LOOSE: Final = {
    "hip": 1.5, "shoulder": 1.2, "wrist": 0.8, "knee": 0.8, "nose": 1.2, "ear": 1.2, "head": 1.2,
    "big_toe": 1.6, "heel": 1.6, "small_toe": 1.6, "foot_index": 1.6, "neck_nose": 2.0,
    "head_top": 1.5, "upper_neck": 1.2, "thorax": 1.5, "spine": 1.5,
}  # fmt: skip


def _kind(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


_LAYOUTS: Final = (
    (COCO_17.joints, 0.2),
    (BODY_25.joints, 0.12),
    (BODY_25B.joints, 0.1),
    (HALPE_26.joints, 0.1),
    (MEDIAPIPE_33.joints, 0.1),
    (COCO_18.joints, 0.04),
    (MPII_16.joints, 0.04),
    (H36M_17.joints, 0.04),
    (CROWDPOSE_14.joints, 0.03),
    (AIC_14.joints, 0.03),
    (tuple(j for j in LIFT_23.joints if _kind(j) in _FOUND), 0.15),
    (tuple(j for j in LIFT_23.joints if _kind(j) in _LIMBS), 0.05),
)
"""What is shown, and how often."""

_USUAL: Final = 10
"""Which of them `lift3d eval` shows."""
_GIVEN: Final = torch.tensor([[j in names for j in VOCABULARY.joints] for names, _ in _LAYOUTS])
_SHARES: Final = torch.tensor([share for _, share in _LAYOUTS])
_DEFINITION: Final = torch.tensor([_LOOSE.get(_kind(j), 1.0) for j in VOCABULARY.joints])
_LEFT: Final = torch.tensor([not j.startswith("right_") for j in VOCABULARY.joints])


@dataclass(frozen=True, slots=True)
class ShownConfig:
    """How people are shown."""

    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """How keypoints are spoiled."""
    level: float = 0.35
    """Share of people before nearly level cameras, as `lift3d eval` has them."""
    still: float = 0.5
    """Share of clips whose camera stands still; the others follow the person."""
    scarce: float = 0.2
    """Share of people of whom up to half the points are missing, here and there."""
    layout: Literal["any", "found"] = "any"
    """Layouts at random, or always the points that nearly all detectors find."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the network reads, and what it should say: root-relative joints in the virtual camera.

    Frames of one person lie one after the other. `counts` tells which joints are known, and is false
    in frames with too few keypoints. `turn` is the rotation from the people's world to the virtual
    camera.
    """

    view: View
    target: Float[Tensor, "batch 40 3"]
    counts: Bool[Tensor, "batch 40"]
    turn: Float[Tensor, "batch 3 3"]

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, rows: slice | Tensor) -> "Shown":
        return Shown(self.view[rows], self.target[rows], self.counts[rows], self.turn[rows])

    def to(self, device: torch.device) -> "Shown":
        """The same on a device."""
        target, counts, turn = (x.to(device) for x in (self.target, self.counts, self.turn))
        return Shown(self.view.to(device), target, counts, turn)


def show(people: People, config: ShownConfig, generator: Generator, *, fps: float = 30.0) -> Shown:
    """Random definitions, cameras, layouts and noise; targets follow the definitions, not the noise."""
    count, frames = people.joints.shape[:2]
    joints = other_definitions(people.joints, config.noise.definition, generator)
    joints = joints * people.valid[:, None, :, None]
    shots = _shots(count, config, generator)
    points = _placed(joints, people.path, shots, config, generator)
    slopes = points[..., :2] / points[..., 2:].clamp(min=_NEAR)
    found = detect(slopes, points[:, :, 0, 2], VOCABULARY, config.noise, generator, fps=fps)
    given = (
        _layouts(count, generator) if config.layout == "any" else _GIVEN[[_USUAL]].to(people.valid)
    )
    seen = given[:, None] & people.valid[:, None] & found.seen
    seen &= ~_scarce(count, frames, config.scarce, generator)
    seen &= (points[..., 2] > _NEAR) & (found.slopes.abs() < shots.half_size[:, None, None]).all(-1)
    rays = torch.cat([found.slopes, torch.ones_like(found.slopes[..., :1])], -1)
    rays = torch.nn.functional.normalize(rays.flatten(0, 1), dim=-1)
    view = View.of(rays, seen.flatten(0, 1), HIPS)
    target = about_hips(points.flatten(0, 1)) @ view.virtual.mT
    enough = view.seen.sum(-1, keepdim=True) >= MIN_KEYPOINTS
    counts = people.valid[:, None].expand(-1, frames, -1).flatten(0, 1) & enough
    turn = view.virtual @ shots.rotmat.repeat_interleave(frames, 0)
    return Shown(view, target, counts, turn)


def other_definitions(
    joints: Float[Tensor, "people frames 40 3"], size: float, generator: Generator
) -> Float[Tensor, "people frames 40 3"]:
    """The same bodies with each point defined a little elsewhere: fixed offsets in the pelvis' frame."""
    count, frames = joints.shape[:2]
    loose, left = (table.to(joints.device)[:, None] for table in (_DEFINITION, _LEFT))
    offset = _normal((count, len(VOCABULARY), 3), generator) * (size * loose)
    mirrored = offset[:, FLIP] * offset.new_tensor([-1.0, 1.0, 1.0])
    # Mostly symmetrical: sides share 0.9 of the offset and differ in the rest.
    offset = torch.where(left, offset, 0.9 * mirrored + 0.44 * offset)
    offset[:, 0] = 0
    known = joints[:, :, : len(LIFT_23)].flatten(0, 1)
    turn = torch.unflatten(lower_frame(known), 0, (count, frames))
    moved: Tensor = joints + offset[:, None] @ turn.mT
    return moved


def _shots(count: int, config: ShownConfig, generator: Generator) -> Shots:
    level, free = level_shots(count, generator), random_shots(count, generator)
    chosen = _chance((count,), generator) < config.level
    return Shots(
        torch.where(chosen[:, None, None], level.rotmat, free.rotmat),
        torch.where(chosen[:, None], level.root, free.root),
        torch.where(chosen[:, None], level.half_size, free.half_size),
    )


def _placed(
    joints: Tensor, path: Tensor, shots: Shots, config: ShownConfig, generator: Generator
) -> Float[Tensor, "people frames 40 3"]:
    """Points in the camera frame; a camera that stands still keeps its distance to where they come."""
    still = _chance((len(joints), 1, 1), generator) < config.still
    way = torch.where(still, path, 0) @ shots.rotmat.mT
    root = shots.root[:, None] + way
    nearest = torch.minimum(shots.root[:, 2], torch.full_like(shots.root[:, 2], 2.0))
    short = (nearest - root[..., 2].amin(1)).clamp(min=0)
    root[..., 2] += short[:, None]
    return joints @ shots.rotmat[:, None].mT + root[:, :, None]


def _layouts(count: int, generator: Generator) -> Bool[Tensor, "people 40"]:
    shares = _SHARES.to(generator.device)
    chosen = torch.multinomial(shares, count, replacement=True, generator=generator)
    return _GIVEN.to(generator.device)[chosen]


def _scarce(
    count: int, frames: int, share: float, generator: Generator
) -> Bool[Tensor, "people frames 40"]:
    """Points that are missing here and there: half of the time through the whole clip."""
    some = _chance((count, 1, 1), generator) < share
    chance = _chance((count, 1, 1), generator) * 0.5
    fleeting = _chance((count, frames, len(VOCABULARY)), generator)
    lasting = _chance((count, 1, len(VOCABULARY)), generator)
    drawn = torch.where(_chance((count, 1, 1), generator) < 0.5, lasting, fleeting)
    return some & (drawn < chance)


def _normal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


def _chance(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)
