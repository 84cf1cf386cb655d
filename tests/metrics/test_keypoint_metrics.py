"""PCK, PCKh and OKS by hand."""

import math

import pytest
import torch

from lift3d.metrics import COCO_SIGMAS, HALPE_26_SIGMAS, oks, pck_2d, pckh
from lift3d.skeletons import COCO_17, HALPE_26

TRUE = torch.zeros(2, 4, 2, dtype=torch.float64)
FOUND = TRUE.clone()
FOUND[0, :, 0] = torch.tensor([0.0, 10.0, 20.0, 21.0])
FOUND[1, :, 1] = torch.tensor([5.0, torch.nan, 300.0, 19.0])
ALL = torch.ones(2, 4, dtype=torch.bool)


def test_pck_counts_keypoints_within_a_share_of_the_size() -> None:
    assert pck_2d(FOUND, TRUE, ALL, torch.tensor([100.0, 100.0])).tolist() == [0.75, 0.5]
    # Twice the size in the first picture only.
    assert pck_2d(FOUND, TRUE, ALL, torch.tensor([200.0, 20.0])).tolist() == [1.0, 0.0]
    mask = ALL.clone()
    mask[0, 3] = False
    mask[1] = False
    values = pck_2d(FOUND, TRUE, mask, torch.tensor(100.0))
    assert values[0] == 1
    assert values[1].isnan()


def test_pckh_takes_half_a_head() -> None:
    assert pckh(FOUND, TRUE, ALL, torch.tensor([40.0, 38.0])).tolist() == [0.75, 0.5]


def test_oks_by_hand() -> None:
    assert len(COCO_SIGMAS) == len(COCO_17)
    assert len(HALPE_26_SIGMAS) == len(HALPE_26)
    sigmas = torch.tensor([0.05, 0.1], dtype=torch.float64)
    true = torch.zeros(2, 2, dtype=torch.float64)
    found = torch.tensor([[10.0, 0.0], [0.0, 20.0]], dtype=torch.float64)
    # d^2 / (2 area (2 sigma)^2): 100 / (2 * 10000 * 0.01) = 0.5 and 400 / (2 * 10000 * 0.04) = 0.5.
    both = torch.ones(2, dtype=torch.bool)
    area = torch.tensor(10000.0, dtype=torch.float64)
    assert oks(found, true, both, area, sigmas).item() == pytest.approx(math.exp(-0.5))
    found[1] = torch.nan
    assert oks(found, true, both, area, sigmas).item() == pytest.approx(math.exp(-0.5) / 2)
    one = torch.tensor([True, False])
    assert oks(found, true, one, area, sigmas).item() == pytest.approx(math.exp(-0.5))
    assert oks(found, true, ~both, area, sigmas).isnan()
