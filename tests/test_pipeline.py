"""The whole road on real keypoint files: they lift, the body follows them, and it is a likely body."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import lift3d
from lift3d import pipeline
from lift3d.body import BodyParams
from lift3d.errors import PluginError
from lift3d.fitting import FitOptions, fit
from lift3d.samples import balancing
from lift3d.skeletons import LIFT_23, SMPL_24
from lift3d_body_models.stick import StickBody


@pytest.fixture(scope="module")
def sample() -> lift3d.Clip:
    with balancing() as path:
        return lift3d.lift(path)


@pytest.fixture(scope="module")
def few_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 16 frames of the sample."""
    with balancing() as path:
        document = json.loads(path.read_text())
    document["frames"] = document["frames"][:16]
    short = tmp_path_factory.mktemp("sample") / "short.json"
    short.write_text(json.dumps(document))
    return short


def lifted(source: Path, **options: Any) -> tuple[lift3d.Person, lift3d.Camera]:
    clip = lift3d.lift(source, options=lift3d.LiftOptions(**options))
    return clip.people[0], clip.camera


def same_body(a: lift3d.Person, b: lift3d.Person) -> bool:
    assert a.body is not None
    assert b.body is not None
    first, second = ((p.axis_angle, p.transl, p.betas) for p in (a.body, b.body))
    return all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


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


def test_without_a_regressor_bodies_are_fitted_to_the_joints(few_frames: Path) -> None:
    person, camera = lifted(few_frames, regressor="")
    model = lift3d.body_models["default"]()
    found = fit(
        model.articulation,
        person.joints,
        person.keypoints,
        camera,
        FitOptions(),
        smooth_seconds=0.06,
    )
    assert person.body is not None
    torch.testing.assert_close(person.body.axis_angle, found.params.axis_angle)
    torch.testing.assert_close(person.body.betas, found.params.betas)


def test_the_regressor_changes_bodies_but_not_joints(few_frames: Path) -> None:
    (regressed, _), (fitted, _) = lifted(few_frames), lifted(few_frames, regressor="")
    assert regressed.joints.pose.skeleton == fitted.joints.pose.skeleton == LIFT_23
    torch.testing.assert_close(
        regressed.joints.pose.joints, fitted.joints.pose.joints, atol=1e-5, rtol=0
    )
    assert not same_body(regressed, fitted)


@pytest.mark.parametrize("lifter", ["martinez", "matching"])
def test_lifters_that_give_one_layout_only_have_their_bodies_fitted(
    few_frames: Path, lifter: str
) -> None:
    (asked, _), (fitted, _) = (lifted(few_frames, lifter=lifter, regressor=r) for r in ("smpl", ""))
    assert same_body(asked, fitted)


@pytest.mark.parametrize("lifter", ["universal", "temporal", "articulated"])
def test_lifters_of_any_layout_serve_the_regressor(few_frames: Path, lifter: str) -> None:
    clip = lift3d.lift(few_frames, options=lift3d.LiftOptions(lifter=lifter))
    assert clip.people[0].joints.pose.skeleton == LIFT_23
    assert_likely(clip)


def test_bodies_without_smpls_joints_are_fitted(
    few_frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "make_body", lambda *_: StickBody(LIFT_23))
    (asked, _), (fitted, _) = (lifted(few_frames, regressor=r) for r in ("smpl", ""))
    assert same_body(asked, fitted)


def test_sticks_of_smpls_joints_are_regressed(few_frames: Path) -> None:
    (asked, _), (fitted, _) = (
        lifted(few_frames, body_model="stick", regressor=r) for r in ("smpl", "")
    )
    assert asked.body is not None
    assert asked.body.betas.shape == (1, 1)
    assert not same_body(asked, fitted)


def test_a_regressor_that_does_not_exist_is_refused(few_frames: Path) -> None:
    with pytest.raises(PluginError, match="did you mean 'smpl'"):
        lifted(few_frames, regressor="smpll")


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
