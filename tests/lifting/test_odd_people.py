"""People who cannot be lifted, or not to be believed: refused, left out or in doubt, and said so."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import lift3d
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io import KeypointFile, read_keypoints
from lift3d.lifting.doubt import INFLATION, doubts_about, note_of, questioned, without_specks
from lift3d.lifting.people import lift_people
from lift3d.motion import Motion
from lift3d.plugins import lifters
from lift3d.pose import Pose2D, Pose3D
from lift3d.samples import balancing
from lift3d.skeletons import COCO_17, LIFT_23

SIZE = (1000, 1000)
ONLY_JOINTS = lift3d.LiftOptions(body_model="")
# Somebody 1.80 m tall, upright before a camera (y down), metres; the left, which the right mirrors.
_LEFT = {
    "eye": (0.03, -0.72, -0.09),
    "ear": (0.07, -0.70, 0.0),
    "shoulder": (0.18, -0.50, 0.0),
    "elbow": (0.22, -0.20, 0.03),
    "wrist": (0.23, 0.05, -0.08),
    "hip": (0.10, 0.0, 0.0),
    "knee": (0.10, 0.43, -0.02),
    "ankle": (0.10, 0.86, 0.02),
}


def upright() -> Tensor:
    places = []
    for name in COCO_17.joints:
        side, _, part = name.partition("_")
        x, y, z = _LEFT.get(part, (0.0, -0.69, -0.12))
        places.append((-x if side == "right" else x, y, z))
    return torch.tensor(places)


def keypoints(joints: Tensor, confidence: Tensor | None = None, frames: int = 4) -> Motion[Pose2D]:
    camera = Camera.default(SIZE)
    pixels = camera.project(joints + torch.tensor([0.1, 0.1, 4.0])).expand(frames, 17, 2)
    seen = torch.ones(17) if confidence is None else confidence
    pose = Pose2D.from_detections(pixels, seen.expand(frames, 17), COCO_17, SIZE)
    return Motion(pose, 30.0, 0, pose.seen.any(-1))


def with_pixels(pixels: Tensor) -> Motion[Pose2D]:
    pose = Pose2D.from_detections(pixels, torch.ones(pixels.shape[:2]), COCO_17, SIZE)
    return Motion(pose, 30.0, 0, pose.seen.any(-1))


def lifted(motion: Motion[Pose2D]) -> tuple[Motion[Pose3D], str]:
    _, (joints,), note = lift_people([motion], Camera.default(SIZE), lifters["universal"]())
    return joints, note


def test_a_plain_person_is_not_in_doubt() -> None:
    joints, note = lifted(keypoints(upright()))
    assert note == ""
    assert joints.observed.all()


def test_the_sample_is_not_in_doubt() -> None:
    with balancing() as path:
        assert "doubtful" not in lift3d.lift(path, options=ONLY_JOINTS).note


def test_too_few_keypoints_are_nobody() -> None:
    few = torch.zeros(17)
    few[:5] = 1.0
    with pytest.raises(InputError, match="at least 6 keypoints"):
        lifted(keypoints(upright(), few))


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_keypoints_on_one_point_are_nobody(spread: float) -> None:
    point = torch.tensor([400.0, 300.0]) + spread * torch.rand(4, 17, 2)
    with pytest.raises(InputError, match="do not lie on one point"):
        lifted(with_pixels(point))


def test_a_layout_of_two_joints_is_nobody() -> None:
    two = COCO_17.subset("two", ("left_shoulder", "right_shoulder"))
    pose = Pose2D(torch.rand(4, 2, 2) * 500, torch.ones(4, 2), two, SIZE)
    with pytest.raises(InputError, match="got nobody"):
        lifted(Motion(pose, 30.0, 0, torch.ones(4, dtype=torch.bool)))


def test_keypoints_on_one_line_are_in_doubt() -> None:
    line = torch.stack([torch.linspace(200, 600, 17), torch.linspace(100, 900, 17)], -1)
    _, note = lifted(with_pixels(line.expand(4, 17, 2)))
    assert "keypoints on one line: 100 %" in note


def test_a_frame_on_one_point_is_not_lifted_and_its_neighbours_are() -> None:
    motion = keypoints(upright())
    pixels = motion.pose.keypoints.clone()
    pixels[2] = torch.tensor([400.0, 300.0])
    _, (joints,), _ = lift_people(
        [with_pixels(pixels)], Camera.default(SIZE), lifters["universal"]()
    )
    assert joints.observed.tolist() == [True, True, False, True]
    assert joints.pose.joints[2].isnan().all()
    plain, _ = lifted(motion)
    torch.testing.assert_close(joints.pose.joints[3], plain.pose.joints[3])


def test_what_is_a_speck_does_not_depend_on_the_crop() -> None:
    tiny = keypoints(upright()).pose.keypoints * 0.004 + 500
    camera = Camera.default(SIZE)
    assert not without_specks(with_pixels(tiny), camera).observed.any()
    zoomed = with_pixels((tiny - 400) * 30)
    near = camera.cropped(400.0, 400.0, (200, 200)).zoomed(30.0)
    assert not without_specks(zoomed, near).observed.any()
    assert without_specks(with_pixels((tiny - 400) * 30), Camera.default(SIZE)).observed.all()


def test_a_person_upside_down_is_in_doubt() -> None:
    joints, note = lifted(keypoints(upright() * torch.tensor([-1.0, -1.0, 1.0])))
    assert joints.observed.all()
    assert "upside down" in note


def test_a_camera_upside_down_that_is_known_is_none() -> None:
    half = rotmat_from_axis_angle(torch.tensor([0.0, 0.0, math.pi]))
    level = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    camera = replace(Camera.default(SIZE), cam_from_world=level).turned(half)
    turned = keypoints(upright() * torch.tensor([-1.0, -1.0, 1.0]))
    _, (joints,), note = lift_people([turned], camera, lifters["universal"]())
    assert joints.observed.all()
    assert "upside down" not in note


def test_a_person_cut_at_the_waist_has_legs_in_doubt_and_no_more() -> None:
    seen = torch.tensor([0.0 if n.endswith(("knee", "ankle")) else 1.0 for n in COCO_17.joints])
    motion = keypoints(upright(), seen)
    plain = lifters["universal"]()(motion, Camera.default(SIZE)).pose.covariance
    joints, note = lifted(motion)
    assert "legs out of sight" in note
    ratio = (joints.pose.covariance / plain)[0].diagonal(dim1=-2, dim2=-1).mean(-1)
    for joint, name in enumerate(LIFT_23.joints):
        leg = name.endswith(("knee", "ankle", "heel", "toe"))
        assert float(ratio[joint]) == pytest.approx(INFLATION if leg else 1.0, rel=1e-3)


def test_joints_that_do_not_cover_their_keypoints_are_in_doubt() -> None:
    motion = keypoints(upright())
    camera = Camera.default(SIZE)
    plain = lifters["martinez"]()(motion, camera)
    shifted = replace(plain.pose, joints=plain.pose.joints + torch.tensor([0.5, 0.0, 0.0]))
    doubts = doubts_about(motion, replace(plain, pose=shifted), camera)
    assert [words for words, _ in doubts.reasons] == ["keypoints that fit no likely body"]
    assert doubts.joints.all()
    said = note_of([(7, doubts)])
    assert "person 7" in said
    assert "100 %" in said


@pytest.mark.parametrize(("factor", "words"), [(0.3, "unlikely sizes"), (60.0, "distances")])
def test_dolls_and_giants_are_in_doubt(factor: float, words: str) -> None:
    motion = keypoints(upright())
    camera = Camera.default(SIZE)
    plain = lifters["universal"]()(motion, camera)
    larger = replace(plain.pose, joints=plain.pose.joints * factor)
    reasons = doubts_about(motion, replace(plain, pose=larger), camera).reasons
    assert any(words in reason for reason, _ in reasons)


def test_doubt_makes_covariances_larger_and_moves_nothing() -> None:
    motion = keypoints(upright() * torch.tensor([-1.0, -1.0, 1.0]))
    camera = Camera.default(SIZE)
    plain = lifters["universal"]()(motion, camera)
    doubts = doubts_about(motion, plain, camera)
    asked = questioned(plain, doubts)
    assert torch.equal(asked.pose.joints, plain.pose.joints)
    assert torch.equal(asked.observed, plain.observed)
    torch.testing.assert_close(asked.pose.covariance, INFLATION * plain.pose.covariance)


def test_confidences_above_one_count_as_one_and_others_are_refused() -> None:
    pixels = keypoints(upright()).pose.keypoints[0]
    pose = Pose2D.from_detections(pixels, torch.full((17,), 1.4), COCO_17, SIZE)
    assert bool((pose.confidence == 1).all())
    below = Pose2D.from_detections(pixels, torch.full((17,), -0.2), COCO_17, SIZE)
    assert not below.seen.any()
    for value in (1.4, 87.0):
        with pytest.raises(InputError, match="confidences from 0 to 1"):
            Pose2D(pixels, torch.full((17,), value), COCO_17, SIZE)
    with pytest.raises(InputError):
        Pose2D(pixels, torch.full((17,), -0.2), COCO_17, SIZE)


def test_the_clip_says_who_is_in_doubt() -> None:
    with balancing() as path:
        file = read_keypoints(path)
    pose = file.people[0].pose
    height, width = pose.image_size or SIZE
    corner = torch.tensor([float(width), float(height)]).to(pose.keypoints) - 1
    turned = replace(pose, keypoints=corner - pose.keypoints)
    people = (replace(file.people[0], pose=turned),)
    clip = lift3d.lift(KeypointFile(people, file.report), options=ONLY_JOINTS)
    assert "doubtful" in clip.note
    assert "upside down" in clip.note
