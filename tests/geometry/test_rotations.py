"""Laws of rotations, in float64, over batch shapes and near-singular draws; scipy and cv2 agree."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.geometry.rotations import (
    axis_angle_from_quat_wxyz,
    axis_angle_from_rotmat,
    quat_wxyz_from_axis_angle,
    quat_wxyz_from_rotmat,
    rot6d_from_rotmat,
    rotation_angle,
    rotmat_between,
    rotmat_from_axis_angle,
    rotmat_from_quat_wxyz,
    rotmat_from_rot6d,
    skew,
)

BATCHES = [(), (1,), (3, 1, 2)]
ANGLES = [0.0, 1e-9, 1e-4, 0.3, 2.0, math.pi - 1e-6, math.pi]

over_batches = pytest.mark.parametrize("batch", BATCHES, ids=str)
over_angles = pytest.mark.parametrize("angle", ANGLES)


def axes(batch: tuple[int, ...]) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(*batch, 3, dtype=torch.float64), dim=-1)


def draw(batch: tuple[int, ...], angle: float) -> Tensor:
    return axes(batch) * angle


def close(a: Tensor, b: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


@over_batches
@over_angles
def test_rotation_matrices_are_closed_under_composition(
    batch: tuple[int, ...], angle: float
) -> None:
    a, b = rotmat_from_axis_angle(draw(batch, angle)), rotmat_from_axis_angle(draw(batch, 1.0))
    product = a @ b
    close(product @ product.mT, torch.eye(3, dtype=torch.float64).expand(*batch, 3, 3))
    close(torch.linalg.det(product), torch.ones(batch, dtype=torch.float64))


@over_batches
@over_angles
def test_the_opposite_axis_angle_is_the_inverse(batch: tuple[int, ...], angle: float) -> None:
    vector = draw(batch, angle)
    close(rotmat_from_axis_angle(-vector), rotmat_from_axis_angle(vector).mT)


@over_batches
@over_angles
def test_scipy_and_rodrigues_of_cv2_agree(batch: tuple[int, ...], angle: float) -> None:
    vector = draw(batch, angle)
    flat = vector.reshape(-1, 3).numpy()
    ours = rotmat_from_axis_angle(vector).reshape(-1, 3, 3).numpy()
    rotation = Rotation.from_rotvec(flat)
    np.testing.assert_allclose(ours, rotation.as_matrix(), atol=1e-12)
    for matrix, rotvec in zip(ours, flat, strict=True):
        np.testing.assert_allclose(matrix, cv2.Rodrigues(rotvec)[0], atol=1e-12)
    quats = quat_wxyz_from_axis_angle(vector).reshape(-1, 4).numpy()
    theirs = rotation.as_quat(scalar_first=True)
    sign = np.sign((quats * theirs).sum(-1, keepdims=True))
    np.testing.assert_allclose(quats, theirs * sign, atol=1e-12)


@pytest.mark.parametrize("angle", [1e-7, 1e-5, 9e-5, 1.1e-4])
def test_small_angles_are_right_to_the_last_digit(angle: float) -> None:
    vector = draw((20,), angle)
    rotation = Rotation.from_rotvec(vector.numpy())
    matrices, quats = rotation.as_matrix(), rotation.as_quat(scalar_first=True)
    np.testing.assert_allclose(rotmat_from_axis_angle(vector), matrices, rtol=0, atol=2e-16)
    np.testing.assert_allclose(quat_wxyz_from_axis_angle(vector), quats, rtol=0, atol=2e-16)


@over_batches
@over_angles
def test_axis_angle_survives_the_way_through_matrix_and_quaternion(
    batch: tuple[int, ...], angle: float
) -> None:
    vector = draw(batch, angle)
    back = axis_angle_from_rotmat(rotmat_from_axis_angle(vector))
    by_quat = axis_angle_from_quat_wxyz(quat_wxyz_from_axis_angle(vector))
    if angle == math.pi:  # v and -v are one half turn
        dot = (back * vector).sum(-1, keepdim=True)
        back, by_quat = back * dot.sign(), by_quat * (by_quat * vector).sum(-1, True).sign()
    close(back, vector, 1e-9)
    close(by_quat, vector)


@over_batches
@over_angles
def test_every_form_comes_back_to_the_same_matrix(batch: tuple[int, ...], angle: float) -> None:
    rotmat = rotmat_from_axis_angle(draw(batch, angle))
    close(rotmat_from_quat_wxyz(quat_wxyz_from_rotmat(rotmat)), rotmat)
    close(rotmat_from_axis_angle(axis_angle_from_rotmat(rotmat)), rotmat)
    close(rotmat_from_rot6d(rot6d_from_rotmat(rotmat)), rotmat)


@over_batches
@over_angles
def test_the_angle_of_a_rotation_is_its_angle(batch: tuple[int, ...], angle: float) -> None:
    measured = rotation_angle(rotmat_from_axis_angle(draw(batch, angle)))
    close(measured, torch.full(batch, angle, dtype=torch.float64), 1e-9)


def test_random_matrices_of_scipy_come_back() -> None:
    rotation = Rotation.random(500, random_state=0)
    rotmat = torch.from_numpy(rotation.as_matrix())
    quats = quat_wxyz_from_rotmat(rotmat)
    assert bool((quats[:, 0] >= 0).all())
    close(quats, torch.from_numpy(rotation.as_quat(canonical=True, scalar_first=True)))
    close(axis_angle_from_rotmat(rotmat), torch.from_numpy(rotation.as_rotvec()), 1e-11)


def test_two_turns_about_z_add_up() -> None:
    z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    twice = rotmat_from_axis_angle(0.4 * z) @ rotmat_from_axis_angle(0.5 * z)
    close(twice, rotmat_from_axis_angle(0.9 * z))


def test_angles_beyond_pi_come_back_as_the_shorter_way_round() -> None:
    vector = torch.tensor([0.0, 1.5 * math.pi, 0.0], dtype=torch.float64)
    expected = torch.tensor([0.0, -0.5 * math.pi, 0.0], dtype=torch.float64)
    close(axis_angle_from_rotmat(rotmat_from_axis_angle(vector)), expected)
    close(axis_angle_from_quat_wxyz(quat_wxyz_from_axis_angle(vector)), expected)


def test_a_quaternion_is_normalised_before_it_turns() -> None:
    quat = torch.randn(5, 4, dtype=torch.float64)
    close(rotmat_from_quat_wxyz(3 * quat), rotmat_from_quat_wxyz(quat))
    close(rotmat_from_quat_wxyz(-quat), rotmat_from_quat_wxyz(quat))
    assert rotmat_from_quat_wxyz(torch.zeros(4)).isnan().all()


def test_skew_is_the_cross_product() -> None:
    a, b = torch.randn(2, 4, 3, dtype=torch.float64)
    close((skew(a) @ b[..., None])[..., 0], torch.linalg.cross(a, b))


def test_rot6d_is_the_first_two_columns_and_forgives_length_and_slant() -> None:
    rotmat = torch.from_numpy(Rotation.from_euler("z", 90, degrees=True).as_matrix())
    expected = torch.tensor([0.0, 1.0, 0.0, -1.0, 0.0, 0.0], dtype=torch.float64)
    close(rot6d_from_rotmat(rotmat), expected)
    slanted = torch.tensor([0.0, 2.0, 0.0, -3.0, 5.0, 0.0], dtype=torch.float64)
    close(rotmat_from_rot6d(slanted), rotmat)


@over_batches
@over_angles
def test_the_smallest_rotation_between_two_directions(batch: tuple[int, ...], angle: float) -> None:
    source, helper = axes(batch), axes(batch)
    axis = torch.nn.functional.normalize(torch.linalg.cross(source, helper), dim=-1)
    target = (rotmat_from_axis_angle(axis * angle) @ source[..., None])[..., 0]
    rotmat = rotmat_between(2 * source, 3 * target)
    close((rotmat @ source[..., None])[..., 0], target, 1e-8)
    close(rotation_angle(rotmat), torch.full(batch, angle, dtype=torch.float64), 1e-7)
    close(torch.linalg.det(rotmat), torch.ones(batch, dtype=torch.float64))


@pytest.mark.parametrize("axis", range(3))
def test_opposite_directions_get_some_half_turn(axis: int) -> None:
    source = torch.eye(3, dtype=torch.float64)[axis].requires_grad_()
    rotmat = rotmat_between(source, -source.detach())
    close(rotmat @ source, -source)
    rotmat.sum().backward()
    assert source.grad is not None
    assert source.grad.isfinite().all()


SMOOTH: list[Callable[[Tensor], Tensor]] = [
    rotmat_from_axis_angle,
    quat_wxyz_from_axis_angle,
    lambda v: axis_angle_from_quat_wxyz(quat_wxyz_from_axis_angle(v)),
    lambda v: axis_angle_from_rotmat(rotmat_from_axis_angle(v)),
    lambda v: rotmat_from_quat_wxyz(quat_wxyz_from_rotmat(rotmat_from_axis_angle(v))),
    lambda v: rotmat_from_rot6d(rot6d_from_rotmat(rotmat_from_axis_angle(v))),
]


@pytest.mark.parametrize("function", SMOOTH, ids=["R", "q", "v(q)", "v(R)", "R(q)", "R(6d)"])
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, math.pi - 1e-3])
def test_gradients_are_right_near_zero_and_near_half_turns(
    function: Callable[[Tensor], Tensor], angle: float
) -> None:
    vector = draw((2,), angle).requires_grad_()
    assert torch.autograd.gradcheck(function, vector, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("function", [SMOOTH[0], SMOOTH[1], SMOOTH[4], SMOOTH[5]])
def test_gradients_are_right_at_half_turns_where_the_form_is_smooth(
    function: Callable[[Tensor], Tensor],
) -> None:
    vector = draw((2,), math.pi).requires_grad_()
    assert torch.autograd.gradcheck(function, vector, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@over_angles
def test_gradients_are_finite_everywhere(dtype: torch.dtype, angle: float) -> None:
    vector = draw((4,), angle).to(dtype).requires_grad_()
    rotmat = rotmat_from_axis_angle(vector)
    loss = rotation_angle(rotmat).sum() + axis_angle_from_rotmat(rotmat).pow(2).sum()
    (grad,) = torch.autograd.grad(loss, vector)
    assert grad.isfinite().all()


def test_half_turns_about_the_axes_are_exact() -> None:
    for axis in torch.eye(3, dtype=torch.float64):
        rotmat = torch.diag(2 * axis - 1)
        close(axis_angle_from_rotmat(rotmat).abs(), math.pi * axis)
        close(rotmat_from_axis_angle(math.pi * axis), rotmat, 1e-15)
