"""Synthetic motion: the same again, inside the body's limits, feet on the floor."""

import math

import pytest
import torch

from lift3d.errors import InputError
from lift3d.protocols import Dataset
from lift3d.skeletons import LIFT_23
from lift3d_body_models import DefaultBody
from lift3d_datasets.synthetic import ACTIONS, LIMITS, Synthetic


def test_the_same_seed_gives_the_same_clips() -> None:
    one, two = Synthetic(count=4, frames=20), Synthetic(count=4, frames=20)
    assert isinstance(one, Dataset)
    assert one.splits == ("train", "val", "test")
    for a, b in zip(one.clips("val"), two.clips("val"), strict=True):
        assert a.name == b.name
        assert torch.equal(a.motion.pose.joints, b.motion.pose.joints)


def test_splits_and_seeds_differ() -> None:
    first = [next(Synthetic(count=1, frames=9).clips(split)) for split in ("train", "val", "test")]
    first.append(next(Synthetic(count=1, frames=9, seed=1).clips("train")))
    shapes = torch.stack([clip.bodies.betas for clip in first if clip.bodies])
    assert len(torch.unique(shapes, dim=0)) == 4


def test_clips_say_what_they_are() -> None:
    clips = list(Synthetic(count=5, frames=30, fps=25.0).clips("train"))
    assert [clip.action for clip in clips] == [*ACTIONS, "walking"]
    for clip in clips:
        assert (len(clip.motion), clip.motion.fps, clip.measured) == (30, 25.0, False)
        assert clip.motion.pose.to(LIFT_23).joints.isfinite().all()
        assert clip.bodies is not None
        joints = DefaultBody().joints(clip.bodies)
        assert float((joints - clip.motion.pose.joints[:, :24]).abs().max()) < 1e-5


def test_feet_stand_on_the_floor_and_do_not_slide() -> None:
    for clip in Synthetic(count=8, frames=60).clips("train"):
        pose = clip.motion.pose
        lowest = pose.joints[..., 1].amin(-1)
        assert float(lowest.abs().max()) < 1e-5
        if clip.action == "squats":
            ankles = pose.joints[:, [pose.skeleton.index(f"{s}_heel") for s in ("left", "right")]]
            assert float((ankles - ankles[:1])[..., [0, 2]].norm(dim=-1).max()) < 0.01


def test_walkers_walk_forwards_with_knees_that_bend_backwards() -> None:
    for clip in Synthetic(count=9, frames=90).clips("train"):
        if clip.action != "walking":
            continue
        pose = clip.motion.pose
        at = {name: pose.joints[:, i] for i, name in enumerate(pose.skeleton.joints)}
        ahead = at["nose"] - at["head"]
        path = at["pelvis"][-1] - at["pelvis"][0]
        assert float(path @ ahead[0]) > 0
        assert 0.4 < float(path.norm()) / 3 < 2.0  # metres per second
        knee = at["left_knee"] - (at["left_hip"] + at["left_ankle"]) / 2
        assert float((knee * ahead).sum(-1).min()) > -1e-3


def test_joints_stay_within_their_limits() -> None:
    """Angles about the axes, from the rotation Rx Ry Rz of each joint of the random clips."""
    (clip,) = (c for c in Synthetic(count=4, frames=60).clips("train") if c.action == "random")
    assert clip.bodies is not None
    names = DefaultBody().skeleton.joints
    from lift3d.geometry.rotations import rotmat_from_axis_angle

    for joint, limits in LIMITS.items():
        name = joint if joint in names else f"left_{joint}"
        turn = rotmat_from_axis_angle(clip.bodies.axis_angle[:, names.index(name)].double())
        angles = (
            torch.atan2(-turn[:, 1, 2], turn[:, 2, 2]),
            torch.asin(turn[:, 0, 2].clamp(-1, 1)),
            torch.atan2(-turn[:, 0, 1], turn[:, 0, 0]),
        )
        for angle, (low, high) in zip(angles, limits, strict=True):
            if max(abs(x) for x, _ in limits[1:2]) > 85:
                continue  # past a quarter turn about y the three angles are not unique
            degrees = angle * 180 / math.pi
            assert low - 0.01 <= float(degrees.min()) <= float(degrees.max()) <= high + 0.01, name


def test_nothing_is_needed_and_nonsense_is_refused() -> None:
    assert all(finding.present for finding in Synthetic.examine())
    with pytest.raises(InputError, match="at least 1 clip"):
        Synthetic(count=0)
    with pytest.raises(InputError, match="train, val, test"):
        list(Synthetic(count=1).clips("dev"))
