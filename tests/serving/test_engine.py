"""What workers answer: the library's own numbers, alone and in company."""

import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.io import read_clip, read_keypoints
from lift3d.io.keypoints.reading import KeypointFile
from lift3d.lifting.steady import steady_motion
from lift3d.motion import Motion
from lift3d.pipeline import LiftOptions, lift
from lift3d.pose import Pose2D, Pose3D
from lift3d.samples import balancing
from lift3d.serving.engine import Engine
from lift3d.serving.smoothing import steady_motions
from lift3d.serving.values import Answer, Job, LiftedOut, Wanted
from lift3d.skeletons import LIFT_23

TOLERANCE = 1e-5
"""Metres by which company may change an answer: sums of other lengths are rounded otherwise."""


def told(answer: Answer) -> LiftedOut:
    assert answer.status == 200, answer.content
    return msgspec.json.decode(answer.content, type=LiftedOut)


def joints(answer: Answer, person: int = 0) -> np.ndarray:
    return np.array(told(answer).people[person].joints, dtype=np.float64)


def part(person: Motion[Pose2D], first: int, frames: int) -> KeypointFile:
    rows = slice(first, first + frames)
    pose = person.pose
    cut = Pose2D(pose.keypoints[rows], pose.confidence[rows], pose.skeleton, pose.image_size)
    motion = Motion(cut, person.fps, 0, person.observed[rows])
    with balancing() as sample:
        report = read_keypoints(sample).report  # lifting does not look at it
    return KeypointFile((motion,), report)


def test_joints_are_those_of_the_library(
    engine: Engine, job: Callable[..., Job], person: Motion[Pose2D]
) -> None:
    options = LiftOptions(lifter="universal", body_model="")
    expected = lift(part(person, 20, 40), options=options).people[0].joints
    answer = told(engine.answers([job(20, 40)])[0])
    found = np.array(answer.people[0].joints, dtype=np.float64)
    assert answer.skeleton.joints == list(expected.pose.skeleton.joints)
    np.testing.assert_allclose(found, expected.pose.joints.double().numpy(), atol=TOLERANCE)
    variance = torch.diagonal(expected.pose.covariance, dim1=-2, dim2=-1).mean(-1)
    np.testing.assert_allclose(np.array(answer.people[0].std), variance.sqrt().numpy(), rtol=1e-3)


def test_company_does_not_change_an_answer(engine: Engine, job: Callable[..., Job]) -> None:
    # Clips of several lengths, with several windows, one with an unlikely camera.
    jobs = [job(3 * n, 5 + n % 4, smooth_seconds=(0.06, 0.0, 0.2)[n % 3]) for n in range(16)]
    together = engine.answers(jobs)
    for one, among in zip(jobs, together, strict=True):
        np.testing.assert_allclose(joints(among), joints(engine.answers([one])[0]), atol=TOLERANCE)


def test_a_bad_request_spoils_only_itself(engine: Engine, job: Callable[..., Job]) -> None:
    bad = Job(b'{"skeleton": "coco_17"}', "plain", Wanted())
    speck = json.loads(job(0, 3).body)
    speck["keypoints"] = [[[100.0, 100.0, 1.0]] * 33] * 3
    jobs = [job(0, 4), bad, Job(json.dumps(speck).encode(), "plain", Wanted()), job(4, 4)]
    answers = engine.answers(jobs)
    assert [answer.status for answer in answers] == [200, 422, 422, 200]
    for answer in answers[1:3]:
        assert json.loads(answer.content)["error"].startswith("expected ")


@pytest.mark.parametrize("lifter", ["temporal", "framewise", "articulated"])
def test_other_lifters(engine: Engine, job: Callable[..., Job], lifter: str) -> None:
    both = engine.answers([job(0, 12, lifter=lifter), job(12, 12, lifter=lifter)])
    alone = engine.answers([job(12, 12, lifter=lifter)])[0]
    np.testing.assert_allclose(joints(both[1]), joints(alone), atol=1e-4)


def test_unknown_lifters_are_named(engine: Engine, job: Callable[..., Job]) -> None:
    answer = engine.answers([job(lifter="nobody")])[0]
    assert answer.status == 422
    assert b"expected a plug-in of lift3d.lifters" in answer.content


def test_a_file_is_read_as_the_library_reads_it(
    engine: Engine, sample_bytes: bytes, person: Motion[Pose2D]
) -> None:
    answer = told(engine.answers([Job(sample_bytes, "file", Wanted())])[0])
    assert (answer.frames, answer.fps) == (len(person), person.fps)
    expected = lift(part(person, 0, 100), options=LiftOptions(lifter="universal", body_model=""))
    found = np.array(answer.people[0].joints, dtype=np.float64)
    truth = expected.people[0].joints.pose.joints.double().numpy()
    np.testing.assert_allclose(found, truth, atol=TOLERANCE)


def test_bodies_as_numbers_and_as_files(engine: Engine, job: Callable[..., Job]) -> None:
    whole = {"body_model": "default", "lifter": "universal"}
    body = told(engine.answers([job(0, 12, **whole)])[0])
    assert body.body_model == "default"
    assert np.array(body.people[0].body.body_pose).shape == (12, 23, 3)  # type: ignore[union-attr]
    npz = engine.answers([job(0, 12, output="npz", **whole)])[0]
    with np.load(io.BytesIO(npz.content), allow_pickle=False) as arrays:
        assert arrays["has_body"].all()
        np.testing.assert_allclose(
            arrays["transl"][0], np.array(body.people[0].body.transl), atol=1e-5  # type: ignore[union-attr]
        )  # fmt: skip
    glb = engine.answers([job(0, 12, output="glb", **whole)])[0].content
    assert glb[:4] == b"glTF"
    assert int.from_bytes(glb[8:12], "little") == len(glb)
    bvh = engine.answers([job(0, 12, output="bvh", **whole)])[0].content
    assert bvh.startswith(b"HIERARCHY")
    assert b"Frames: 12" in bvh
    nobody = engine.answers([job(0, 12, output="bvh", person=3, **whole)])[0]
    assert nobody.status == 422


def test_an_npz_of_joints_is_a_clip(engine: Engine, job: Callable[..., Job], tmp_path: Any) -> None:
    answer = engine.answers([job(0, 9, output="npz")])[0]
    (tmp_path / "a.npz").write_bytes(answer.content)
    clip = read_clip(tmp_path / "a.npz")
    assert len(clip) == 9
    assert clip.people[0].body is None


def test_a_camera_that_is_told_is_used(
    engine: Engine, document: Callable[..., dict[str, Any]], person: Motion[Pose2D]
) -> None:
    size = person.pose.image_size or (1, 1)
    for more in ({}, {"distortion": [0.05, -0.02]}):
        body = json.dumps(document(0, 8, focal=1500.0, centre=[530.0, 970.0], **more)).encode()
        answer = engine.answers([Job(body, "plain", Wanted())])[0]
        camera = Camera.from_intrinsics(
            size, 1500.0, (530.0, 970.0), tuple(more.get("distortion", ()))
        )
        options = LiftOptions(lifter="universal", body_model="")
        expected = lift(part(person, 0, 8), camera=camera, options=options).people[0].joints
        np.testing.assert_allclose(
            joints(answer), expected.pose.joints.double().numpy(), atol=TOLERANCE
        )


@pytest.mark.parametrize("frames", [1, 2, 3, 40, 300])
def test_smoothing_in_company_is_smoothing(frames: int) -> None:
    made = []
    for seed in range(3):
        torch.manual_seed(seed)
        moved = torch.randn(frames, 23, 3).cumsum(0) * 0.02 + torch.tensor([0.1, 0.2, 3.0])
        covariance = torch.eye(3).expand(frames, 23, 3, 3) * 1e-4
        seen = torch.ones(frames, dtype=torch.bool)
        if seed == 2 and frames > 10:  # a gap
            moved[5:8], seen[5:8] = torch.nan, False
        pose = Pose3D(moved, covariance, LIFT_23, "camera")
        made.append(Motion(pose, 30.0, seed, seen))
    for ours, motion in zip(steady_motions(made, [0.06, 0.06, 0.1]), made, strict=True):
        seconds = 0.1 if motion.person == 2 else 0.06
        truth = steady_motion(motion, seconds)
        torch.testing.assert_close(
            ours.pose.joints, truth.pose.joints, atol=2e-6, rtol=1e-5, equal_nan=True
        )
        assert torch.equal(ours.observed, truth.observed)
