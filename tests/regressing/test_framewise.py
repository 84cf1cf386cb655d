"""Single frames laid on a body: each by itself, on its rays, and no worse for it."""

import torch
from torch import Tensor

from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.protocols import BodyModel, Lifter
from lift3d.regressing.framewise import FramewiseLifter, FramewiseOptions
from lift3d.regressing.places import usual_places
from lift3d.skeletons import LIFT_23, SMPL_24
from tests.regressing.people import CAMERA, keypoints_of, root_relative, vocabulary_points, walking
from tests.regressing.test_articulated import Told

WHOLE = FramewiseOptions(skeleton=VOCABULARY)


def error(joints: Tensor, truth: Tensor) -> Tensor:
    away = root_relative(joints) - root_relative(truth)
    return away[:, : len(LIFT_23)].norm(dim=-1).mean()


def test_depths_get_better_and_points_stay_on_their_rays(body: BodyModel) -> None:
    params = walking(20)
    truth = vocabulary_points(body.articulation, params)
    inner = Told(truth, noise=0.06)
    told = inner.lifted.pose.joints
    lifter = FramewiseLifter(inner, options=WHOLE)
    assert isinstance(lifter, Lifter)
    lifted = lifter(keypoints_of(body.articulation, params, layout=LIFT_23), CAMERA)
    joints = lifted.pose.joints
    assert error(joints, truth) < 0.9 * error(told, truth)
    slopes = [places[..., :2] / places[..., 2:] for places in (joints, told)]
    torch.testing.assert_close(slopes[0], slopes[1], atol=1e-5, rtol=0)
    assert torch.equal(lifted.observed, inner.lifted.observed)


def test_a_frame_does_not_know_its_neighbours(body: BodyModel) -> None:
    params = walking(12)
    lifter = FramewiseLifter()
    whole = lifter(keypoints_of(body.articulation, params), CAMERA).pose.joints
    alone = lifter(keypoints_of(body.articulation, params[4:5]), CAMERA).pose.joints
    torch.testing.assert_close(alone[0], whole[4], atol=2e-3, rtol=0)


def test_usual_places_are_those_of_a_person(body: BodyModel) -> None:
    """In metres from the bone that carries them: no point is further away than a bone is long."""
    places = usual_places()
    assert places.shape == (len(VOCABULARY), 3)
    assert places.isfinite().all()
    assert places.norm(dim=-1).max() < 0.5
    rest = body.articulation.joints_template
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle, knee = (rest[SMPL_24.index(f"{side}_{j}")] for j in ("ankle", "knee"))
        shank = places[VOCABULARY.index(f"{side}_ankle")]
        assert (shank - (ankle - knee)).norm() < 0.08
        assert places[VOCABULARY.index(f"{side}_hip"), 0] * sign > 0.03
    mirrored = places[list(VOCABULARY.flip_permutation)] * torch.tensor([-1.0, 1.0, 1.0])
    assert (mirrored - places).norm(dim=-1).max() < 0.03
