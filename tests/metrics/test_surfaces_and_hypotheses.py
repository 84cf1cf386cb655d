"""Vertex errors, and several answers to one question."""

import pytest
import torch

from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.metrics import aggregated, best_joints_of, best_of, mpjpe, pa_pve, pve

CUBE = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)


def test_vertices_are_compared_root_on_root() -> None:
    root = torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64)
    assert pve(CUBE + 3, CUBE, root + 3, root).item() == pytest.approx(0, abs=1e-12)
    assert pve(CUBE + 3, CUBE, root, root).item() == pytest.approx(3 * 3**0.5)
    # Half of the vertices are moved by 0.2.
    dented = CUBE + torch.tensor([0.0, 0.2, 0.0]) * CUBE[:, :1]
    assert pve(dented, CUBE, root, root).item() == pytest.approx(0.1)


def test_similarities_are_free_in_pa_pve() -> None:
    cubes = CUBE.expand(2, 8, 3)
    turn = rotmat_from_axis_angle(
        torch.tensor([[0.3, 1.0, -2.0], [0, 0, 3.0]], dtype=torch.float64)
    )
    assert pa_pve(0.4 * cubes @ turn.mT + 5, cubes).max() < 1e-9
    assert pa_pve(cubes * torch.tensor([1.0, 1.0, 1.5]), cubes).min() > 0.01


def test_best_of_and_aggregated_by_hand() -> None:
    # Two joints in two frames; three answers that err by these metres along x.
    errors = torch.tensor(
        [[[0.0, 4.0], [1.0, 1.0]], [[3.0, 0.0], [0.0, 5.0]], [[-3.0, 2.0], [5.0, 0.0]]]
    )
    target = torch.randn(2, 2, 3)
    answers = target + errors[..., None] * torch.tensor([1.0, 0.0, 0.0])
    mask = torch.ones(2, 2, dtype=torch.bool)
    assert best_of(mpjpe, answers, target, mask).tolist() == pytest.approx([1.5, 1.0])
    assert best_joints_of(answers, target, mask).tolist() == pytest.approx([0, 0], abs=1e-6)
    # Means of the answers err by (0, 2) and (2, 2).
    assert mpjpe(aggregated(answers), target, mask).tolist() == pytest.approx([1.0, 2.0])


def test_an_answer_that_is_missing_is_never_the_best() -> None:
    target = torch.zeros(1, 2, 3)
    answers = torch.stack([target * torch.nan, target + 1])
    mask = torch.ones(1, 2, dtype=torch.bool)
    assert best_of(mpjpe, answers, target, mask).item() == pytest.approx(3**0.5)
    assert best_of(mpjpe, answers[:1], target, mask).isnan().all()
