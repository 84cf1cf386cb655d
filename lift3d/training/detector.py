"""A detector for clips: noise that lasts, bursts of mistakes, and confidences that tell of them.

Any layout may be detected, joint by joint of its names. Errors are made of a part that is new in
every frame and a part that stays for a while, an autoregressive process of first order. Whatever
goes wrong now and then (outliers, inversions, swaps, gaps) is such a process beyond a threshold:
rare, in bursts, and exactly as often as asked.

A single frame is a clip of one.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.skeleton import Skeleton
from lift3d.training.noise import NoiseConfig
from lift3d.training.noise_table import NoiseTable, kind_of, noise_table

__all__ = ["Detected", "detect", "lasting_noise", "now_and_then"]

_ARM: Final = ("elbow", "wrist", "thumb", "index", "pinky", "hand")
_LEG: Final = ("knee", "ankle", "big_toe", "small_toe", "heel", "foot_index", "foot")
_FACE: Final = ("nose", "eye", "eye_inner", "eye_outer", "ear", "mouth")
_FEET: Final = ("big_toe", "small_toe", "heel", "foot_index")
# With the limbs' first joints: what an exchange of sides takes along.
_SWAPPED: Final = (("shoulder", *_ARM), ("hip", *_LEG))
_OUTLIER: Final = 6.0
_LEAST: Final = 0.03  # a keypoint that was found has at least this confidence
_SLOWER: Final = 5.0  # mistakes last this many times longer than errors


@dataclass(frozen=True, slots=True)
class Detected:
    """Points x / z, y / z and their confidence; 0 where a keypoint is missing."""

    slopes: Float[Tensor, "people frames joints 2"]
    confidence: Float[Tensor, "people frames joints"]

    @property
    def seen(self) -> Bool[Tensor, "people frames joints"]:
        return self.confidence > 0


def detect(
    slopes: Float[Tensor, "people frames joints 2"],
    distance: Float[Tensor, "people frames"],
    skeleton: Skeleton,
    config: NoiseConfig,
    generator: Generator,
    *,
    fps: float = 30.0,
) -> Detected:
    """What a detector would say of people whose joints really lie at `slopes`.

    `distance` in metres. Definitions are not changed here (`other_definitions`), and nothing leaves
    the picture by itself. A share of `config.clean` of the people is detected without error.
    """
    people, frames, joints = slopes.shape[:3]
    table, device = noise_table(), slopes.device
    shape = (people, frames, joints)
    pace = math.exp(-1 / (fps * table.memory))
    slow = math.exp(-1 / (fps * table.memory * _SLOWER))

    deviation = _deviation(lasting_noise(shape, pace, generator), table)
    far = now_and_then(shape, config.outlier, slow, generator)
    deviation = deviation - far * table.outlier_drop
    size = config.jitter * (_normal((people, 1, 1), generator) * 0.6).exp() / distance[..., None]
    size = size * table.jitter_factor(skeleton).to(device)
    # An outlier is not made larger once more by its low confidence.
    size = size * torch.where(far, 1.0, (-table.steepness * deviation).clamp(-1, 2).exp())
    noise = _errors((*shape, 2), pace, table, generator) * size[..., None]
    inverted = far & (_chance((people, 1, joints), generator) < config.inversion)
    flip = list(skeleton.flip_permutation)
    places = torch.where(inverted[..., None], slopes[:, :, flip], slopes)
    places = places + noise * torch.where(far & ~inverted, _OUTLIER, 1.0)[..., None]

    person = _normal((people, 1, 1), generator) * config.confidence
    confidence = table.confidence(skeleton).to(device) + person + deviation
    confidence = confidence.clamp(_LEAST, 1.0)
    for part in _SWAPPED:
        exchanged = now_and_then((people, frames, 1), config.swap, slow, generator)
        exchanged = exchanged & _mask(skeleton, part).to(device)
        places = torch.where(exchanged[..., None], places[:, :, flip], places)
        confidence = torch.where(exchanged, confidence[:, :, flip], confidence)
    missing = _missing(shape, skeleton, config, slow, generator)
    clean = _chance((people, 1, 1), generator) < config.clean
    confidence = torch.where(clean, torch.ones_like(confidence), confidence * ~missing)
    return Detected(torch.where(clean[..., None], slopes, places), confidence)


def lasting_noise(
    shape: tuple[int, ...], pace: float, generator: Generator
) -> Float[Tensor, "people frames *rest"]:
    """Standard normal noise whose correlation falls by the factor `pace` from frame to frame."""
    fresh = _normal(shape, generator)
    rows = [fresh[:, 0]]
    for frame in range(1, shape[1]):
        rows.append(pace * rows[-1] + math.sqrt(1 - pace * pace) * fresh[:, frame])
    return torch.stack(rows, 1)


def now_and_then(
    shape: tuple[int, ...], share: float, pace: float, generator: Generator
) -> Bool[Tensor, "people frames *rest"]:
    """True in a share of all frames, in bursts."""
    noise = lasting_noise(shape, pace, generator)
    rare: Tensor = noise < torch.special.ndtri(torch.tensor(share, device=noise.device))
    return rare


def _errors(shape: tuple[int, ...], pace: float, table: NoiseTable, generator: Generator) -> Tensor:
    """Standard normal errors, the lasting part `table.lasting` times as large as the fresh one."""
    whole = math.hypot(1.0, table.lasting)
    fresh = _normal(shape, generator) / whole
    return fresh + lasting_noise(shape, pace, generator) * (table.lasting / whole)


def _deviation(normal: Tensor, table: NoiseTable) -> Tensor:
    """Confidences less the usual one, with the measured distribution: normal -> uniform -> quantile."""
    at, value = table.quantiles.to(normal), table.deviation.to(normal)
    uniform = torch.special.ndtr(normal)
    above = torch.searchsorted(at, uniform.contiguous()).clamp(1, len(at) - 1)
    share = (uniform - at[above - 1]) / (at[above] - at[above - 1])
    return torch.lerp(value[above - 1], value[above], share.clamp(0, 1))


def _missing(
    shape: tuple[int, int, int],
    skeleton: Skeleton,
    config: NoiseConfig,
    pace: float,
    generator: Generator,
) -> Bool[Tensor, "people frames joints"]:
    """Single keypoints and whole limbs come and go; a detector's layout and a crop stay."""
    people, frames, _ = shape
    missing = now_and_then(shape, config.gap, pace, generator)
    for side in ("left_", "right_"):
        for limb in (_ARM, _LEG):
            lost = now_and_then((people, frames, 1), config.part, pace, generator)
            missing |= lost & _mask(skeleton, limb, side).to(missing.device)
    lost = now_and_then((people, frames, 1), 2 * config.part, pace, generator)
    missing |= lost & _mask(skeleton, _FACE).to(missing.device)
    absences: tuple[tuple[tuple[str, ...], float], ...] = (
        (_FEET, config.feet),
        ((*_FACE, *_FEET), config.bare),
    )
    for parts, share in absences:
        absent = _chance((people, 1, 1), generator) < share
        missing |= absent & _mask(skeleton, parts).to(missing.device)
    cut = _chance((people, 1, 1), generator) < config.crop
    level = torch.randint(0, 3, (people, 1, 1), generator=generator, device=generator.device)
    ankle = tuple(kind for kind in _LEG if kind != "knee")
    for least, part in enumerate((ankle, ("knee",), ("hip",))):
        missing |= cut & (level >= least) & _mask(skeleton, part).to(missing.device)
    return missing


def _mask(skeleton: Skeleton, kinds: tuple[str, ...], side: str = "") -> Bool[Tensor, " joints"]:
    of_these = [name.startswith(side) and kind_of(name) in kinds for name in skeleton.joints]
    return torch.tensor(of_these, device="cpu")


def _normal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


def _chance(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)
