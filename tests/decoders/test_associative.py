"""Grouping by tags: scenes with known people, and matchings tried out one by one."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.decoders import TagGrouping, decode_associative, gaussian_maps
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17
from tests.decoders.scenes import expect_people, person, without

SIZE = (64, 80)
TORSO_FIRST = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


def people() -> Tensor:
    """Three who cross, two of them not whole."""
    s = COCO_17
    return torch.stack(
        [
            person(s, 16, 4, 52, lean=-0.4),
            without(person(s, 52, 5, 50, lean=0.45), s, "left_shoulder"),
            without(person(s, 34, 14, 44), s, "nose", "right_ankle"),
        ]
    )


def whole() -> Tensor:
    return torch.stack(
        [person(COCO_17, 16, 4, 52, lean=-0.4), person(COCO_17, 52, 5, 50, lean=0.45)]
    )


def tags_of(bodies: Tensor, values: Tensor) -> Tensor:
    """Around each joint its person's tag (`people` or `people axes`); elsewhere noise."""
    values = values.reshape(len(bodies), -1)
    tags = torch.randn(bodies.shape[1], values.shape[1], *SIZE, dtype=torch.float64) * 20
    for body, value in zip(bodies, values, strict=True):
        for joint, (x, y) in enumerate(body.tolist()):
            if np.isfinite(x):
                row, column = round(y), round(x)
                tags[joint, :, row - 1 : row + 2, column - 1 : column + 2] = value[:, None, None]
    return tags


@pytest.mark.parametrize("order", [None, TORSO_FIRST, TORSO_FIRST[::-1]])
@pytest.mark.parametrize("axes", [1, 2])
def test_people_are_told_apart_by_their_tags(order, axes) -> None:
    bodies = people()
    heatmaps = gaussian_maps(bodies, SIZE, 1.5).amax(0)
    values = torch.tensor([[-3.0, 0.2], [0.5, 0.1], [4.0, -0.2]])[:, :axes]
    tags = tags_of(bodies, values)
    found = decode_associative(heatmaps, tags if axes > 1 else tags[:, 0], order)
    expect_people(found.keypoints, bodies, within=0.6)
    mean = found.keypoints[..., 2].mean(-1)
    assert torch.allclose(found.scores, mean)
    assert found.scores.tolist() == pytest.approx(sorted(mean.tolist(), reverse=True))


def test_tags_count_and_not_places() -> None:
    """The same joints with the tags of the arms exchanged give people with each other's arms."""
    bodies = whole()
    heatmaps = gaussian_maps(bodies, SIZE, 1.5).amax(0)
    mixed = bodies.clone()
    mixed[:, 7:11] = bodies.flip(0)[:, 7:11]
    found = decode_associative(heatmaps, tags_of(mixed, torch.tensor([0.0, 5.0]))[:, 0])
    expect_people(found.keypoints, mixed, within=0.6)


def test_the_threshold_between_tags() -> None:
    bodies = whole()
    heatmaps = gaussian_maps(bodies[:1], SIZE, 1.5).amax(0)
    tags = tags_of(bodies[:1], torch.tensor([0.0]))[:, 0]
    tags[9:11] += 0.9
    assert len(decode_associative(heatmaps, tags)) == 1
    assert len(decode_associative(heatmaps, tags, options=TagGrouping(tag_threshold=0.8))) == 2


@pytest.mark.parametrize("candidates", [3, 4, 5])
def test_the_matching_costs_least_of_all(candidates) -> None:
    """Four people and as many candidates, more or fewer, against every way to match them.

    The cost of a pair is 100 times the rounded distance of tags, less the candidate's value, so where
    there are more candidates than people the surer ones are taken among those equally near.
    """
    rng = np.random.default_rng(candidates)
    for _ in range(10):
        tags = [rng.uniform(0, 4, 4), rng.uniform(0, 4, candidates)]
        heat = [rng.uniform(0.2, 1, 4), rng.uniform(0.2, 1, candidates)]
        cost = np.round(np.abs(tags[1][:, None] - tags[0])) * 100 - heat[1][:, None]
        found = decode_associative(*on_a_row(heat, tags), options=TagGrouping(tag_threshold=100.0))
        pairs = [
            (round(float(k[1, 0])) // 3, round(float(k[0, 0])) // 3)
            for k in found.keypoints
            if (k[:, 2] > 0).all()
        ]
        assert len(pairs) == min(candidates, 4)
        assert sum(cost[pair] for pair in pairs) == pytest.approx(least(cost))


def on_a_row(heat: list[np.ndarray], tags: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Candidates of each joint on every third pixel."""
    maps = torch.zeros(2, len(heat), 3, 18, dtype=torch.float64)
    for joint, rows in enumerate(zip(heat, tags, strict=True)):
        for kind, values in enumerate(rows):
            maps[kind, joint, 1, 1 : 3 * len(values) : 3] = torch.from_numpy(values)
    return maps[0], maps[1]


def least(cost: np.ndarray) -> float:
    few, many = sorted(cost.shape)
    table = cost if cost.shape[0] == few else cost.T
    ways = itertools.permutations(range(many), few)
    return min(sum(table[i, way[i]] for i in range(few)) for way in ways)


def test_people_become_poses() -> None:
    """Missing joints are as a `Pose2D` wants them."""
    bodies = people()
    found = decode_associative(
        gaussian_maps(bodies, SIZE, 1.5).amax(0),
        tags_of(bodies, torch.tensor([-3.0, 0.5, 4.0]))[:, 0],
    )
    pose = Pose2D(found.keypoints[..., :2], found.keypoints[..., 2], COCO_17, SIZE)
    assert pose.seen.sum() == 3 * 17 - 3


def test_nobody() -> None:
    found = decode_associative(torch.zeros(17, 8, 8), torch.zeros(17, 8, 8))
    assert found.keypoints.shape == (0, 17, 3)
