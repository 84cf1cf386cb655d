"""Joints to people along part affinity fields, the way OpenPose groups.

Cao, Hidalgo, Simon, Wei and Sheikh, OpenPose: Realtime Multi-Person 2D Pose Estimation using Part
Affinity Fields (CVPR 2017; PAMI 2021). Candidates of two joints make a limb where the field between
them points from one to the other (eq. 10 and 11, the integral by the midpoint rule); limbs are
chosen greedily, the best first. Constants are OpenPose's (bodyPartConnectorBase.cpp,
poseParameters.cpp); where candidates lie between pixels is our own parabola (`peaks`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from torch import Tensor

from lift3d.decoders.checks import readable
from lift3d.decoders.limbs import LimbModel
from lift3d.decoders.paf_people import Limbs, assemble
from lift3d.decoders.peaks import Peaks, find_peaks
from lift3d.decoders.people import People, sorted_people
from lift3d.decoders.sampling import bilinear
from lift3d.errors import InputError

__all__ = ["MAXIMIZE_POSITIVES", "PafGrouping", "decode_paf"]

_SAMPLES: Final = (5, 25)
"""Fewest and most samples on a limb (OpenPose)."""
_CHUNK: Final = 4096
"""Pairs of candidates that are looked at together, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class PafGrouping:
    """How sure joints, limbs and people must be; None leaves a threshold to the model.

    A limb holds where its field is above `field_threshold` on more than `support` of the samples. A
    person has at least `min_joints` joints and a mean score of at least `min_score`. `stride` is the
    pixels of the network's input for one of the maps: 8 as OpenPose's networks give them, 1 in the
    files that OpenPose writes, which it enlarged. `most` bounds the candidates of each joint.
    """

    peak_threshold: float | None = None
    field_threshold: float | None = None
    support: float = 0.95
    min_joints: int = 3
    min_score: float = 0.4
    stride: float = 8.0
    most: int = 127

    def __post_init__(self) -> None:
        if not (0 <= self.support < 1 and self.min_joints >= 2 and self.stride > 0):
            raise InputError(
                "expected support from 0 to below 1, at least 2 joints and a stride above 0, got "
                f"{self}: correct them"
            )


MAXIMIZE_POSITIVES: Final = PafGrouping(0.04, 0.01, 0.75, 2, 0.05)
"""OpenPose's --maximize_positives: more people and joints, more of them wrong."""


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Candidates of limbs: the place of the field, where they start, how far they go, and samples."""

    place: Int64[ndarray, " pairs"]
    start: Float64[ndarray, "pairs 2"]
    reach: Float64[ndarray, "pairs 2"]
    count: Float64[ndarray, " pairs"]


def decode_paf(
    heatmaps: Float[Tensor, "joints height width"],
    pafs: Float[Tensor, "fields height width"],
    model: LimbModel,
    options: PafGrouping | None = None,
) -> People:
    """The people of one picture; a score is the mean over joints of values and of their limbs' scores.

    `heatmaps` without the background; `pafs` in the order of OpenPose's maps, x and y in turn. Raises
    `InputError` where these are not the model's maps. Nobody is there where no limb holds.
    """
    options = options or PafGrouping()
    maps = readable(heatmaps, "joints height width")
    fields = readable(pafs, "fields height width", "part affinity fields")
    _expect_maps(maps, fields, model)
    threshold = _or(options.peak_threshold, model.peak_threshold)
    peaks = find_peaks(maps, threshold, options.most)
    limbs = _limbs(peaks, fields.detach().cpu().numpy(), model, options)
    members, totals = assemble(limbs, peaks, options.min_joints, options.min_score)
    keypoints = np.zeros((len(members), len(model.skeleton), 3))
    for person, found in enumerate(members):
        keypoints[person, peaks.joint[found]] = peaks.points[found]
    return sorted_people(keypoints, totals, maps)


def _or(own: float | None, models: float) -> float:
    return models if own is None else own


def _expect_maps(maps: Tensor, fields: Tensor, model: LimbModel) -> None:
    joints, limbs = len(model.skeleton), len(model.pairs)
    if len(maps) != joints or len(fields) != 2 * limbs or maps.shape[1:] != fields.shape[1:]:
        raise InputError(
            f"expected {joints} heatmaps without a background and {2 * limbs} fields of the same "
            f"size for {model.skeleton.name}, got {list(maps.shape)} and {list(fields.shape)}: split "
            "the network's output with split_openpose_maps, or name its model"
        )


def _limbs(
    peaks: Peaks, fields: Float[ndarray, "fields height width"], model: LimbModel, how: PafGrouping
) -> Limbs:
    """The limbs chosen greedily for each pair of joints, all of them with the best first."""
    kind, first, second = _candidates(peaks, model)
    scores = np.zeros(len(kind))
    least = _or(how.field_threshold, model.field_threshold)
    place = np.array(model.fields)
    for chunk in range(0, len(kind), _CHUNK):
        part = slice(chunk, chunk + _CHUNK)
        start, end = peaks.points[first[part], :2], peaks.points[second[part], :2]
        pairs = _Pairs(place[kind[part]], start, end - start, _count(end - start, how.stride))
        scores[part] = _agreement(fields, pairs, least, how.support)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    taken: set[tuple[int, int]] = set()
    kept: list[int] = []
    for row in order.tolist():
        ends_of = {
            (2 * int(kind[row]), int(first[row])),
            (2 * int(kind[row]) + 1, int(second[row])),
        }
        if taken.isdisjoint(ends_of):
            taken |= ends_of
            kept.append(row)
    return Limbs(first[kept], second[kept], scores[kept])


def _candidates(
    peaks: Peaks, model: LimbModel
) -> tuple[Int64[ndarray, " pairs"], Int64[ndarray, " pairs"], Int64[ndarray, " pairs"]]:
    """Every pair of candidates that might be a limb: which limb, its first peak, its second."""
    grids = [
        np.stack(np.meshgrid(peaks.of(a), peaks.of(b), indexing="ij")).reshape(2, -1)
        for a, b in model.pairs
    ]
    kind = np.repeat(np.arange(len(grids)), [grid.shape[1] for grid in grids])
    ends = np.concatenate(grids, 1)
    return kind, ends[0], ends[1]


def _count(reach: Float64[ndarray, "pairs 2"], stride: float) -> Float64[ndarray, " pairs"]:
    """How many samples a limb gets, by its longer side in pixels of the network's input."""
    longer = np.abs(reach).max(1, initial=0.0) * stride
    count: ndarray = np.clip(np.round(np.sqrt(5 * longer)), *_SAMPLES)
    return count


def _agreement(
    fields: Float[ndarray, "fields height width"], pairs: _Pairs, least: float, support: float
) -> Float64[ndarray, " pairs"]:
    """Mean of the field along each limb over the samples above `least`; 0 where too few are.

    Most pairs are no limbs, which three samples tell: those that cannot have enough any more are not
    looked at further.
    """
    few = np.stack([0 * pairs.count, pairs.count // 2, pairs.count - 1], -1)
    failed = (_along(fields, pairs, few) <= least).sum(1)
    left = np.flatnonzero((pairs.count - failed > support * pairs.count) & pairs.reach.any(1))
    rest = _Pairs(pairs.place[left], pairs.start[left], pairs.reach[left], pairs.count[left])
    steps = np.broadcast_to(np.arange(_SAMPLES[1]), (len(left), _SAMPLES[1]))
    value = _along(fields, rest, np.minimum(steps, rest.count[:, None] - 1))
    good = (steps < rest.count[:, None]) & (value > least)
    hits = good.sum(1)
    mean = np.where(good, value, 0.0).sum(1) / np.maximum(hits, 1)
    scores = np.zeros(len(pairs.count))
    scores[left] = np.where(hits > support * rest.count, mean, 0.0)
    return scores


def _along(
    fields: Float[ndarray, "fields height width"],
    pairs: _Pairs,
    steps: Float64[ndarray, "pairs samples"],
) -> Float64[ndarray, "pairs samples"]:
    """The part of the field along each limb at samples in the middles of its equal pieces."""
    share = (steps + 0.5) / pairs.count[:, None]
    x, y = (pairs.start[:, axis, None] + share * pairs.reach[:, axis, None] for axis in (0, 1))
    length = np.maximum(np.hypot(pairs.reach[:, 0], pairs.reach[:, 1]), 1e-12)
    along = (pairs.reach / length[:, None])[..., None]
    fx, fy = (bilinear(fields, pairs.place[:, None] + axis, x, y) for axis in (0, 1))
    value: ndarray = fx * along[:, 0] + fy * along[:, 1]
    return value
