"""Calibrated covariances hold what they say, on errors of a known distribution."""

import torch

from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.metrics import coverage
from lift3d.training.calibration import calibrated, squared_distances


def drawn(count: int, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors `scale` times as large as their covariances say."""
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(count, 40, 3, 3, generator=generator, dtype=torch.float64) * 0.03
    factor = factor + torch.eye(3, dtype=torch.float64) * 0.05
    error = (factor @ torch.randn(count, 40, 3, 1, generator=generator, dtype=torch.float64))[
        ..., 0
    ]
    return error * scale, factor @ factor.mT


def test_factors_undo_what_was_said_wrongly() -> None:
    error, covariance = drawn(4000, 2.0)
    known = torch.ones(4000, 40, dtype=torch.bool)
    factors = calibrated(error, covariance, (known,))[0]
    assert torch.allclose(factors, torch.full_like(factors, 4.0), rtol=0.12)
    held = coverage(error, torch.zeros_like(error), covariance * factors[:, None, None], known)
    assert abs(held.mean().item() - 0.9) < 0.01


def test_distances_are_those_of_standard_normals() -> None:
    error, covariance = drawn(20_000, 1.0)
    assert abs(squared_distances(error, covariance).mean().item() - 3) < 0.05


def test_kinds_without_data_take_what_is_usual() -> None:
    error, covariance = drawn(1000, 1.5)
    seen = torch.ones(1000, 40, dtype=torch.bool)
    eye = VOCABULARY.index("left_eye")
    seen[:, [eye, VOCABULARY.index("right_eye")]] = False
    table = calibrated(error, covariance, (seen, torch.zeros_like(seen)))
    assert torch.isclose(table[0, eye], table[0].median(), rtol=0.05)
    assert torch.equal(table[0], table[1])  # nothing known of the second kind


def test_coverage_counts_joints_without_a_covariance_as_missed() -> None:
    error, covariance = drawn(10, 0.0)
    covariance[:, :20] = torch.nan
    known = torch.ones(10, 40, dtype=torch.bool)
    held = coverage(error, torch.zeros_like(error), covariance, known)
    assert (held == 0.5).all()
