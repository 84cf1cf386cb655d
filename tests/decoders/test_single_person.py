"""One person's heatmaps: whole pixels, quarter shift, soft-argmax, the door, and which way x goes."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.special import softmax

from lift3d.decoders import (
    decode_argmax,
    decode_beliefs,
    decode_heatmaps,
    decode_quarter_shift,
    decode_regression,
    decode_soft_argmax_2d,
    decode_soft_argmax_3d,
)

BATCHES = [(), (1,), (3, 1, 2)]


def one_pixel() -> torch.Tensor:
    """A wide map with its peak in the second row and the sixth column."""
    maps = torch.zeros(1, 4, 9)
    maps[0, 1, 5] = 0.75
    return maps


@pytest.mark.parametrize("mode", ["argmax", "shift", "softargmax", "dark"])
def test_x_is_the_column_and_y_the_row(mode) -> None:
    maps = 200 * one_pixel() if mode == "softargmax" else one_pixel()
    x, y, _ = decode_heatmaps(maps, mode)[0].tolist()
    assert (x, y) == pytest.approx((5, 1), abs=1e-4)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("mode", ["argmax", "shift", "softargmax", "dark"])
def test_batches_are_maps_on_their_own(mode, batch) -> None:
    maps = torch.rand(*batch, 5, 12, 9)
    found = decode_heatmaps(maps, mode)
    assert found.shape == (*batch, 5, 3)
    alone = [decode_heatmaps(m[None], mode)[0] for m in maps.reshape(-1, 12, 9)]
    assert torch.allclose(found.reshape(-1, 3), torch.stack(alone), atol=1e-5)


def test_argmax_against_scipy() -> None:
    maps = torch.rand(4, 6, 20, 31)
    found = decode_argmax(maps).reshape(-1, 3)
    for row, one in zip(found, maps.reshape(-1, 20, 31).numpy(), strict=True):
        y, x = ndimage.maximum_position(one)
        assert row.tolist() == pytest.approx([x, y, one.max()])


def test_no_peak_is_a_missing_joint() -> None:
    maps = torch.stack([torch.zeros(5, 5), -torch.ones(5, 5), torch.eye(5)])
    for mode in ("argmax", "shift", "dark"):
        found = decode_heatmaps(maps, mode)
        assert found[:2, :2].isnan().all()
        assert found[:2, 2].tolist() == [0, 0]
        assert found[2, 2] == 1


def test_quarter_shift_by_hand() -> None:
    maps = torch.zeros(4, 5, 6)
    maps[:, 2, 3] = 1.0
    maps[0, 2, 4], maps[0, 2, 2] = 0.6, 0.5  # to the right
    maps[1, 1, 3], maps[1, 3, 3] = 0.6, 0.5  # up
    maps[3] = 0
    maps[3, 2, 5], maps[3, 2, 4], maps[3, 3, 5] = 1.0, 0.5, 0.2  # on the border: only down
    found = decode_quarter_shift(maps)
    assert found[:, :2].tolist() == [[3.25, 2], [3, 1.75], [3, 2], [5, 2.25]]


def test_quarter_shift_halves_the_error_of_whole_pixels() -> None:
    """On Gaussians at random places it errs by at most a quarter of a pixel along each axis."""
    centres = 10 + torch.rand(200, 2, dtype=torch.float64)
    ys, xs = torch.meshgrid(torch.arange(20), torch.arange(21), indexing="ij")
    grid = torch.stack([xs, ys], -1).double()
    maps = torch.exp(-(grid - centres[:, None, None]).square().sum(-1) / 8)
    away = (decode_quarter_shift(maps)[:, :2] - centres).abs()
    assert away.max() <= 0.25 + 1e-9
    assert (decode_argmax(maps)[:, :2] - centres).abs().max() > 0.45


def test_soft_argmax_is_the_mean_under_softmax() -> None:
    maps = torch.randn(3, 7, 11, dtype=torch.float64)
    found = decode_soft_argmax_2d(maps, sharpness=2.0)
    for row, one in zip(found, maps.numpy(), strict=True):
        weights = softmax(2.0 * one)
        y, x = ndimage.center_of_mass(weights)
        assert row.tolist() == pytest.approx([x, y, weights.max()])


def test_soft_argmax_in_space_is_the_mean_under_softmax() -> None:
    volumes = torch.randn(2, 3, 5, 7, 11, dtype=torch.float64)
    found = decode_soft_argmax_3d(volumes)
    assert found.shape == (2, 3, 4)
    for row, one in zip(found.reshape(-1, 4), volumes.reshape(-1, 5, 7, 11).numpy(), strict=True):
        z, y, x = ndimage.center_of_mass(softmax(one))
        assert row[:3].tolist() == pytest.approx([x, y, z])


def test_sharp_soft_argmax_is_argmax_and_flat_is_the_middle() -> None:
    maps = torch.rand(5, 8, 10, dtype=torch.float64)
    assert torch.allclose(
        decode_soft_argmax_2d(maps, 1e5),
        decode_argmax(maps) * torch.tensor([1, 1, 0]) + torch.tensor([0, 0, 1.0]),
    )
    assert decode_soft_argmax_2d(torch.zeros(1, 8, 10))[0].tolist() == pytest.approx(
        [4.5, 3.5, 1 / 80]
    )


@pytest.mark.parametrize("decode", [decode_soft_argmax_2d, decode_soft_argmax_3d])
def test_soft_argmax_gradient_by_finite_differences(decode) -> None:
    shape = (2, 4, 5) if decode is decode_soft_argmax_2d else (2, 3, 4, 5)
    maps = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: decode(m, 1.5)[..., :-1], maps)


def test_beliefs_leave_the_background_out() -> None:
    beliefs = torch.zeros(1, 3, 46, 46)
    beliefs[0, 0, 10, 30] = 0.8
    beliefs[0, 1, 20, 5] = 0.05
    beliefs[0, 2] = 1 - beliefs[0, :2].amax(0)
    found = decode_beliefs(beliefs, joints=2)
    assert found[0, 0].tolist() == pytest.approx([30, 10, 0.8], abs=1e-4)
    assert found[0, 1, :2].isnan().all()
    every = decode_beliefs(beliefs, joints=2, mode="argmax", most_background=1.0)
    assert every[0, 1].tolist() == pytest.approx([5, 20, 0.05])


def test_regression_by_hand() -> None:
    """A box of 100 x 200 pixels whose first pixel is (10, 20): its edges lie half a pixel outside."""
    box = torch.tensor([10.0, 20.0, 100.0, 200.0])
    shares = torch.tensor([[0.0, 0.0], [0.5, -0.5]])
    found = decode_regression(shares, box)
    assert found.tolist() == [[59.5, 119.5, 1], [109.5, 19.5, 1]]
    corner = decode_regression(shares + 0.5, box, origin="corner")
    assert torch.equal(corner, found)
    several = decode_regression(shares.expand(3, 2, 2), box.expand(3, 4))
    assert torch.equal(several, found.expand(3, 2, 3))


def test_the_error_of_whole_pixels_is_as_documented() -> None:
    """The mean distance of a random point in a unit square from its middle."""
    expected = (math.sqrt(2) + math.asinh(1)) / 6
    assert expected == pytest.approx(0.38, abs=0.005)
    rng = np.random.default_rng(0)
    assert np.hypot(*rng.uniform(-0.5, 0.5, (2, 100_000))).mean() == pytest.approx(
        expected, abs=0.002
    )
