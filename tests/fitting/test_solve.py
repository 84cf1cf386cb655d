"""The solver's derivatives are those of its cost, and its cost only falls."""

from dataclasses import replace

import pytest
import torch

from lift3d.body import Articulation
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import FitOptions, fit_body, fitted_keypoints
from lift3d.fitting.descent import assess, linearise, log_slope
from lift3d.fitting.evidence import Evidence, gather_evidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.problem import FitState, Near, Problem
from lift3d.fitting.solve import solve
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25, LIFT_23, SMPL_24

DOUBLE = torch.float64
FRAMES = 3


def random_state(depth: float, spread: float = 0.5) -> FitState:
    """Bodies of any pose, hinges bent both ways."""
    transl = 0.1 * torch.randn(FRAMES, 3, dtype=DOUBLE)
    transl[:, 2] += depth
    turns = rotmat_from_axis_angle(spread * torch.randn(FRAMES, 24, 3, dtype=DOUBLE))
    return FitState(turns, transl, torch.randn(1, 10, dtype=DOUBLE))


def random_problem(articulation: Articulation, near: Near | None = None) -> Problem:
    table = point_table(articulation)
    points = len(table.names)
    root = torch.randn(FRAMES, points, 3, 3, dtype=DOUBLE)
    evidence = Evidence(
        torch.arange(points),
        torch.randn(FRAMES, points, 3, dtype=DOUBLE),
        root @ root.mT,
        0.3 * torch.randn(FRAMES, points, 2, dtype=DOUBLE),
        5 * torch.rand(FRAMES, points, dtype=DOUBLE),
    )
    prior = smpl_prior(SMPL_24, DOUBLE)
    return Problem(table, prior, evidence, FitOptions(prior_weight=0.7), near)


# At 0.3 m some points lie behind the camera, where the depth they project with is held.
@pytest.mark.parametrize("depth", [4.0, 0.3])
@pytest.mark.parametrize("with_near", [False, True])
def test_slopes_are_half_the_gradient_of_the_cost(
    articulation: Articulation, depth: float, with_near: bool
) -> None:
    state = random_state(depth)
    std = 0.02 + torch.rand(FRAMES, 24, dtype=DOUBLE)
    near = Near(random_state(depth), std, reach=0.1) if with_near else None
    problem = random_problem(articulation, near)
    # A frame without any evidence does not count in the betas' prior.
    problem.evidence.place_precision[1] = 0
    problem.evidence.slope_precision[1] = 0

    def cost(step: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        turn = rotmat_from_axis_angle(step[:, :72].reshape(FRAMES, 24, 3))
        moved = FitState(state.rotmats @ turn, state.transl + step[:, 72:], state.betas + shape)
        return assess(problem, moved)[1].sum()

    still, same = torch.zeros(FRAMES, 75, dtype=DOUBLE), torch.zeros(1, 10, dtype=DOUBLE)
    by_pose, by_betas = torch.autograd.functional.jacobian(cost, (still, same))
    normal = linearise(problem, state, assess(problem, state)[0])
    torch.testing.assert_close(normal.pose_slope, by_pose / 2)
    torch.testing.assert_close(normal.shape_slope.sum(0), by_betas[0] / 2)


def test_the_whole_cost_never_rises(articulation: Articulation) -> None:
    problem = random_problem(articulation)
    state = random_state(0.5, 1.5)
    costs = [
        float(
            assess(problem, solve(replace(problem, options=FitOptions(steps)), state).state)[
                1
            ].sum()
        )
        for steps in range(10)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0]


@pytest.mark.parametrize("angle", [1e-5, 1e-2, 1.0, 3.14159, torch.pi - 1e-9])
def test_the_jacobian_of_the_logarithm_up_to_half_a_turn(angle: float) -> None:
    axis = torch.nn.functional.normalize(torch.randn(3, dtype=DOUBLE), dim=0)
    turn = rotmat_from_axis_angle(angle * axis)
    ours = log_slope(angle * axis)
    # The right Jacobian from its series, sum (-K)^n / (n + 1)!, is the integral of exp(-s K).
    nodes, weights = torch.linspace(0, 1, 2001, dtype=DOUBLE), torch.ones(2001, dtype=DOUBLE)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    turns = rotmat_from_axis_angle(-nodes[:, None] * angle * axis)
    right = (weights[:, None, None] * turns).sum(0) / 6000  # Simpson's rule
    torch.testing.assert_close(ours @ right, torch.eye(3, dtype=DOUBLE), atol=1e-9, rtol=0)
    torch.testing.assert_close(rotmat_from_axis_angle(axis_angle_from_rotmat(turn)), turn)


def test_the_priors_weight_does_not_loosen_what_is_near(articulation: Articulation) -> None:
    near = random_state(4.0, 0.2)
    blind = random_problem(articulation, Near.smoothed(near))
    blind.evidence.place_precision.zero_()
    blind.evidence.slope_precision.zero_()
    options = FitOptions(prior_weight=1e-9, fit_betas=False)
    away = solve(replace(blind, options=options), random_state(4.0, 0.2)).state
    torch.testing.assert_close(away.rotmats, near.rotmats, atol=1e-4, rtol=0)


def standing(articulation: Articulation, frames: int) -> torch.Tensor:
    """Joints of a tall, unlike body that stands upright four metres away."""
    table = point_table(articulation)
    turns = torch.eye(3, dtype=DOUBLE).repeat(frames, 24, 1, 1)
    turns[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=DOUBLE))
    transl = torch.tensor([0.0, 0.0, 4.0], dtype=DOUBLE).expand(frames, 3)
    places = place_points(table, turns, transl, torch.full((10,), 1.5, dtype=DOUBLE)).places
    joints = torch.full((frames, 23, 3), torch.nan, dtype=DOUBLE)
    for joint, name in enumerate(LIFT_23.joints):
        if name in table.names:
            joints[:, joint] = places[:, table.names.index(name)]
    return joints


def motion(joints: torch.Tensor) -> Motion[Pose3D]:
    seen = joints.isfinite().all(-1).any(-1)
    return Motion(Pose3D.certain(joints, LIFT_23, "camera"), 30.0, 0, seen)


def test_frames_without_anybody_do_not_change_the_others(articulation: Articulation) -> None:
    joints = standing(articulation, 4)
    empty = torch.full((12, 23, 3), torch.nan, dtype=DOUBLE)
    alone = fit_body(articulation, motion(joints))
    among = fit_body(articulation, motion(torch.cat([empty, joints, empty])))
    torch.testing.assert_close(among.betas, alone.betas)
    torch.testing.assert_close(among[12:16].axis_angle, alone.axis_angle)
    torch.testing.assert_close(among[12:16].transl, alone.transl)
    assert among[:12].axis_angle.isnan().all()
    assert among[16:].transl.isnan().all()


def test_a_single_frame_is_enough(articulation: Articulation) -> None:
    params = fit_body(articulation, motion(standing(articulation, 1)), smooth_seconds=0.1)
    assert params.transl.shape == (1, 3)
    assert params.axis_angle.isfinite().all()
    assert abs(float(params.transl[0, 2]) - 4.0) < 0.1


@pytest.mark.parametrize("joints_dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("other_dtype", [torch.float32, torch.float64])
def test_dtypes_may_differ(
    articulation: Articulation, joints_dtype: torch.dtype, other_dtype: torch.dtype
) -> None:
    joints = motion(standing(articulation, 2).to(joints_dtype))
    camera = Camera.from_intrinsics((1080, 1920), 1500.0, dtype=other_dtype)
    pixels = torch.full((2, 25, 2), 500.0)
    keypoints = Motion(Pose2D.from_detections(pixels, torch.ones(2, 25), BODY_25), 30.0, 0,
                       joints.observed)  # fmt: skip
    rough = Articulation(
        SMPL_24,
        articulation.joints_template.to(other_dtype),
        articulation.joints_shapedirs.to(other_dtype),
        articulation.landmarks,
        articulation.landmark_joints,
        articulation.landmarks_template.to(other_dtype),
        articulation.landmarks_shapedirs.to(other_dtype),
    )
    params = fit_body(rough, joints, keypoints, camera)
    assert params.transl.dtype == params.betas.dtype == joints_dtype
    fitted, _ = fitted_keypoints(rough, params, keypoints.pose, camera)
    assert fitted.dtype == torch.float32


def test_keypoints_of_another_length_or_frame_are_refused(articulation: Articulation) -> None:
    names = point_table(articulation).names
    camera = Camera.default((1080, 1920), DOUBLE)
    joints = standing(articulation, 2)
    pixels, sure = torch.full((1, 25, 2), 500.0), torch.ones(1, 25)
    short = Pose2D.from_detections(pixels, sure, BODY_25)
    with pytest.raises(InputError, match="2 frames"):
        gather_evidence(names, Pose3D.certain(joints, LIFT_23, "camera"), short, camera)
    with pytest.raises(InputError, match="camera frame"):
        gather_evidence(names, Pose3D.certain(joints, LIFT_23, "world"), short, camera)


@pytest.mark.parametrize("name", ["beta_std", "outlier", "damping", "iterations", "prior_weight"])
def test_options_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        replace(FitOptions(), **{name: -1 if name == "iterations" else -1.0})
