"""What the values promise, and what they refuse."""

import dataclasses
import math
from collections.abc import Generator

import pytest
import torch
from jaxtyping import config
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import InputError, Lift3dError
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17, H36M_17

NAN = math.nan


@pytest.fixture
def unchecked() -> Generator[None]:
    """As users run the library: without the shape checker that the tests put in front of it."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def pose_2d(*batch: int) -> Pose2D:
    keypoints = torch.rand(*batch, 17, 2, dtype=torch.float64) * 400
    confidence = torch.rand(*batch, 17, dtype=torch.float64) * 0.9 + 0.1
    return Pose2D.from_detections(keypoints, confidence, COCO_17, (480, 640))


def pose_3d(*batch: int) -> Pose3D:
    return Pose3D.certain(torch.randn(*batch, 17, 3, dtype=torch.float64), H36M_17, "camera")


def camera(*batch: int) -> Camera:
    base = Camera.from_intrinsics(
        (480, 640), 700.0, (310.0, 250.0), (-0.1, 0.05, 0.001, -0.002), torch.float64
    )
    rotmat = rotmat_from_axis_angle(torch.randn(*batch, 3, dtype=torch.float64) * 0.2)
    shift = torch.randn(*batch, 3, dtype=torch.float64) * 0.2
    return Camera(
        base.intrinsics.expand(*batch, 3, 3),
        rigid_from(rotmat, shift),
        base.distortion.expand(*batch, 5),
        base.image_size,
    )


# ---- Pose2D -----------------------------------------------------------------------------------


def test_what_a_detector_did_not_see_is_missing() -> None:
    keypoints = torch.ones(17, 2)
    confidence = torch.full((17,), 0.5)
    confidence[0], confidence[1], confidence[2] = 0, -1, NAN
    keypoints[3, 0], keypoints[4, 1] = NAN, math.inf
    pose = Pose2D.from_detections(keypoints, confidence, COCO_17)
    assert pose.seen.tolist() == [False] * 5 + [True] * 12
    assert pose.keypoints[:5].isnan().all()
    assert bool((pose.confidence[:5] == 0).all())
    assert bool((pose.keypoints[5:] == 1).all())
    assert pose.image_size is None


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)
def test_a_picture_pose_has_any_batch_axes(batch: tuple[int, ...]) -> None:
    pose = pose_2d(*batch)
    assert pose.seen.shape == (*batch, 17)
    assert pose.to(H36M_17).keypoints.shape == (*batch, 17, 2)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("keypoints", "confidence", "message"),
    [
        (
            torch.zeros(16, 2),
            torch.ones(16),
            r"expected keypoints of shape \[..., 17, 2\].*coco_17",
        ),
        (torch.zeros(17, 3), torch.ones(17), "keypoints of shape"),
        (torch.zeros(17, 2), torch.ones(16), r"confidence of shape \[17\], got \[16\]"),
        (torch.zeros(17, 2), torch.zeros(17), "from_detections"),
        (torch.full((17, 2), NAN), torch.ones(17), "from_detections"),
        (torch.full((17, 2), NAN), torch.full((17,), NAN), "from_detections"),
        (torch.full((17, 2), NAN), -torch.ones(17), "from_detections"),
    ],
)
def test_a_picture_pose_refuses_what_does_not_fit(
    keypoints: Tensor, confidence: Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Pose2D(keypoints, confidence, COCO_17, None)


def test_values_are_frozen() -> None:
    for value, field in [
        (pose_2d(), "keypoints"),
        (pose_3d(), "joints"),
        (camera(), "intrinsics"),
        (body(3), "betas"),
    ]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, torch.zeros(1))


# ---- Pose3D -----------------------------------------------------------------------------------


def test_uncertainty_that_nobody_estimated_is_nan() -> None:
    pose = pose_3d(2)
    assert pose.covariance.shape == (2, 17, 3, 3)
    assert pose.covariance.isnan().all()
    assert pose.covariance.dtype == torch.float64


def test_frames_do_not_mix() -> None:
    pose = pose_3d()
    assert pose.require_frame("camera") is pose
    with pytest.raises(InputError, match="expected joints in the world frame, got the camera"):
        pose.require_frame("world")


@pytest.mark.usefixtures("unchecked")
def test_joints_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[..., 17, 3\]"):
        Pose3D.certain(torch.zeros(17, 2), H36M_17, "camera")
    with pytest.raises(InputError, match="covariance of shape"):
        Pose3D(torch.zeros(17, 3), torch.zeros(17, 3), H36M_17, "camera")


def test_the_covariance_of_a_middle_is_that_of_a_mean() -> None:
    joints = torch.randn(17, 3, dtype=torch.float64)
    scale = torch.arange(1, 18, dtype=torch.float64)[:, None, None]
    pose = Pose3D(joints, scale * torch.eye(3, dtype=torch.float64), COCO_17, "camera")
    pelvis = pose.to(H36M_17)
    # Variances 12 and 13 of the hips: the mean of two has (12 + 13) / 4.
    torch.testing.assert_close(pelvis.covariance[0], 6.25 * torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(pelvis.joints[0], joints[[11, 12]].mean(0))
    back = pelvis.to(COCO_17)
    assert back.joints[COCO_17.index("left_eye")].isnan().all()
    assert back.covariance[COCO_17.index("left_eye")].isnan().all()
    assert back.frame == "camera"


# ---- Motion -----------------------------------------------------------------------------------


def test_a_motion_has_one_axis_of_frames_and_a_flag_for_each() -> None:
    observed = torch.tensor([True, False, True, True])
    motion = Motion(pose_3d(4), fps=25.0, person=7, observed=observed, first_frame=93)
    assert len(motion) == 4
    assert (motion.person, motion.first_frame) == (7, 93)


@pytest.mark.parametrize(
    ("pose", "flags", "fps", "message"),
    [
        (pose_3d(), 1, 25.0, "one axis of frames"),
        (pose_2d(2, 4), 2, 25.0, "one axis of frames"),
        (pose_2d(4), 3, 25.0, "one observed flag per frame"),
        (pose_2d(4), 4, 0.0, "frame rate above 0"),
        (pose_2d(4), 4, NAN, "frame rate above 0"),
        (pose_2d(4), 4, 5e-324, "0.01 to 1e"),
        (pose_2d(4), 4, math.inf, "0.01 to 1e"),
    ],
)
def test_a_motion_refuses_what_does_not_fit(
    pose: Pose2D | Pose3D, flags: int, fps: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Motion(pose, fps, 0, torch.ones(flags, dtype=torch.bool))


# ---- Camera -----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)
def test_unprojecting_at_the_right_depth_gives_the_point_back(batch: tuple[int, ...]) -> None:
    view = camera(*batch)
    local = torch.randn(*batch, 6, 3, dtype=torch.float64) * 0.4
    local[..., 2] += 4
    rotmat, shift = view.cam_from_world[..., :3, :3], view.cam_from_world[..., :3, 3]
    points = (local - shift[..., None, :]) @ rotmat
    pixels = view.project(points)
    torch.testing.assert_close(view.unproject(pixels, local[..., 2]), points, atol=1e-7, rtol=0)
    rays = local / local.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(view.rays(pixels), rays, atol=1e-7, rtol=0)


def test_the_lens_model_is_part_of_the_camera() -> None:
    view = camera()
    other = dataclasses.replace(view, lens="human36m")
    points = torch.tensor([[0.5, 0.4, 2.0]], dtype=torch.float64)
    assert not torch.allclose(view.project(points), other.project(points), atol=0.05)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"intrinsics": torch.eye(4, dtype=torch.float64)}, "expected intrinsics"),
        ({"cam_from_world": torch.eye(3, dtype=torch.float64)}, "cam_from_world"),
        ({"distortion": torch.zeros(4, dtype=torch.float64)}, "fill up with zeros"),
        ({"image_size": (0, 640)}, "positive"),
    ],
)
def test_a_camera_refuses_what_does_not_fit(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(camera(), **change)


def test_a_lens_of_higher_order_is_refused() -> None:
    with pytest.raises(InputError, match="at most five lens coefficients"):
        Camera.from_intrinsics((480, 640), 700.0, distortion=(0.0,) * 8)


# ---- BodyParams -------------------------------------------------------------------------------


def body(frames: int, betas: int = 1) -> BodyParams:
    return BodyParams(
        torch.randn(betas, 10), torch.randn(frames, 23, 3), torch.randn(frames, 3),
        torch.randn(frames, 3),
    )  # fmt: skip


def test_all_rotations_start_with_the_root() -> None:
    params = body(5)
    assert params.axis_angle.shape == (5, 24, 3)
    assert torch.equal(params.axis_angle[:, 0], params.global_orient)
    assert torch.equal(params.axis_angle[:, 1:], params.body_pose)


def test_some_frames_of_a_clip_keep_the_shared_shape() -> None:
    shared, own = body(5), body(5, betas=5)
    assert torch.equal(shared[1:3].betas, shared.betas)
    assert torch.equal(own[1:3].betas, own.betas[1:3])
    assert torch.equal(own[1:3].transl, own.transl[1:3])
    assert shared[1:3].body_pose.shape == (2, 23, 3)


@pytest.mark.usefixtures("unchecked")
def test_body_parameters_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="same batch axes"):
        BodyParams(torch.zeros(1, 10), torch.zeros(4, 23, 3), torch.zeros(5, 3), torch.zeros(5, 3))
    with pytest.raises(InputError, match="same batch axes"):
        BodyParams(torch.zeros(1, 10), torch.zeros(5, 23, 3), torch.zeros(5, 3), torch.zeros(1, 3))


# ---- Clip -------------------------------------------------------------------------------------


def person(number: int = 3, frames: int = 4, other: int = 3) -> Person:
    seen = torch.ones(frames, dtype=torch.bool)
    keypoints = Motion(pose_2d(frames), 30.0, number, seen)
    joints = Motion(pose_3d(4), 30.0, other, torch.ones(4, dtype=torch.bool))
    return Person(keypoints, joints, None)


def test_a_clip_counts_frames_not_people() -> None:
    clip = Clip((person(), person(5, other=5)), camera(), 30.0, 0, "default")
    assert len(clip) == 4
    assert [who.id for who in clip.people] == [3, 5]
    assert len(Clip((), camera(), 30.0, 0, "")) == 0


@pytest.mark.parametrize("parts", [{"frames": 5}, {"other": 4}])
def test_keypoints_and_joints_are_of_one_person_and_time(parts: dict[str, int]) -> None:
    with pytest.raises(InputError, match="same person and frames"):
        person(**parts)


def test_every_refusal_can_be_caught_as_one_error() -> None:
    assert issubclass(InputError, Lift3dError)
