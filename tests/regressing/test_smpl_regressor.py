"""The shipped regressor on people it can be checked on: exact keypoints of known bodies."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.estimate import BodyEstimate
from lift3d.fitting import FitOptions, fitted_keypoints
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel, Regressor
from lift3d.regressing.refinement import RefineOptions, refine
from lift3d.regressing.smpl import RegressorOptions, SmplRegressor
from lift3d.skeletons import BODY_25, COCO_17, LIFT_23
from lift3d_body_models.stick import StickBody
from tests.regressing.people import CAMERA, POSES, SIZE, keypoints_of, swaying

SIDES = (0.0, 1.2, 2.6, -1.5)
ALL_STEPS = RefineOptions(FitOptions(iterations=40, prior_weight=0.5, beta_std=2.0))
FAR_LIMB = ("left_shoulder", "left_elbow", "left_wrist")


def refined(
    regressor: SmplRegressor,
    keypoints: Motion[Pose2D],
    camera: Camera = CAMERA,
    options: RefineOptions | None = None,
) -> BodyEstimate:
    estimate = regressor(keypoints, camera)
    return refine(estimate, regressor.articulation, keypoints, camera, options)


def skin(body: BodyModel, params: BodyParams) -> Tensor:
    """Vertices [frames, vertices, 3] from the root joint (metres)."""
    mesh = body(params)
    return mesh.vertices - mesh.joints[:, :1]


def away(body: BodyModel, params: BodyParams, truth: BodyParams) -> Tensor:
    """How far the skin is off, each frame's mean (metres)."""
    return (skin(body, params) - skin(body, truth)).norm(dim=-1).mean(-1)


def off(regressor: SmplRegressor, params: BodyParams, keypoints: Motion[Pose2D]) -> float:
    """The keypoints' median miss, as a share of the person's height in the picture."""
    pose = keypoints.pose
    _, miss = fitted_keypoints(regressor.articulation, params, pose, CAMERA)
    y = pose.keypoints[..., 1]
    height = y.nan_to_num(-torch.inf).amax(1) - y.nan_to_num(torch.inf).amin(1)
    return float(miss.nanmedian() / height.median())


def blind(motion: Motion[Pose2D], frames: slice) -> Motion[Pose2D]:
    confidence = motion.pose.confidence.clone()
    confidence[frames] = 0
    pose = Pose2D.from_detections(motion.pose.keypoints, confidence, BODY_25, SIZE)
    return replace(motion, pose=pose, observed=pose.seen.any(-1))


@pytest.mark.parametrize("pose", POSES)
def test_a_known_body_comes_back_from_all_sides(
    regressor: SmplRegressor, body: BodyModel, pose: str
) -> None:
    errors: list[float] = []
    for side in SIDES:
        truth = swaying(pose, yaw=side)
        keypoints = keypoints_of(body.articulation, truth)
        found = refined(regressor, keypoints)
        errors.append(float(away(body, found.params, truth).max()))
        assert off(regressor, found.params, keypoints) < 0.01
        assert found.params.betas.shape == (1, 10)
        assert found.params.betas.abs().max() < 4
        up = rotmat_from_axis_angle(found.params.global_orient)[:, :, 1]
        assert (up[:, 1] < -0.9).all(), "the body does not stand upright before the camera"
        assert (found.params.transl[:, 2] - truth.transl[:, 2]).abs().max() < 0.4
        assert not found.doubtful.any()
    assert max(errors) < 0.11
    assert sum(errors) / len(errors) < 0.08


def test_what_it_expects_of_itself_is_about_what_happens(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    for pose in POSES:
        truth = swaying(pose, yaw=0.7)
        estimate = regressor(keypoints_of(body.articulation, truth), CAMERA)
        ratio = away(body, estimate.params, truth).mean() / estimate.error.mean()
        assert 0.2 < ratio < 3
        assert 0.01 < float(estimate.turn_std.median()) < 0.5
        assert (estimate.betas_std > 0).all()
        assert (estimate.betas_std < 1.5).all()


def test_it_is_a_regressor_and_keeps_what_the_motion_says(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    assert isinstance(regressor, Regressor)
    found = regressor(keypoints_of(body.articulation, swaying("standing")), CAMERA)
    assert found.joints.pose.skeleton == regressor.needs
    assert (found.joints.fps, found.joints.person, found.joints.first_frame) == (30.0, 3, 7)
    assert found.params.body_pose.shape == (4, 23, 3)
    assert found.converged.all()  # there was nothing to come to rest


def test_refining_inside_the_call_is_refining_after_it(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    keypoints = keypoints_of(body.articulation, swaying("standing"))
    inside = SmplRegressor(body, regressor.lifter, options=RegressorOptions(refine=RefineOptions()))
    first, second = inside(keypoints, CAMERA).params, refined(regressor, keypoints).params
    torch.testing.assert_close(first.axis_angle, second.axis_angle)


def test_with_enough_steps_every_frame_converges(regressor: SmplRegressor, body: BodyModel) -> None:
    keypoints = keypoints_of(body.articulation, swaying("sitting", yaw=1.2))
    assert refined(regressor, keypoints, options=ALL_STEPS).converged.all()


def test_frames_with_nobody_are_nan_and_have_not_converged(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    whole = keypoints_of(body.articulation, swaying("standing", frames=40))
    found = refined(regressor, blind(whole, slice(5, None)), options=ALL_STEPS)
    nobody = ~found.joints.shown
    assert nobody[-5:].all()
    assert not nobody[:5].any()
    assert found.params.finite.tolist() == (~nobody).tolist()
    assert found.turn_std.isnan().all(1).tolist() == nobody.tolist()
    assert found.error.isnan().tolist() == nobody.tolist()
    assert not found.converged[nobody].any()
    assert found.converged[:5].all()


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_clips_have_bodies(
    regressor: SmplRegressor, body: BodyModel, frames: int
) -> None:
    truth = swaying("standing", frames)
    keypoints = keypoints_of(body.articulation, truth)
    found = refined(regressor, keypoints)
    assert away(body, found.params, truth).max() < 0.1
    assert off(regressor, found.params, keypoints) < 0.01


def test_a_missing_limb_is_made_up_and_the_rest_stays_right(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    truth = swaying("standing", yaw=0.7)
    keypoints = keypoints_of(body.articulation, truth, missing=FAR_LIMB)
    found = refined(regressor, keypoints)
    assert off(regressor, found.params, keypoints) < 0.01
    assert away(body, found.params, truth).max() < 0.12


def test_half_of_the_keypoints_is_enough(regressor: SmplRegressor, body: BodyModel) -> None:
    truth = swaying("standing", frames=12, yaw=0.7)
    whole = keypoints_of(body.articulation, truth)
    lost = torch.rand(whole.pose.confidence.shape) < 0.5
    confidence = whole.pose.confidence.masked_fill(lost, 0)
    pose = Pose2D.from_detections(whole.pose.keypoints, confidence, BODY_25, SIZE)
    found = refined(regressor, replace(whole, pose=pose))
    assert found.params.finite.all()
    assert away(body, found.params, truth).median() < 0.12


def test_no_face_and_no_feet_will_do(regressor: SmplRegressor, body: BodyModel) -> None:
    truth = swaying("arms out", yaw=0.7)
    found = refined(regressor, keypoints_of(body.articulation, truth, layout=COCO_17))
    assert away(body, found.params, truth).max() < 0.1


def test_a_cut_and_scaled_picture_changes_nothing(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    truth = swaying("arms up", yaw=0.7)
    matrix, shift = torch.eye(2) * 1.7, torch.tensor([-300.0, -120.0])
    cut = CAMERA.warped(matrix, shift, (900, 1100))
    before = refined(regressor, keypoints_of(body.articulation, truth)).params
    after = refined(regressor, keypoints_of(body.articulation, truth, cut), cut).params
    torch.testing.assert_close(after.axis_angle, before.axis_angle, atol=2e-3, rtol=0)
    torch.testing.assert_close(after.transl, before.transl, atol=2e-3, rtol=0)
    torch.testing.assert_close(after.betas, before.betas, atol=1e-2, rtol=0)


def test_a_turned_camera_sees_a_turned_body(regressor: SmplRegressor, body: BodyModel) -> None:
    """By a quarter of a radian about its centre; the virtual camera may roll: 1 degree, 1 cm."""
    truth = swaying("standing", yaw=0.7)
    turn = rotmat_from_axis_angle(torch.tensor([0.05, 0.25, 0.0]))
    pelvis = body(truth).joints[:, 0]
    orient = turn @ rotmat_from_axis_angle(truth.global_orient)
    there = BodyParams.from_rotations(
        torch.cat([orient[:, None], rotmat_from_axis_angle(truth.body_pose)], 1),
        truth.betas,
        truth.transl + pelvis @ turn.mT - pelvis,
        "rotmat",
    )
    first = refined(regressor, keypoints_of(body.articulation, truth)).params
    second = refined(regressor, keypoints_of(body.articulation, there)).params
    roots = [rotmat_from_axis_angle(params.global_orient) for params in (first, second)]
    assert rotation_angle((turn @ roots[0]).mT @ roots[1]).max() < 0.02
    assert (skin(body, first) @ turn.mT - skin(body, second)).norm(dim=-1).max() < 0.01


def test_keypoints_that_the_detector_doubts_place_nobody(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    keypoints = keypoints_of(body.articulation, swaying("standing"))
    joints = regressor(keypoints, CAMERA).joints
    pixels, confidence = keypoints.pose.keypoints.clone(), keypoints.pose.confidence.clone()
    pixels[:, :4], confidence[:, :4] = 5.0, 0.1
    doubted = replace(keypoints, pose=Pose2D.from_detections(pixels, confidence, BODY_25, SIZE))
    confidence[:, :4] = 0
    without = replace(keypoints, pose=Pose2D.from_detections(pixels, confidence, BODY_25, SIZE))
    first, second = (regressor(motion, CAMERA, joints).params for motion in (doubted, without))
    assert torch.equal(first.axis_angle, second.axis_angle)
    assert torch.equal(first.transl, second.transl)


def test_the_first_answer_stands_on_the_rays_wherever_the_lifter_stood(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    keypoints = keypoints_of(body.articulation, swaying("standing"))
    joints = regressor(keypoints, CAMERA).joints
    aside = joints.pose.joints + torch.tensor([0.2, -0.1, 0.5])
    moved = replace(joints, pose=replace(joints.pose, joints=aside))
    assert off(regressor, regressor(keypoints, CAMERA, moved).params, keypoints) < 0.03


def test_with_few_keypoints_the_root_stays_where_the_lifter_put_it(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    keypoints = keypoints_of(body.articulation, swaying("standing"))
    joints = regressor(keypoints, CAMERA).joints
    confidence = torch.zeros_like(keypoints.pose.confidence)
    confidence[:, [BODY_25.index(name) for name in ("nose", "left_knee")]] = 1
    few = Pose2D.from_detections(keypoints.pose.keypoints, confidence, BODY_25, SIZE)
    found = regressor(replace(keypoints, pose=few), CAMERA, joints).params
    hips = [VOCABULARY.index(f"{side}_hip") for side in ("left", "right")]
    away = body.joints(found)[:, [1, 2]].mean(1) - joints.pose.joints[:, hips].mean(1)
    assert away.norm(dim=-1).max() < 1e-3


def test_a_frame_of_which_it_is_unsure_is_fitted_from_the_joints(
    regressor: SmplRegressor, body: BodyModel
) -> None:
    truth = swaying("standing", yaw=0.7)
    keypoints = keypoints_of(body.articulation, truth)
    trusted = refined(regressor, keypoints)
    unsure = refined(regressor, keypoints, options=RefineOptions(doubt=1e-4))
    assert unsure.doubtful.all()
    assert not trusted.doubtful.any()
    assert not torch.equal(unsure.params.axis_angle, trusted.params.axis_angle)
    assert off(regressor, unsure.params, keypoints) < 0.02


def test_nobody_is_refused(regressor: SmplRegressor, body: BodyModel) -> None:
    keypoints = blind(keypoints_of(body.articulation, swaying("standing")), slice(None))
    with pytest.raises(InputError, match="expected a person in at least one frame"):
        regressor(keypoints, CAMERA)


def test_joints_of_another_layout_are_refused(regressor: SmplRegressor, body: BodyModel) -> None:
    keypoints = keypoints_of(body.articulation, swaying("standing"))
    joints = regressor(keypoints, CAMERA).joints
    short = replace(joints, pose=joints.pose.to(LIFT_23))
    with pytest.raises(InputError, match="expected joints of 'vocabulary_40', got 'lift_23'"):
        regressor(keypoints, CAMERA, short)


def test_a_body_without_smpls_joints_is_refused() -> None:
    with pytest.raises(InputError, match="expected a body with SMPL's joints, got one without"):
        SmplRegressor(StickBody(LIFT_23))


@pytest.mark.parametrize("wrong", [{"loose": 0.0}, {"inflation": -1.0}, {"doubt": torch.nan}])
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"expected {next(iter(wrong))} above 0"):
        replace(RefineOptions(), **wrong)
