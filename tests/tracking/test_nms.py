"""Suppression of doubles in a picture: order, thresholds and decays, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.errors import InputError
from lift3d.skeletons import COCO_17
from lift3d.tracking import oks_between, oks_nms, oks_sigmas, soft_oks_nms

SIGMAS = oks_sigmas(COCO_17)


def body(x: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.concatenate([rng.uniform(0, 1, (17, 2)) * [80, 200] + [x, 0], np.ones((17, 1))], -1)


def test_doubles_go_and_others_stay() -> None:
    points = np.stack([body(0), body(3), body(300), body(304), body(600)])
    scores = np.array([0.5, 0.9, 0.8, 0.7, 0.1])
    assert oks_nms(points, scores, SIGMAS).tolist() == [1, 2, 4]
    assert oks_nms(points, scores, SIGMAS, threshold=1.0).tolist() == [1, 2, 3, 0, 4]


def test_who_is_suppressed_suppresses_nobody() -> None:
    """a ~ b and b ~ c, but not a ~ c: c stays, though b was better than c."""
    points = np.stack([body(0), body(14), body(28)])
    similarity = oks_between(points, points, SIGMAS)
    threshold = (similarity[0, 1] + similarity[0, 2]) / 2
    assert oks_nms(points, np.array([0.9, 0.8, 0.7]), SIGMAS, threshold).tolist() == [0, 2]


def test_soft_scores_by_hand() -> None:
    points = np.stack([body(0), body(10)])
    s = oks_between(points, points, SIGMAS)[0, 1]
    scores = np.array([0.8, 0.6])
    rows, lowered = soft_oks_nms(points, scores, SIGMAS, threshold=0.5)
    assert rows.tolist() == [0, 1]
    assert lowered.tolist() == pytest.approx([0.8, 0.6 * np.exp(-(s**2) / 0.5)])
    _, lowered = soft_oks_nms(points, scores, SIGMAS, "linear", threshold=0.5)
    assert lowered.tolist() == pytest.approx([0.8, 0.6 * (1 - s)])
    _, lowered = soft_oks_nms(points, scores, SIGMAS, "linear", threshold=0.999)
    assert lowered.tolist() == pytest.approx([0.8, 0.6])
    rows, _ = soft_oks_nms(points, scores, SIGMAS, threshold=0.5, least=0.5)
    assert rows.tolist() == [0]


def test_nobody_and_one() -> None:
    none = np.zeros((0, 17, 3))
    assert oks_nms(none, np.zeros(0), SIGMAS).tolist() == []
    assert soft_oks_nms(none, np.zeros(0), SIGMAS)[0].tolist() == []
    assert oks_nms(body(0)[None], np.ones(1), SIGMAS).tolist() == [0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.05, 0.95))
def test_survivors_differ_and_the_best_survives(seed: int, count: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    points = np.stack([body(x) for x in rng.uniform(0, 120, count)])
    scores = rng.random(count)
    kept = oks_nms(points, scores, SIGMAS, threshold)
    assert kept[0] == scores.argmax()
    table = oks_between(points[kept], points[kept], SIGMAS)
    assert (table[~np.eye(len(kept), dtype=bool)] <= threshold).all()
    gone = np.setdiff1d(np.arange(count), kept)
    if len(gone):
        assert (oks_between(points[kept], points[gone], SIGMAS).max(0) > threshold).all()


def test_thresholds_are_checked() -> None:
    for wrong in (0.0, 1.1):
        with pytest.raises(InputError, match="expected a threshold"):
            oks_nms(body(0)[None], np.ones(1), SIGMAS, wrong)
