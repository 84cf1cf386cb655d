"""Filters against matrices written out by hand, and what makes a filter a good one."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.filters import (
    OneEuro,
    PointModel,
    kalman_filter,
    kalman_smooth,
    kalman_step,
    one_euro,
    one_euro_step,
)
from lift3d.geometry.smoothing import smooth_gaussian

FPS = 30.0


def covariances(*batch: int) -> Tensor:
    a = torch.randn(*batch, 3, 3, dtype=torch.float64) * 0.05
    return a @ a.mT + 1e-4 * torch.eye(3, dtype=torch.float64)


def wandering(frames: int, points: int, density: float) -> Tensor:
    """Points whose velocity really is the model's random walk, from many small steps."""
    fine = 20
    kick = math.sqrt(density / (FPS * fine)) * torch.randn(frames * fine, points, 3).double()
    velocity = kick.cumsum(0)
    return (velocity / (FPS * fine)).cumsum(0)[::fine]


def one_joint_by_hand(
    values: np.ndarray, noise: np.ndarray, density: float, start: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """All frames' places and velocities as one Gaussian: no recursion at all.

    The prior of the whole trajectory is written as equations with unit covariance and solved at once.
    """
    frames, dt = len(values), 1 / FPS
    step = np.kron([[1, dt], [0, 1]], np.eye(3))
    q = density * np.kron([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]], np.eye(3))
    precision = np.zeros((6 * frames, 6 * frames))
    right = np.zeros(6 * frames)
    precision[:6, :6] += np.diag(np.repeat(1 / np.square(start), 3))
    for t in range(1, frames):
        link = np.zeros((6, 6 * frames))
        link[:, 6 * t : 6 * t + 6] = np.eye(6)
        link[:, 6 * t - 6 : 6 * t] = -step
        precision += link.T @ np.linalg.inv(q) @ link
    for t in range(frames):
        if np.isfinite(values[t]).all():
            here = slice(6 * t, 6 * t + 3)
            precision[here, here] += np.linalg.inv(noise[t])
            right[here] += np.linalg.inv(noise[t]) @ values[t]
    covariance = np.linalg.inv(precision)
    mean = covariance @ right
    places = mean.reshape(frames, 6)[:, :3]
    blocks = [covariance[6 * t : 6 * t + 3, 6 * t : 6 * t + 3] for t in range(frames)]
    return places, np.stack(blocks)


def test_the_smoother_solves_the_whole_trajectory_at_once() -> None:
    values, noise = torch.randn(12, 2, 3, dtype=torch.float64), covariances(12, 2)
    values[4:7, 0] = torch.nan
    model = PointModel(2, density=3.0, start=(2.0, 5.0, 1.0))
    places, spread = kalman_smooth(values, noise, FPS, model)
    for joint in range(2):
        found = one_joint_by_hand(
            values[:, joint].numpy(), noise[:, joint].numpy(), 3.0, (2.0, 5.0)
        )
        np.testing.assert_allclose(places[:, joint], found[0], atol=1e-8)
        np.testing.assert_allclose(spread[:, joint], found[1], atol=1e-8)


def test_the_filter_is_the_smoother_of_what_it_has_seen() -> None:
    values, noise = torch.randn(9, 3, dtype=torch.float64), covariances(9)
    states = kalman_filter(values, noise, FPS)
    for frame in (0, 3, 8):
        places, spread = kalman_smooth(values[: frame + 1], noise[: frame + 1], FPS)
        torch.testing.assert_close(states[frame].place, places[-1])
        torch.testing.assert_close(states[frame].place_covariance, spread[-1])


@pytest.mark.parametrize("order", [2, 3])
def test_frame_by_frame_is_the_whole_clip(order: int) -> None:
    values, noise = torch.randn(7, 2, 3, dtype=torch.float64), covariances(7, 2)
    values[2, 1] = torch.nan
    model = PointModel(order, density=torch.tensor([1.0, 20.0]))
    state = None
    for frame, expected in enumerate(kalman_filter(values, noise, FPS, model)):
        state = kalman_step(model, state, values[frame], noise[frame], 1 / FPS)
        assert torch.equal(state.mean, expected.mean)
        assert torch.equal(state.covariance, expected.covariance)


def test_two_small_steps_without_a_look_are_one_large_one() -> None:
    nothing = torch.full((3,), torch.nan, dtype=torch.float64)
    for order in (2, 3):
        model = PointModel(order, density=7.0, start=(1.0, 1.0, 1.0))
        start = kalman_step(model, None, torch.ones(3).double(), covariances(), 0.1)
        small = start
        for seconds in (0.03, 0.07):
            small = kalman_step(model, small, nothing, covariances(), seconds)
        large = kalman_step(model, start, nothing, covariances(), 0.1)
        torch.testing.assert_close(small.mean, large.mean)
        torch.testing.assert_close(small.covariance, large.covariance)


def test_the_smoother_is_nearer_to_the_truth_than_any_window() -> None:
    truth = wandering(300, 8, density=10.0)
    spread = covariances(300, 8) * 4
    noise = (torch.linalg.cholesky(spread) @ torch.randn(300, 8, 3, 1).double())[..., 0]
    values = truth + noise

    def error(found: Tensor) -> float:
        return float((found - truth).square().mean())

    places, told = kalman_smooth(values, spread, FPS, PointModel(2, 10.0))
    weights = torch.ones(300, dtype=torch.float64)
    windows = [error(smooth_gaussian(values, weights, s * FPS)) for s in (0.03, 0.06, 0.1, 0.2)]
    assert error(places) < 0.9 * min(windows)
    assert min(windows) < 0.5 * error(values)
    # and it knows how far off it is: squared errors in its own units have mean 3
    off = (places - truth)[..., None]
    squared = (off.mT @ torch.linalg.solve(told, off)).mean()
    assert 2.7 < float(squared) < 3.3


@pytest.mark.parametrize("order", [2, 3])
def test_steady_motion_passes_unchanged(order: int) -> None:
    time = torch.arange(40, dtype=torch.float64)[:, None, None] / FPS
    truth = torch.randn(4, 3).double() + time * torch.randn(4, 3).double()
    noise = covariances(40, 4)
    places, _ = kalman_smooth(truth, noise, FPS, PointModel(order))
    torch.testing.assert_close(places, truth, atol=1e-5, rtol=0)
    places, _ = kalman_smooth(truth, noise, FPS, PointModel(order), degrees=4.0)
    torch.testing.assert_close(places, truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("order", [2, 3])
def test_a_fast_joint_does_not_lag(order: int) -> None:
    time = torch.arange(180, dtype=torch.float64) / FPS
    turn = 2 * math.pi * 2.0 * time
    wave = 0.2 * torch.stack([turn.sin(), turn.cos(), turn * 0], -1)
    noise = torch.eye(3, dtype=torch.float64).expand(180, 3, 3) * 0.02**2
    density = 20.0 if order == 2 else 500.0
    values = wave + 0.02 * torch.randn(180, 3).double()
    model = PointModel(order, density)
    smooth, _ = kalman_smooth(values, noise, FPS, model)
    causal = one_euro(values, FPS, OneEuro(1.0, 0.0))

    def lag(found: Tensor) -> float:
        """From the phase at 2 Hz, in seconds, of the clip's middle."""
        middle = found[30:150, 0].numpy()
        line = np.exp(-1j * turn[30:150].numpy())
        return float(-np.angle(1j * (middle * line).sum()) / (2 * math.pi * 2.0))

    assert abs(lag(smooth)) < 0.005
    assert lag(causal) > 0.02  # a plain low pass does lag: the measure measures


def test_gaps_widen_the_covariance_most_in_their_middle() -> None:
    values = torch.randn(41, 3, dtype=torch.float64) * 0.01
    values[15:26] = torch.nan
    noise = torch.eye(3, dtype=torch.float64).expand(41, 3, 3) * 1e-4
    places, spread = kalman_smooth(values, noise, FPS)
    size = spread.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert places.isfinite().all()
    assert (size[15:21].diff() > 0).all()
    assert (size[20:26].diff() < 0).all()
    assert size[20] > 5 * size[8]
    assert (size[5:12] < 3e-4).all()
    states = kalman_filter(values, noise, FPS)
    told = torch.stack([s.place_covariance.diagonal().sum() for s in states])
    assert (told[14:26].diff() > 0).all()


def test_each_direction_is_trusted_as_far_as_its_covariance_says() -> None:
    truth = torch.zeros(60, 3, dtype=torch.float64)
    spread = torch.diag(torch.tensor([0.01, 0.01, 0.3]).double() ** 2).expand(60, 3, 3)
    turn = torch.linalg.qr(torch.randn(3, 3).double()).Q
    values = truth + torch.randn(60, 3).double() * torch.tensor([0.01, 0.01, 0.3])
    plain, _ = kalman_smooth(values, spread, FPS)
    turned, told = kalman_smooth(values @ turn.T, turn @ spread @ turn.T, FPS)
    torch.testing.assert_close(turned, plain @ turn.T)
    assert told.isfinite().all()


def test_heavy_tails_forget_an_outlier_and_trust_nothing_more() -> None:
    truth = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None].expand(50, 3)
    noise = torch.eye(3, dtype=torch.float64).expand(50, 3, 3) * 0.01**2
    values = truth.clone()
    values[25] += 0.5
    plain, sure = kalman_smooth(values, noise, FPS)
    tails, doubt = kalman_smooth(values, noise, FPS, degrees=4.0)
    assert (tails[25] - truth[25]).norm() < 0.1 * (plain[25] - truth[25]).norm()
    excess = torch.linalg.eigvalsh(doubt - sure)
    assert excess.min() > -1e-12


def test_points_never_seen_stay_missing_and_types_are_kept() -> None:
    values = torch.randn(5, 2, 3)
    values[:, 1] = torch.nan
    places, spread = kalman_smooth(values, covariances(5, 2).float(), FPS)
    assert places.dtype == spread.dtype == torch.float32
    assert places[:, 0].isfinite().all()
    assert places[:, 1].isnan().all()
    assert spread[:, 1].isnan().all()
    empty, _ = kalman_smooth(values[:0], covariances(0, 2), FPS)
    assert len(empty) == 0


def test_an_order_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="order 2"):
        PointModel(4)


def euro_by_hand(values: list[float], times: list[float], settings: OneEuro) -> list[float]:
    """One axis, straight from the paper's appendix A, with exponential smoothing written out."""
    out = [values[0]]
    speed = 0.0
    for i in range(1, len(values)):
        te = times[i] - times[i - 1]

        def alpha(cutoff: float, te: float = te) -> float:
            return 1 / (1 + (1 / (2 * math.pi * cutoff)) / te)

        raw = (values[i] - out[-1]) / te
        a = alpha(settings.speed_cutoff)
        speed = a * raw + (1 - a) * speed
        a = alpha(settings.min_cutoff + settings.beta * abs(speed))
        out.append(a * values[i] + (1 - a) * out[-1])
    return out


def test_one_euro_is_the_papers_filter_also_over_gaps() -> None:
    settings = OneEuro(1.2, 3.0, 0.8)
    values = torch.randn(30, 1, dtype=torch.float64)
    values[[7, 8, 20]] = torch.nan
    seen = values[:, 0].isfinite()
    times = (torch.arange(30).double()[seen] / FPS).tolist()
    expected = euro_by_hand(values[seen, 0].tolist(), times, settings)
    found = one_euro(values, FPS, settings)
    np.testing.assert_allclose(found[seen, 0], expected, atol=1e-12)
    assert torch.equal(found.isnan(), values.isnan())


def test_one_euro_does_not_depend_on_what_comes_later_or_on_the_axes() -> None:
    values = torch.randn(20, 4, 3, dtype=torch.float64)
    whole = one_euro(values, FPS)
    torch.testing.assert_close(one_euro(values[:9], FPS), whole[:9], atol=0, rtol=0)
    turn = torch.linalg.qr(torch.randn(3, 3).double()).Q
    torch.testing.assert_close(one_euro(values @ turn.T, FPS), whole @ turn.T)
    state = None
    for frame in range(20):
        state = one_euro_step(OneEuro(), state, values[frame], 1 / FPS)
        assert torch.equal(state.values, whole[frame])
    assert len(one_euro(values[:0], FPS)) == 0


def test_one_euro_calms_what_is_still_and_follows_what_is_fast() -> None:
    shake = 0.01 * torch.randn(200, 3, dtype=torch.float64)
    assert one_euro(shake, FPS)[50:].std() < 0.5 * shake[50:].std()
    time = torch.arange(60, dtype=torch.float64)[:, None] / FPS
    run = 4 * time * torch.tensor([1.0, 0, 0])
    slow = one_euro(run, FPS, OneEuro(1.0, 0.0))
    quick = one_euro(run, FPS, OneEuro(1.0, 4.0))
    assert (run - quick)[-1].norm() < 0.2 * (run - slow)[-1].norm()


@pytest.mark.parametrize("fps", [15.0, 60.0])
def test_one_euro_calms_alike_at_any_frame_rate(fps: float) -> None:
    # A step passes through a first-order low pass in the same time whatever the rate.
    seconds = 1.0
    values = torch.ones(round(fps * seconds) + 1, 1, dtype=torch.float64)
    values[0] = 0
    cutoff = 0.3
    left = 1 - float(one_euro(values, fps, OneEuro(cutoff, 0.0))[-1])
    assert left == pytest.approx(math.exp(-2 * math.pi * cutoff * seconds), rel=0.15)
