"""What detectors do to keypoints: other definitions, jitter, outliers, swaps, and gaps.

Sizes of joints relative to each other, how long errors last and how confidence goes with them are
measured on real files (`noise_table`); how often is set by `NoiseConfig`. Random numbers come from
the generator, and are drawn where it lives, on a CPU or a GPU.
"""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.skeletons import LIFT_23
from lift3d.training.body import CHAINS, SIDES, indices, lower_frame
from lift3d.training.noise_table import noise_table

__all__ = ["NoiseConfig", "detector_gaps", "detector_jitter", "other_definitions"]


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """Sizes in metres at the person's distance, so they follow the person's size in the picture."""

    definition: float = 0.02
    """Standard deviation of where a detector puts a joint on the body, alike in left and right."""
    jitter: float = 0.012
    """Median standard deviation of a keypoint's place; it differs by person and by joint."""
    outlier: float = 0.02
    """Chance of a keypoint to be six times as far off, or on the other side's joint."""
    swap: float = 0.02
    """Chance of the legs, and of the arms, to be taken for each other's side."""
    clean: float = 0.25
    """Share of people whose keypoints are perfect and complete."""
    gap: float = 0.04
    """Chance of each keypoint to be missing."""
    part: float = 0.07
    """Chance of each limb to be missing; the face is missing twice as often."""
    feet: float = 0.25
    """Share of people seen by a detector that gives no toes and heels, as COCO's do."""
    bare: float = 0.1
    """Share of people of whom only limbs are given, neither face nor feet."""
    crop: float = 0.05
    """Share of people cut off somewhere between the ankles and the waist."""
    inversion: float = 0.2
    """Share of the outliers that lie on the joint of the other side."""
    confidence: float = 0.08
    """Standard deviation of how sure a detector is of a whole person; lifters for single frames, which
    do not read confidences, are trained alike whatever it is."""


def _per_joint(default: float, **special: float) -> Tensor:
    """One factor per joint of `LIFT_23`, by the last word of its name."""
    return torch.tensor([special.get(name.split("_")[-1], default) for name in LIFT_23.joints])


# Face and feet are synthesised: where detectors put them on real people is less certain.
_DEFINITION: Final = _per_joint(
    1.0, hip=1.5, shoulder=1.2, wrist=0.8, knee=0.8, nose=1.2, ear=1.2, toe=1.6, heel=1.6
)
_OUTLIER: Final = 6.0
_FACE: Final = indices("nose", "left_ear", "right_ear")
_FEET: Final = indices("left_big_toe", "left_heel", "right_big_toe", "right_heel")
_FLIP: Final = list(LIFT_23.flip_permutation)


def other_definitions(
    joints: Float[Tensor, "batch 23 3"], config: NoiseConfig, generator: Generator
) -> Float[Tensor, "batch 23 3"]:
    """The same bodies with each joint defined a little elsewhere: fixed offsets in the body's frame."""
    size = config.definition * _DEFINITION.to(joints.device)[:, None]
    offset = _normal(joints.shape, generator) * size
    mirrored = offset[:, _FLIP] * offset.new_tensor([-1.0, 1.0, 1.0])
    # Mostly symmetrical: sides share 0.9 of the offset and differ in the rest.
    left = _left().to(joints.device)
    offset = torch.where(left, offset, 0.9 * mirrored + 0.44 * offset)
    return joints + offset @ lower_frame(joints).mT


def _left() -> Tensor:
    return torch.tensor([not name.startswith("right_") for name in LIFT_23.joints])[:, None]


def detector_jitter(
    slopes: Float[Tensor, "batch 23 2"],
    distance: Float[Tensor, " batch"],
    config: NoiseConfig,
    generator: Generator,
) -> Float[Tensor, "batch 23 2"]:
    """Points x / z, y / z with jitter, outliers, inversions and exchanged sides."""
    count, device = len(slopes), slopes.device
    spread = config.jitter * (_normal((count, 1, 1), generator) * 0.6).exp()
    factor = noise_table().jitter_factor(LIFT_23).to(device)
    size = spread * factor[:, None] / distance[:, None, None]
    far = _chance((*slopes.shape[:2], 1), generator) < config.outlier
    noise = _normal(slopes.shape, generator) * size
    inverted = far & (_chance(far.shape, generator) < config.inversion)
    noisy = slopes + noise * torch.where(far & ~inverted, _OUTLIER, 1.0)
    noisy = torch.where(inverted, slopes[:, _FLIP] + noise, noisy)
    for limb in ("arm", "leg"):
        swapped = _chance((count, 1, 1), generator) < config.swap
        noisy = torch.where(_limb_mask(limb).to(device) & swapped, noisy[:, _FLIP], noisy)
    return noisy


def _limb_mask(limb: str) -> Tensor:
    mask = torch.zeros(len(LIFT_23), 1, dtype=torch.bool)
    for side in SIDES:
        mask[CHAINS[side, limb]] = True
    return mask


def detector_gaps(
    count: int, config: NoiseConfig, generator: Generator
) -> Bool[Tensor, "batch 23"]:
    """Which keypoints a detector misses, apart from those outside the picture."""
    missing = _chance((count, len(LIFT_23)), generator) < config.gap
    parts = [(chain[1:], config.part) for chain in CHAINS.values()]
    for part, share in (*parts, (_FACE, 2 * config.part), (_FEET, config.feet)):
        missing[:, part] |= _chance((count, 1), generator) < share
    missing[:, _FACE + _FEET] |= _chance((count, 1), generator) < config.bare
    cut = _chance((count, 1), generator) < config.crop
    depth = torch.randint(0, 3, (count, 1), generator=generator, device=generator.device)
    for side in SIDES:
        hip, knee, ankle, *foot = CHAINS[side, "leg"]
        for level, part in enumerate(([ankle, *foot], [knee], [hip])):
            missing[:, part] |= cut & (depth >= level)
    return missing


def _normal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


def _chance(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)
