"""The whole road on real keypoint files: they lift, the body follows them, and it is a likely body."""

from pathlib import Path

import pytest
import torch

import lift3d
from lift3d.body import BodyParams
from lift3d.samples import balancing
from lift3d.skeletons import SMPL_24


@pytest.fixture(scope="module")
def sample() -> lift3d.Clip:
    with balancing() as path:
        return lift3d.lift(path)


def assert_likely(clip: lift3d.Clip) -> None:
    """Fitted near the keypoints, hinges bent the right way, a grown person's size, upright."""
    model = lift3d.body_models[clip.body_model]()
    for person in clip.people:
        assert person.body is not None
        assert lift3d.reprojection(clip, person, model).share < 0.02
        seen = person.joints.observed
        body = seen_frames(person.body, seen)
        for side in ("left", "right"):
            knee = body.axis_angle[:, SMPL_24.index(f"{side}_knee")]
            assert knee[:, 0].quantile(0.05) > -0.2, "a knee bends backwards"
            elbow = body.axis_angle[:, SMPL_24.index(f"{side}_elbow"), 1]
            outward = elbow if side == "left" else -elbow
            assert outward.quantile(0.95) < 0.2, "an elbow bends backwards"
        assert body.betas.abs().max() < 2.5
        joints = model.joints(body)
        body_axis = joints[:, SMPL_24.index("head")] - joints[:, SMPL_24.index("left_ankle")]
        up = body_axis @ clip.world_from_camera[1].float()
        assert 0.9 < up.median() < 1.9


def seen_frames(body: BodyParams, seen: torch.Tensor) -> BodyParams:
    return BodyParams(body.betas, body.body_pose[seen], body.global_orient[seen], body.transl[seen])


def test_the_sample_gives_a_body_that_follows_its_keypoints(sample: lift3d.Clip) -> None:
    assert len(sample) == 100
    assert sample.fps == 60.0
    assert len(sample.people) == 1
    assert_likely(sample)


def test_lifting_twice_gives_the_same_numbers(sample: lift3d.Clip) -> None:
    with balancing() as path:
        again = lift3d.lift(path)
    first, second = sample.people[0], again.people[0]
    assert first.body is not None
    assert second.body is not None
    assert torch.equal(first.body.body_pose, second.body.body_pose)
    assert torch.equal(first.joints.pose.joints, second.joints.pose.joints)


def test_joints_alone_need_no_body() -> None:
    with balancing() as path:
        clip = lift3d.lift(path, options=lift3d.LiftOptions(body_model=""))
    assert clip.people[0].body is None
    assert clip.body_model == ""


def test_the_distance_scales_with_the_focal_length(sample: lift3d.Clip) -> None:
    # Twice the focal length: the same picture from about twice as far.
    camera = lift3d.Camera.from_intrinsics((1920, 1080), 2 * 1920.0)
    options = lift3d.LiftOptions(body_model="")
    with balancing() as path:
        far = lift3d.lift(path, camera=camera, options=options)
    depths = [c.people[0].joints.pose.joints[:, 0, 2].median() for c in (far, sample)]
    assert depths[0] / depths[1] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("clip", ["clip_a", "clip_b"])
def test_openpose_files_lift(clip: str, shared: Path) -> None:
    lifted = lift3d.lift(shared / "keypoints" / "openpose_body25" / clip)
    assert lifted.people[0].keypoints.pose.skeleton.name == "body_25"
    assert_likely(lifted)


def test_body_25b_files_lift(shared: Path) -> None:
    folder = shared / "keypoints" / "pose2sim" / "balancing" / "cam03_json"
    lifted = lift3d.lift(folder, fps=60.0, image_size=(1920, 1088))
    assert lifted.people[0].keypoints.pose.skeleton.name == "body_25b"
    assert_likely(lifted)


@pytest.mark.parametrize("camera", [1, 2, 3, 4])
def test_standing_still_lifts_from_four_sides(camera: int, shared: Path) -> None:
    folder = shared / "keypoints" / "pose2sim" / "static" / f"cam0{camera}_json"
    options = lift3d.LiftOptions(max_people=1)
    lifted = lift3d.lift(folder, fps=60.0, image_size=(1920, 1088), options=options)
    assert_likely(lifted)
