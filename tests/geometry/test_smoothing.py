"""Smoothing keeps steady motion, fills what is missing, and calms noise."""

import numpy as np
import torch
from scipy.interpolate import interp1d
from torch import Tensor

from lift3d.geometry.smoothing import fill_gaps, smooth_gaussian


def line(frames: int) -> Tensor:
    time = torch.arange(frames, dtype=torch.float64)[:, None, None]
    return time * torch.randn(4, 3, dtype=torch.float64) + torch.randn(4, 3, dtype=torch.float64)


def test_steady_motion_stays_also_at_the_ends() -> None:
    values = line(30)
    smooth = smooth_gaussian(values, torch.rand(30, 4, dtype=torch.float64) + 0.1, 2.5)
    torch.testing.assert_close(smooth, values)


def test_missing_values_are_filled_along_the_line() -> None:
    values, weights = line(20), torch.ones(20, 4, dtype=torch.float64)
    broken = values.clone()
    broken[8:11, 1], weights[8:11, 1] = torch.nan, 0
    torch.testing.assert_close(smooth_gaussian(broken, weights, 2.0), values)


def test_noise_becomes_less_and_an_outlier_of_little_weight_does_not_show() -> None:
    values = line(200)
    noisy = values + 0.1 * torch.randn_like(values)
    weights = torch.ones(200, dtype=torch.float64)
    smooth = smooth_gaussian(noisy, weights, 3.0)
    assert float((smooth - values).std()) < 0.4 * float((noisy - values).std())
    spoilt = values.clone()
    spoilt[100] += 10
    weights[100] = 1e-6
    assert float((smooth_gaussian(spoilt, weights, 3.0) - values).abs().max()) < 1e-4


def test_a_weighted_line_fit_of_numpy_agrees() -> None:
    values = torch.randn(15, 1, dtype=torch.float64)
    weights = torch.rand(15, dtype=torch.float64) + 0.1
    smooth = smooth_gaussian(values, weights, 1.5)
    shift = np.arange(15) - 6
    g = np.exp(-0.5 * (shift / 1.5) ** 2) * (np.abs(shift) <= 5)  # 3 sigma, rounded up
    w = np.sqrt(weights.numpy() * g)
    fit = np.polyfit(shift, values[:, 0].numpy(), 1, w=w)
    np.testing.assert_allclose(smooth[6, 0], fit[1], atol=1e-10)


def test_a_series_never_seen_is_missing_and_one_seen_once_is_constant() -> None:
    values = torch.full((9, 2), torch.nan, dtype=torch.float64)
    weights = torch.zeros(9, 2, dtype=torch.float64)
    values[4, 1], weights[4, 1] = 7, 1
    smooth = smooth_gaussian(values, weights, 3.0)
    assert smooth[:, 0].isnan().all()
    torch.testing.assert_close(smooth[:, 1], torch.full((9,), 7.0, dtype=torch.float64))


def test_no_width_or_one_frame_is_left_alone() -> None:
    values = torch.randn(5, 3, dtype=torch.float64)
    assert torch.equal(smooth_gaussian(values, torch.ones(5), 0.0), values)
    assert torch.equal(smooth_gaussian(values[:1], torch.ones(1), 2.0), values[:1])


def test_smoothing_has_right_gradients_with_missing_values() -> None:
    values, weights = torch.randn(8, 2, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    values[3], weights[3] = torch.nan, 0
    seen = torch.where(weights[:, None] > 0, values, 0.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: smooth_gaussian(v, weights, 1.0), seen)


def test_gaps_are_filled_as_scipy_interpolates() -> None:
    values = torch.randn(12, 2, 3, dtype=torch.float64)
    seen = torch.ones(12, dtype=torch.float64)
    seen[[3, 4, 8]] = 0
    broken = values.clone()
    broken[seen == 0] = torch.nan
    known = np.flatnonzero(seen.numpy())
    expected = interp1d(known, values[known].numpy(), axis=0)(np.arange(12))
    np.testing.assert_allclose(fill_gaps(broken, seen), expected, atol=1e-12)


def test_the_ends_repeat_the_nearest_frame_and_nothing_seen_stays() -> None:
    values = torch.tensor([torch.nan, torch.nan, 2.0, torch.nan, 4.0, torch.nan])
    seen = torch.tensor([0.0, 0, 1, 0, 1, 0])
    assert fill_gaps(values, seen).tolist() == [2, 2, 2, 3, 4, 4]
    nothing = torch.full((3,), torch.nan)
    assert fill_gaps(nothing, torch.zeros(3)).isnan().all()
