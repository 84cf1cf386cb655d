"""Joints that hang on a body: bones of one length, less error, and the inner lifter's gaps."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import AnyLayoutLifter, BodyModel, Lifter
from lift3d.regressing.articulated import ArticulatedLifter, ArticulatedOptions
from lift3d.skeletons import COCO_17, LIFT_23
from tests.regressing.people import (
    CAMERA,
    keypoints_of,
    lifted_of,
    root_relative,
    vocabulary_points,
    walking,
)

BONES = (
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("left_shoulder", "right_shoulder"),
)  # fmt: skip
DEPTH_NOISE = 0.04


class Told:
    """A lifter that was told the answer: true points, each frame's depths off by some centimetres.

    It answers for the clip it was made for, and refuses another.
    """

    skeleton = VOCABULARY

    def __init__(self, joints: Tensor, noise: float = DEPTH_NOISE) -> None:
        draw = torch.Generator().manual_seed(3)
        off = noise * torch.randn(joints.shape[:2], generator=draw)
        self.lifted = lifted_of(joints * (1 + off / joints[..., 2])[..., None], max(noise, 0.01))

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        assert len(keypoints) == len(self.lifted)
        assert camera is CAMERA
        return self.lifted


Scene = tuple[BodyParams, Motion[Pose2D], Tensor]


def scene_of(body: BodyModel, frames: int) -> Scene:
    """Somebody who walks, the keypoints, and the 40 points in space."""
    params = walking(frames)
    keypoints = keypoints_of(body.articulation, params, layout=LIFT_23)
    return params, keypoints, vocabulary_points(body.articulation, params)


@pytest.fixture(scope="module")
def scene(body: BodyModel) -> Scene:
    return scene_of(body, 60)


def wrapped(inner: Lifter) -> ArticulatedLifter:
    return ArticulatedLifter(inner, options=ArticulatedOptions(skeleton=VOCABULARY))


def lengths(joints: Tensor) -> Tensor:
    at = partial(VOCABULARY.index)
    return torch.stack([(joints[:, at(a)] - joints[:, at(b)]).norm(dim=-1) for a, b in BONES], -1)


def error(joints: Tensor, truth: Tensor) -> Tensor:
    """Mean distance of LIFT_23's joints (metres), from the middle of the hips."""
    away = root_relative(joints) - root_relative(truth)
    return away[:, : len(LIFT_23)].norm(dim=-1).mean()


def test_bones_keep_their_lengths_and_the_error_falls(scene: Scene) -> None:
    _, keypoints, truth = scene
    inner = Told(truth)
    lifter = wrapped(inner)
    assert isinstance(lifter, AnyLayoutLifter)
    hung = lifter(keypoints, CAMERA).pose.joints
    before, after = (lengths(j).std(0) for j in (inner.lifted.pose.joints, hung))
    assert (before / after).min() > 3
    assert error(hung, truth) < 0.5 * error(inner.lifted.pose.joints, truth)


def test_a_lifter_without_error_is_hardly_changed(scene: Scene) -> None:
    _, keypoints, truth = scene
    hung = wrapped(Told(truth, noise=0.0))(keypoints, CAMERA).pose.joints
    assert error(hung, truth) < 0.02
    assert (hung - truth).norm(dim=-1).median() < 0.03


def test_gaps_and_what_is_observed_are_the_inner_lifters(scene: Scene) -> None:
    _, keypoints, truth = scene
    inner = Told(truth)
    joints, covariance = inner.lifted.pose.joints.clone(), inner.lifted.pose.covariance.clone()
    joints[20:25], covariance[20:25] = torch.nan, torch.nan
    observed = torch.ones(60, dtype=torch.bool)
    observed[20:30] = False  # 25 to 29 are inferred
    inner.lifted = replace(
        inner.lifted, pose=Pose3D(joints, covariance, VOCABULARY, "camera"), observed=observed
    )
    hung = wrapped(inner)(keypoints, CAMERA)
    assert torch.equal(hung.observed, observed)
    assert torch.equal(hung.inferred, inner.lifted.inferred)
    assert hung.pose.joints[20:25].isnan().all()
    assert hung.pose.joints[25:].isfinite().all()
    assert (hung.fps, hung.person, hung.first_frame) == (30.0, 3, 7)
    assert error(hung.pose.joints[25:], truth[25:]) < error(joints[25:], truth[25:])


def test_covariances_stay_those_of_joints(scene: Scene) -> None:
    _, keypoints, truth = scene
    hung = wrapped(Told(truth))(keypoints, CAMERA).pose.covariance
    eigenvalues = torch.linalg.eigvalsh(hung)
    assert (eigenvalues > 0).all()
    assert (eigenvalues.sqrt() < 2 * DEPTH_NOISE).all()


@pytest.mark.parametrize("frames", [1, 7])
def test_clips_too_short_to_tell_are_left_alone(body: BodyModel, frames: int) -> None:
    _, keypoints, truth = scene_of(body, frames)
    inner = Told(truth)
    hung = wrapped(inner)(keypoints, CAMERA)
    assert torch.equal(hung.pose.joints, inner.lifted.pose.joints)


def test_a_long_clip_has_no_seam(body: BodyModel) -> None:
    _, keypoints, truth = scene_of(body, 1200)
    hung = wrapped(Told(truth))(keypoints, CAMERA).pose.joints
    assert hung.isfinite().all()
    assert error(hung, truth) < 0.5 * error(Told(truth).lifted.pose.joints, truth)
    # What a joint jumps by beside its true movement: nowhere more than elsewhere.
    jumps = (hung - truth).diff(dim=0).norm(dim=-1).mean(-1)
    assert jumps[[511, 1023]].max() < 2 * jumps.quantile(0.95)
    assert lengths(hung).std(0).max() < 0.02


def test_another_layout_of_the_same_joints(scene: Scene) -> None:
    _, keypoints, truth = scene
    lifter = wrapped(Told(truth))
    other = lifter.giving(COCO_17)
    assert (lifter.skeleton, other.skeleton) == (VOCABULARY, COCO_17)
    assert other.lifter is lifter.lifter
    whole, some = lifter(keypoints, CAMERA).pose, other(keypoints, CAMERA).pose
    assert some.skeleton == COCO_17
    index = [VOCABULARY.index(name) for name in COCO_17.joints]
    torch.testing.assert_close(some.joints, whole.joints[:, index])


def test_the_shipped_lifter_lifts_a_clip(scene: Scene) -> None:
    _, keypoints, truth = scene
    lifter = ArticulatedLifter()
    assert lifter.skeleton == LIFT_23
    lifted = lifter(keypoints, CAMERA)
    assert lifted.pose.skeleton == LIFT_23
    assert lifted.observed.all()
    away = lifted.pose.joints - lifted.pose.joints[:, :1] - truth[:, :23] + truth[:, :1]
    assert away.norm(dim=-1).mean() < 0.1
