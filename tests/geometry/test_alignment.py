"""Procrustes finds the similarity that made the target, and never a mirror."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.geometry.alignment import procrustes, procrustes_align

over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def draw(batch: tuple[int, ...], points: int = 9) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = int(np.prod(batch, dtype=int))
    source = torch.randn(*batch, points, 3, dtype=torch.float64)
    rotmat = torch.from_numpy(Rotation.random(count, random_state=3).as_matrix())
    scale = torch.rand(batch, dtype=torch.float64) + 0.5
    return source, scale, rotmat.reshape(*batch, 3, 3), torch.randn(*batch, 3, dtype=torch.float64)


def moved(source: Tensor, scale: Tensor, rotmat: Tensor, translation: Tensor) -> Tensor:
    return scale[..., None, None] * source @ rotmat.mT + translation[..., None, :]


@over_batches
def test_a_similarity_is_found_again(batch: tuple[int, ...]) -> None:
    source, scale, rotmat, translation = draw(batch)
    target = moved(source, scale, rotmat, translation)
    found = procrustes(source, target)
    for a, b in zip(found, (scale, rotmat, translation), strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(procrustes_align(source, target), target)


@over_batches
def test_a_rigid_transform_is_found_with_scale_one(batch: tuple[int, ...]) -> None:
    source, scale, rotmat, translation = draw(batch)
    target = moved(source, torch.ones_like(scale), rotmat, translation)
    factor, found, shift = procrustes(source, target, scale=False)
    assert bool((factor == 1).all())
    torch.testing.assert_close(found, rotmat)
    torch.testing.assert_close(shift, translation)


def test_scipy_finds_the_same_rotation_with_noise_and_weights() -> None:
    source, scale, rotmat, translation = draw(())
    target = moved(source, scale, rotmat, translation) + 0.3 * torch.randn(9, 3).double()
    weights = torch.rand(9, dtype=torch.float64)
    _, found, _ = procrustes(source, target, weights, scale=False)
    w = (weights / weights.sum())[:, None]
    a, b = source - (w * source).sum(0), target - (w * target).sum(0)
    theirs, _ = Rotation.align_vectors(b.numpy(), a.numpy(), weights=weights.numpy())
    np.testing.assert_allclose(found, theirs.as_matrix(), atol=1e-9)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_solution_is_a_minimum(mirrored: bool) -> None:
    source, target = torch.randn(2, 9, 3, dtype=torch.float64)
    if mirrored:  # nearly: the best proper rotation is then far from a good one
        target = source * torch.tensor([1.0, 1, -1], dtype=torch.float64) + 0.1 * target
    factor, rotmat, shift = procrustes(source, target)

    def cost(s: Tensor, r: Tensor, t: Tensor) -> float:
        return float((moved(source, s, r, t) - target).pow(2).sum())

    best = cost(factor, rotmat, shift)
    for seed in range(20):
        step = Rotation.from_rotvec(np.random.default_rng(seed).normal(size=3) * 0.01)
        turned = torch.from_numpy(step.as_matrix()) @ rotmat
        assert cost(factor, turned, shift) >= best
        assert min(cost(factor * f, rotmat, shift) for f in (0.99, 1.01)) >= best
        assert cost(factor, rotmat, shift + 0.01 * torch.randn(3).double()) >= best


@over_batches
def test_a_mirrored_body_is_not_mirrored_back(batch: tuple[int, ...]) -> None:
    source, *_ = draw(batch)
    mirrored = source * torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    _, rotmat, _ = procrustes(source, mirrored)
    torch.testing.assert_close(torch.linalg.det(rotmat), torch.ones(batch, dtype=torch.float64))
    assert float((procrustes_align(source, mirrored) - mirrored).abs().max()) > 0.1


def test_points_of_weight_zero_do_not_count() -> None:
    source, scale, rotmat, translation = draw(())
    target = moved(source, scale, rotmat, translation)
    target[4] += 100
    weights = torch.ones(9, dtype=torch.float64)
    weights[4] = 0
    factor, found, shift = procrustes(source, target, weights)
    torch.testing.assert_close(factor, scale)
    torch.testing.assert_close(found, rotmat)
    torch.testing.assert_close(shift, translation)


def test_flat_bodies_align_too() -> None:
    source, scale, rotmat, translation = draw((), points=4)
    source[:, 2] = 0
    target = moved(source, scale, rotmat, translation)
    torch.testing.assert_close(procrustes_align(source, target), target)


def test_alignment_has_right_gradients() -> None:
    source, target = torch.randn(2, 7, 3, dtype=torch.float64).unbind()
    source.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: procrustes_align(s, target), source)
