"""Rays are what pixels see; a root on its rays is found again."""

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.geometry.projection import LensModel, pixels_from_points
from lift3d.geometry.rays import rays_from_pixels, root_from_rays, virtual_from_camera
from lift3d.geometry.rotations import rotation_angle

K = torch.tensor([[1100.0, 0, 640.0], [0, 1090.0, 350.0], [0, 0, 1]], dtype=torch.float64)
LENS = torch.tensor([-0.2, 0.15, 0.001, -0.0015, -0.02], dtype=torch.float64)

over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def person(batch: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Root-relative joints, their translation, and the exact rays to them."""
    joints = torch.randn(*batch, 13, 3, dtype=torch.float64) * 0.4
    transl = torch.randn(*batch, 3, dtype=torch.float64) * 0.5
    transl[..., 2] += 4
    return joints, transl, unit(joints + transl[..., None, :])


@over_batches
@pytest.mark.parametrize("lens", ["brown_conrady", "human36m"])
def test_rays_point_at_the_points_that_were_projected(
    batch: tuple[int, ...], lens: LensModel
) -> None:
    joints, transl, rays = person(batch)
    intrinsics, distortion = K.expand(*batch, 3, 3), LENS.expand(*batch, 5)
    pixels = pixels_from_points(joints + transl[..., None, :], intrinsics, distortion, lens)
    back = rays_from_pixels(pixels, intrinsics, distortion, lens)
    torch.testing.assert_close(back, rays, atol=1e-6, rtol=0)
    torch.testing.assert_close(back.norm(dim=-1), torch.ones_like(back[..., 0]))


def test_rays_agree_with_cv2() -> None:
    pixels = torch.rand(30, 2, dtype=torch.float64) * 500 + 300
    xy = cv2.undistortPoints(pixels.numpy()[:, None], K.numpy(), np.zeros(5))[:, 0]
    expected = np.concatenate([xy, np.ones((30, 1))], -1)
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(rays_from_pixels(pixels, K), expected, atol=1e-12)


def test_the_principal_point_looks_straight_ahead() -> None:
    centre = torch.tensor([[640.0, 350.0], [1740.0, 350.0]], dtype=torch.float64)
    forward, aside = rays_from_pixels(centre, K)
    assert forward.tolist() == [0, 0, 1]
    half = math.sqrt(0.5)
    torch.testing.assert_close(aside, torch.tensor([half, 0, half], dtype=torch.float64))


@over_batches
def test_the_virtual_camera_turns_its_ray_forward(batch: tuple[int, ...]) -> None:
    ray = unit(torch.randn(*batch, 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 3.0]))
    rotmat = virtual_from_camera(ray)
    forward = torch.tensor([0.0, 0, 1], dtype=torch.float64).expand(*batch, 3)
    torch.testing.assert_close((rotmat @ ray[..., None])[..., 0], forward)
    # The smallest rotation: its angle is the ray's angle to the optical axis.
    torch.testing.assert_close(rotation_angle(rotmat), torch.acos(ray[..., 2]))


def test_a_virtual_camera_to_the_side_keeps_the_picture_upright() -> None:
    ray = unit(torch.tensor([0.6, 0.0, 1.0], dtype=torch.float64))
    rotmat = virtual_from_camera(ray)
    down = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(rotmat @ down, down)


def test_the_virtual_camera_on_the_axis_is_the_camera() -> None:
    forward = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    assert torch.equal(virtual_from_camera(forward), torch.eye(3, dtype=torch.float64))


@over_batches
def test_exact_rays_give_the_exact_root(batch: tuple[int, ...]) -> None:
    joints, transl, rays = person(batch)
    weights = torch.rand(*batch, 13, dtype=torch.float64) + 0.1
    torch.testing.assert_close(root_from_rays(joints, rays, weights), transl)


def test_the_depth_of_two_points_by_hand() -> None:
    # One metre apart, seen 0.25 apart at distance one: four metres away.
    joints = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]], dtype=torch.float64)
    rays = unit(torch.tensor([[0.0, 0, 1], [0.25, 0, 1]], dtype=torch.float64))
    root = root_from_rays(joints, rays, torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(root, torch.tensor([0.0, 0, 4], dtype=torch.float64))


def test_missing_joints_do_not_matter_and_do_not_spoil_gradients() -> None:
    joints, transl, rays = person((2,))
    weights = torch.ones(2, 13, dtype=torch.float64)
    weights[:, ::3] = 0
    joints[:, ::3], rays[:, 3] = torch.nan, torch.nan
    joints.requires_grad_()
    root = root_from_rays(joints, rays, weights)
    torch.testing.assert_close(root, transl)
    root.sum().backward()
    assert joints.grad is not None
    assert joints.grad.isfinite().all()
    assert bool((joints.grad[:, ::3] == 0).all())


def test_noisy_rays_give_the_least_squares_root() -> None:
    joints, _, rays = person(())
    rays = unit(rays + 0.01 * torch.randn_like(rays))
    weights = torch.rand(13, dtype=torch.float64)
    slope = (rays[:, :2] / rays[:, 2:]).numpy()
    root_w = weights.sqrt().numpy()
    rows, rhs = [], []
    for axis in range(2):
        row = np.zeros((13, 3))
        row[:, axis], row[:, 2] = 1, -slope[:, axis]
        rows.append(row * root_w[:, None])
        rhs.append((slope[:, axis] * joints[:, 2].numpy() - joints[:, axis].numpy()) * root_w)
    expected = np.linalg.lstsq(np.concatenate(rows), np.concatenate(rhs), rcond=None)[0]
    np.testing.assert_allclose(root_from_rays(joints, rays, weights), expected, atol=1e-10)


def test_one_joint_alone_has_no_depth() -> None:
    joints, _, rays = person(())
    weights = torch.zeros(13, dtype=torch.float64)
    assert not root_from_rays(joints, rays, weights).isfinite().any()
    weights[4] = 1
    assert not root_from_rays(joints, rays, weights).isfinite().all()


def test_the_root_has_right_gradients() -> None:
    joints, _, rays = person(())
    weights = torch.rand(13, dtype=torch.float64) + 0.5
    inputs = (joints.requires_grad_(), rays.requires_grad_(), weights.requires_grad_())
    assert torch.autograd.gradcheck(root_from_rays, inputs, atol=1e-4)
