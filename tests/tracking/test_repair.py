"""Identity repair: jumps are undone, sound ids are left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.errors import InputError
from lift3d.tracking import Tracker, id_switches, idf1, repair_ids, track_people
from tests.tracking.crowds import Crowd, crowd, walkers


def body(x: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    xy = rng.uniform(-0.5, 0.5, (17, 2)) * [80, 200] + [x, 300]
    return np.concatenate([xy, np.full((17, 1), 0.9)], -1)


def two_people(length: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames, truth = np.repeat(np.arange(length), 2), np.tile([0, 1], length)
    points = [
        body(100 + 5 * f if who == 0 else 900 - 5 * f) for f, who in zip(frames, truth, strict=True)
    ]
    return frames, np.stack(points), truth


@pytest.mark.parametrize("until", [16, 18, 40])
def test_exchanged_ids_come_back(until: int) -> None:
    frames, points, truth = two_people()
    wrong = truth.copy()
    wrong[(frames >= 15) & (frames < until)] ^= 1
    assert repair_ids(frames, points, wrong).tolist() == truth.tolist()


def test_a_new_id_after_a_short_absence_is_the_old_one() -> None:
    frames, points, truth = two_people()
    given = np.where((truth == 1) & (frames >= 20), 8, truth)
    seen = (truth == 0) | (frames < 12) | (frames >= 20)
    mended = repair_ids(frames[seen], points[seen], given[seen])
    assert mended.tolist() == truth[seen].tolist()


def test_a_given_id_lasts_through_any_absence() -> None:
    frames, points = (
        np.array([0, 1, 500, 501]),
        np.stack([body(100), body(100), body(600), body(600)]),
    )
    assert repair_ids(frames, points, np.array([3, 3, 3, 3])).tolist() == [3] * 4
    assert repair_ids(frames, points, np.array([3, 3, 4, 4])).tolist() == [3, 3, 4, 4]


def test_negative_ids_are_refused() -> None:
    frames, points, _ = two_people(2)
    with pytest.raises(InputError, match="expected ids of 0 or more, got -1"):
        repair_ids(frames, points, np.array([-1, 0, 1, 2]))


def test_nobody() -> None:
    none = np.zeros(0, dtype=np.int64)
    for tracker in ("greedy", "poseflow"):
        assert track_people(none, np.zeros((0, 17, 3)), tracker).tolist() == []


@pytest.fixture(scope="module")
def five() -> Crowd:
    return crowd(walkers(5, 150), np.random.default_rng(3))


def test_true_ids_stay(five: Crowd) -> None:
    mended = repair_ids(five.frames, five.points, five.person)
    assert (mended == five.person).mean() > 0.999


@pytest.mark.parametrize("tracker", ["greedy", "poseflow"])
def test_five_made_up_people_who_cross(five: Crowd, tracker: Tracker) -> None:
    ids = track_people(five.frames, five.points, tracker)
    assert idf1(five.person, ids) >= 0.95
    assert id_switches(five.frames, five.person, ids) <= 10


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    frames, points, truth = two_people(20)
    order = np.random.default_rng(seed).permutation(len(frames))
    for tracker in ("greedy", "poseflow"):
        ids = track_people(frames[order], points[order], tracker)
        assert idf1(truth[order], ids) == 1.0
        assert ids[frames[order] == 0].max() == 1
