"""Triangulation meets the point that the views saw, and cv2 agrees."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.geometry.triangulation import triangulate_rays

ORIGINS = torch.tensor(
    [[0.0, 0, 0], [2.0, 0.1, 0.3], [-1.5, 0.4, 0.2], [0.3, 1.0, 8.0]], dtype=torch.float64
)
over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def draw(batch: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Points about four metres ahead, and the unit rays of the four views to them."""
    points = torch.randn(*batch, 3, dtype=torch.float64)
    points[..., 2] += 4
    origins = ORIGINS.reshape(4, *([1] * len(batch)), 3)
    return points, torch.nn.functional.normalize(points - origins, dim=-1)


@over_batches
def test_exact_rays_meet_in_their_point(batch: tuple[int, ...]) -> None:
    points, rays = draw(batch)
    weights = torch.rand(4, *batch, dtype=torch.float64) + 0.1
    torch.testing.assert_close(triangulate_rays(ORIGINS, rays, weights), points)


def test_cv2_finds_the_same_point_from_two_views() -> None:
    points, rays = draw((6,))
    left, right = np.eye(3, 4), np.eye(3, 4)
    right[:, 3] = -ORIGINS[1].numpy()
    xy = (rays[:2, :, :2] / rays[:2, :, 2:]).numpy()
    found = cv2.triangulatePoints(left, right, xy[0].T, xy[1].T)
    ours = triangulate_rays(ORIGINS[:2], rays[:2], torch.ones(2, 6, dtype=torch.float64))
    np.testing.assert_allclose(ours, (found[:3] / found[3]).T, atol=1e-8)
    torch.testing.assert_close(ours, points)


def test_skew_rays_meet_half_way() -> None:
    # Along x at height 0, along y at height 1: closest at (0, 0, 0.5), weighted 3 : 1 at 0.25.
    origins = torch.tensor([[-5.0, 0, 0], [0, -7.0, 1]], dtype=torch.float64)
    rays = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]], dtype=torch.float64)
    even = triangulate_rays(origins, rays, torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(even, torch.tensor([0, 0, 0.5], dtype=torch.float64))
    uneven = triangulate_rays(origins, rays, torch.tensor([3.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(uneven, torch.tensor([0, 0, 0.25], dtype=torch.float64))


def test_views_that_missed_a_point_do_not_count() -> None:
    points, rays = draw((5,))
    weights = torch.ones(4, 5, dtype=torch.float64)
    weights[3], weights[0, 2] = 0, 0
    rays[3], rays[0, 2] = torch.nan, torch.nan
    torch.testing.assert_close(triangulate_rays(ORIGINS, rays, weights), points)


@pytest.mark.parametrize("views", [0, 1])
def test_a_point_with_fewer_than_two_views_is_missing(views: int) -> None:
    points, rays = draw((2,))
    weights = torch.ones(4, 2, dtype=torch.float64)
    weights[views:, 0] = 0
    found = triangulate_rays(ORIGINS, rays, weights)
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1], points[1])


def test_parallel_rays_have_no_point_but_do_not_spoil_the_others() -> None:
    points, rays = draw((2,))
    rays[:, 0] = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    found = triangulate_rays(ORIGINS, rays, torch.ones(4, 2, dtype=torch.float64))
    assert not found[0].isfinite().all()
    torch.testing.assert_close(found[1], points[1])


def test_triangulation_has_right_gradients() -> None:
    _, rays = draw((2,))
    weights = torch.rand(4, 2, dtype=torch.float64) + 0.5
    inputs = (ORIGINS.clone().requires_grad_(), rays.requires_grad_(), weights)
    assert torch.autograd.gradcheck(triangulate_rays, inputs, atol=1e-4)
