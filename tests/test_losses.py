"""Losses against numbers worked out by hand; masks hide everything; gradients stay finite."""

import math

import pytest
import torch
from torch import Tensor

from lift3d import losses
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

ARM = Skeleton("arm", ("shoulder", "elbow", "wrist"), (-1, 0, 1))
# A 3-4-5 arm: shoulder at the origin, elbow 3 m along x, wrist 4 m above it.
TARGET = torch.tensor([[[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [3.0, 4.0, 0.0]]], dtype=torch.float64)
ALL = torch.ones(1, 3, dtype=torch.bool)


def moved(joint: int, *by: float) -> Tensor:
    out = TARGET.clone()
    out[0, joint] += torch.tensor(by, dtype=torch.float64)
    return out.requires_grad_()


def test_mpjpe_is_the_mean_distance_or_the_mean_over_axes() -> None:
    predicted = moved(2, 1.0, -2.0, 2.0)  # 3 m away; 5 m in all axes together
    assert losses.mpjpe_loss(predicted, TARGET, ALL).mean.item() == pytest.approx(3 / 3)
    assert losses.mpjpe_loss(predicted, TARGET, ALL, "l1").mean.item() == pytest.approx(5 / 9)
    assert losses.squared(predicted, TARGET, ALL).mean.item() == pytest.approx(9 / 9)


def test_bones_are_compared_by_their_lengths() -> None:
    predicted = moved(2, 0.0, 8.0, 0.0)  # forearm 12 instead of 4; shoulder to wrist sqrt(153)
    assert losses.bone(predicted, TARGET, ALL, ARM).mean.item() == pytest.approx((0 + 8) / 2)
    all_pairs = (0 + 8 + (math.sqrt(153) - 5)) / 3
    assert losses.joint_bone(predicted, TARGET, ALL).mean.item() == pytest.approx(all_pairs)
    shifted = (TARGET + 7).requires_grad_()
    assert losses.joint_bone(shifted, TARGET, ALL).mean.item() == pytest.approx(0, abs=1e-12)


def test_compositional_adds_up_the_bones_between_two_joints() -> None:
    bones = losses.bones_from_joints(TARGET, ARM)
    assert bones[0].tolist() == [[0, 0, 0], [3, 0, 0], [0, 4, 0]]
    assert torch.equal(losses.joints_from_bones(bones, ARM), TARGET)
    bones[0, 1, 0] += 0.5  # upper arm too long: both paths that hold it are wrong by 0.5
    predicted = losses.joints_from_bones(bones, ARM)
    assert losses.compositional(predicted, TARGET, ALL).mean.item() == pytest.approx(1 / 3)
    only = losses.compositional(predicted, TARGET, ALL, pairs=[(1, 2)])
    assert only.mean.item() == 0


def test_ohkm_trains_only_the_hardest_joints_of_each_sample() -> None:
    values = torch.tensor([[1.0, 5.0, 3.0, 2.0], [8.0, 4.0, 6.0, 7.0]], requires_grad=True)
    mask = torch.tensor([[True, True, True, True], [False, True, False, False]])
    term = losses.ohkm(values, mask, 2)
    assert term.mean.item() == pytest.approx((5 + 3 + 4) / 3)
    term.total.backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[0, 1, 1, 0], [0, 1, 0, 0]]
    with pytest.raises(InputError, match="between 1 and 4"):
        losses.ohkm(values, mask, 5)


def test_reprojection_uses_each_samples_own_camera() -> None:
    joints = torch.tensor([[[1.0, 2.0, 4.0]], [[1.0, 2.0, 4.0]]], requires_grad=True)
    intrinsics = torch.tensor(
        [[[400.0, 0, 50], [0, 400, 60], [0, 0, 1]], [[800.0, 0, 50], [0, 800, 60], [0, 0, 1]]]
    )
    # 400 / 4 + 50 = 150 and 800 / 4 + 60 = 260; the second camera sees twice as far from its centre.
    keypoints = torch.tensor([[[150.0, 260.0]], [[250.0, 463.0]]])
    term = losses.reprojection(joints, keypoints, intrinsics, torch.ones(2, 1, dtype=torch.bool))
    assert term.mean.item() == pytest.approx(3 / 2)
    behind = torch.tensor([[[1.0, 2.0, -4.0]]], requires_grad=True)
    one = losses.reprojection(
        behind, keypoints[:1], intrinsics[:1], torch.ones(1, 1, dtype=torch.bool)
    )
    one.total.backward()
    assert behind.grad is not None
    assert behind.grad.isfinite().all()


def test_likelihoods_are_those_of_torch_distributions() -> None:
    torch.manual_seed(1)
    predicted, target = torch.randn(2, 5, 3).double(), torch.randn(2, 5, 3).double()
    mask = torch.rand(2, 5) > 0.3
    root = torch.randn(2, 5, 3, 3).double()
    covariance = root @ root.mT + 0.1 * torch.eye(3).double()
    normal = torch.distributions.MultivariateNormal(predicted, covariance)
    expected = -normal.log_prob(target)[mask].mean()
    got = losses.gaussian_nll(predicted, target, covariance, mask).mean
    assert torch.allclose(got, expected)
    scale = torch.rand(2, 5, 3).double() + 0.1
    expected = -torch.distributions.Laplace(predicted, scale).log_prob(target).sum(-1)[mask].mean()
    assert torch.allclose(losses.laplace_nll(predicted, target, scale, mask).mean, expected)


def test_learned_weights_follow_the_formula() -> None:
    weighting = losses.AutomaticWeighting(("joints", "bones"))
    with torch.no_grad():
        weighting.s.copy_(torch.tensor([2.0, 0.5]))
    total = weighting({"bones": torch.tensor(1.5), "joints": torch.tensor(8.0)})
    expected = 0.5 / 4 * 8 + math.log(5) + 0.5 / 0.25 * 1.5 + math.log(1.25)
    assert total.item() == pytest.approx(expected)
    optimizer = torch.optim.SGD(weighting.parameters(), 0.01)
    for _ in range(2000):
        optimizer.zero_grad()
        weighting({"joints": torch.tensor(8.0), "bones": torch.tensor(0.02)}).backward()
        optimizer.step()
    large, small = weighting.s.tolist()
    assert large > small  # the larger loss ends with the smaller weight
    with pytest.raises(InputError, match="joints, bones"):
        weighting({"joints": torch.tensor(1.0)})


@pytest.mark.parametrize("name", ["mpjpe_loss", "squared", "joint_bone", "compositional", "bone"])
def test_what_is_masked_may_be_nan_and_gets_no_gradient(name: str) -> None:
    predicted, target = moved(1, 0.1, 0.2, 0.3), TARGET.clone()
    target[0, 2] = torch.nan
    mask = torch.tensor([[True, True, False]])
    extra = {"skeleton": ARM} if name == "bone" else {}
    term = getattr(losses, name)(predicted, target, mask, **extra)
    assert term.mean.isfinite()
    term.total.backward()
    assert predicted.grad is not None
    assert predicted.grad.isfinite().all()
    assert (predicted.grad[0, 2] == 0).all()
    nothing = getattr(losses, name)(predicted, target, torch.zeros_like(mask), **extra)
    assert nothing.mean.item() == 0


def test_gradients_are_finite_where_joints_coincide() -> None:
    collapsed = torch.zeros(2, 3, 3, requires_grad=True)
    target, mask = TARGET.float().expand(2, -1, -1), torch.ones(2, 3, dtype=torch.bool)
    total = (
        losses.joint_bone(collapsed, target, mask).mean
        + losses.bone(collapsed, target, mask, ARM).mean
    )
    total = total + losses.mpjpe_loss(collapsed, collapsed.detach(), mask).mean
    total.backward()
    assert collapsed.grad is not None
    assert collapsed.grad.isfinite().all()


def test_terms_of_parts_add_up_to_the_whole() -> None:
    predicted, target = torch.randn(6, 3, 3), torch.randn(6, 3, 3)
    mask = torch.rand(6, 3) > 0.4
    whole = losses.mpjpe_loss(predicted, target, mask)
    parts = [losses.mpjpe_loss(predicted[i::2], target[i::2], mask[i::2]) for i in (0, 1)]
    total, count = (sum(getattr(p, f) for p in parts) for f in ("total", "count"))
    assert torch.allclose(torch.as_tensor(total / count), whole.mean)
