"""Rigid transforms: group laws, and homogeneous coordinates by hand."""

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.geometry.rigid import inverse_rigid, rigid_from, transform_points

over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def draw(batch: tuple[int, ...], seed: int = 0) -> Tensor:
    count = int(torch.tensor(batch).prod()) if batch else 1
    rotmat = torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix())
    return rigid_from(rotmat.reshape(*batch, 3, 3), torch.randn(*batch, 3, dtype=torch.float64))


@over_batches
def test_inverse_undoes_and_is_the_inverse_matrix(batch: tuple[int, ...]) -> None:
    a_from_b = draw(batch)
    points = torch.randn(*batch, 5, 3, dtype=torch.float64)
    back = transform_points(inverse_rigid(a_from_b), transform_points(a_from_b, points))
    torch.testing.assert_close(back, points)
    torch.testing.assert_close(inverse_rigid(a_from_b), torch.linalg.inv(a_from_b))
    torch.testing.assert_close(inverse_rigid(inverse_rigid(a_from_b)), a_from_b)


@over_batches
def test_composition_is_the_matrix_product(batch: tuple[int, ...]) -> None:
    a_from_b, b_from_c = draw(batch, 1), draw(batch, 2)
    points = torch.randn(*batch, 4, 3, dtype=torch.float64)
    torch.testing.assert_close(
        transform_points(a_from_b @ b_from_c, points),
        transform_points(a_from_b, transform_points(b_from_c, points)),
    )


def test_rotates_first_and_translates_afterwards() -> None:
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    a_from_b = rigid_from(quarter, torch.tensor([10.0, 20.0, 30.0]))
    moved = transform_points(a_from_b, torch.tensor([[1.0, 2.0, 3.0]]))
    assert moved.tolist() == [[8.0, 21.0, 33.0]]
    assert a_from_b[3].tolist() == [0, 0, 0, 1]


def test_one_transform_moves_a_batch_of_poses() -> None:
    points = torch.randn(6, 4, 3, dtype=torch.float64)
    a_from_b = draw(())
    moved = transform_points(a_from_b.expand(6, 4, 4), points)
    homogeneous = torch.cat([points, torch.ones(6, 4, 1, dtype=torch.float64)], -1)
    torch.testing.assert_close(moved, (homogeneous @ a_from_b.T)[..., :3])
