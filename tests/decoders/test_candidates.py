"""CrowdPose's association: a known scene, and every way of sharing out tried."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.decoders import associate_candidates, gaussian_maps, joint_candidates
from lift3d.skeletons import CROWDPOSE_14
from tests.decoders.scenes import expect_people, person

MISSING = (float("nan"), float("nan"), 0.0)


def table(*crops: list[tuple[float, float, float]]) -> Tensor:
    """Candidates of one joint: crop by crop a list of x, y, response."""
    most = max(len(crop) for crop in crops)
    rows = [[*crop, *[MISSING] * (most - len(crop))] for crop in crops]
    return torch.tensor(rows, dtype=torch.float64)[:, None]


def test_two_people_in_each_others_crops() -> None:
    """Each crop of a picture shows both people, and its network answers for both, its own louder."""
    true = torch.stack(
        [person(CROWDPOSE_14, 45, 12, 80), person(CROWDPOSE_14, 62, 10, 84, lean=0.1)]
    )
    crops = torch.tensor([[4.0, 0, 90, 120], [14.0, 0, 90, 120]], dtype=torch.float64)
    heatmaps = []
    for own, crop in enumerate(crops):
        inside = (true - crop[:2] + 0.5) * (64 / 120) - 0.5
        drawn = gaussian_maps(inside, (64, 48), 1.0)
        heatmaps.append(torch.maximum(drawn[own], 0.6 * drawn[1 - own]))
    # In the second crop the first one's wrist is louder than the second's own.
    wrist = CROWDPOSE_14.index("left_wrist")
    inside = (true - crops[1, :2] + 0.5) * (64 / 120) - 0.5
    drawn = gaussian_maps(inside, (64, 48), 1.0)
    heatmaps[1][wrist] = torch.maximum(0.9 * drawn[0, wrist], 0.7 * drawn[1, wrist])
    candidates = joint_candidates(torch.stack(heatmaps), crops)
    assert torch.allclose(candidates[1, wrist, 0, :2], true[0, wrist], atol=0.1)
    found = associate_candidates(candidates, torch.full((2, 14), 3.0, dtype=torch.float64))
    expect_people(found.keypoints, true, within=0.1)


def test_the_sum_of_responses_is_the_largest_possible() -> None:
    """Joints far from each other, so that each candidate is a joint: every sharing out is tried."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        places = np.stack([np.arange(4) * 100.0, np.zeros(4)], -1)
        response = rng.uniform(0.1, 1, (3, 4)) * (rng.uniform(size=(3, 4)) < 0.7)
        rows = [
            [(*places[j], r) if r > 0 else MISSING for j, r in enumerate(crop)]
            for crop in response.tolist()
        ]
        found = associate_candidates(table(*rows), torch.full((3, 1), 10.0))
        ways = itertools.permutations(range(4), 3)
        best = max(sum(response[i, way[i]] for i in range(3)) for way in ways)
        assert found.keypoints[..., 2].sum().item() == pytest.approx(best)
        taken = found.keypoints[:, 0, 0].tolist()
        assert len(set(taken)) == len(taken)


def test_near_candidates_are_one_joint_at_their_weighted_mean() -> None:
    one, other = [(10.0, 20.0, 0.9)], [(13.0, 20.0, 0.3)]
    found = associate_candidates(table(one, other), torch.full((2, 1), 5.0))
    assert len(found) == 1
    assert found.keypoints[0, 0].tolist() == pytest.approx([10.75, 20, 0.9])
    # The smaller of the two reaches counts.
    apart = associate_candidates(table(one, other), torch.tensor([[5.0], [2.0]]))
    assert apart.keypoints[:, 0, 0].tolist() == [10, 13]


def test_missing_joints_and_nobody() -> None:
    candidates = torch.cat(
        [table([(1.0, 2.0, 0.5)], [(50.0, 2.0, 0.4)]), table([MISSING], [(60.0, 9.0, 0.8)])], 1
    )
    found = associate_candidates(candidates, torch.ones(2, 2))
    assert found.scores.tolist() == pytest.approx([0.6, 0.25])
    assert found.keypoints[1, 1, :2].isnan().all()
    assert len(associate_candidates(table([MISSING], [MISSING]), torch.ones(2, 1))) == 0
    nothing = joint_candidates(torch.zeros(2, 14, 64, 48), torch.tensor([[0.0, 0, 48, 64]] * 2))
    assert nothing.shape == (2, 14, 10, 3)
    assert nothing[..., :2].isnan().all()


def test_candidates_of_a_crop_by_hand() -> None:
    maps = torch.zeros(1, 2, 8, 6)
    maps[0, 1, 2, 4], maps[0, 1, 6, 1] = 0.5, 0.9
    found = joint_candidates(maps, torch.tensor([[100.0, 50.0, 12.0, 16.0]]))
    assert torch.allclose(found[0, 1, :2], torch.tensor([[102.5, 62.5, 0.9], [108.5, 54.5, 0.5]]))
    assert (found[0, 0, :, 2] == 0).all()
