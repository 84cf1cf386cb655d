"""A lifted clip whose frames are tied together: bones keep their lengths, nothing jumps.

What a frame does not tell, how deep a hand lies, its neighbours often do. Where a forearm lies across
the line of sight its length can be read off the rays; with that length its depth in other frames
follows, up to the side (Taylor, "Reconstruction of Articulated Objects from Point Correspondences in a
Single Uncalibrated Image", CVIU 2000, section 2), and a limb that changes sides must come past the
middle. The likeliest points are sought for all frames at once:

    sum of  distance to rays, where the keypoint counts
          + change of a bone's length, which is one for the clip, near the lifted one, and alike on
            both sides
          + acceleration
          + distance to the lifted points, as sure as their covariances say

by Levenberg and Marquardt's method with Cauchy's weights for rays and bones. Time makes the normal
equations banded, and lengths are a border around them, so that a step takes time in proportion to the
frames. How far keypoints are off is not known: it begins with how much they tremble and grows until
the clip costs no more than clips do (Morozov's discrepancy principle).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from torch import Tensor

from lift3d.lifting.bones import BONES, TRUNK
from lift3d.lifting.sights import Sights
from lift3d.lifting.vocabulary import FLIP

__all__ = ["TieOptions", "Tied", "tied"]

Array = NDArray[np.float64]

_LEAST_SHARE: Final = 0.3
"""Points seen in fewer frames follow the others."""
_STD: Final = (0.001, 0.03)
"""Least and most that keypoints are taken to be off (metres at the person)."""
_GROWTH: Final = 1.5
_TAIL: Final = 2.0
"""Standard deviations from which on an error counts less and less (Cauchy)."""
_TREMBLE: Final = 0.6745 * 70**0.5
"""Median size of a fourth difference of white noise of one unit."""
_ENOUGH: Final = 0.2
"""A step that gains less of the cost for each frame ends the search."""
_DAMPING: Final = (1e-6, 1e-3, 1e3)
"""Least, first and most."""
_FARTHEST: Final = 0.3
"""Metres that a point may move in one step."""
_CHUNK: Final = 512
"""Frames solved at once."""
_RUNS: Final = 4
_SHARED: Final = 64
"""Frames that two parts of a long clip share."""
_KNOWN: Final = 0.001
"""Metres to which lengths are known that pieces of a long clip told."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Points (metres), and how far keypoints were found to be off (metres at the person)."""

    joints: Float[Tensor, "frames 40 3"]
    std: float


@dataclass(frozen=True, slots=True)
class TieOptions:
    """What is likely of a person who moves (metres and seconds)."""

    acceleration: float = 54.0
    """Of limbs."""
    trunk_acceleration: float = 13.5
    """Of trunk and head."""
    length_std: float = 0.01
    """How far a bone's length may be from its length as lifted, by itself."""
    size_std: float = 0.04
    """How far all lengths may be off together, as a share."""
    sides_std: float = 0.008
    """How different left and right are."""
    common: float = 0.4
    """How much less lifted points count than their covariances say, times metres that keypoints are off.

    What keypoints' errors do to lifted points differs from frame to frame; the rest of their error
    does not. So the better the keypoints, the less another frame says."""
    inflation: tuple[float, float] = (12.0, 400.0)
    """The least and the most of that."""
    cost: float = 0.6
    """What a point in a frame costs where keypoints are as far off as they are taken to be."""
    steps: int = 8
    """At most, for each idea of how far keypoints are off."""


def tied(
    sights: Sights, frames: Int[Tensor, " rows"], fps: float, options: TieOptions | None = None
) -> Tied:
    """The likeliest points of lifted frames, whose numbers in the clip are `frames`.

    Clips beyond 512 frames are solved in parts that overlap; lengths and how far keypoints are off
    are told from pieces all over the clip. Clips of less than three frames stay as they are.
    """
    options = options or TieOptions()
    on = np.flatnonzero((sights.sure > 0).double().mean(0).numpy() > _LEAST_SHARE)
    clip = _clip_of(sights, on, frames, fps, options)
    if clip is None:
        return Tied(sights.joints, _STD[1])
    if len(frames) <= _CHUNK:
        clip, found = _fitted(clip, options)
    else:
        told, _ = _fitted(clip[_pieces(len(frames))], options)
        clip = replace(clip, lengths=told.lengths, stiff=told.known, std=told.std)
        found = _by_parts(clip, options.steps)
    moved = torch.from_numpy(found - clip.lifted)
    return Tied(_followed(sights.joints, moved, on).float(), clip.std)


def _pieces(frames: int) -> NDArray[np.intp]:
    """Frames that stand for a long clip: some runs of them, spread over it."""
    starts = np.linspace(0, frames - _CHUNK // _RUNS, _RUNS).astype(np.intp)
    return (starts[:, None] + np.arange(_CHUNK // _RUNS)).reshape(-1)


def _by_parts(clip: "_Clip", steps: int) -> Array:
    """Parts of a long clip, one faded into the next where both know what comes before and after."""
    found = np.zeros_like(clip.lifted)
    frames = len(found)
    for first in range(0, max(1, frames - _SHARED), _CHUNK - _SHARED):
        rows = np.arange(first, min(frames, first + _CHUNK))
        part, _, _ = _search(clip[rows], clip.lifted[rows], clip.lengths, 2 * steps)
        ramp = np.arange(len(rows)) - _SHARED / 4
        share = np.clip(ramp / (_SHARED / 2), 0, 1) if first else np.ones(len(rows))
        found[rows] += share[:, None, None] * (part - found[rows])
    return found


@dataclass(frozen=True, slots=True)
class _Clip:
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
    options: TieOptions

    def __getitem__(self, rows: NDArray[np.intp]) -> "_Clip":
        some = {
            name: getattr(self, name)[rows]
            for name in ("lifted", "precision", "slopes", "sure", "frames")
        }
        return replace(self, **some)

    @property
    def belief(self) -> Array:
        """How sure the lifted points are, since they err together."""
        least, most = self.options.inflation
        return self.precision / min(most, max(least, self.options.common / self.std))

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


def _clip_of(
    sights: Sights, on: NDArray[np.intp], frames: Tensor, fps: float, options: TieOptions
) -> _Clip | None:
    place = {int(joint): at for at, joint in enumerate(on)}
    bones = [bone for bone in BONES if bone.upper in place and bone.lower in place]
    if not bones or len(frames) < 3:
        return None
    lifted = sights.joints[:, on].double().numpy()
    high, low = (
        np.array([place[getattr(b, end)] for b in bones], np.intp) for end in ("upper", "lower")
    )
    lengths = np.median(np.linalg.norm(lifted[:, high] - lifted[:, low], axis=-1), 0)
    spread = np.eye(len(bones)) * options.length_std**2
    spread += options.size_std**2 * np.outer(lengths, lengths)
    covariance = sights.covariance[:, on].double().numpy()
    sure = sights.sure[:, on].double().numpy()
    slopes = np.where(sure[..., None] > 0, sights.slopes[:, on].double().numpy(), 0.0)
    jerky = np.where(
        np.array(TRUNK)[on], options.trunk_acceleration, options.acceleration
    ) / fps**2  # fmt: skip
    return _Clip(
        lifted,
        _inverse(covariance + 1e-6 * np.eye(3)),
        slopes,
        sure,
        jerky,
        frames.numpy().astype(np.int64),
        high,
        low,
        np.array([bone.spread for bone in bones]),
        lengths,
        _inverse(spread),
        _alike(on, high, low) / options.sides_std**2,
        float(np.clip(_trembling(lifted, slopes, sure > 0), *_STD)),
        options,
    )


def _inverse(matrices: Array) -> Array:
    return np.linalg.inv(matrices).astype(np.float64, copy=False)


def _alike(on: NDArray[np.intp], high: NDArray[np.intp], low: NDArray[np.intp]) -> Array:
    """Sum of squared differences between left and right bones, as a matrix."""
    pairs = [frozenset((int(on[a]), int(on[b]))) for a, b in zip(high, low, strict=True)]
    other = [frozenset(FLIP[end] for end in pair) for pair in pairs]
    rows = [
        np.eye(len(pairs))[at] - np.eye(len(pairs))[pairs.index(across)]
        for at, across in enumerate(other)
        if across in pairs and pairs.index(across) > at
    ]
    differences = np.array(rows).reshape(-1, len(pairs))
    found: Array = differences.T @ differences
    return found


def _trembling(lifted: Array, slopes: Array, seen: NDArray[np.bool_]) -> float:
    """How far keypoints jump from frame to frame (metres at the person): their fourth differences."""
    if len(lifted) < 5:
        return _STD[0]
    at = slopes * lifted[..., 2:].mean(1, keepdims=True)
    fourth = np.diff(at, 4, axis=0)
    known = np.stack([seen[k : len(seen) - 4 + k] for k in range(5)]).all(0)
    return float(np.median(np.abs(fourth[known]))) / _TREMBLE if known.any() else _STD[1]


def _fitted(clip: _Clip, options: TieOptions) -> tuple[_Clip, Array]:
    """The clip with the lengths and the keypoints' error that it tells, and its points."""
    points, lengths = clip.lifted, clip.lengths
    most = options.cost * points.shape[0] * points.shape[1]
    while True:
        points, lengths, cost = _search(clip, points, lengths, options.steps)
        if cost <= most or clip.std >= _STD[1]:
            return replace(clip, lengths=lengths), points
        clip = replace(clip, std=min(clip.std * _GROWTH, _STD[1]))


def _search(clip: _Clip, points: Array, lengths: Array, steps: int) -> tuple[Array, Array, float]:
    """Points, lengths and cost after some steps, of which none makes it worse."""
    least, damping, most = _DAMPING
    cost = _cost(clip, points, lengths)
    for _ in range(steps):
        equations = _equations(clip, points, lengths)
        while True:
            step, longer = equations.solved(damping)
            moved = points - np.clip(step, -_FARTHEST, _FARTHEST), lengths - longer
            better = _cost(clip, *moved)
            if better <= cost:
                break
            damping *= 10
            if damping > most:
                return points, lengths, cost
        gain, cost = cost - better, better
        points, lengths = moved
        damping = max(damping / 5, least)
        if gain < _ENOUGH * len(points):
            break
    return points, lengths, cost


def _cost(clip: _Clip, points: Array, lengths: Array) -> float:
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


def _stretched(clip: _Clip, points: Array, lengths: Array) -> tuple[Array, Array]:
    """How much longer each bone is than its length, and its direction."""
    along = points[:, clip.high] - points[:, clip.low]
    size = np.maximum(np.linalg.norm(along, axis=-1), 1e-3)
    return size - lengths, along / size[..., None]


def _beside(clip: _Clip, points: Array) -> Array:
    """Metres from each point to its ray, at the point's depth."""
    found: Array = points[..., :2] - clip.slopes * points[..., 2:]
    return found


def _turned(points: Array) -> Array:
    """Accelerations, metres per frame²."""
    found: Array = points[2:] - 2 * points[1:-1] + points[:-2]
    return found


@dataclass(frozen=True, slots=True)
class _Equations:
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
        longer = _inverse(corner) @ (self.corner_slope - border @ done[:, 0])
        step: Array = done[:, 0] - done[:, 1:] @ longer
        return step.reshape(self.slope.shape), longer


def _equations(clip: _Clip, points: Array, lengths: Array) -> _Equations:
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
    return _Equations(
        band,
        border,
        np.diag(weight.sum(0)) + clip.stiff + clip.alike,
        slope,
        shape - (weight * longer).sum(0),
    )


def _add_rays(clip: _Clip, points: Array, blocks: Array, slope: Array) -> None:
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


def _add_turns(clip: _Clip, points: Array, blocks: Array, slope: Array, band: Array) -> None:
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
    clip: _Clip, points: Array, lengths: Array, blocks: Array, slope: Array, band: Array
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


def _followed(
    lifted: Float[Tensor, "frames 40 3"],
    moved: Float[Tensor, "frames some 3"],
    on: NDArray[np.intp],
) -> Float[Tensor, "frames 40 3"]:
    """Points that were not seen go along with those near them."""
    some = torch.from_numpy(on)
    apart = torch.cdist(lifted.double(), lifted[:, some].double()).median(0).values
    share = 1 / (apart**2 + 1e-4)
    share = share / share.sum(-1, keepdim=True)
    way = torch.einsum("ps,fsa->fpa", share, moved)
    way[:, some] = moved
    return lifted + way
