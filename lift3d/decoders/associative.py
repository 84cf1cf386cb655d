"""Joints to people by tags that a network gives alike to all joints of one person.

Newell, Huang and Deng, Associative Embedding (NIPS 2017), section 3.2: joint after joint, candidates
are matched to the people found so far by how near their tags are to the people's mean tags, or begin
a new person. The matching is optimal (Munkres). Cost and threshold as in MMPose
(mmpose/codecs/associative_embedding.py): 100 times the rounded distance, less the candidate's value.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lift3d.decoders.checks import expect_shape, readable
from lift3d.decoders.peaks import Peaks, find_peaks
from lift3d.decoders.people import People, sorted_people
from lift3d.errors import InputError

__all__ = ["TagGrouping", "decode_associative"]

_WEIGHT: Final = 100.0
"""A step of 1 between tags outweighs any difference between candidates' values."""


@dataclass(frozen=True, slots=True)
class TagGrouping:
    """Candidates are peaks above `peak_threshold`, at most `most` for each joint; one joins a person
    whose mean tag is nearer than `tag_threshold`."""

    peak_threshold: float = 0.1
    tag_threshold: float = 1.0
    most: int = 30

    def __post_init__(self) -> None:
        if not self.tag_threshold > 0:
            raise InputError(
                f"expected a tag_threshold above 0, got {self.tag_threshold}: 1 is the paper's"
            )


@dataclass(slots=True)
class _Group:
    """A person in the making: the peak of each joint, and the tags of those peaks."""

    peaks: dict[int, int]
    tags: list[Float64[ndarray, " axes"]]


def decode_associative(
    heatmaps: Float[Tensor, "joints height width"],
    tags: Float[Tensor, "joints *axes height width"],
    order: Sequence[int] | None = None,
    options: TagGrouping | None = None,
) -> People:
    """The people of one picture; a score is the mean confidence over all joints, 0 for missing ones.

    `tags` has one map for each joint, or several (`joints axes height width`: of scales, or of flip
    testing). `order` is that in which joints are matched, from the surest to the least sure; as they
    come where it is not given.
    """
    options = options or TagGrouping()
    maps = readable(heatmaps, "joints height width")
    tag_maps = readable(tags, "joints height width", "tags")
    expect_shape(
        tags, (*maps.shape[:1], *tags.shape[1:-2], *maps.shape[1:]), "tags", "the heatmaps"
    )
    joints = _order(len(maps), order)
    peaks = find_peaks(maps, options.peak_threshold, options.most)
    values = tag_maps.reshape(len(maps), math.prod(tags.shape[1:-2]), *maps.shape[1:])
    at_peaks = values.detach().cpu().double().numpy()[peaks.joint, :, peaks.row, peaks.column]
    groups: list[_Group] = []
    for joint in joints:
        _match(groups, joint, peaks, at_peaks, options.tag_threshold)
    keypoints = np.zeros((len(groups), len(maps), 3))
    for person, group in enumerate(groups):
        keypoints[person, list(group.peaks)] = peaks.points[list(group.peaks.values())]
    return sorted_people(keypoints, keypoints[..., 2].mean(-1), maps)


def _order(joints: int, order: Sequence[int] | None) -> list[int]:
    chosen = list(range(joints)) if order is None else list(order)
    if sorted(chosen) != list(range(joints)):
        raise InputError(
            f"expected an order of all {joints} joints, each once, got {chosen}: name each once"
        )
    return chosen


def _match(
    groups: list[_Group],
    joint: int,
    peaks: Peaks,
    tags: Float64[ndarray, "peaks axes"],
    threshold: float,
) -> None:
    """Give the candidates of one joint to people, or begin new ones with them."""
    found = peaks.of(joint)
    joined: dict[int, _Group] = {}
    if groups and len(found):
        means = np.stack([np.mean(group.tags, 0) for group in groups])
        away = np.linalg.norm(tags[found, None] - means, axis=-1)
        cost = np.round(away) * _WEIGHT - peaks.points[found, 2, None]
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if away[row, column] < threshold:
                joined[int(found[row])] = groups[column]
    for peak in found.tolist():
        if peak not in joined:
            joined[peak] = _Group({}, [])
            groups.append(joined[peak])
        joined[peak].peaks[joint] = peak
        joined[peak].tags.append(tags[peak])
