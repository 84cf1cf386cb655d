"""The learned prior knows people: how they stand, which joints go together, left as right."""

import torch
from torch import Tensor

from lift3d.fitting.pose_prior import learned_poses, learned_prior
from lift3d.fitting.prior import PosePrior, smpl_prior
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SMPL_24


def cost(prior: PosePrior, axis_angle: Tensor) -> Tensor:
    """The prior's cost by the formula of `lift3d.fitting.prior`, without hinges."""
    away = axis_angle - prior.mean
    alone = ((away / prior.std) ** 2).sum((-1, -2))
    together = (away.flatten(-2) @ prior.rows.mT) if prior.rows.numel() else away.new_zeros(1)
    return alone + (together**2).sum(-1)


def still() -> Tensor:
    """Somebody who stands with the arms down."""
    axis_angle = torch.zeros(24, 3)
    axis_angle[SMPL_24.index("left_shoulder"), 2] = -1.2
    axis_angle[SMPL_24.index("right_shoulder"), 2] = 1.2
    return axis_angle


def test_rows_are_the_inverse_covariance() -> None:
    prior, learned = learned_prior(SMPL_24, torch.float64), learned_poses()
    covariance = learned.covariance[3:, 3:].double()
    precision = (prior.rows.mT @ prior.rows)[3:, 3:]
    assert torch.allclose(precision @ covariance, torch.eye(69, dtype=torch.float64), atol=1e-6)
    assert prior.std.isinf().all()
    assert (prior.rows[:, :3] == 0).all()


def test_axes_alone_have_the_same_spread() -> None:
    prior = learned_prior(SMPL_24, correlated=False)
    variance = learned_poses().covariance.diagonal().unflatten(0, (24, 3))
    assert torch.allclose(prior.std[1:] ** 2, variance[1:])
    assert prior.std[0].isinf().all()
    assert prior.rows.numel() == 0


def test_standing_is_likelier_than_odd_poses() -> None:
    prior = learned_prior(SMPL_24)
    usual = cost(prior, still())
    for joint, turn in (
        ("left_knee", (0.0, 0.8, 0.0)),
        ("spine2", (0.0, 0.0, 1.0)),
        ("head", (0.0, 0.0, 1.5)),
        ("left_ankle", (1.2, 0.0, 0.0)),
    ):
        odd = still()
        odd[SMPL_24.index(joint)] = torch.tensor(turn)
        assert cost(prior, odd) > usual + 4


def test_bent_hips_go_with_bent_knees() -> None:
    """A squat is likelier than deeply bent hips over straight knees."""
    prior = learned_prior(SMPL_24)
    bent = still()
    for side in ("left", "right"):
        bent[SMPL_24.index(f"{side}_hip"), 0] = -1.5
    squat = bent.clone()
    for side in ("left", "right"):
        squat[SMPL_24.index(f"{side}_knee"), 0] = 1.6
    assert cost(prior, squat) < cost(prior, bent) - 2


def test_left_and_right_are_alike() -> None:
    prior = learned_prior(SMPL_24, torch.float64)
    axis_angle = torch.randn(100, 24, 3, dtype=torch.float64) * 0.4
    flip = list(SMPL_24.flip_permutation)
    mirrored = axis_angle[:, flip] * torch.tensor([1.0, -1.0, -1.0])
    assert torch.allclose(cost(prior, axis_angle), cost(prior, mirrored), rtol=1e-3)


def test_bodies_with_some_joints_or_none_get_what_there_is() -> None:
    stump = Skeleton("stump", ("pelvis", "left_hip", "left_knee", "tail"), (-1, 0, 1, 0))
    prior = learned_prior(stump)
    assert prior.rows.shape == (6, 12)
    assert torch.equal(prior.std[3], smpl_prior(stump).std[3])
    strange = Skeleton("strange", ("a", "b"), (-1, 0))
    assert learned_prior(strange).rows.numel() == 0
