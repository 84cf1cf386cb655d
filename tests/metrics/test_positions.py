"""Position errors against numbers worked out by hand, and the laws that name them."""

import math

import pytest
import torch

from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.metrics import (
    AUC_THRESHOLDS,
    CAPTURED_JOINTS,
    auc_3d,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_joint_errors,
    pa_mpjpe,
    pck_3d,
)
from lift3d.skeletons import LIFT_23

SQUARE = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=torch.float64)
ALL = torch.ones(4, dtype=torch.bool)


def test_mpjpe_is_the_mean_distance() -> None:
    moved = SQUARE.clone()
    moved[0, 0] += 3
    moved[1] += torch.tensor([0, 3.0, 4.0])
    # Distances 3, 5, 0, 0.
    assert mpjpe(moved, SQUARE, ALL).item() == pytest.approx(2.0)
    assert joint_errors(moved, SQUARE, ALL).tolist() == pytest.approx([3, 5, 0, 0])


def test_masked_joints_may_hold_anything() -> None:
    spoilt = SQUARE.clone()
    spoilt[3] = torch.nan
    mask = torch.tensor([True, True, True, False])
    for metric in (mpjpe, n_mpjpe, pa_mpjpe):
        assert metric(spoilt, SQUARE, mask).item() == pytest.approx(0, abs=1e-9)
        assert metric(SQUARE, spoilt, mask).item() == pytest.approx(0, abs=1e-9)


def test_a_pose_without_joints_is_nan_and_spoils_no_other() -> None:
    poses = torch.stack([SQUARE, SQUARE * torch.nan, SQUARE + 1])
    truth = SQUARE.expand(3, 4, 3)
    mask = torch.stack([ALL, ALL, ~ALL])
    for metric in (mpjpe, n_mpjpe, pa_mpjpe):
        values = metric(poses, truth, mask)
        assert values[0].item() == pytest.approx(0, abs=1e-9)
        assert values[1:].isnan().all()


def test_scale_is_free_in_n_mpjpe_only() -> None:
    assert mpjpe(2 * SQUARE, SQUARE, ALL).item() == pytest.approx((1 + math.sqrt(2) + 1) / 4)
    assert n_mpjpe(2 * SQUARE, SQUARE, ALL).item() == pytest.approx(0, abs=1e-12)
    assert n_mpjpe(SQUARE + 1, SQUARE, ALL).item() > 0.1


def test_n_mpjpe_by_hand() -> None:
    # Prediction (1, 0, 0) and (0, 1, 0), truth (2, 0, 0) and (0, 4, 0): scale (2 + 4) / 2 = 3,
    # so the errors are 1 and 1.
    predicted = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    truth = torch.tensor([[2.0, 0, 0], [0, 4, 0]])
    assert n_mpjpe(predicted, truth, ALL[:2]).item() == pytest.approx(1.0)


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
def test_similarities_are_free_in_pa_mpjpe_but_mirrors_are_not(batch: tuple[int, ...]) -> None:
    body = torch.randn(*batch, 8, 3, dtype=torch.float64)
    turn = rotmat_from_axis_angle(torch.randn(*batch, 3, dtype=torch.float64))
    moved = 1.7 * body @ turn.mT + torch.tensor([1.0, 2, 3], dtype=torch.float64)
    mask = torch.ones(*batch, 8, dtype=torch.bool)
    assert pa_mpjpe(moved, body, mask).shape == batch
    assert pa_mpjpe(moved, body, mask).max() < 1e-9
    assert pa_mpjpe(body * torch.tensor([-1.0, 1, 1]), body, mask).min() > 0.1


def test_captured_joints_are_limbs_and_trunk() -> None:
    names = [LIFT_23.joints[i] for i in CAPTURED_JOINTS]
    assert len(names) == 15
    assert {"spine", "thorax", "head"} < set(names)
    assert not {"pelvis", "nose", "left_heel"} & set(names)


def test_pck_is_the_share_below_150_mm() -> None:
    moved = SQUARE.clone()
    moved[:, 2] += torch.tensor([0.0, 0.149, 0.151, 2.0])
    assert pck_3d(moved, SQUARE, ALL).item() == pytest.approx(0.5)
    assert pck_3d(moved, SQUARE, ALL, threshold=0.1).item() == pytest.approx(0.25)
    mask = torch.tensor([True, True, True, False])
    assert pck_3d(moved, SQUARE, mask).item() == pytest.approx(2 / 3)
    assert pck_3d(moved, SQUARE, ~ALL).isnan()


def test_auc_by_hand() -> None:
    assert AUC_THRESHOLDS[0] == 0
    assert AUC_THRESHOLDS[-1] == pytest.approx(0.15)
    moved = SQUARE.clone()
    moved[:, 2] += torch.tensor([0.0, 0.0, 0.017, 1.0])
    # Of 31 thresholds a perfect joint is below 30, 17 mm is below 20, 25, ..., 150, 1 m below none.
    assert auc_3d(moved, SQUARE, ALL).item() == pytest.approx((30 + 30 + 27 + 0) / (4 * 31))


def test_aligned_errors_per_joint_have_the_mean_of_pa_mpjpe() -> None:
    body = torch.randn(5, 8, 3, dtype=torch.float64)
    mask = torch.rand(5, 8) < 0.8
    moved = body + 0.1 * torch.randn_like(body)
    errors = pa_joint_errors(moved, body, mask)
    assert torch.equal(errors.isnan(), ~mask)
    assert torch.allclose(errors.nanmean(-1), pa_mpjpe(moved, body, mask))
