"""What a lifted clip whose frames are tied together costs, and the equations of a step to a cheaper one.

Points and lengths of bones are sought together. Time makes the normal equations of the points banded,
and the lengths are a border around them, so that a step takes time in proportion to the frames.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

__all__ = ["Array", "TieEquations", "TieProblem", "cost_of", "equations_of", "inverse"]

Array = NDArray[np.float64]

_TAIL: Final = 2.0
"""Standard deviations from which on an error counts less and less (Cauchy)."""
_KNOWN: Final = 0.001
"""Metres to which lengths are known that pieces of a long clip told."""


@dataclass(frozen=True, slots=True)
class TieProblem:
    """The points that count, and what is known of them; `high` and `low` are the ends of its bones."""

    lifted: Array  # frames, points, 3
    precision: Array  # frames, points, 3, 3
    slopes: Array  # frames, points, 2
    sure: Array  # frames, points
    jerky: Array  # points: metres per frame², how much speeds change
    frames: NDArray[np.int64]
    high: NDArray[np.intp]
    low: NDArray[np.intp]
    spread: Array
    lengths: Array
    stiff: Array  # bones, bones: what is known of lengths
    alike: Array  # bones, bones: left and right
    std: float
    common: float
    """How much less lifted points count than their covariances say, times `std`, between two bounds."""
    bounds: tuple[float, float]

    def __getitem__(self, rows: NDArray[np.intp]) -> "TieProblem":
        some = {
            name: getattr(self, name)[rows]
            for name in ("lifted", "precision", "slopes", "sure", "frames")
        }
        return replace(self, **some)

    @property
    def belief(self) -> Array:
        """How sure the lifted points are, since they err together."""
        least, most = self.bounds
        return self.precision / min(most, max(least, self.common / self.std))

    @property
    def whole(self) -> Array:
        """For all frames but two: 1 where three frames follow each other, 0 at gaps."""
        steps = np.diff(self.frames)
        found: Array = ((steps[1:] == 1) & (steps[:-1] == 1)).astype(np.float64)
        return found

    @property
    def known(self) -> Array:
        """What is known of lengths once they were told."""
        return np.eye(len(self.lengths)) / _KNOWN**2

    @property
    def loose(self) -> Array:
        """Metres by which bones change, as seen through keypoints that are off."""
        found: Array = np.hypot(self.spread, self.std)
        return found


def cost_of(clip: TieProblem, points: Array, lengths: Array) -> float:
    """Minus twice the logarithm of how likely all of it is, but for a constant."""
    longer, _ = _stretched(clip, points, lengths)
    tail = _TAIL**2
    bones = (tail * np.log1p((longer / clip.loose) ** 2 / tail)).sum()
    off = (_beside(clip, points) ** 2).sum(-1) / clip.std**2
    rays = (clip.sure * tail * np.log1p(off / tail)).sum()
    turns = (((_turned(points) / clip.jerky[:, None]) ** 2).sum((1, 2)) * clip.whole).sum()
    away = points - clip.lifted
    belief = np.einsum("tja,tjab,tjb->", away, clip.belief, away, optimize=True)
    more = lengths - clip.lengths
    shape = more @ clip.stiff @ more + lengths @ clip.alike @ lengths
    return float(bones + rays + turns + belief + shape)


def _stretched(clip: TieProblem, points: Array, lengths: Array) -> tuple[Array, Array]:
    """How much longer each bone is than its length, and its direction."""
    along = points[:, clip.high] - points[:, clip.low]
    size = np.maximum(np.linalg.norm(along, axis=-1), 1e-3)
    return size - lengths, along / size[..., None]


def _beside(clip: TieProblem, points: Array) -> Array:
    """Metres from each point to its ray, at the point's depth."""
    found: Array = points[..., :2] - clip.slopes * points[..., 2:]
    return found


def _turned(points: Array) -> Array:
    """Accelerations, metres per frame²."""
    found: Array = points[2:] - 2 * points[1:-1] + points[:-2]
    return found


@dataclass(frozen=True, slots=True)
class TieEquations:
    """Normal equations of points (banded, lower) and lengths (a border)."""

    band: Array
    border: Array
    corner: Array
    slope: Array
    corner_slope: Array

    def solved(self, damping: float) -> tuple[Array, Array]:
        """The step of points and of lengths, by elimination of the points."""
        band = self.band.reshape(len(self.band), -1).copy()
        band[0] *= 1 + damping
        border = self.border.reshape(len(self.border), -1)
        right = np.concatenate([self.slope.reshape(-1, 1), border.T], 1)
        done = solveh_banded(band, right, lower=True, overwrite_ab=True, check_finite=False)
        corner = self.corner - border @ done[:, 1:]
        longer = inverse(corner) @ (self.corner_slope - border @ done[:, 0])
        step: Array = done[:, 0] - done[:, 1:] @ longer
        return step.reshape(self.slope.shape), longer


def equations_of(clip: TieProblem, points: Array, lengths: Array) -> TieEquations:
    """The normal equations around some points and lengths (Gauss-Newton, each error by its weight)."""
    frames, count = points.shape[:2]
    blocks = clip.belief
    slope = np.einsum("tjab,tjb->tja", blocks, points - clip.lifted, optimize=True)
    band = np.zeros((6 * count + 1, frames, count, 3))
    _add_rays(clip, points, blocks, slope)
    _add_turns(clip, points, blocks, slope, band)
    border, weight, longer = _add_bones(clip, points, lengths, blocks, slope, band)
    for row in range(3):
        for column in range(row + 1):
            band[row - column, :, :, column] += blocks[..., row, column]
    shape = clip.stiff @ (lengths - clip.lengths) + clip.alike @ lengths
    return TieEquations(
        band,
        border,
        np.diag(weight.sum(0)) + clip.stiff + clip.alike,
        slope,
        shape - (weight * longer).sum(0),
    )


def _add_rays(clip: TieProblem, points: Array, blocks: Array, slope: Array) -> None:
    off, (x, y) = _beside(clip, points), np.moveaxis(clip.slopes, -1, 0)
    size = (off**2).sum(-1) / clip.std**2
    weight = clip.sure / (1 + size / _TAIL**2) / clip.std**2
    slope[..., :2] += weight[..., None] * off
    slope[..., 2] -= weight * (off * clip.slopes).sum(-1)
    blocks[..., 0, 0] += weight
    blocks[..., 1, 1] += weight
    blocks[..., 2, 0] -= weight * x
    blocks[..., 2, 1] -= weight * y
    blocks[..., 2, 2] += weight * (x**2 + y**2)


def _add_turns(clip: TieProblem, points: Array, blocks: Array, slope: Array, band: Array) -> None:
    weight = clip.whole[:, None] / clip.jerky**2
    push = _turned(points) * weight[..., None]
    last = len(points) - 2
    for start, share in ((0, 1.0), (1, -2.0), (2, 1.0)):
        slope[start : start + last] += share * push
        for axis in range(3):
            blocks[start : start + last, :, axis, axis] += share**2 * weight
    next_frame, after = band[3 * points.shape[1]], band[6 * points.shape[1]]
    next_frame[:last] -= 2 * weight[..., None]
    next_frame[1 : 1 + last] -= 2 * weight[..., None]
    after[:last] += weight[..., None]


def _add_bones(
    clip: TieProblem, points: Array, lengths: Array, blocks: Array, slope: Array, band: Array
) -> tuple[Array, Array, Array]:
    longer, along = _stretched(clip, points, lengths)
    weight = 1 / (1 + (longer / clip.loose) ** 2 / _TAIL**2) / clip.loose**2
    pull = (weight * longer)[..., None] * along
    square = weight[..., None, None] * along[..., :, None] * along[..., None, :]
    border = np.zeros((len(lengths), *points.shape))
    for at, (high, low) in enumerate(zip(clip.high, clip.low, strict=True)):
        blocks[:, high] += square[:, at]
        blocks[:, low] += square[:, at]
        slope[:, high] += pull[:, at]
        slope[:, low] -= pull[:, at]
        border[at, :, high] -= weight[:, at, None] * along[:, at]
        border[at, :, low] += weight[:, at, None] * along[:, at]
        for row in range(3):
            for column in range(3):
                band[3 * (high - low) + row - column, :, low, column] -= square[:, at, row, column]
    return border, weight, longer


def inverse(matrices: Array) -> Array:
    """Of each matrix."""
    return np.linalg.inv(matrices).astype(np.float64, copy=False)
