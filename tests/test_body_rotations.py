"""Body parameters from rotations of every kind."""

import math
from collections.abc import Generator

import pytest
import torch
from jaxtyping import config
from torch import Tensor

from lift3d.body import BodyParams, RotationKind
from lift3d.errors import InputError
from lift3d.geometry.rotations import (
    quat_wxyz_from_axis_angle,
    rot6d_from_rotmat,
    rotmat_from_axis_angle,
)


@pytest.fixture
def unchecked() -> Generator[None]:
    """As users run the library: without the shape checker that the tests put in front of it."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def turns() -> Tensor:
    """Angles below pi, so that axis-angle comes back as it was."""
    axes = torch.nn.functional.normalize(torch.randn(4, 24, 3, dtype=torch.float64), dim=-1)
    return axes * torch.linspace(0, 3, 96, dtype=torch.float64).reshape(4, 24, 1)


@pytest.mark.parametrize("kind", ["axis_angle", "quat_wxyz", "rot6d", "rotmat"])
def test_every_kind_of_rotation_gives_the_same_parameters(kind: RotationKind) -> None:
    expected = turns()
    rotmat = rotmat_from_axis_angle(expected)
    given = {
        "axis_angle": expected,
        "quat_wxyz": -2 * quat_wxyz_from_axis_angle(expected),  # neither unit nor w >= 0
        "rot6d": rot6d_from_rotmat(rotmat) * 3,
        "rotmat": rotmat,
    }[kind]
    zero = torch.zeros(4, 3, dtype=torch.float64)
    params = BodyParams.from_rotations(given, zero[:1], zero, kind)
    assert torch.allclose(params.axis_angle, expected, atol=1e-7)
    assert params.expression.shape == (0,)


def test_a_quarter_turn_by_hand() -> None:
    about_z = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]]).expand(2, 3, 3)
    params = BodyParams.from_rotations(
        about_z, torch.zeros(10), torch.zeros(3), "rotmat", torch.ones(5)
    )
    assert torch.allclose(params.global_orient, torch.tensor([0, 0, math.pi / 2]))
    assert params.body_pose.shape == (1, 3)
    assert torch.equal(params.expression, torch.ones(5))


@pytest.mark.usefixtures("unchecked")
def test_wrong_kinds_and_shapes_are_refused() -> None:
    zero = torch.zeros(4, 3)
    with pytest.raises(InputError, match=r"expected a kind of rotations out of .* got 'euler'"):
        BodyParams.from_rotations(torch.zeros(4, 24, 3), zero, zero, "euler")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"joints 3 3\] of the kind 'rotmat', got \[4, 24, 9\]"):
        BodyParams.from_rotations(torch.zeros(4, 24, 9), zero, zero, "rotmat")
    with pytest.raises(InputError, match=r"same batch axes, got \[4, 23, 6\]"):
        BodyParams(zero[:1], torch.zeros(4, 23, 6), zero, zero)


def test_finite_frames_are_those_without_nan_anywhere() -> None:
    params = BodyParams(
        torch.zeros(1, 10), torch.zeros(5, 23, 3), torch.zeros(5, 3), torch.zeros(5, 3)
    )
    params.body_pose[1, 22, 2] = torch.nan
    params.global_orient[2, 0] = torch.inf
    params.transl[3, 1] = -torch.inf
    assert params.finite.tolist() == [True, False, False, False, True]
    assert len(params[params.finite].transl) == 2
    params.betas[0, 9] = torch.nan
    assert not params.finite.any()
