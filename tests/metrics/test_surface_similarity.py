"""GPS and GPSm by hand."""

import math

import numpy as np
import pytest

from lift3d.errors import InputError
from lift3d.metrics.geodesic import KAPPAS, Geodesics, gps, gpsm, mask_iou


def test_kappas_of_the_coarse_parts() -> None:
    """detectron2's Mean_Distances by CoarseParts: torso, hands, feet, legs, arms, head."""
    assert len(KAPPAS) == 24
    assert KAPPAS[:6] == (0.351, 0.351, 0.107, 0.107, 0.126, 0.126)
    assert set(KAPPAS[6:10]) == {0.237}
    assert set(KAPPAS[10:14]) == {0.173}
    assert set(KAPPAS[14:18]) == {0.142}
    assert set(KAPPAS[18:22]) == {0.128}
    assert KAPPAS[22:] == (0.150, 0.150)


def test_hand_computed_similarities() -> None:
    distances, part = np.array([0.0, 0.107, np.inf]), np.array([1, 3, 24])
    assert gps(distances, part) == pytest.approx((1 + math.exp(-0.5) + 0) / 3)
    assert gps(np.array([0.3])) == pytest.approx(0.5, abs=1e-3)  # what the paper chose 0.255 for
    assert gpsm(0.81, 0.25) == pytest.approx(0.45)
    assert math.isnan(gps(np.array([])))
    with pytest.raises(InputError, match="part"):
        gps(distances, np.array([0, 1, 2]))


def test_overlaps() -> None:
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(a, b) == 0
    a[:2], b[1:3] = True, True
    assert mask_iou(a, b) == pytest.approx(4 / 12)


def test_distances_over_a_strip() -> None:
    """A strip of squares: along it in steps of 0.1 m, and nothing further than 1.5 m."""
    x = np.arange(30) * 0.1
    vertices = np.concatenate(
        [np.stack([x, 0 * x, 0 * x], -1), np.stack([x, 0 * x + 0.1, 0 * x], -1)]
    )
    low = np.arange(29)
    faces = np.concatenate(
        [np.stack([low, low + 1, low + 30], -1), np.stack([low + 1, low + 31, low + 30], -1)]
    )
    ruler = Geodesics(vertices, faces)
    found = ruler.between(np.array([0, 0, 7, 0]), np.array([0, 9, 3, 29]))
    np.testing.assert_allclose(found, [0, 0.9, 0.4, np.inf], atol=1e-6)
