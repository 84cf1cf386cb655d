"""Object keypoint similarity between detections, against the metric and by hand."""

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.metrics import COCO_SIGMAS, HALPE_26_SIGMAS, oks
from lift3d.skeletons import BODY_25, COCO_17, HALPE_26, SKELETONS
from lift3d.tracking import oks_between, oks_sigmas, pose_areas


def people(count: int, seed: int, joints: int = 17) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 200, (count, joints, 3))
    points[..., 2] = rng.uniform(0.1, 1, (count, joints))
    points[rng.random((count, joints)) < 0.3] = [np.nan, np.nan, 0]
    return points


def test_sigmas_are_the_published_ones() -> None:
    assert oks_sigmas(COCO_17).tolist() == pytest.approx(COCO_SIGMAS)
    assert oks_sigmas(HALPE_26).tolist() == pytest.approx(HALPE_26_SIGMAS)


def test_sigmas_go_by_name() -> None:
    body_25, coco = oks_sigmas(BODY_25), oks_sigmas(COCO_17)
    for joint in set(BODY_25.joints) & set(COCO_17.joints):
        assert body_25[BODY_25.index(joint)] == coco[COCO_17.index(joint)]
    for skeleton in SKELETONS.values():
        sigmas = oks_sigmas(skeleton)
        assert sigmas[list(skeleton.flip_permutation)].tolist() == sigmas.tolist()
        assert 0.02 < sigmas.min() <= sigmas.max() < 0.11


def test_as_the_metric() -> None:
    """Where boxes are the same size and the same joints are seen, it is COCO's figure."""
    a, b = people(1, 0)[0], people(1, 1)[0]
    both = (a[:, 2] > 0) & (b[:, 2] > 0)
    a[~both], b[~both] = [np.nan, np.nan, 0], [np.nan, np.nan, 0]
    area = (pose_areas(a[None]) + pose_areas(b[None]))[0] / 2
    expected = oks(
        torch.from_numpy(a[:, :2]),
        torch.from_numpy(b[:, :2]),
        torch.from_numpy(both),
        torch.tensor(area),
        torch.tensor(COCO_SIGMAS).double(),
    )
    ours = oks_between(a[None], b[None], oks_sigmas(COCO_17))
    assert ours[0, 0] == pytest.approx(float(expected), abs=1e-7)


def test_by_hand() -> None:
    """A box of 100 x 50, all moved by 10 pixels: exp(-100 / (2 * 5000 * (2 sigma)^2))."""
    corners = np.array([[0, 0, 1], [100, 0, 1], [0, 50, 1.0]])[None]
    moved = corners + np.array([10, 0, 0])
    sigma = np.full(3, 0.1)
    assert oks_between(corners, moved, sigma)[0, 0] == pytest.approx(np.exp(-0.25))
    moved[0, 1:] = [np.nan, np.nan, 0]
    assert 0 < oks_between(corners, moved, sigma)[0, 0] < 1
    moved[0, 0] = [np.nan, np.nan, 0]
    assert oks_between(corners, moved, sigma)[0, 0] == 0


def test_laws() -> None:
    points, sigmas = people(6, 3), oks_sigmas(COCO_17)
    table = oks_between(points, points, sigmas)
    assert np.allclose(table, table.T)
    assert np.allclose(np.diag(table), 1)
    assert ((table >= 0) & (table <= 1)).all()
    larger = points * [3, 3, 1]
    assert np.allclose(oks_between(larger, larger, sigmas), table)


def test_wrong_number_of_sigmas() -> None:
    with pytest.raises(InputError, match="expected one sigma per joint, got 17"):
        oks_between(people(1, 0, 25), people(1, 0, 25), oks_sigmas(COCO_17))
