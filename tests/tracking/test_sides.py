"""Left taken for right: found and undone, and nothing else touched, on made-up and real people."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.io import read_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17, SKELETONS
from lift3d.tracking import (
    SideSwaps,
    find_side_swaps,
    find_swaps_at_once,
    repair_sides,
    swap_sides,
)
from lift3d.tracking.side_groups import mirrored_pairs, side_groups
from tests.tracking.crowds import Crowd, crowd, walkers

LEGS = [
    j for j, n in enumerate(BODY_25.joints) if n.endswith(("t_hip", "knee", "ankle", "toe", "heel"))
]
SIDED = [j for j, n in enumerate(BODY_25.joints) if n.startswith(("left", "right"))]
MIRROR = list(BODY_25.flip_permutation)


def dense(found: Crowd, person: int) -> tuple[np.ndarray, np.ndarray]:
    """One person's points and swap marks over all frames."""
    rows = found.person == person
    points = np.full((int(found.frames.max()) + 1, 25, 3), np.nan)
    points[..., 2] = 0
    swapped = np.zeros(points.shape[:2], dtype=np.bool_)
    points[found.frames[rows]], swapped[found.frames[rows]] = (
        found.points[rows],
        found.swapped[rows],
    )
    return points, swapped


def walker(length: int = 120, jitter: float = 0.008) -> np.ndarray:
    """Somebody alone, always seen, whose legs cross in the picture twice per stride."""
    alone = crowd(walkers(1, length), np.random.default_rng(1), misses=0, swaps=0, jitter=jitter)
    return dense(alone, 0)[0]


def named(points: np.ndarray, frames: slice, joints: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The points with some names exchanged, and where."""
    swapped = np.zeros(points.shape[:2], dtype=np.bool_)
    swapped[frames, joints] = True
    swapped &= np.isfinite(points[..., 0]) | np.isfinite(points[:, MIRROR, 0])
    return swap_sides(points, swapped, BODY_25), swapped


def test_groups_hold_every_pair_at_every_size() -> None:
    for skeleton in SKELETONS.values():
        pairs, steps = mirrored_pairs(skeleton), side_groups(skeleton)
        for step in steps:
            joints = [joint for group in step for pair in group for joint in pair]
            assert len(joints) == len(set(joints))
        if pairs:
            assert steps[0] == (pairs,)
    cat = Skeleton("cat", ("tail", "left_whisker", "right_whisker"), (-1, 0, 0))
    assert side_groups(cat)[-1] == (((1, 2),),)


def test_walking_is_not_a_swap() -> None:
    assert not find_side_swaps(walker(), BODY_25).any()


@pytest.mark.parametrize("frames", [slice(50, 51), slice(50, 54), slice(0, 6), slice(110, 120)])
@pytest.mark.parametrize("joints", [SIDED, LEGS], ids=["all", "legs"])
def test_swaps_are_found_and_undone(frames: slice, joints: list[int]) -> None:
    points = walker()
    wrong, swapped = named(points, frames, joints)
    found = find_side_swaps(wrong, BODY_25)
    seen = wrong[..., 2] > 0
    apart = np.linalg.norm(points[..., :2] - points[:, MIRROR, :2], axis=-1) > 15
    assert (found & seen & ~swapped).sum() == 0
    assert (found & swapped & apart).sum() >= 0.9 * (swapped & apart).sum()


def test_one_leg_seen_alone() -> None:
    """The right leg is hidden for five frames, and the left one is called the right one for three."""
    points = walker()
    left = [BODY_25.index(f"left_{name}") for name in ("hip", "knee", "ankle")]
    right = [MIRROR[joint] for joint in left]
    points[60:65, right] = [np.nan, np.nan, 0]
    wrong, swapped = named(points, slice(61, 64), left + right)
    mended = swap_sides(wrong, find_side_swaps(wrong, BODY_25), BODY_25)
    knee = left[1:]
    assert swapped[61:64, knee].all()
    assert np.array_equal(mended[61:64, knee], points[61:64, knee])


def test_crowd() -> None:
    """A tenth of everything is missed: most swaps are undone, hardly anything is harmed."""
    found = crowd(walkers(5, 150), np.random.default_rng(0))
    true, hit, wrong, seen = 0, 0, 0, 0
    for person in range(5):
        points, swapped = dense(found, person)
        marks, there = find_side_swaps(points, BODY_25), points[..., 2] > 0
        true += (swapped & there).sum()
        hit += (swapped & there & marks).sum()
        wrong += (~swapped & there & marks).sum()
        seen += there.sum()
    assert hit >= 0.75 * true
    assert wrong <= 0.01 * seen


def test_twice_is_nothing() -> None:
    points = walker(30)
    marks = np.zeros((30, 25), dtype=np.bool_)
    marks[::2, SIDED] = True
    again = swap_sides(swap_sides(points, marks, BODY_25), marks, BODY_25)
    assert np.array_equal(again, points, equal_nan=True)


def test_nothing_to_judge() -> None:
    nobody = np.full((5, 25, 3), np.nan)
    nobody[..., 2] = 0
    assert not find_side_swaps(nobody, BODY_25).any()
    assert not find_side_swaps(walker(1), BODY_25).any()
    assert not find_side_swaps(walker(2), BODY_25).any()
    for wrong in ({"change": 0.0}, {"most": -1.0}):
        with pytest.raises(InputError, match="expected costs"):
            SideSwaps(**wrong)


def facing(view: float) -> np.ndarray:
    """A person standing upright, 1 seen from the front and -1 from behind."""
    parts = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    half = dict(zip(parts, (3, 7, 18, 22, 24, 11, 11, 11), strict=True))
    down = dict(zip(parts, (20, 20, 45, 75, 100, 100, 145, 190), strict=True))
    pose = np.zeros((1, 17, 3))
    for joint, name in enumerate(COCO_17.joints):
        side, part = name.split("_") if "_" in name else ("", "eye")
        sign = {"left": 1, "right": -1, "": 0}[side] * view
        pose[0, joint] = [400 + sign * half[part], 100 + down[part], 0.9]
    return pose


@pytest.mark.parametrize("view", [1.0, -1.0, 0.8])
@pytest.mark.parametrize("turn", [0.0, 1.3, 3.0])
@pytest.mark.parametrize("limb", ["shoulder elbow wrist", "hip knee ankle"])
def test_one_picture(view: float, turn: float, limb: str) -> None:
    """Arms or legs that are the wrong way round, in bodies upright, lying and upside down."""
    pose = facing(view)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pose[..., :2] = (pose[..., :2] - 400) @ rotation.T + 400
    assert not find_swaps_at_once(pose, COCO_17).any()
    swapped = np.array([[n.split("_")[-1] in limb.split() for n in COCO_17.joints]])
    assert np.array_equal(find_swaps_at_once(swap_sides(pose, swapped, COCO_17), COCO_17), swapped)


def test_one_picture_without_a_face_or_in_profile_is_left_alone() -> None:
    legs = np.array([[n.split("_")[-1] in ("hip", "knee", "ankle") for n in COCO_17.joints]])
    faceless, profile = facing(1.0), facing(0.05)
    faceless[:, :5] = [np.nan, np.nan, 0]
    for pose in (faceless, profile):
        assert not find_swaps_at_once(swap_sides(pose, legs, COCO_17), COCO_17).any()


def test_motions() -> None:
    wrong, swapped = named(walker(), slice(50, 54), SIDED)
    values = torch.from_numpy(wrong)
    pose = Pose2D.from_detections(
        values[..., :2].float(), values[..., 2].float(), BODY_25, (1080, 1920)
    )
    motion = Motion(pose, 30.0, 4, torch.ones(len(pose.keypoints), dtype=torch.bool), 17)
    mended, marks = repair_sides(motion)
    assert (mended.person, mended.first_frame, mended.fps) == (4, 17, 30.0)
    assert marks.numpy()[swapped].mean() > 0.8
    again, nothing = repair_sides(mended)
    assert not nothing.any()
    assert torch.equal(again.pose.confidence, mended.pose.confidence)


CLIPS = [
    ("openpose_body25/clip_a", None), ("openpose_body25/clip_b", None),
    ("pose2sim/balancing/cam01_json", "body_25b"), ("pose2sim/balancing/cam03_json", "body_25b"),
]  # fmt: skip


@pytest.mark.parametrize(("clip", "skeleton"), CLIPS)
def test_clean_real_clips_are_left_alone(shared: Path, clip: str, skeleton: str | None) -> None:
    for motion in read_keypoints(shared / "keypoints" / clip, skeleton).people:
        _, marks = repair_sides(motion)
        assert int((marks & motion.pose.seen).sum()) <= 5


def test_swaps_put_into_a_real_clip_are_found(shared: Path) -> None:
    motion = read_keypoints(shared / "keypoints/openpose_body25/clip_b").people[0]
    pose = (
        torch.cat([motion.pose.keypoints, motion.pose.confidence[..., None]], -1).double().numpy()
    )
    wrong, swapped = pose, np.zeros(pose.shape[:2], dtype=np.bool_)
    rng = np.random.default_rng(0)
    for start in range(10, len(pose) - 10, 25):
        frames = slice(start, start + int(rng.integers(1, 6)))
        wrong, marks = named(wrong, frames, SIDED if rng.random() < 0.5 else LEGS)
        swapped |= marks
    found, seen = find_side_swaps(wrong, BODY_25), wrong[..., 2] > 0
    size = np.nanmax(pose[..., 1]) - np.nanmin(pose[..., 1])
    apart = np.linalg.norm(pose[..., :2] - pose[:, MIRROR, :2], axis=-1) > 0.04 * size
    assert (found & swapped & seen & apart).sum() >= 0.9 * (swapped & seen & apart).sum()
    assert (found & ~swapped & seen & apart).sum() <= 0.002 * seen.sum()
