"""What somebody wears and looks like: hems, colours, patterns, skin and hair, drawn at random."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

__all__ = ["ZONES", "Outfit", "draw_outfit", "linear_colour"]

ZONES: Final = ("skin", "top", "trousers", "hair", "shoes", "socks", "gloves")

_PALE: Final = np.array([0.80, 0.53, 0.40])
_DARK: Final = np.array([0.055, 0.028, 0.018])
"""Linear colours between which skin lies, roughly along what melanin does."""

_HAIR: Final = np.array(
    [[0.008, 0.006, 0.005], [0.03, 0.015, 0.008], [0.12, 0.06, 0.02], [0.45, 0.30, 0.12],
     [0.20, 0.05, 0.02], [0.42, 0.42, 0.42]]
)  # fmt: skip

_ANKLE: Final = -0.84
_KNEE: Final = -0.40
_HIP: Final = -0.01
_NECK: Final = 0.55
_SHOULDER: Final = 0.18
_WRIST: Final = 0.70


@dataclass(frozen=True, slots=True)
class Outfit:
    """As `kernels` read them: hems `cut`, a row of `cloths` and a thickness (metres) for each zone.

    `skirt` is the length of a skirt in lengths of the thigh, 0 for none; `hair` that of long hair
    (metres).
    """

    cut: Float32[ndarray, " cuts"]
    cloths: Float32[ndarray, "zones fields"]
    thick: Float32[ndarray, " zones"]
    waves: float
    skirt: float
    hair: float


def linear_colour(rng: Generator) -> ndarray:
    """A colour as clothes have them: many dull, dark or nearly white ones, some bright."""
    if rng.random() < 0.35:
        grey = rng.choice([rng.uniform(0.004, 0.05), rng.uniform(0.05, 0.4), rng.uniform(0.5, 0.9)])
        return np.asarray(np.clip(grey * rng.uniform(0.85, 1.15, 3), 0.003, 0.95))
    bright, dull = rng.random(3), rng.random()
    return np.asarray(np.clip((bright * dull + bright.mean() * (1 - dull)) ** 2, 0.003, 0.95))


def draw_outfit(rng: Generator, dressed: float) -> Outfit:
    """Somebody's looks."""
    clothed = rng.random() < dressed
    skirt = float(rng.uniform(0.5, 1.8)) if clothed and rng.random() < 0.12 else 0.0
    cloths = np.zeros((len(ZONES), 13), np.float32)
    for zone in range(len(ZONES)):
        cloths[zone] = _cloth(rng)
    tone = rng.beta(1.2, 1.2)
    cloths[0] = 0
    cloths[0, :3] = np.exp(np.log(_PALE) * tone + np.log(_DARK) * (1 - tone))
    cloths[0, :3] *= rng.uniform(0.85, 1.15, 3)
    cloths[0, 10:] = rng.uniform(0, 0.06), rng.uniform(0, 0.1), rng.uniform(0, 0.3)
    cloths[3, :3] = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.7, 1.4, 3)
    if rng.random() < 0.12:  # a cap
        cloths[3, :3] = linear_colour(rng)
    cloths[3, 3:6] = cloths[3, :3] * rng.uniform(0.3, 1.6)
    cloths[3, 6:] = 4, rng.uniform(15, 60), 0, 0.4, rng.uniform(0, 0.1), 0.8, 0.5
    if clothed and rng.random() < 0.15:  # one piece
        cloths[2] = cloths[1]
    return Outfit(
        _hems(rng, clothed, skirt),
        cloths,
        _thickness(rng, clothed),
        float(rng.uniform(5, 25)),
        skirt,
        float(rng.uniform(0.12, 0.5)) if rng.random() < 0.3 else 0.0,
    )


def _cloth(rng: Generator) -> ndarray:
    kind = rng.choice(6, p=[0.5, 0.12, 0.08, 0.08, 0.14, 0.08])
    scale = rng.uniform(6, 40) if kind != 5 else rng.uniform(8, 30)
    second = linear_colour(rng)
    share = rng.uniform(0.2, 0.7)
    return np.concatenate(
        [linear_colour(rng), second,
         [kind, scale, rng.random(), share, rng.choice([0, 0, rng.uniform(0, 0.3)])],
         [rng.uniform(0, 0.4), rng.uniform(0, 0.8)]]
    ).astype(np.float32)  # fmt: skip


def _hems(rng: Generator, clothed: bool, skirt: float) -> ndarray:
    """Where garments end, in the order in which the kernels' zones read them."""
    cut = np.zeros(14, np.float32)
    tilt = rng.uniform(0.2, 1.2)
    hair = np.array([0.0, tilt, -1.0])
    hair /= np.linalg.norm(hair)
    bald = rng.random() < 0.06
    cut[6:9] = hair
    cut[9] = 9.0 if bald else rng.uniform(-0.035, 0.05)
    cut[10] = rng.uniform(0.58, 0.64) if rng.random() < 0.15 else -9
    cut[11] = 1.0 if rng.random() < 0.05 else -1.0
    if not clothed:
        cut[0], cut[1], cut[2] = -9, 0, 9
        cut[3], cut[4], cut[5] = rng.uniform(-0.25, -0.05), -9, -9
        if rng.random() < 0.5:
            cut[0], cut[2] = 0.12, 9  # bare above the waist, shorts below
        return cut
    cut[0] = rng.uniform(_NECK - 0.08, _NECK + 0.07)
    cut[12], cut[13] = rng.choice([0.0, rng.uniform(0, 1.0)]), rng.uniform(0.0, 0.3)
    sleeve = rng.choice([0.0, rng.uniform(0.2, 0.6), rng.uniform(0.85, 1.05)], p=[0.12, 0.43, 0.45])
    cut[1] = _SHOULDER + sleeve * (_WRIST - _SHOULDER)
    cut[2] = rng.uniform(-0.2, 0.1) if rng.random() < 0.9 else rng.uniform(_KNEE, -0.2)
    legs = rng.choice([rng.uniform(0.15, 0.55), rng.uniform(0.85, 1.02)], p=[0.35, 0.65])
    cut[3] = _HIP + (0.15 if skirt else legs) * (_ANKLE - _HIP)
    cut[4] = rng.choice([-9, rng.uniform(-0.84, -0.45)])
    cut[5] = rng.choice(
        [-9, rng.uniform(-0.86, -0.76), rng.uniform(-0.8, -0.5)], p=[0.12, 0.75, 0.13]
    )
    return cut


def _thickness(rng: Generator, clothed: bool) -> ndarray:
    thick = np.zeros(len(ZONES), np.float32)
    thick[3] = rng.choice([rng.uniform(0.0, 0.02), rng.uniform(0.01, 0.05)])
    if clothed:
        thick[1] = rng.choice([rng.uniform(0, 0.008), rng.uniform(0.005, 0.035)])
        thick[2] = rng.choice([rng.uniform(0, 0.008), rng.uniform(0.005, 0.04)])
        thick[4] = rng.uniform(0, 0.012)
    return thick
