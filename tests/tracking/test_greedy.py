"""Identity over time: people keep their ids through crossings, gaps, noise and shuffled order."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.io import read_keypoints
from lift3d.tracking import GreedyTracking, track_greedy
from lift3d.tracking.matching import pose_similarity


def body(x: float, y: float = 300.0, size: float = 200.0) -> np.ndarray:
    """Seventeen keypoints in a fixed pattern, `size` high, around x, y."""
    rng = np.random.default_rng(5)
    xy = rng.uniform(-0.5, 0.5, (17, 2)) * [0.4 * size, size] + [x, y]
    return np.concatenate([xy, np.full((17, 1), 0.9)], -1)


def switches(ids: np.ndarray, truth: np.ndarray) -> int:
    """How often a true person's id changes from one sighting to the next."""
    return sum(int((np.diff(ids[truth == person]) != 0).sum()) for person in np.unique(truth))


def test_similarity_by_hand() -> None:
    """exp(-d^2 / 2 reach^2): a shift by one reach gives exp(-0.5), over shared joints only."""
    a, b = body(100.0)[None], body(110.0)[None]
    reach = np.array([10.0])
    assert pose_similarity(a, a, reach) == pytest.approx(1.0)
    assert pose_similarity(a, b, reach) == pytest.approx(np.exp(-0.5))
    b[0, 5:] = [np.nan, np.nan, 0]
    assert pose_similarity(a, b, reach) == pytest.approx(np.exp(-0.5))
    b[0, :5] = [np.nan, np.nan, 0]
    assert pose_similarity(a, b, reach) == 0


def test_ids_count_from_zero_in_order_of_appearance() -> None:
    frames = np.array([4, 3, 3, 4, 5])
    points = np.stack([body(500), body(100), body(500), body(100), body(900)])
    assert track_greedy(frames, points).tolist() == [1, 0, 1, 0, 2]


def test_nobody() -> None:
    assert track_greedy(np.zeros(0, dtype=np.int64), np.zeros((0, 17, 3))).tolist() == []


def test_two_people_walk_through_each_other() -> None:
    frames, points, truth = [], [], []
    for frame in range(60):
        for who, x in enumerate((100 + 10 * frame, 700 - 10 * frame)):
            if who and 28 <= frame <= 34:
                continue  # hidden behind the other
            frames.append(frame)
            points.append(body(x))
            truth.append(who)
    ids = track_greedy(np.array(frames), np.stack(points))
    assert ids.tolist() == truth


def test_memory_ends() -> None:
    frames = np.array([0, 20, 60])
    points = np.stack([body(100)] * 3)
    assert track_greedy(frames, points, GreedyTracking(memory=30)).tolist() == [0, 0, 1]
    assert track_greedy(frames, points, GreedyTracking(memory=40)).tolist() == [0, 0, 0]


def test_size_sets_the_scale() -> None:
    """A step of 40 pixels is small for a body 400 high, and another person for one 40 high."""
    frames = np.array([0, 1])
    large = np.stack([body(100, size=400), body(140, size=400)])
    small = np.stack([body(100, size=40), body(140, size=40)])
    assert track_greedy(frames, large).tolist() == [0, 0]
    assert track_greedy(frames, small).tolist() == [0, 1]


def test_halves_of_a_body_stay_one_person() -> None:
    points = np.stack([body(100 + 2 * frame) for frame in range(20)])
    points[1::2, :8] = [np.nan, np.nan, 0]
    points[2::2, 9:] = [np.nan, np.nan, 0]
    assert track_greedy(np.arange(20), points).tolist() == [0] * 20


def test_pieces_of_one_body_in_a_frame_are_one_person() -> None:
    trunk, legs = body(104), body(104)
    trunk[9:], legs[:9] = [np.nan, np.nan, 0], [np.nan, np.nan, 0]
    points = np.stack([body(100), body(102), trunk, legs, body(106)])
    assert track_greedy(np.array([0, 1, 2, 2, 3]), points).tolist() == [0] * 5
    frames = np.array([0, 1, 2, 2, 3])
    points[3, 6:9] = points[1, 6:9]  # three joints that both have: two people
    assert sorted(track_greedy(frames, points)[2:4]) == [0, 1]
    points[3] = legs + np.array([300, 0, 0])  # not where these legs are expected
    assert track_greedy(frames, points).tolist() == [0, 0, 0, 1, 0]


def test_no_id_twice_in_a_frame() -> None:
    points = np.stack([body(100)] * 4)
    ids = track_greedy(np.array([0, 0, 1, 1]), points)
    assert len(set(ids[:2])) == 2
    assert len(set(ids[2:])) == 2


def test_forty_people_through_300_frames_in_two_seconds() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(40, 25, 2)) * [20, 60]
    place, velocity = rng.uniform([100, 200], [1820, 900], (40, 2)), rng.normal(size=(40, 2)) * 3
    frames, points, truth = [], [], []
    for frame in range(300):
        velocity *= np.where((place < [50, 100]) | (place > [1870, 980]), -1, 1)
        place += velocity
        for who in rng.permutation(40):
            if rng.random() < 0.1:
                continue
            xy = place[who] + shapes[who] + rng.normal(size=(25, 2)) * 3
            pose = np.concatenate([xy, np.ones((25, 1))], -1)
            pose[rng.random(25) < 0.2] = [np.nan, np.nan, 0]
            frames.append(frame)
            points.append(pose)
            truth.append(who)
    start = time.process_time()
    ids = track_greedy(np.array(frames), np.stack(points))
    assert time.process_time() - start < 2.0
    assert switches(ids, np.array(truth)) <= 2
    assert len(set(ids)) <= 42


@pytest.mark.parametrize("shift", [0, 60, 200])
def test_real_people_mixed_by_hand(shared: Path, shift: int) -> None:
    """A real clip and itself run backwards, over each other, in shuffled order."""
    person = read_keypoints(shared / "keypoints" / "openpose_body25" / "clip_b").people[0]
    pose = torch.cat([person.pose.keypoints, person.pose.confidence[..., None]], -1)
    forwards = pose.double().numpy()[:150]  # it meets itself in no frame of these
    backwards = pose.double().numpy()[:-151:-1] + np.array([shift, 0, 0])
    order = np.random.default_rng(0).permutation(300)
    frames = np.tile(np.arange(150), 2)[order]
    truth = np.repeat([0, 1], 150)[order]
    ids = track_greedy(frames, np.concatenate([forwards, backwards])[order])
    by_time = np.argsort(frames, kind="stable")
    assert len(set(ids.tolist())) == 2
    assert switches(ids[by_time], truth[by_time]) == 0


def test_options_are_checked() -> None:
    for wrong in ({"memory": 0}, {"min_similarity": 1.0}, {"tolerance": 0.0}):
        with pytest.raises(InputError, match="expected memory"):
            GreedyTracking(**wrong)  # type: ignore[arg-type]
