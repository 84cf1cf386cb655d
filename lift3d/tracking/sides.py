"""Left taken for right: found by how bodies move, and by what bodies cannot look like; and undone.

Over time, a pair of joints is judged by the vector from the right one to the left one, which the
motion of body and camera leaves alone: it moves on steadily, and a swap turns it round. For each
group of pairs that detectors swap at once, a hidden Markov chain with two states says in which frames
the names are exchanged: the cost of a frame is how far the vectors are from where the last two frames
carry them (limbs that cross keep their speed, so they are not taken for swapped), that of the states
prefers names as they are. The best path is found exactly (Viterbi, 1967).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.skeleton import Skeleton
from lift3d.tracking.side_groups import Pair, side_groups
from lift3d.tracking.tracks import pose_sizes

__all__ = ["SideSwaps", "find_side_swaps", "swap_sides"]


@dataclass(frozen=True, slots=True)
class SideSwaps:
    """What it takes to call keypoints swapped; costs are in units of log likelihood.

    `change` is the cost of each beginning and end of a swap and `stay` that of each swapped frame; one
    pair of joints weighs at most `most` per frame. `jitter` is the least error of a keypoint, as a
    share of the body's size in the picture.
    """

    change: float = 3.5
    stay: float = 0.4
    most: float = 6.0
    jitter: float = 0.01

    def __post_init__(self) -> None:
        if min(self.change, self.stay, self.most, self.jitter) <= 0:
            raise InputError(f"expected costs and a jitter above 0, got {self}: correct them")


_FAST: Final = 0.8
"""How fast a pair moves at most times: this quantile of its steps."""
_SHORTLY: Final = 12
"""Frames between two sightings of a pair in which one of them alone is judged."""
_CLEAR: Final = 0.06
_NEARER: Final = 3.0
"""A lone keypoint is swapped if it is this share of the body off, and so much nearer to the other's."""
_GIVEN: Final = 0.5
"""What the file's own names weigh against those that a larger group was given."""
_STATES: Final = np.array([0, 1])


def find_side_swaps(
    points: Float64[ndarray, "frames joints 3"],
    skeleton: Skeleton,
    options: SideSwaps | None = None,
) -> Bool[ndarray, "frames joints"]:
    """Which keypoints of one person carry the name of the other side.

    `points` are x, y in pixels and confidence over evenly spaced frames, NaN and 0 where missing.
    Where only one of a pair is seen, it is compared with where both were shortly before and after.
    """
    options = options or SideSwaps()
    swapped = np.zeros(points.shape[:2], dtype=np.bool_)
    there = (points[..., 2] > 0).any(1)
    if there.sum() < 2:
        return swapped
    size = float(np.median(pose_sizes(points[there])))
    for step in side_groups(skeleton):
        costs = _step_costs(swap_sides(points, swapped, skeleton), step, size, options)
        already = np.stack([swapped[:, [pair[0] for pair in g]].mean(1) > 0.5 for g in step], 1)
        exchanged = _best_path(costs, already, options)
        for group, frames in zip(step, exchanged.T, strict=True):
            swapped[:, [joint for pair in group for joint in pair]] ^= frames[:, None]
    found: ndarray = swapped ^ _lone(swap_sides(points, swapped, skeleton), skeleton, size)
    return found


def _lone(
    points: Float64[ndarray, "frames joints 3"], skeleton: Skeleton, size: float
) -> Bool[ndarray, "frames joints"]:
    """Keypoints seen without their mirror image, but where that one should be, far from their own."""
    mirror = list(skeleton.flip_permutation)
    seen = points[..., 2] > 0
    both = seen & seen[:, mirror]
    placed = np.stack([_between(points[:, j, :2], both[:, j]) for j in range(len(skeleton))], 1)
    with np.errstate(invalid="ignore"):
        own = np.linalg.norm(points[..., :2] - placed, axis=-1)
        other = np.linalg.norm(points[..., :2] - placed[:, mirror], axis=-1)
        found = (own > _CLEAR * size) & (_NEARER * other < own) & seen & ~both
    lone: ndarray = found | found[:, mirror]
    return lone


def _between(
    places: Float64[ndarray, "frames 2"], known: Bool[ndarray, " frames"]
) -> Float64[ndarray, "frames 2"]:
    """On the way between the nearest known places before and after; NaN where they are far apart."""
    out = np.full_like(places, np.nan)
    at = np.flatnonzero(known)
    if len(at) < 2:
        return out
    times = np.arange(len(places))
    after = np.clip(np.searchsorted(at, times), 1, len(at) - 1)
    start, end = at[after - 1], at[after]
    share = ((times - start) / (end - start))[:, None]
    near = (end - start <= _SHORTLY) & (start <= times) & (times <= end)
    return np.where(near[:, None], places[start] * (1 - share) + places[end] * share, out)


def swap_sides(
    points: Float64[ndarray, "frames joints 3"],
    swapped: Bool[ndarray, "frames joints"],
    skeleton: Skeleton,
) -> Float64[ndarray, "frames joints 3"]:
    """The points with the names of left and right exchanged where `swapped`."""
    mirrored = points[:, list(skeleton.flip_permutation)]
    return np.where(swapped[..., None], mirrored, points)


def _step_costs(
    points: Float64[ndarray, "frames joints 3"],
    groups: tuple[tuple[Pair, ...], ...],
    size: float,
    options: SideSwaps,
) -> Float64[ndarray, "frames groups 2 2"]:
    return np.stack([_group_costs(points, group, size, options) for group in groups], 1)


def _group_costs(
    points: Float64[ndarray, "frames joints 3"],
    group: tuple[Pair, ...],
    size: float,
    options: SideSwaps,
) -> Float64[ndarray, "frames 2 2"]:
    left, right = points[:, [p[0] for p in group]], points[:, [p[1] for p in group]]
    both = (left[..., 2] > 0) & (right[..., 2] > 0)
    across = np.where(both[..., None], left[..., :2] - right[..., :2], np.nan)
    costs: ndarray = _turning_costs(across, size * options.jitter, options.most).sum(1)
    return costs


def _turning_costs(
    across: Float64[ndarray, "frames pairs 2"], jitter: float, most: float
) -> Float64[ndarray, "frames pairs 2 2"]:
    """Cost of frame t where its names differ (1) or not (0) from those of t-1 and those of t-2."""
    now, before, earlier = (_delayed(across, lag) for lag in (0, 1, 2))
    bend, step = now - 2 * before + earlier, now - before
    noise = np.maximum(_typical(bend, 0.5) / 1.18 / np.sqrt(6), np.sqrt(2) * jitter)
    pace = _typical(step, _FAST)
    out = np.zeros((*across.shape[:2], 2, 2))
    for turned in _STATES:
        for twice in _STATES:
            a, b = 1 - 2 * turned, 1 - 2 * twice
            steady = _cost(now - 2 * a * before + b * earlier, 6 * noise**2, most)
            near = _cost(now - a * before, 2 * noise**2 + pace**2, most)
            later = _cost(now - b * earlier, 2 * noise**2 + 4 * pace**2, most)
            best = np.where(np.isnan(steady), np.where(np.isnan(near), later, near), steady)
            out[:, :, turned, twice] = np.nan_to_num(best)
    return out


def _cost(
    away: Float64[ndarray, "frames pairs 2"], variance: Float64[ndarray, " pairs"], most: float
) -> Float64[ndarray, "frames pairs"]:
    cost: ndarray = np.minimum((away**2).sum(-1) / (2 * variance), most)
    return cost


def _delayed(
    values: Float64[ndarray, "frames pairs 2"], lag: int
) -> Float64[ndarray, "frames pairs 2"]:
    out = np.full_like(values, np.nan)
    out[lag:] = values[: len(values) - lag]
    return out


def _typical(steps: Float64[ndarray, "frames pairs 2"], share: float) -> Float64[ndarray, " pairs"]:
    """A quantile of the steps' lengths, 0 for a pair without any."""
    length = np.sort(np.hypot(steps[..., 0], steps[..., 1]), axis=0)  # NaN come last
    count = np.isfinite(length).sum(0)
    at = np.minimum((share * count).astype(np.int64), np.maximum(count - 1, 0))
    value: ndarray = np.nan_to_num(np.take_along_axis(length, at[None], 0)[0])
    return value


def _best_path(
    costs: Float64[ndarray, "frames groups 2 2"],
    already: Bool[ndarray, "frames groups"],
    options: SideSwaps,
) -> Bool[ndarray, "frames groups"]:
    """Viterbi over pairs of states (of frame t-1 and frame t), for all groups at once."""
    frames, groups = costs.shape[:2]
    earlier, before, now = np.meshgrid(_STATES, _STATES, _STATES, indexing="ij")
    step = costs[:, :, now ^ before, now ^ earlier] + _prior(before, now, already, options)
    total = np.repeat([[[0.0, np.inf], [np.inf, options.change]]], groups, 0)
    came = np.zeros((frames, groups, 2, 2), dtype=np.int8)
    for t in range(frames):
        ways = total[..., None] + step[t]
        came[t] = ways.argmin(1)
        total = ways.min(1)
    path = np.zeros((frames, groups), dtype=np.bool_)
    last = total.reshape(groups, 4).argmin(1)
    one, two, every = last // 2, last % 2, np.arange(groups)
    for t in range(frames - 1, -1, -1):
        path[t] = two
        one, two = came[t, every, one, two], one
    return path


def _prior(
    before: ndarray, now: ndarray, already: Bool[ndarray, "frames groups"], options: SideSwaps
) -> Float64[ndarray, "frames groups 2 2 2"]:
    """Names stay as the larger groups left them, and a little more so as the file has them."""
    base = already.astype(np.int64)[..., None, None, None]
    earlier = np.concatenate([base[:1], base[:-1]])
    as_left = options.change * (now ^ before) + options.stay * now
    absolute = now ^ base
    as_given = options.change * (absolute ^ before ^ earlier) + options.stay * absolute
    prior: ndarray = (1 - _GIVEN) * as_left + _GIVEN * as_given
    return prior
