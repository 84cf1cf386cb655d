"""Real clips: one person keeps one id, and two people are told apart."""

from pathlib import Path

import numpy as np
import pytest

from lift3d.io import read_keypoints
from lift3d.tracking import Tracker, track_people


def rows_of(path: Path, skeleton: str | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, points and ids of all detections of a clip, as they were read."""
    frames, points, ids = [], [], []
    for person in read_keypoints(path, skeleton).people:
        at = np.flatnonzero(person.observed.numpy())
        pose = person.pose
        xy, sure = pose.keypoints.double().numpy(), pose.confidence.double().numpy()
        frames.append(at)
        points.append(np.concatenate([xy, sure[..., None]], -1)[at])
        ids.append(np.full(len(at), person.person))
    return np.concatenate(frames), np.concatenate(points), np.concatenate(ids)


@pytest.mark.parametrize("clip", ["clip_a", "clip_b"])
@pytest.mark.parametrize("tracker", ["greedy", "poseflow"])
def test_one_person_keeps_one_id(shared: Path, clip: str, tracker: Tracker) -> None:
    found = read_keypoints(shared / "keypoints" / "openpose_body25" / clip)
    assert len(found.people) == 1
    assert found.people[0].observed.all()
    frames, points, _ = rows_of(shared / "keypoints" / "openpose_body25" / clip)
    assert set(track_people(frames, points, tracker).tolist()) == {0}


def test_two_people_are_told_apart(shared: Path) -> None:
    """One stands in front on a board, one sits behind: two paths without a jump."""
    frames, points, ids = rows_of(shared / "keypoints/pose2sim/balancing/cam01_json", "body_25b")
    counts = np.bincount(ids)
    assert (counts[:2] >= 95).all()
    assert counts[2:].sum() <= 0.05 * counts.sum()
    for person in (0, 1):
        order = np.argsort(frames[ids == person])
        path = points[ids == person][order][..., :2]
        steps = np.nanmedian(np.linalg.norm(np.diff(path, axis=0), axis=-1), axis=1)
        assert steps.max() < 0.1 * (np.nanmax(path[..., 1]) - np.nanmin(path[..., 1]))


@pytest.mark.parametrize("tracker", ["greedy", "poseflow"])
def test_two_people_in_any_order(shared: Path, tracker: Tracker) -> None:
    frames, points, ids = rows_of(shared / "keypoints/pose2sim/balancing/cam01_json", "body_25b")
    order = np.random.default_rng(0).permutation(len(frames))
    again = track_people(frames[order], points[order], tracker)
    for person in (0, 1):
        names = again[ids[order] == person]
        assert (names == np.bincount(names).argmax()).mean() >= 0.97
