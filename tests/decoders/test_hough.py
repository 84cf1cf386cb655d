"""Votes against a sum over all pairs of pixels, and discs whose centres are known."""

import math

import numpy as np
import pytest
import torch

from lift3d.decoders import decode_argmax, decode_offset_hough, hough_votes, pose_scores


def discs(
    centres: np.ndarray, size: tuple[int, int], radius: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a perfect network gives: 1 within the disc, and the way from each pixel to the centre."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    x, y = centres[:, 0, None, None] - xs, centres[:, 1, None, None] - ys
    inside = x**2 + y**2 <= radius**2
    return torch.from_numpy(inside.astype(float)), torch.from_numpy(np.stack([x, y], 1))


def test_votes_are_the_papers_sum() -> None:
    rng = np.random.default_rng(0)
    heat = rng.uniform(0, 1, (2, 6, 7))
    offsets = rng.normal(0, 2, (2, 2, 6, 7))
    expected = np.zeros_like(heat)
    for joint, y, x in np.ndindex(heat.shape):
        to_x, to_y = x + offsets[joint, 0, y, x], y + offsets[joint, 1, y, x]
        for row, column in np.ndindex(6, 7):
            kernel = max(0, 1 - abs(to_x - column)) * max(0, 1 - abs(to_y - row))
            expected[joint, row, column] += kernel * heat[joint, y, x] / (math.pi * 9)
    votes = hough_votes(torch.from_numpy(heat), torch.from_numpy(offsets), 3.0)
    assert np.abs(votes.numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
def test_centres_of_discs_are_exact(batch) -> None:
    """Also near the border, where half of the disc is cut off."""
    rng = np.random.default_rng(1)
    count = math.prod(batch) * 5
    centres = rng.uniform([1, 1], [45, 61], (count, 2))
    heat, offsets = discs(centres, (64, 48), 8.0)
    shaped = heat.reshape(*batch, 5, 64, 48), offsets.reshape(*batch, 5, 2, 64, 48)
    found = decode_offset_hough(*shaped, 8.0)
    assert found.shape == (*batch, 5, 3)
    assert np.abs(found[..., :2].numpy().reshape(-1, 2) - centres).max() < 1e-9


def test_voting_beats_the_largest_pixel_where_there_is_noise() -> None:
    rng = np.random.default_rng(2)
    centres = rng.uniform(15, 35, (60, 2))
    heat, offsets = discs(centres, (50, 50), 6.0)
    heat = (heat * 0.8 + torch.from_numpy(rng.uniform(0, 0.15, heat.shape))).clamp(0, 1)
    offsets = offsets + torch.from_numpy(rng.normal(0, 1, offsets.shape))
    voted = np.linalg.norm(
        decode_offset_hough(heat, offsets, 6.0)[:, :2].numpy() - centres, axis=-1
    )
    largest = np.linalg.norm(decode_argmax(heat)[:, :2].numpy() - centres, axis=-1)
    assert voted.mean() < 0.5
    assert largest.mean() > 4 * voted.mean()


def test_x_is_the_first_offset_and_votes_that_leave_are_lost() -> None:
    heat, offsets = torch.zeros(1, 5, 9), torch.zeros(1, 2, 5, 9)
    heat[0, 2, 3] = 1.0
    offsets[0, :, 2, 3] = torch.tensor([4.0, 1.0])
    votes = hough_votes(heat, offsets, 1.0)
    assert torch.nonzero(votes).tolist() == [[0, 3, 7]]
    assert votes.sum().item() == pytest.approx(1 / math.pi)
    offsets[0, :, 2, 3] = torch.tensor([-4.0, 0.0])
    assert hough_votes(heat, offsets, 1.0).sum() == 0
    assert decode_offset_hough(heat, offsets, 1.0)[0, :2].isnan().all()


def test_votes_have_gradients() -> None:
    heat = torch.rand(1, 4, 5, dtype=torch.float64).requires_grad_()
    offsets = (torch.randn(1, 2, 4, 5, dtype=torch.float64) + 0.3).requires_grad_()
    assert torch.autograd.gradcheck(lambda h, o: hough_votes(h, o, 2.0), (heat, offsets))


def test_rescoring_is_the_mean_confidence() -> None:
    """A whole disc of probability 1 votes with about 1; a missing joint counts 0."""
    heat, offsets = discs(np.array([[20.0, 20.0], [21.0, 30.0]]), (50, 50), 10.0)
    heat[1] = 0
    found = decode_offset_hough(heat, offsets, 10.0)
    assert found[0, 2].item() == pytest.approx(1, abs=0.02)
    assert pose_scores(found).item() == pytest.approx(0.5, abs=0.01)
