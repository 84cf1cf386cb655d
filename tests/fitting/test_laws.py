"""What must hold of any fit, whatever the evidence."""

from dataclasses import replace

import pytest
import torch

from lift3d.body import Articulation
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import BodyFit, FitOptions, fit, fit_body, fitted_keypoints
from lift3d.fitting.points import PointTable, place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.plugins import body_models
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25, LIFT_23, SMPL_24

DOUBLE = torch.float64
CAMERA = Camera.from_intrinsics((1080, 1920), 1500.0, dtype=DOUBLE)
SHARP = FitOptions(iterations=20, prior_weight=1e-3)
UPRIGHT = torch.tensor([torch.pi, 0.0, 0.0], dtype=DOUBLE)
PRIOR = smpl_prior(SMPL_24, DOUBLE)


def likely_poses(frames: int, spread: float = 0.5, yaw: float = 0.0) -> torch.Tensor:
    """Rotations near the prior's mean, hinges bent the right way, upright before the camera."""
    axis_angle = (
        PRIOR.mean + spread * PRIOR.std.clamp(max=1.0) * torch.randn(frames, 24, 3).double()
    )
    hinged = PRIOR.hinge != 0
    axis_angle = torch.where(hinged, (axis_angle * PRIOR.hinge).abs() * PRIOR.hinge, axis_angle)
    rotmats = rotmat_from_axis_angle(axis_angle)
    turns = torch.zeros(frames, 3, dtype=DOUBLE)
    turns[:, 1] = yaw * torch.linspace(-1, 1, frames, dtype=DOUBLE)
    rotmats[:, 0] = rotmat_from_axis_angle(UPRIGHT) @ rotmat_from_axis_angle(turns)
    return rotmats


def placed(table: PointTable, rotmats: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
    transl = torch.tensor([0.1, 0.1, 4.0], dtype=DOUBLE).expand(len(rotmats), 3)
    return place_points(table, rotmats, transl, betas).places


def joints_of(places: torch.Tensor, std: float = 0.003) -> Motion[Pose3D]:
    """All joints of the body itself, in the camera frame."""
    joints = places[:, :24]
    covariance = (torch.eye(3) * std**2).to(joints).expand(*joints.shape, 3)
    pose = Pose3D(joints, covariance, SMPL_24, "camera")
    return Motion(pose, 30.0, 0, torch.ones(len(joints), dtype=torch.bool))


def keypoints_of(table: PointTable, places: torch.Tensor) -> Motion[Pose2D]:
    pixels = torch.full((len(places), 25, 2), torch.nan, dtype=DOUBLE)
    for point, name in enumerate(table.names):
        if name in BODY_25.joints:
            pixels[:, BODY_25.index(name)] = CAMERA.project(places)[:, point]
    seen = pixels.isfinite().all(-1).to(DOUBLE)
    pose = Pose2D.from_detections(pixels, seen, BODY_25, CAMERA.image_size)
    return Motion(pose, 30.0, 0, torch.ones(len(pixels), dtype=torch.bool))


def places_of(table: PointTable, found: BodyFit) -> torch.Tensor:
    params = found.params
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    return place_points(table, rotmats, params.transl, params.betas).places


def errors(table: PointTable, found: BodyFit, truth: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(places_of(table, found)[:, :24] - truth[:, :24], dim=-1)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize("one_shape", [True, False])
def test_exact_joints_are_fitted_to_a_millimetre(
    articulation: Articulation, engine: str, one_shape: bool
) -> None:
    table = point_table(articulation)
    betas = torch.randn(1 if one_shape else 12, 10, dtype=DOUBLE)
    truth = placed(table, likely_poses(12), betas)
    options = replace(SHARP, engine=engine, one_shape=one_shape)
    found = fit(articulation, joints_of(truth), options=options)
    assert errors(table, found, truth).max() < 0.001
    assert found.rms["joints"].max() < 0.001
    assert found.converged.all()
    assert found.params.betas.shape == betas.shape


def test_rigid_motion_of_the_joints_moves_the_body_alone(articulation: Articulation) -> None:
    truth = placed(point_table(articulation), likely_poses(4), torch.zeros(1, 10, dtype=DOUBLE))
    truth = truth + 0.02 * torch.randn_like(truth)
    turn = rotmat_from_axis_angle(torch.tensor([0.4, -1.0, 0.7], dtype=DOUBLE))
    shift = torch.tensor([1.0, -2.0, 3.0], dtype=DOUBLE)
    # Where the descent stops may differ by a little, where it leads may not.
    options = FitOptions(iterations=80, tolerance=1e-14)
    here = fit(articulation, joints_of(truth, 0.03), options=options)
    there = fit(articulation, joints_of(truth @ turn.T + shift, 0.03), options=options)
    table = point_table(articulation)
    torch.testing.assert_close(
        places_of(table, there), places_of(table, here) @ turn.T + shift, atol=1e-6, rtol=0
    )
    assert (rotation_angle(
        rotmat_from_axis_angle(there.params.body_pose).mT
        @ rotmat_from_axis_angle(here.params.body_pose)
    ) < 1e-5).all()  # fmt: skip


def test_mirrored_joints_give_the_mirrored_body() -> None:
    # The default body is left-right symmetric; the fixture's random shape directions are not.
    articulation = body_models["default"]().articulation
    table = point_table(articulation, DOUBLE)
    flip = [SMPL_24.flip_permutation[joint] for joint in range(24)]
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=DOUBLE)
    truth = placed(table, likely_poses(4), torch.zeros(1, 10, dtype=DOUBLE))[:, :24]
    truth = truth + 0.01 * torch.randn_like(truth)
    options = FitOptions(iterations=30, fit_betas=False)
    here = places_of(table, fit(articulation, joints_of(truth), options=options))[:, :24]
    there = places_of(table, fit(articulation, joints_of(truth[:, flip] * mirror), options=options))
    away = torch.linalg.vector_norm(there[:, :24] - here[:, flip] * mirror, dim=-1)
    assert away.max() < 0.004


def test_frames_with_their_own_shapes_do_not_know_of_each_other(articulation: Articulation) -> None:
    truth = placed(point_table(articulation), likely_poses(5), torch.randn(5, 10, dtype=DOUBLE))
    options = FitOptions(one_shape=False)
    among = fit(articulation, joints_of(truth), options=options)
    two = fit(articulation, joints_of(truth[2:4]), options=options)
    table = point_table(articulation)
    torch.testing.assert_close(places_of(table, among)[2:4], places_of(table, two))
    torch.testing.assert_close(among.cost[2:4], two.cost)


def test_a_mixture_is_no_worse_than_its_parts(articulation: Articulation) -> None:
    table = point_table(articulation)
    truth = placed(table, likely_poses(8), torch.zeros(1, 10, dtype=DOUBLE))
    noise = 0.04 * torch.randn_like(truth) * torch.tensor([0.5, 0.5, 2.0], dtype=DOUBLE)
    joints, keypoints = joints_of(truth + noise, 0.04), keypoints_of(table, truth)
    parts = [fit(articulation, joints), fit(articulation, None, keypoints, CAMERA)]
    both = fit(articulation, joints, keypoints, CAMERA)
    ours = errors(table, both, truth).mean()
    assert ours <= min(errors(table, part, truth).mean() for part in parts)
    assert set(both.rms) == {"joints", "keypoints"}


def test_keypoints_alone_find_the_body_whichever_way_it_faces(articulation: Articulation) -> None:
    table = point_table(articulation)
    truth = placed(table, likely_poses(8, 0.3, torch.pi), torch.zeros(1, 10, dtype=DOUBLE))
    keypoints = keypoints_of(table, truth)
    found = fit(articulation, None, keypoints, CAMERA, FitOptions(iterations=20))
    _, distance = fitted_keypoints(articulation, found.params, keypoints.pose, CAMERA)
    assert distance.nanmedian() < 3.0
    away = places_of(table, found)[:, :24] - truth[:, :24]
    away = away - away.mean(1, keepdim=True)
    assert torch.linalg.vector_norm(away, dim=-1).mean(1).median() < 0.07
    assert (found.rms["keypoints"] < 0.05).all()


def test_a_straight_leg_measured_as_bent_backwards_starts_the_right_way_round(
    articulation: Articulation,
) -> None:
    table = point_table(articulation)
    truth = placed(table, likely_poses(1, 0.0), torch.zeros(1, 10, dtype=DOUBLE))
    hip, knee, ankle, toe = (
        table.names.index(f"left_{name}") for name in ("hip", "knee", "ankle", "foot")
    )
    step = (truth[0, ankle] - truth[0, knee]).norm() * 0.4
    for backwards in (0.5, 1.0):
        moved = truth.clone()
        # The camera looks along z and the person faces it: to the front is -z.
        moved[0, ankle] = moved[0, knee] + (moved[0, knee] - moved[0, hip]) * 0.95
        moved[0, [ankle, toe], 2] -= backwards * step
        found = fit(articulation, joints_of(moved, 0.03))
        thigh = rotmat_from_axis_angle(found.params.axis_angle[0, SMPL_24.index("left_hip")])
        assert rotation_angle(thigh) < 0.6
        assert found.params.axis_angle[0, SMPL_24.index("left_knee"), 0] > -0.2


def test_a_descent_cut_short_says_so(articulation: Articulation) -> None:
    truth = placed(point_table(articulation), likely_poses(3), torch.randn(1, 10, dtype=DOUBLE))
    found = fit(articulation, joints_of(truth), options=FitOptions(iterations=1))
    assert not found.converged.any()
    assert found.iterations == 1
    longer = fit(articulation, joints_of(truth), options=FitOptions(iterations=40))
    assert longer.converged.all()
    assert longer.iterations < 40
    assert (longer.cost < found.cost).all()


def test_unobserved_frames_are_nan_and_not_converged(articulation: Articulation) -> None:
    truth = placed(point_table(articulation), likely_poses(3), torch.zeros(1, 10, dtype=DOUBLE))
    truth[1] = torch.nan
    joints = joints_of(truth)
    found = fit(articulation, joints)
    assert found.params.transl[1].isnan().all()
    assert found.cost.isnan().tolist() == [False, True, False]
    assert found.converged.tolist() == [True, False, True]


def test_nothing_at_all_is_refused(articulation: Articulation) -> None:
    with pytest.raises(InputError, match="none of them"):
        fit(articulation)


def test_joints_in_one_place_are_refused(articulation: Articulation) -> None:
    joints = torch.ones(2, 24, 3, dtype=DOUBLE)
    with pytest.raises(InputError, match="all within"):
        fit(articulation, joints_of(joints))


def test_joints_behind_the_camera_are_refused(articulation: Articulation) -> None:
    table = point_table(articulation)
    truth = placed(table, likely_poses(2), torch.zeros(1, 10, dtype=DOUBLE))
    behind = truth * torch.tensor([1.0, 1.0, -1.0], dtype=DOUBLE)
    with pytest.raises(InputError, match="in front of the camera"):
        fit(articulation, joints_of(behind), keypoints_of(table, truth), CAMERA)


def test_no_number_among_the_joints_is_no_evidence(articulation: Articulation) -> None:
    joints = joints_of(torch.full((2, 24, 3), torch.nan, dtype=DOUBLE))
    with pytest.raises(InputError, match="evidence"):
        fit(articulation, joints)


def test_the_short_door_gives_the_same_parameters(articulation: Articulation) -> None:
    truth = placed(point_table(articulation), likely_poses(2), torch.zeros(1, 10, dtype=DOUBLE))
    joints = Motion(
        Pose3D.certain(truth[:, :24], SMPL_24, "camera").to(LIFT_23), 30.0, 0, torch.ones(2).bool()
    )
    short, long = fit_body(articulation, joints), fit(articulation, joints).params
    torch.testing.assert_close(short.axis_angle, long.axis_angle)
    torch.testing.assert_close(short.betas, long.betas)
