"""DARK against centres that are known, and against a slow version of the published steps."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.decoders import decode_dark, gaussian_maps


def gaussians(centres: np.ndarray, size: tuple[int, int], sigma: float) -> Tensor:
    ys, xs = np.mgrid[: size[0], : size[1]]
    x, y = centres[:, :1, None], centres[:, 1:, None]
    return torch.from_numpy(np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)))


def published(heatmap: np.ndarray, kernel: int) -> np.ndarray:
    """The steps of the paper for one map, with OpenCV's blur on a map padded with zeros."""
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    padded = np.pad(heatmap, kernel)
    smooth = cv2.GaussianBlur(padded, (kernel, kernel), 0)[kernel:-kernel, kernel:-kernel]
    h = np.log(np.maximum(smooth, 1e-10))
    height, width = h.shape
    if not (1 < column < width - 2 and 1 < row < height - 2):
        return np.array([column, row], dtype=float)
    y, x = row, column
    gradient = [(h[y, x + 1] - h[y, x - 1]) / 2, (h[y + 1, x] - h[y - 1, x]) / 2]
    xx = (h[y, x + 2] - 2 * h[y, x] + h[y, x - 2]) / 4
    yy = (h[y + 2, x] - 2 * h[y, x] + h[y - 2, x]) / 4
    xy = (h[y + 1, x + 1] - h[y - 1, x + 1] - h[y + 1, x - 1] + h[y - 1, x - 1]) / 4
    return np.array([x, y]) - np.linalg.solve(np.array([[xx, xy], [xy, yy]]), gradient)


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_centre_within_two_hundredths_wherever_it_is_defined(sigma, dtype) -> None:
    """Peaks on every pixel from the third to the last but two, so also right beside the border."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[2:62, 2:46]
    pixels = np.stack([columns, rows], -1).reshape(-1, 2)
    centres = pixels + rng.uniform(-0.499, 0.499, pixels.shape)
    found = decode_dark(gaussians(centres, (64, 48), sigma).to(dtype))
    away = np.abs(found[:, :2].numpy() - centres)
    assert away.max() < 0.02


def test_without_a_blur_gaussians_are_exact() -> None:
    centres = np.random.default_rng(1).uniform(2.5, 15.5, (300, 2))
    found = decode_dark(gaussians(centres, (19, 19), 2.0), kernel=1)
    assert np.abs(found[:, :2].numpy() - centres).max() < 1e-9


def test_the_last_two_pixels_keep_whole_pixels() -> None:
    centres = np.array([[1.3, 10.2], [10.2, 0.8], [46.4, 10.0], [20.3, 62.3]])
    found = decode_dark(gaussians(centres, (64, 48), 2.0))
    assert found[:, :2].tolist() == np.round(centres).tolist()


def test_as_published_where_the_blur_has_room() -> None:
    """Bumpy maps, such as networks give, and not only Gaussians."""
    rng = np.random.default_rng(2)
    centres = rng.uniform(12, 36, (60, 2))
    maps = gaussians(centres, (49, 50), 2.0).numpy()
    maps += 0.1 * cv2.GaussianBlur(rng.normal(size=(49, 50, 60)), (0, 0), 1.0).transpose(2, 0, 1)
    maps = maps.clip(0)
    for kernel in (11, 17):
        found = decode_dark(torch.from_numpy(maps), kernel)[:, :2].numpy()
        assert np.abs(found - [published(m, kernel) for m in maps]).max() < 1e-6


def test_zeros_beyond_the_border_would_pull_inwards() -> None:
    """What the narrower blur near the border is for."""
    centres = np.array([[2.3, 20.0], [3.3, 20.0]])
    maps = gaussians(centres, (64, 48), 2.0)
    padded = np.stack([published(m, 11) for m in maps.numpy()])
    assert np.abs(padded[:, 0] - centres[:, 0]).min() > 0.02
    assert np.abs(decode_dark(maps)[:, 0].numpy() - centres[:, 0]).max() < 0.02


def test_a_blur_helps_where_there_is_noise() -> None:
    generator = torch.Generator().manual_seed(3)
    centres = 15 + 20 * torch.rand(200, 2, generator=generator, dtype=torch.float64)
    maps = gaussian_maps(centres, (50, 50))
    noisy = (maps + 0.05 * torch.randn(maps.shape, generator=generator)).clamp(min=0)
    blurred, plain = (
        (decode_dark(noisy, kernel)[:, :2] - centres).norm(dim=-1).mean() for kernel in (11, 1)
    )
    assert blurred < 0.6 * plain
    assert blurred < 0.25


def test_maps_without_a_bump_keep_the_largest_pixel() -> None:
    saddle = torch.full((1, 9, 9), 0.5)
    saddle[0, 4, 4] = 0.5001
    ramp = torch.arange(1.0, 82.0).reshape(1, 9, 9)
    for maps, expected in ((saddle, [4, 4]), (ramp, [8, 8]), (torch.ones(1, 3, 4), [0, 0])):
        assert decode_dark(maps, kernel=1)[0, :2].tolist() == pytest.approx(expected, abs=1e-6)


def test_nobody_in_the_batch() -> None:
    assert decode_dark(torch.zeros(0, 17, 64, 48)).shape == (0, 17, 3)
    assert decode_dark(torch.zeros(2, 0, 64, 48)).shape == (2, 0, 3)
