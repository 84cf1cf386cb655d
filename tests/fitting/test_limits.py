"""Swing and twist come apart and together again, and limits hold what they say."""

import math

import pytest
import torch

from lift3d.errors import InputError
from lift3d.fitting.limits import (
    clamp_to_limits,
    from_swing_twist,
    joint_limits,
    limit_violations,
    swing_twist,
)
from lift3d.geometry.rotations import (
    rotmat_from_axis_angle,
    rotmat_from_quat_wxyz,
)
from lift3d.skeletons import SMPL_24

AXES = torch.tensor([0, 1, 2])


def pose(**turns: tuple[float, float, float]) -> torch.Tensor:
    axis_angle = torch.zeros(24, 3, dtype=torch.float64)
    for name, vector in turns.items():
        axis_angle[SMPL_24.index(name)] = torch.tensor(vector)
    return rotmat_from_axis_angle(axis_angle)


def test_swing_and_twist_make_the_rotation_again() -> None:
    quats = torch.nn.functional.normalize(torch.randn(500, 3, 4, dtype=torch.float64), dim=-1)
    again = from_swing_twist(swing_twist(quats, AXES), AXES)
    assert torch.allclose(rotmat_from_quat_wxyz(again), rotmat_from_quat_wxyz(quats), atol=1e-9)


def test_a_turn_about_the_bone_is_all_twist() -> None:
    """0.7 rad about y with y as the bone; 0.7 rad about z is the first swing after it."""
    half = 0.35
    twist = torch.tensor([[math.cos(half), 0.0, math.sin(half), 0.0]])
    swing = torch.tensor([[math.cos(half), 0.0, 0.0, math.sin(half)]])
    axis = torch.tensor([1])
    assert swing_twist(twist, axis)[0].tolist() == pytest.approx([0.7, 0, 0], abs=1e-6)
    assert swing_twist(swing, axis)[0].tolist() == pytest.approx([0, 0.7, 0], abs=1e-6)
    assert swing_twist(-twist, axis)[0].tolist() == pytest.approx([0.7, 0, 0], abs=1e-6)


def test_half_a_turn_of_swing_is_a_swing() -> None:
    """It goes with any twist, and once came out as no turn at all."""
    quats = torch.eye(4, dtype=torch.float64)[[1, 3]]
    parts = swing_twist(quats[:, None], torch.tensor([1]))[:, 0]
    assert parts.abs().tolist() == [
        pytest.approx([0, 0, math.pi]),
        pytest.approx([0, math.pi, 0]),
    ]
    knee = rotmat_from_quat_wxyz(torch.eye(4, dtype=torch.float64)[torch.zeros(24).long()])
    knee[SMPL_24.index("left_knee")] = torch.diag(torch.tensor([-1.0, -1.0, 1.0]).double())
    assert limit_violations(knee, joint_limits(SMPL_24)).max() > 2


def test_everyday_poses_are_within() -> None:
    sitting = pose(left_hip=(-1.5, 0, 0), right_hip=(-1.5, 0, 0), left_knee=(1.5, 0, 0))
    limits = joint_limits(SMPL_24)
    assert limit_violations(sitting, limits).abs().max() == 0
    hanging = pose(left_shoulder=(0, 0, -1.3), right_shoulder=(0, 0, 1.3), left_elbow=(0, -1, 0))
    assert limit_violations(hanging, limits).abs().max() == 0


@pytest.mark.parametrize(
    ("joint", "turn"),
    [
        ("left_knee", (-0.8, 0.0, 0.0)),
        ("right_knee", (-0.8, 0.0, 0.0)),
        ("left_elbow", (0.0, 0.9, 0.0)),
        ("right_elbow", (0.0, -0.9, 0.0)),
        ("spine2", (0.0, 1.5, 0.0)),
        ("neck", (0.0, 2.6, 0.0)),
    ],
)
def test_joints_bent_the_wrong_way_are_found(joint: str, turn: tuple[float, float, float]) -> None:
    excess = limit_violations(pose(**{joint: turn}), joint_limits(SMPL_24))
    assert excess[SMPL_24.index(joint)] > 0.3
    assert (excess > 0).sum() == 1


def test_limits_are_alike_on_both_sides() -> None:
    turns = torch.randn(400, 24, 3, dtype=torch.float64)
    flip = list(SMPL_24.flip_permutation)
    mirrored = turns[:, flip] * torch.tensor([1.0, -1.0, -1.0])
    limits = joint_limits(SMPL_24)
    left = limit_violations(rotmat_from_axis_angle(turns), limits)
    right = limit_violations(rotmat_from_axis_angle(mirrored), limits)
    assert torch.allclose(left, right[:, flip], atol=0.05)


def test_clamping_leaves_nothing_beyond_and_moves_nothing_within() -> None:
    limits = joint_limits(SMPL_24)
    rotmats = rotmat_from_axis_angle(torch.randn(200, 24, 3, dtype=torch.float64))
    clamped = clamp_to_limits(rotmats, limits)
    assert limit_violations(clamped, limits).max() < 1e-5
    within = limit_violations(rotmats, limits) == 0
    assert torch.equal(clamped[within], rotmats[within])
    assert within[:, 0].all()


def test_another_skeleton_is_refused() -> None:
    with pytest.raises(InputError, match="expected rotations of 24 joints, got 5"):
        clamp_to_limits(torch.eye(3).expand(5, 3, 3), joint_limits(SMPL_24))
