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
from torch import Tensor

from lift3d.lifting.bones import BONES, TRUNK
from lift3d.lifting.sights import Sights
from lift3d.lifting.tie_equations import Array, TieProblem, cost_of, equations_of, inverse
from lift3d.lifting.vocabulary import FLIP

__all__ = ["TieOptions", "Tied", "tied"]

_LEAST_SHARE: Final = 0.3
"""Points seen in fewer frames follow the others."""
_BONY: Final = np.isin(
    np.arange(len(FLIP)), [end for bone in BONES for end in (bone.upper, bone.lower)]
)
"""Points with a bone; others follow, too."""
_STD: Final = (0.001, 0.03)
"""Least and most that keypoints are taken to be off (metres at the person)."""
_GROWTH: Final = 1.5
_USUAL_FPS: Final = 30.0
_LEAST_JERK: Final = 1e-5
"""Metres per frame² by which speeds change at least; at thousands of frames a second hardly at all."""
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
    """What a point in a frame costs where keypoints are as far off as they are taken to be, at 30 frames
    per second; below, frames tell less of each other, and it is less in proportion."""
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
    often = (sights.sure > 0).double().mean(0).numpy() > _LEAST_SHARE
    on = np.flatnonzero(often & _BONY)
    clip = _clip_of(sights, on, frames, fps, options)
    if clip is None:
        return Tied(sights.joints, _STD[1])
    if len(frames) <= _CHUNK:
        clip, found = _fitted(clip, fps, options)
    else:
        told, _ = _fitted(clip[_pieces(len(frames))], fps, options)
        clip = replace(clip, lengths=told.lengths, stiff=told.known, std=told.std)
        found = _by_parts(clip, options.steps)
    moved = torch.from_numpy(found - clip.lifted)
    return Tied(_followed(sights.joints, moved, on).float(), clip.std)


def _pieces(frames: int) -> NDArray[np.intp]:
    """Frames that stand for a long clip: some runs of them, spread over it."""
    starts = np.linspace(0, frames - _CHUNK // _RUNS, _RUNS).astype(np.intp)
    return (starts[:, None] + np.arange(_CHUNK // _RUNS)).reshape(-1)


def _by_parts(clip: TieProblem, steps: int) -> Array:
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


def _clip_of(
    sights: Sights, on: NDArray[np.intp], frames: Tensor, fps: float, options: TieOptions
) -> TieProblem | None:
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
    return TieProblem(
        lifted,
        inverse(covariance + 1e-6 * np.eye(3)),
        slopes,
        sure,
        np.maximum(jerky, _LEAST_JERK),
        frames.numpy().astype(np.int64),
        high,
        low,
        np.array([bone.spread for bone in bones]),
        lengths,
        inverse(spread),
        _alike(on, high, low) / options.sides_std**2,
        float(np.clip(_trembling(lifted, slopes, sure > 0), *_STD)),
        options.common,
        options.inflation,
    )


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


def _fitted(clip: TieProblem, fps: float, options: TieOptions) -> tuple[TieProblem, Array]:
    """The clip with the lengths and the keypoints' error that it tells, and its points."""
    points, lengths = clip.lifted, clip.lengths
    most = options.cost * min(1.0, fps / _USUAL_FPS) * points.shape[0] * points.shape[1]
    while True:
        points, lengths, cost = _search(clip, points, lengths, options.steps)
        if cost <= most or clip.std >= _STD[1]:
            return replace(clip, lengths=lengths), points
        clip = replace(clip, std=min(clip.std * _GROWTH, _STD[1]))


def _search(
    clip: TieProblem, points: Array, lengths: Array, steps: int
) -> tuple[Array, Array, float]:
    """Points, lengths and cost after some steps, of which none makes it worse."""
    least, damping, most = _DAMPING
    cost = cost_of(clip, points, lengths)
    for _ in range(steps):
        equations = equations_of(clip, points, lengths)
        while True:
            step, longer = equations.solved(damping)
            moved = points - np.clip(step, -_FARTHEST, _FARTHEST), lengths - longer
            better = cost_of(clip, *moved)
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
