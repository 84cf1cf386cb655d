import pytest
import torch

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import FitOptions, fit_body, fitted_keypoints
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25, LIFT_23, SMPL_24

DOUBLE = torch.float64
CAMERA = Camera.from_intrinsics((1080, 1920), 1500.0, dtype=DOUBLE)
SHARP = FitOptions(iterations=12, prior_weight=1e-3)


def likely_poses(frames: int, spread: float = 0.5) -> torch.Tensor:
    """Poses near the prior's mean, hinges bent the right way, upright before the camera."""
    prior = smpl_prior(SMPL_24, DOUBLE)
    std = prior.std.clamp(max=1.0)
    axis_angle = prior.mean + spread * std * torch.randn(frames, 24, 3, dtype=DOUBLE)
    hinged = prior.hinge != 0
    axis_angle = torch.where(hinged, (axis_angle * prior.hinge).abs() * prior.hinge, axis_angle)
    # Half a turn about x stands the body upright in OpenCV's axes.
    axis_angle[:, 0] = torch.tensor([torch.pi, 0.0, 0.0], dtype=DOUBLE)
    axis_angle[:, 0] += 0.2 * torch.randn(frames, 3, dtype=DOUBLE)
    return axis_angle


def motion_of(
    articulation: Articulation, axis_angle: torch.Tensor, betas: torch.Tensor, noise: float = 0.0
) -> tuple[Motion[Pose3D], Motion[Pose2D], torch.Tensor]:
    """Lifted joints and exact keypoints of known poses, and all the body's true points."""
    frames = len(axis_angle)
    table = point_table(articulation)
    transl = torch.tensor([0.1, 0.1, 4.0], dtype=DOUBLE).expand(frames, 3)
    places = place_points(table, rotmat_from_axis_angle(axis_angle), transl, betas).places
    joints = torch.full((frames, 23, 3), torch.nan, dtype=DOUBLE)
    keypoints = torch.full((frames, 25, 2), torch.nan, dtype=DOUBLE)
    for point, name in enumerate(table.names):
        if name in LIFT_23.joints:
            joints[:, LIFT_23.index(name)] = places[:, point]
        if name in BODY_25.joints:
            keypoints[:, BODY_25.index(name)] = CAMERA.project(places)[:, point]
    seen = keypoints.isfinite().all(-1).to(DOUBLE)
    observed = torch.ones(frames, dtype=torch.bool)
    joints = joints + noise * torch.randn_like(joints)
    covariance = torch.eye(3, dtype=DOUBLE).expand(*joints.shape, 3) * max(noise, 0.005) ** 2
    pose3d = Pose3D(joints, covariance, LIFT_23, "camera")
    pose2d = Pose2D.from_detections(keypoints, seen, BODY_25, CAMERA.image_size)
    return Motion(pose3d, 30.0, 0, observed), Motion(pose2d, 30.0, 0, observed), places


def places_of(articulation: Articulation, params: BodyParams) -> torch.Tensor:
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    return place_points(point_table(articulation), rotmats, params.transl, params.betas[0]).places


def limb_error(articulation: Articulation, params: BodyParams, truth: torch.Tensor) -> torch.Tensor:
    """Distances (metres) at the twelve limb joints, which the evidence speaks of."""
    limbs = [SMPL_24.index(name) for name in LIFT_23.joints if name in SMPL_24.joints]
    limbs = [index for index in limbs if SMPL_24.joints[index] not in {"pelvis", "head"}]
    away = places_of(articulation, params)[:, limbs] - truth[:, limbs]
    return torch.linalg.vector_norm(away, dim=-1)


def test_exact_joints_give_them_back(articulation: Articulation) -> None:
    betas = torch.randn(10, dtype=DOUBLE)
    joints, _, truth = motion_of(articulation, likely_poses(20), betas)
    params = fit_body(articulation, joints, options=SHARP)
    error = limb_error(articulation, params, truth)
    assert error.median() < 0.003
    assert error.max() < 0.02


def test_one_shape_for_the_whole_clip_with_the_right_bone_lengths(
    articulation: Articulation,
) -> None:
    betas = torch.randn(10, dtype=DOUBLE)
    joints, _, truth = motion_of(articulation, likely_poses(30), betas, noise=0.01)
    params = fit_body(articulation, joints, options=SHARP)
    assert params.betas.shape == (1, 10)
    knee, ankle = SMPL_24.index("left_knee"), SMPL_24.index("left_ankle")
    fitted = places_of(articulation, params)
    lengths = torch.linalg.vector_norm(fitted[:, ankle] - fitted[:, knee], dim=-1)
    true = torch.linalg.vector_norm(truth[:, ankle] - truth[:, knee], dim=-1)
    assert lengths.std() < 1e-6
    assert abs(lengths.mean() - true.mean()) < 0.01


def test_keypoints_pull_noisy_joints_onto_their_rays(articulation: Articulation) -> None:
    joints, keypoints, _ = motion_of(
        articulation, likely_poses(10), torch.zeros(10, dtype=DOUBLE), noise=0.05
    )
    without = fit_body(articulation, joints)
    with_rays = fit_body(articulation, joints, keypoints, CAMERA)
    errors = [
        fitted_keypoints(articulation, params, keypoints.pose, CAMERA)[1].nanmedian()
        for params in (without, with_rays)
    ]
    assert errors[1] < 0.4 * errors[0]


def test_a_keypoint_far_off_is_left_alone(articulation: Articulation) -> None:
    joints, keypoints, truth = motion_of(articulation, likely_poses(8), torch.zeros(10).double())
    wrong = keypoints.pose.keypoints.clone()
    wrong[:, BODY_25.index("left_wrist")] += 600.0
    outlier = Pose2D.from_detections(wrong, keypoints.pose.confidence, BODY_25, CAMERA.image_size)
    params = fit_body(articulation, joints, Motion(outlier, 30.0, 0, keypoints.observed), CAMERA)
    assert limb_error(articulation, params, truth).median() < 0.02


def test_hinges_do_not_bend_backwards(articulation: Articulation) -> None:
    # Legs overstretched by noise: the ankle 6 cm in front of the straight leg.
    joints, _, _ = motion_of(articulation, likely_poses(1, 0.0), torch.zeros(10).double())
    places = joints.pose.joints.clone()
    hip, knee, ankle = (LIFT_23.index(f"left_{name}") for name in ("hip", "knee", "ankle"))
    places[0, ankle] = places[0, knee] + (places[0, knee] - places[0, hip])
    places[0, ankle, 2] -= 0.06
    joints = Motion(Pose3D.certain(places, LIFT_23, "camera"), 30.0, 0, joints.observed)
    params = fit_body(articulation, joints)
    flexion = params.axis_angle[0, SMPL_24.index("left_knee"), 0]
    assert flexion > -0.12


def test_missing_legs_leave_a_likely_body(articulation: Articulation) -> None:
    joints, keypoints, truth = motion_of(articulation, likely_poses(5), torch.zeros(10).double())
    places, confidence = joints.pose.joints.clone(), keypoints.pose.confidence.clone()
    for skeleton, values in ((LIFT_23, places), (BODY_25, confidence)):
        for joint, name in enumerate(skeleton.joints):
            if any(part in name for part in ("knee", "ankle", "toe", "heel")):
                values[:, joint] = torch.nan if values is places else 0.0
    half = Motion(Pose3D.certain(places, LIFT_23, "camera"), 30.0, 0, joints.observed)
    seen = Pose2D.from_detections(keypoints.pose.keypoints, confidence, BODY_25, CAMERA.image_size)
    params = fit_body(articulation, half, Motion(seen, 30.0, 0, joints.observed), CAMERA)
    assert params.axis_angle.isfinite().all()
    legs = [SMPL_24.index(f"{side}_knee") for side in ("left", "right")]
    assert params.axis_angle[:, legs].abs().max() < 0.8
    arms = [SMPL_24.index(f"{side}_wrist") for side in ("left", "right")]
    away = torch.linalg.vector_norm((places_of(articulation, params) - truth)[:, arms], dim=-1)
    assert away.median() < 0.03


def test_smoothing_calms_trembling_and_keeps_the_place(articulation: Articulation) -> None:
    still = likely_poses(1).expand(40, 24, 3)
    joints, _, truth = motion_of(articulation, still, torch.zeros(10).double(), noise=0.02)
    rough = places_of(articulation, fit_body(articulation, joints))
    calm = places_of(articulation, fit_body(articulation, joints, smooth_seconds=0.1))

    def trembling(places: torch.Tensor) -> torch.Tensor:
        return (places[2:] - 2 * places[1:-1] + places[:-2]).abs().mean()

    assert trembling(calm) < 0.6 * trembling(rough)
    assert (calm - truth)[:, :24].abs().median() < 0.03


def test_a_long_clip_is_fitted_in_chunks_with_one_shape(articulation: Articulation) -> None:
    betas = torch.randn(10, dtype=DOUBLE)
    joints, _, truth = motion_of(articulation, likely_poses(600, 0.2), betas)
    told: list[float] = []
    params = fit_body(
        articulation, joints, options=FitOptions(6, prior_weight=1e-3), progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert params.betas.shape == (1, 10)
    assert limb_error(articulation, params, truth).median() < 0.004


def test_nobody_observed_is_refused(articulation: Articulation) -> None:
    nowhere = Pose3D.certain(torch.full((3, 23, 3), torch.nan).double(), LIFT_23, "camera")
    with pytest.raises(InputError, match="at least one observed frame"):
        fit_body(articulation, Motion(nowhere, 30.0, 0, torch.zeros(3, dtype=torch.bool)))


def test_keypoints_without_a_camera_are_refused(articulation: Articulation) -> None:
    joints, keypoints, _ = motion_of(articulation, likely_poses(2), torch.zeros(10).double())
    with pytest.raises(InputError, match="expected a camera"):
        fit_body(articulation, joints, keypoints)
