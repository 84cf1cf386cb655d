"""BODY_25 or BODY_25B: 75 numbers do not tell, bodies do. Measured on every real frame."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lift3d.errors import SkeletonError
from lift3d.io import read_keypoints
from lift3d.io.keypoints.layout import CANDIDATES, votes
from lift3d.skeletons import BODY_25, BODY_25B, COCO_17, H36M_17

REAL = {
    "openpose_body25/clip_a": "body_25",
    "openpose_body25/clip_b": "body_25",
    "pose2sim/balancing/cam01_json": "body_25b",
    "pose2sim/balancing/cam03_json": "body_25b",
    "pose2sim/static/cam01_json": "body_25b",
    "pose2sim/static/cam02_json": "body_25b",
    "pose2sim/static/cam03_json": "body_25b",
    "pose2sim/static/cam04_json": "body_25b",
}


@pytest.mark.parametrize(("folder", "layout"), REAL.items())
def test_whole_real_folders(shared: Path, folder: str, layout: str) -> None:
    report = read_keypoints(shared / "keypoints" / folder).report
    assert report.skeleton == layout
    assert "bodies clearly have its proportions, 0 those of" in report.skeleton_reason


def test_every_real_frame_alone(shared: Path) -> None:
    told: Counter[str] = Counter()
    for folder, layout in REAL.items():
        for path in (shared / "keypoints" / folder).glob("*.json"):
            try:
                got = read_keypoints(path).report.skeleton
            except SkeletonError:
                got = "refused"
            told["right" if got == layout else "refused" if got == "refused" else "wrong"] += 1
    print("\nsingle frames:", dict(told))  # noqa: T201 - shown by pytest -s
    assert told["wrong"] == 0
    assert told["refused"] <= 6
    assert told.total() == 660


def _real_people(shared: Path, layout: str) -> np.ndarray:
    poses = []
    for folder in (name for name, told in REAL.items() if told == layout):
        for person in read_keypoints(shared / "keypoints" / folder).people:
            seen = person.observed
            xy, c = person.pose.keypoints[seen], person.pose.confidence[seen]
            poses.append(np.concatenate([xy.numpy(), c.numpy()[..., None]], -1))
    return np.concatenate(poses).astype(np.float64)


@pytest.mark.parametrize("layout", [BODY_25, BODY_25B], ids=lambda s: s.name)
def test_half_seen_bodies_hardly_ever_vote_wrongly(shared: Path, layout) -> None:
    """A quarter to a half of each body hidden: below, above, at one side, or here and there."""
    rng = np.random.default_rng(0)
    people = _real_people(shared, layout.name)
    hidden = people[rng.integers(0, len(people), 600)]
    for person in hidden:
        if rng.random() < 0.5:
            person[rng.random(25) < rng.uniform(0.25, 0.5)] = [np.nan, np.nan, 0]
        else:
            seen, angle = person[:, 2] > 0, rng.uniform(0, 2 * np.pi)
            along = np.nan_to_num(person[:, :2]) @ [np.cos(angle), np.sin(angle)]
            edge = np.quantile(along[seen], rng.uniform(0.5, 0.75))
            person[along > edge] = [np.nan, np.nan, 0]
    count = {layout: 0, BODY_25: 0, BODY_25B: 0}
    for person in hidden:  # each alone
        for winner, number in votes(person[None], (BODY_25, BODY_25B)).items():
            count[winner] += number
    wrong = sum(count.values()) - count[layout]
    print(f"\n{layout.name}: {count[layout]} right, {wrong} wrong of 600")  # noqa: T201
    assert wrong <= 3
    assert count[layout] > 150


def test_turned_and_scaled_bodies_keep_their_layout(shared: Path) -> None:
    people = _real_people(shared, "body_25")[::10]
    turn = np.array([[0.0, -0.01], [0.01, 0.0]])
    people[..., :2] = people[..., :2] @ turn + 0.3
    count = votes(people, (BODY_25, BODY_25B))
    assert count[BODY_25] == len(people)


def test_shuffled_keypoints_are_refused(walker, write, openpose_frame) -> None:
    flat = np.reshape(walker(BODY_25), (25, 3))
    rng = np.random.default_rng(1)
    for frame in range(20):
        shuffled = rng.permutation(flat).ravel().tolist()
        path = write(f"clip/{frame}.json", openpose_frame(shuffled))
    with pytest.raises(SkeletonError, match=r"--skeleton"):
        read_keypoints(path.parent)


def test_the_caller_overrules_the_bodies_and_is_told(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    report = read_keypoints(path, skeleton="body_25b").report
    assert report.skeleton == "body_25b"
    assert "1 of 1 bodies fit body_25 better" in report.skeleton_reason


def test_seventeen_keypoints_are_told_apart_too(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(COCO_17)))
    assert read_keypoints(path).report.skeleton == "coco_17"


def test_human36m_is_refused_since_its_leg_order_shows_nowhere(
    walker, write, openpose_frame
) -> None:
    names = {"pelvis": "mid_hip", "thorax": "mid_shoulder", "neck_nose": "nose"}
    points = dict(zip(BODY_25B.joints, np.reshape(walker(BODY_25B), (-1, 3)), strict=True))
    points |= dict(zip(BODY_25.joints, np.reshape(walker(BODY_25), (-1, 3)), strict=True))
    points["spine"] = (points["mid_shoulder"] + points["mid_hip"]) / 2
    flat = [points[names.get(joint, joint)] for joint in H36M_17.joints]
    path = write("1.json", openpose_frame(np.ravel(flat).tolist()))
    with pytest.raises(SkeletonError, match="h36m_17_left_first"):
        read_keypoints(path)


def test_candidates_have_the_count_they_are_listed_under() -> None:
    assert all(len(s) == count for count, layouts in CANDIDATES.items() for s in layouts)
