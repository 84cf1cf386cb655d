"""Motion and bones against numbers worked out by hand."""

import math

import pytest
import torch

from lift3d.errors import InputError
from lift3d.metrics import (
    acceleration_error,
    bone_length_error,
    bone_length_spread,
    bone_lengths,
    foot_contact_speed,
    mpjve,
)

SQUARE = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=torch.float64)
ALL = torch.ones(4, dtype=torch.bool)
BONES = ((0, 1), (1, 2), (2, 3))


def test_mpjve_ignores_a_constant_offset_and_measures_speed() -> None:
    still = SQUARE.repeat(3, 1, 1)
    mask = ALL.expand(3, 4)
    assert mpjve(still + 5, still, mask).tolist() == pytest.approx([0, 0])
    walking = still + torch.arange(3)[:, None, None] * torch.tensor([0.0, 0, 0.2])
    assert mpjve(walking, still, mask).tolist() == pytest.approx([0.2, 0.2])
    with pytest.raises(InputError, match="at least 2 frames"):
        mpjve(still[:1], still[:1], mask[:1])


def test_acceleration_error_is_a_second_difference_per_frame() -> None:
    still = SQUARE.repeat(5, 1, 1)
    mask = ALL.expand(5, 4)
    time = torch.arange(5, dtype=torch.float64)[:, None, None]
    direction = torch.tensor([0.0, 0, 0.03], dtype=torch.float64)
    assert acceleration_error(still + time * direction, still, mask).abs().max() < 1e-12
    # z = 0.03 t^2 has second differences of 0.06 everywhere.
    speeding = still + time**2 * direction
    assert acceleration_error(speeding, still, mask).tolist() == pytest.approx([0.06] * 3)
    with pytest.raises(InputError, match="at least 3 frames"):
        acceleration_error(still[:2], still[:2], mask[:2])


def test_a_hidden_frame_takes_three_accelerations_with_it() -> None:
    still = SQUARE.repeat(6, 1, 1)
    mask = ALL.repeat(6, 1)
    mask[2] = False
    spoilt = still.clone()
    spoilt[2] = torch.nan
    errors = acceleration_error(spoilt, still, mask)
    assert errors.isnan().tolist() == [True, True, True, False]


def test_standing_feet_are_those_that_stand_in_truth() -> None:
    # Two feet, 4 frames at 10 Hz: the first stands, the second walks 0.1 m per frame (1 m/s).
    true = torch.zeros(4, 2, 3, dtype=torch.float64)
    true[:, 1, 0] = torch.arange(4) * 0.1
    predicted = true.clone()
    predicted[:, 0, 2] = torch.arange(4) * 0.02  # slides with 0.2 m/s
    predicted[:, 1] = 7.0  # what a walking foot does is not asked
    mask = torch.ones(4, 2, dtype=torch.bool)
    speed = foot_contact_speed(predicted, true, mask, fps=10.0)
    assert speed.tolist() == pytest.approx([0.2] * 3)
    assert foot_contact_speed(predicted, true, mask & (true[..., 0] > -1), 10.0, 0.0).isnan().all()


def test_bone_lengths_and_their_error() -> None:
    assert bone_lengths(SQUARE, ALL, BONES).tolist() == pytest.approx([1, 1, 1])
    longer = SQUARE * torch.tensor([1.5, 1.0, 1.0])
    # Bones 0-1 and 2-3 lie along x and grow by 0.5, bone 1-2 does not.
    assert bone_length_error(longer, SQUARE, ALL, BONES).item() == pytest.approx(1 / 3)
    mask = torch.tensor([True, True, True, False])
    assert bone_lengths(SQUARE, mask, BONES).isnan().tolist() == [False, False, True]
    assert bone_length_error(longer, SQUARE, mask, BONES).item() == pytest.approx(0.25)


def test_bone_spread_is_the_deviation_over_the_clip() -> None:
    # Along x the body is 1, 2, 3 m wide: deviation sqrt(2 / 3) in two of three bones.
    clip = torch.stack([SQUARE * torch.tensor([k, 1.0, 1.0]) for k in (1.0, 2.0, 3.0)])
    mask = ALL.expand(3, 4)
    expected = 2 / 3 * math.sqrt(2 / 3)
    assert bone_length_spread(clip, mask, BONES).item() == pytest.approx(expected)
    turned = clip.roll(1, -1) + torch.randn(3, 1, 3, dtype=torch.float64)
    assert bone_length_spread(turned, mask, BONES).item() == pytest.approx(expected)
    assert bone_length_spread(SQUARE.repeat(3, 1, 1) * 9, mask, BONES).item() == 0
