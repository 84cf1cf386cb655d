"""IDF1 and id switches: by hand, and against numbers that py-motmetrics 1.4.0 gave for the same rows."""

import numpy as np
import pytest

from lift3d.tracking import id_switches, idf1


def mixed_up(seed: int, people: int, length: int, exchanges: int) -> tuple[np.ndarray, ...]:
    """Frames, true people and ids: a tenth is missed, some exchange ids for good, one gets a new id."""
    rng = np.random.default_rng(seed)
    truth, frames = np.tile(np.arange(people), length), np.repeat(np.arange(length), people)
    kept = rng.random(len(truth)) < 0.9
    truth, frames = truth[kept], frames[kept]
    ids = truth.copy()
    for _ in range(exchanges):
        a, b = rng.choice(people, 2, replace=False)
        later = frames >= rng.integers(length)
        first, second = later & (ids == a), later & (ids == b)
        ids[first], ids[second] = b, a
    ids[(truth == 0) & (frames > length * 0.7)] = people
    return frames, truth, ids


@pytest.mark.parametrize(
    ("case", "share", "switches", "rows"),
    [
        ((0, 2, 40, 1), 0.45714285714285713, 3, 70),
        ((1, 5, 60, 4), 0.6286764705882353, 9, 272),
        ((2, 8, 50, 12), 0.5013927576601671, 24, 359),
    ],
)
def test_as_py_motmetrics(
    case: tuple[int, int, int, int], share: float, switches: int, rows: int
) -> None:
    frames, truth, ids = mixed_up(*case)
    assert len(frames) == rows
    assert idf1(truth, ids) == pytest.approx(share, abs=1e-12)
    assert id_switches(frames, truth, ids) == switches


def test_by_hand() -> None:
    """Ids 7 and 9 exchange after three of four frames: six of eight rows agree at best."""
    frames, truth = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1] * 4)
    ids = np.array([7, 9, 7, 9, 7, 9, 9, 7])
    assert idf1(truth, ids) == 0.75
    assert id_switches(frames, truth, ids) == 2
    order = np.random.default_rng(0).permutation(8)
    assert id_switches(frames[order], truth[order], ids[order]) == 2


def test_nobody() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert idf1(none, none) == 1.0
    assert id_switches(none, none, none) == 0
