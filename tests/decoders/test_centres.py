"""Poses and parameters that stand at people's centres: DEKR and ROMP."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from lift3d.decoders import PoseSuppression, decode_centres, decode_dekr, gaussian_maps
from lift3d.skeletons import COCO_17
from tests.decoders.scenes import expect_people, matched, person

SIZE = (64, 80)


def dekr_maps(people: Tensor, reach: int = 3) -> tuple[Tensor, Tensor]:
    """Joints' and centres' Gaussians; around each centre the way from every pixel to the joints."""
    centres = people.mean(1, keepdim=True)
    heatmaps = gaussian_maps(torch.cat([people, centres], 1), SIZE, 2.0).amax(0)
    offsets = torch.full((people.shape[1], 2, *SIZE), 30.0, dtype=torch.float64)
    for body, centre in zip(people, centres[:, 0].round().int().tolist(), strict=True):
        for row in range(centre[1] - reach, centre[1] + reach + 1):
            for column in range(centre[0] - reach, centre[0] + reach + 1):
                offsets[:, :, row, column] = body - torch.tensor([column, row])
    return heatmaps, offsets


def crowd() -> Tensor:
    bodies = [
        person(COCO_17, 18, 4, 50, 0.1),
        person(COCO_17, 45, 6, 52, -0.3),
        person(COCO_17, 66, 30, 30),
    ]
    return torch.stack(bodies)


def test_dekr_gives_exact_joints() -> None:
    people = crowd()
    found = decode_dekr(*dekr_maps(people))
    expect_people(found.keypoints, people, within=1e-9)
    assert (found.keypoints[..., 2] > 0.8).all()
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_dekr_scores_by_hand() -> None:
    """The centre's value times the mean of the heatmaps at the joints, here between two pixels."""
    heatmaps, offsets = torch.zeros(3, 9, 12), torch.zeros(2, 2, 9, 12)
    heatmaps[2, 4, 6] = 0.5
    offsets[0, :, 4, 6] = torch.tensor([-2.5, 1.0])  # to x 3.5, y 5
    offsets[1, :, 4, 6] = torch.tensor([2.0, -1.0])  # to x 8, y 3
    heatmaps[0, 5, 3], heatmaps[0, 5, 4], heatmaps[1, 3, 8] = 0.4, 0.8, 1.0
    found = decode_dekr(heatmaps, offsets)
    expected = torch.tensor([[3.5, 5, 0.6], [8, 3, 1]])
    assert torch.allclose(found.keypoints[0], expected)
    assert found.scores.tolist() == pytest.approx([0.5 * 0.8])


def test_dekr_joints_outside_the_map_are_missing() -> None:
    heatmaps, offsets = torch.ones(3, 9, 12), torch.zeros(2, 2, 9, 12)
    heatmaps[2] = 0
    heatmaps[2, 4, 6] = 1
    offsets[0, 0] = 5.5  # x 11.5 of columns 0 to 11
    found = decode_dekr(heatmaps, offsets).keypoints[0]
    assert found[0, :2].isnan().all()
    assert found[1].tolist() == [6, 4, 1]


def test_dekr_of_poses_on_each_other_the_best_stays() -> None:
    people = crowd()
    again = people[:1] + torch.tensor([6.0, 0.0])  # another centre for the same person
    heatmaps, offsets = dekr_maps(torch.cat([people, again]), reach=2)
    centre = again[0].mean(0).round().int().tolist()
    offsets[..., centre[1], centre[0]] = people[0] + 0.5 - torch.tensor(centre)
    heatmaps[-1] *= torch.where(torch.arange(SIZE[1]) < 22, 1.0, 0.95)
    found = decode_dekr(heatmaps, offsets)
    assert len(found) == 3
    assert torch.allclose(matched(found.keypoints, people)[0, :, :2], people[0])
    every = decode_dekr(heatmaps, offsets, PoseSuppression(same=1.0))
    assert len(every) == 4


def test_dekr_nobody() -> None:
    assert decode_dekr(torch.zeros(18, 8, 8), torch.zeros(17, 2, 8, 8)).keypoints.shape == (
        0,
        17,
        3,
    )


def test_params_are_those_at_the_centres() -> None:
    maps = gaussian_maps(torch.tensor([[10.0, 20.0], [40.0, 12.0], [41.0, 50.0]]), (64, 64), 2.0)
    levels = torch.tensor([0.6, 0.9, 0.2])
    centre_map = (maps * levels[:, None, None]).amax(0)
    params = torch.randn(142, 64, 64)
    found = decode_centres(centre_map, params)
    expected = torch.tensor([[40, 12, 0.9], [10, 20, 0.6]])
    assert torch.allclose(found.centres, expected)
    assert torch.equal(found.params, torch.stack([params[:, 12, 40], params[:, 20, 10]]))
    assert len(decode_centres(centre_map, params, threshold=0.1)) == 3
    assert decode_centres(centre_map, params, threshold=0.1, most=1).centres[0, 0] == 40
    assert decode_centres(torch.zeros(64, 64), params).params.shape == (0, 142)


def test_params_keep_their_gradient() -> None:
    centre_map = torch.zeros(8, 8)
    centre_map[3, 5] = 1
    params = torch.randn(2, 8, 8, requires_grad=True)
    decode_centres(centre_map, params).params.sum().backward()
    assert params.grad is not None
    assert torch.nonzero(params.grad).tolist() == [[0, 3, 5], [1, 3, 5]]


def test_crowded_centres_against_scipy() -> None:
    maps = torch.from_numpy(
        ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(64, 64)), 1.5)
    )
    largest = ndimage.maximum_filter(maps.numpy(), 5, mode="constant", cval=-np.inf)
    rows, columns = np.nonzero((largest == maps.numpy()) & (maps.numpy() > 0.1))
    found = decode_centres(maps, torch.zeros(1, 64, 64), threshold=0.1, most=1000)
    assert len(found) > 64
    assert {(int(x), int(y)) for x, y, _ in found.centres.tolist()} == set(
        zip(columns.tolist(), rows.tolist(), strict=True)
    )
