"""Points of a person's own: found where they lie on bones, and laid onto the rays that see them."""

import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.fitting import FitOptions
from lift3d.fitting.problem import FitState, Near
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.sights import Sights, sights_of
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.protocols import BodyModel
from lift3d.regressing.personal import PersonalBody, on_rays
from lift3d.skeletons import SMPL_24
from tests.regressing.people import (
    CAMERA,
    keypoints_of,
    lifted_of,
    vocabulary_points,
    walking,
)

# Points of the vocabulary, and the bone that each must keep its place on.
CARRIED = {
    "nose": "head", "left_ear": "head", "spine": "spine1", "thorax": "spine3",
    "left_wrist": "left_elbow", "right_ankle": "right_knee", "left_heel": "left_ankle",
    "right_big_toe": "right_foot", "left_hip": "pelvis", "right_index": "right_wrist",
}  # fmt: skip
STEPS = FitOptions(iterations=20, prior_weight=0.01, tolerance=0.0)


@pytest.fixture(scope="module")
def personal(body: BodyModel) -> PersonalBody:
    return PersonalBody(body.articulation)


def state_of(params: BodyParams) -> FitState:
    return FitState(rotmat_from_axis_angle(params.axis_angle), params.transl, params.betas)


def on_bones(body: BodyModel, params: BodyParams, offsets: dict[str, Tensor]) -> Tensor:
    """Points at offsets in the axes of their bones, by the chain of rotations; the others are 0."""
    local = rotmat_from_axis_angle(params.axis_angle)
    world = [local[:, 0]]
    for joint in range(1, 24):
        world.append(world[SMPL_24.parents[joint]] @ local[:, joint])
    joints, out = body.joints(params), torch.zeros(len(local), len(VOCABULARY), 3)
    for name, offset in offsets.items():
        bone = SMPL_24.index(CARRIED[name])
        out[:, VOCABULARY.index(name)] = joints[:, bone] + world[bone] @ offset
    return out


def made_up() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(8)
    return {name: 0.1 * torch.randn(3, generator=draw) for name in CARRIED}


def test_places_on_bones_are_found_again(body: BodyModel, personal: PersonalBody) -> None:
    params, offsets = walking(20), made_up()
    places = personal.places_on(state_of(params), on_bones(body, params, offsets))
    for name, offset in offsets.items():
        found = places[VOCABULARY.index(name)]
        torch.testing.assert_close(found, offset, atol=1e-5, rtol=0)


def test_some_bad_frames_do_not_move_the_places(body: BodyModel, personal: PersonalBody) -> None:
    params, offsets = walking(21), made_up()
    joints = on_bones(body, params, offsets)
    joints[::5] += torch.randn_like(joints[::5])
    places = personal.places_on(state_of(params), joints)
    found = torch.stack([places[VOCABULARY.index(name)] for name in offsets])
    assert (found - torch.stack(list(offsets.values()))).abs().max() < 1e-5


def test_points_ride_on_their_bones(body: BodyModel, personal: PersonalBody) -> None:
    params, offsets = walking(12), made_up()
    places = torch.zeros(len(VOCABULARY), 3)
    for name, offset in offsets.items():
        places[VOCABULARY.index(name)] = offset
    points, wanted = personal.points(state_of(params), places), on_bones(body, params, offsets)
    index = [VOCABULARY.index(name) for name in offsets]
    torch.testing.assert_close(points[:, index], wanted[:, index], atol=1e-5, rtol=0)


def test_a_body_is_laid_onto_the_rays_of_its_own_points(personal: PersonalBody) -> None:
    truth = state_of(walking(6))
    draw = torch.Generator().manual_seed(9)
    places = 0.05 * torch.randn(len(VOCABULARY), 3, generator=draw)
    points = personal.points(truth, places)
    covariance = (0.05**2 * torch.eye(3)).expand(*points.shape, 3)
    slopes = points[..., :2] / points[..., 2:]
    sights = Sights(points, covariance, slopes, torch.ones(points.shape[:2]))
    turn = rotmat_from_axis_angle(0.1 * torch.randn(6, 24, 3, generator=draw))
    start = FitState(truth.rotmats @ turn, truth.transl + 0.05, torch.zeros(1, 10))
    near = Near(start, torch.full((6, 24), 10.0))
    found = personal.laid_on(sights, places, near, start, STEPS, std=0.002, inflation=1.0)
    laid = personal.points(found, places)
    off = (laid[..., :2] / laid[..., 2:] - slopes) * laid[..., 2:]
    assert off.norm(dim=-1).max() < 1e-3
    assert (laid - points).norm(dim=-1).max() < 0.05  # depth is told by 5 cm


def test_points_that_were_not_seen_and_not_lifted_well_pull_at_nothing(
    personal: PersonalBody,
) -> None:
    truth = state_of(walking(6))
    places = 0.05 * torch.randn(len(VOCABULARY), 3, generator=torch.Generator().manual_seed(9))
    points = personal.points(truth, places)
    wrist = VOCABULARY.index("left_wrist")
    wrong, covariance = points.clone(), (0.01**2 * torch.eye(3)).repeat(*points.shape[:2], 1, 1)
    wrong[:, wrist] += 0.5
    covariance[:, wrist] *= 1e6
    slopes = wrong[..., :2] / wrong[..., 2:]
    sure = torch.ones(points.shape[:2])
    sure[:, wrist] = 0
    near = Near(truth, torch.full((6, 24), 0.1))
    sights = Sights(wrong, covariance, slopes, sure)
    found = personal.laid_on(sights, places, near, truth, STEPS, std=0.01, inflation=1.0)
    assert (personal.points(found, places) - points).norm(dim=-1).max() < 0.05


def test_what_is_known_of_frames_is_what_was_seen(body: BodyModel) -> None:
    params = walking(9)
    joints = vocabulary_points(body.articulation, params)
    keypoints = keypoints_of(body.articulation, params)
    rows = torch.tensor([1, 4, 8])
    sights = sights_of(keypoints, CAMERA, lifted_of(joints), rows)
    assert torch.equal(sights.joints, joints[rows])
    seen = sights.sure > 0
    assert int(seen[0].sum()) == int(keypoints.pose.seen[1].sum())
    # The body's own points were seen where they are.
    assert (sights.slopes - joints[rows, :, :2] / joints[rows, :, 2:])[seen].abs().max() < 1e-4


def test_points_on_rays_keep_their_pixels_and_take_the_depth() -> None:
    lifted = torch.tensor([[[0.4, -0.2, 2.0]]]).expand(1, len(VOCABULARY), 3)
    deeper = torch.full_like(lifted, 3.0)
    moved = on_rays(lifted, deeper)
    torch.testing.assert_close(moved[0, 0], torch.tensor([0.6, -0.3, 3.0]))
