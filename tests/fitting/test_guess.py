"""A guess is where the descent starts, and holds the answer as firmly as it is sure of itself."""

from dataclasses import replace

import pytest
import torch

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import BodyFit, FitOptions, PoseGuess, fit
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import SMPL_24

DOUBLE = torch.float64
CAMERA = Camera.from_intrinsics((1000, 800), 1000.0, dtype=DOUBLE)
MANY = FitOptions(iterations=40, tolerance=1e-6)
NO_IDEA = 10.0
SURE = 1e-3


def bodies(frames: int = 5, spread: float = 0.25) -> BodyParams:
    """People who stand before the camera, every joint turned a little."""
    draw = torch.Generator().manual_seed(4)
    turns = spread * torch.randn(frames, 24, 3, dtype=DOUBLE, generator=draw)
    turns[:, 0] = torch.tensor([3.0, 0.1, 0.1], dtype=DOUBLE)
    transl = torch.tensor([0.1, 0.1, 4.0], dtype=DOUBLE).repeat(frames, 1)
    return BodyParams(torch.zeros(1, 10, dtype=DOUBLE), turns[:, 1:], turns[:, 0], transl)


def joints_of(articulation: Articulation, params: BodyParams, std: float) -> Motion[Pose3D]:
    table = point_table(articulation)
    turns = rotmat_from_axis_angle(params.axis_angle)
    joints = place_points(table, turns, params.transl, params.betas[0]).places[:, :24]
    covariance = (std**2 * torch.eye(3, dtype=DOUBLE)).expand(*joints.shape, 3)
    pose = Pose3D(joints, covariance, SMPL_24, "camera")
    return Motion(pose, 30.0, 0, torch.ones(len(joints), dtype=torch.bool))


def guess_of(params: BodyParams, std: float) -> PoseGuess:
    return PoseGuess(params, torch.full(params.axis_angle.shape[:2], std, dtype=DOUBLE))


def elsewhere(params: BodyParams, by: float = 0.3) -> BodyParams:
    """The same bodies with all joints but the root turned by so many radians."""
    draw = torch.Generator().manual_seed(5)
    axis = torch.randn(*params.body_pose.shape, dtype=DOUBLE, generator=draw)
    return replace(params, body_pose=params.body_pose + by * axis / axis.norm(dim=-1, keepdim=True))


def turned(found: BodyFit, params: BodyParams) -> torch.Tensor:
    """Angles [frames, joints] between two poses (radians)."""
    first, second = (rotmat_from_axis_angle(x.axis_angle) for x in (found.params, params))
    return rotation_angle(first.mT @ second)


def test_a_sure_guess_outweighs_weak_evidence(articulation: Articulation) -> None:
    truth = bodies()
    weak = joints_of(articulation, truth, std=1.0)
    held = elsewhere(truth)
    found = fit(articulation, weak, options=MANY, guess=guess_of(held, SURE))
    assert turned(found, held).max() < 0.01
    assert turned(fit(articulation, weak, options=MANY), held).median() > 0.1


def test_sharp_evidence_outweighs_an_unsure_guess(articulation: Articulation) -> None:
    truth = bodies()
    sharp = joints_of(articulation, truth, std=0.001)
    far = elsewhere(truth, by=0.2)
    found = fit(articulation, sharp, options=MANY, guess=guess_of(far, 0.5))
    table = point_table(articulation)
    places = [
        place_points(table, rotmat_from_axis_angle(p.axis_angle), p.transl, p.betas[0]).places[
            :, :24
        ]
        for p in (found.params, truth)
    ]
    assert (places[0] - places[1]).norm(dim=-1).max() < 0.01


def test_each_joint_is_held_as_firmly_as_it_is_sure(articulation: Articulation) -> None:
    truth = bodies()
    held, elbow = elsewhere(truth), SMPL_24.index("left_elbow")
    guess = guess_of(held, NO_IDEA)
    guess.turn_std[:, elbow] = SURE
    guess.turn_std[2, elbow] = NO_IDEA
    found = fit(articulation, joints_of(articulation, truth, 0.03), options=MANY, guess=guess)
    angles = turned(found, held)[:, elbow]
    assert angles[[0, 1, 3, 4]].max() < 0.01
    assert angles[2] > 0.05


def test_a_guess_without_an_idea_matters_for_the_start_only(articulation: Articulation) -> None:
    truth = bodies()
    joints = joints_of(articulation, truth, std=0.01)
    plain = fit(articulation, joints, options=MANY)
    guided = fit(articulation, joints, options=MANY, guess=guess_of(elsewhere(truth, 0.1), NO_IDEA))
    assert turned(guided, plain.params).max() < 0.02
    torch.testing.assert_close(guided.params.betas, plain.params.betas, atol=0.02, rtol=0)
    torch.testing.assert_close(guided.cost, plain.cost, atol=0.2, rtol=0)


def test_without_steps_the_guess_comes_back(articulation: Articulation) -> None:
    truth = bodies()
    held = elsewhere(truth)
    none = FitOptions(iterations=0)
    found = fit(
        articulation, joints_of(articulation, truth, 0.01), options=none, guess=guess_of(held, 1.0)
    )
    assert turned(found, held).max() < 1e-6
    torch.testing.assert_close(found.params.transl, held.transl)


def test_frames_without_a_guess_start_from_the_evidence(articulation: Articulation) -> None:
    truth = bodies()
    joints = joints_of(articulation, truth, std=0.01)
    gappy = guess_of(elsewhere(truth, 0.1), 0.1)
    gappy.params.body_pose[1:3] = torch.nan
    gappy.turn_std[1:3] = torch.nan
    fixed = replace(MANY, fit_betas=False)
    found = fit(articulation, joints, options=fixed, guess=gappy)
    assert found.params.finite.all()
    assert found.cost.isfinite().all()
    plain = fit(articulation, joints, options=fixed)
    assert turned(found, plain.params)[1:3].max() < 0.01


def test_frames_without_evidence_stay_nan_whatever_was_guessed(articulation: Articulation) -> None:
    truth = bodies()
    joints = joints_of(articulation, truth, std=0.01)
    joints.pose.joints[3] = torch.nan
    observed = torch.tensor([True, True, True, False, True])
    found = fit(articulation, replace(joints, observed=observed), guess=guess_of(truth, 0.1))
    assert found.params.finite.tolist() == observed.tolist()
    assert found.converged[3].item() is False
    others = turned(found, truth)[observed]
    assert others.median() < 0.1


def test_frames_and_guesses_stay_together_in_a_long_clip(articulation: Articulation) -> None:
    """More frames than are solved at once: each is held by its own guess, where there is one."""
    truth = bodies(700)
    held = elsewhere(truth)
    guess = guess_of(held, SURE)
    guess.turn_std[600:] = NO_IDEA
    joints = joints_of(articulation, truth, std=0.05)
    found = fit(articulation, joints, options=FitOptions(iterations=4), guess=guess)
    angles = turned(found, held)
    assert angles[:600].max() < 0.02
    assert angles[600:].mean(1).min() > 0.05


def test_a_smoothing_pass_follows_as_without_a_guess(articulation: Articulation) -> None:
    truth = bodies(8)
    joints = joints_of(articulation, truth, std=0.01)
    found = fit(articulation, joints, guess=guess_of(truth, 0.1), smooth_seconds=0.1)
    steps = found.params.body_pose.diff(dim=0).norm(dim=-1).mean()
    assert steps < truth.body_pose.diff(dim=0).norm(dim=-1).mean()


def test_keypoints_alone_with_a_guess_keep_the_depth_that_was_guessed(
    articulation: Articulation,
) -> None:
    truth = bodies()
    table = point_table(articulation)
    turns = rotmat_from_axis_angle(truth.axis_angle)
    places = place_points(table, turns, truth.transl, truth.betas[0]).places[:, :24]
    pixels = CAMERA.project(places)
    pose = Pose2D(pixels, torch.ones(pixels.shape[:2], dtype=DOUBLE), SMPL_24, CAMERA.image_size)
    keypoints = Motion(pose, 30.0, 0, torch.ones(len(pixels), dtype=torch.bool))
    found = fit(articulation, None, keypoints, CAMERA, MANY, guess=guess_of(truth, 0.05))
    assert turned(found, truth).median() < 0.05
    assert (found.params.transl - truth.transl).norm(dim=-1).max() < 0.1


@pytest.mark.parametrize("wrong", ["frames", "more frames", "joints", "betas", "spreads"])
def test_guesses_that_do_not_fit_are_refused(articulation: Articulation, wrong: str) -> None:
    truth = bodies()
    guess = guess_of(truth, 0.1)
    few = guess_of(truth[:3], 0.1)
    short = replace(truth, body_pose=truth.body_pose[:, :20])
    wrongs = {
        "frames": few,
        "more frames": guess_of(bodies(6), 0.1),
        "joints": guess_of(short, 0.1),
        "betas": guess_of(replace(truth, betas=torch.zeros(1, 3, dtype=DOUBLE)), 0.1),
        "spreads": PoseGuess(truth, guess.turn_std[:, :5]),
    }
    with pytest.raises(InputError, match="expected a guess of 24 rotations and 10 betas"):
        fit(articulation, joints_of(articulation, truth, 0.01), guess=wrongs[wrong])
