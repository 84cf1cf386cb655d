"""Crowds: joints that several people's crops claim are given to one person each.

Li et al., CrowdPose (CVPR 2019), sections 3.2 and 3.3: a crop's heatmaps keep all their peaks, also
those of other people's joints. Candidates of one joint that lie within the smaller of their reaches
are one joint; joints are then shared out so that the sum of the responses of people who get them is
largest, each joint to one person at most and each person one joint of a kind at most.
"""

from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lift3d.decoders.checks import expect_shape, readable
from lift3d.decoders.peaks import find_peaks
from lift3d.decoders.people import People, sorted_people
from lift3d.decoders.pixels import Grid, to_picture
from lift3d.errors import InputError

__all__ = ["associate_candidates", "joint_candidates"]

_MOST: Final = 10
"""Candidates kept of each joint in a crop."""


def joint_candidates(
    heatmaps: Float[Tensor, "crops joints height width"],
    crops: Float[Tensor, "crops 4"],
    threshold: float = 0.1,
    grid: Grid = "half_pixel",
) -> Float[Tensor, "crops joints candidates 3"]:
    """Every peak above `threshold` in picture pixels (x, y, response), the largest first; missing ones
    NaN, NaN, 0. `crops` and `grid` as in `to_picture`."""
    maps = readable(heatmaps, "crops joints height width")
    expect_shape(crops, (len(maps), 4), "crops", "these heatmaps")
    people, joints, *size = maps.shape
    peaks = find_peaks(maps.flatten(0, 1), threshold, _MOST)
    first = np.searchsorted(peaks.joint, peaks.joint)
    rank = np.arange(len(first)) - first
    found = np.full((people * joints, _MOST, 3), (np.nan, np.nan, 0.0))
    found[peaks.joint, rank] = peaks.points
    points = maps.new_tensor(found.reshape(people, joints * _MOST, 3))
    placed = to_picture(points, (size[0], size[1]), crops, grid)
    return placed.reshape(people, joints, _MOST, 3)


def associate_candidates(
    candidates: Float[Tensor, "crops joints candidates 3"],
    reach: Float[Tensor, "crops joints"],
) -> People:
    """One pose for each crop that gets a joint, in picture pixels; scores are mean responses.

    `reach` in picture pixels: how far a crop's candidate of a joint may be from another's that is the
    same joint (in the paper the width of the Gaussian response times a factor for the joint). Missing
    candidates have response 0.

    Raises `InputError` for candidates of another shape, or that are not finite.
    """
    if candidates.ndim != 4 or candidates.shape[-1] != 3 or not candidates.is_floating_point():
        raise InputError(
            "expected candidates of shape [crops, joints, candidates, 3], got "
            f"{list(candidates.shape)}: make them with joint_candidates"
        )
    expect_shape(reach, candidates.shape[:2], "reach", "these candidates")
    points = candidates.detach().cpu().double().numpy()
    if not np.isfinite(points[points[..., 2] > 0]).all() or not bool((reach > 0).all()):
        raise InputError(
            "expected finite candidates and reaches above 0, got others: give missing ones a score of 0"
        )
    within = reach.detach().cpu().double().numpy()
    people, joints = points.shape[:2]
    keypoints = np.zeros((people, joints, 3))
    for joint in range(joints):
        owners, found = _listed(points[:, joint])
        nodes = _nodes(found, within[owners, joint])
        _share_out(keypoints[:, joint], owners, found, nodes)
    scores = keypoints[..., 2].mean(-1) if joints else np.zeros(people)
    there = scores > 0
    return sorted_people(keypoints[there], scores[there], candidates)


def _listed(
    points: Float64[ndarray, "crops candidates 3"],
) -> tuple[Int64[ndarray, " found"], Float64[ndarray, "found 3"]]:
    """Whose the candidates are that there are, and what they are; the largest response first."""
    owner, place = np.nonzero(points[..., 2] > 0)
    found = points[owner, place]
    order = np.argsort(-found[:, 2], kind="stable")
    return owner[order], found[order]


def _nodes(
    found: Float64[ndarray, "found 3"], reach: Float64[ndarray, " found"]
) -> Int64[ndarray, " found"]:
    """The joint that each candidate belongs to: that of the best candidate it is near to."""
    node = np.full(len(found), -1, dtype=np.int64)
    count = 0
    for best in range(len(found)):
        if node[best] >= 0:
            continue
        away = np.hypot(*(found[:, :2] - found[best, :2]).T)
        near = (away <= np.minimum(reach, reach[best])) & (node < 0)
        near[best] = True
        node[near] = count
        count += 1
    return node


def _share_out(
    keypoints: Float64[ndarray, "crops 3"],
    owners: Int64[ndarray, " found"],
    found: Float64[ndarray, "found 3"],
    nodes: Int64[ndarray, " found"],
) -> None:
    """Write to each crop the joint that it gets: the mean of its candidates, weighted by response."""
    weight = np.zeros((len(keypoints), int(nodes.max(initial=-1)) + 1))
    np.maximum.at(weight, (owners, nodes), found[:, 2])
    for person, node in zip(*linear_sum_assignment(weight, maximize=True), strict=True):
        if weight[person, node] > 0:
            own = found[nodes == node]
            keypoints[person, :2] = np.average(own[:, :2], axis=0, weights=own[:, 2])
            keypoints[person, 2] = weight[person, node]
