"""Live sessions say what whole clips say, as soon as the network can know it."""

from pathlib import Path

import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.lifting.live import Live
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.temporal_net import TemporalConfig, TemporalNet, save_temporal
from lift3d.lifting.universal_net import UniversalConfig
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17

CAMERA = Camera.from_intrinsics((800, 1000), 900.0, distortion=(-0.1, 0.02, 0.001, -0.001))
FRAMES = 44


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Random networks that wait for 0, 4 and 40 frames, in which every part matters."""
    folder = tmp_path_factory.mktemp("weights")
    return {latency: written(latency, folder / f"{latency}.safetensors") for latency in (0, 4, 40)}


def written(latency: int, path: Path) -> Path:
    torch.manual_seed(latency)
    single = UniversalConfig(width=48, blocks=1)
    network = TemporalNet(TemporalConfig(width=40, latency=latency, single=single))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    torch.nn.init.normal_(network.head.weight, std=0.02)
    network.calibration.uniform_(0.5, 2)
    save_temporal(network, path)
    return path


def clip(fps: float, empty: slice = slice(0)) -> Motion[Pose2D]:
    """Somebody who walks past, with a few keypoints missing, and nobody in the frames `empty`."""
    time = torch.arange(FRAMES)[:, None, None] / 15
    body = torch.randn(17, 3) * torch.tensor([0.25, 0.5, 0.2])
    swing = (time + torch.rand(17, 1) * 6).sin() * 0.1 * torch.randn(17, 3)
    way = torch.cat([time * 0.3 - 0.5, 0.1 * time.sin(), 4 + 0.1 * time], -1)
    confidence = (torch.rand(FRAMES, 17) < 0.85) * (0.3 + 0.7 * torch.rand(FRAMES, 17))
    confidence[empty] = 0
    pixels = CAMERA.project(body + swing + way)
    pose = Pose2D.from_detections(pixels, confidence, COCO_17, CAMERA.image_size)
    return Motion(pose, fps, 0, pose.seen.any(-1))


def frame(motion: Motion[Pose2D], at: int) -> Pose2D:
    pose = motion.pose
    return Pose2D(pose.keypoints[at], pose.confidence[at], pose.skeleton, pose.image_size)


def lived(session: Live, motion: Motion[Pose2D]) -> list[Motion[Pose3D]]:
    pushed = [session.push(frame(motion, at)) for at in range(len(motion))]
    return [answer for answer in pushed if answer is not None] + session.finish()


def apart(answers: list[Motion[Pose3D]], whole: Motion[Pose3D]) -> tuple[float, float]:
    """Largest distances of joints (metres) and of covariances in the frames that were observed."""
    joints = torch.cat([answer.pose.joints for answer in answers])
    covariance = torch.cat([answer.pose.covariance for answer in answers])
    observed = torch.cat([answer.observed for answer in answers])
    assert torch.equal(observed, whole.observed)
    assert observed.any()
    return (
        float((joints - whole.pose.joints)[observed].abs().max()),
        float((covariance - whole.pose.covariance)[observed].abs().max()),
    )


@pytest.mark.parametrize(
    ("fps", "latency"),
    [(10.0, 4), (25.0, 4), (30.0, 4), (60.0, 4), (30.0, 0), (10.0, 40), (30.0, 40)],
)
def test_the_same_as_of_the_whole_clip(fps: float, latency: int, weights: dict[int, Path]) -> None:
    lifter = TemporalLifter(weights[latency])
    motion = clip(fps, empty=slice(20, 24))
    answers = lived(lifter.live(CAMERA, fps), motion)
    assert [answer.first_frame for answer in answers] == list(range(FRAMES))
    assert {answer.fps for answer in answers} == {fps}
    assert max(apart(answers, lifter(motion, CAMERA))) < 1e-5


def test_without_mirroring_too(weights: dict[int, Path]) -> None:
    lifter = TemporalLifter(weights[4], TemporalOptions(flip=False))
    motion = clip(30.0)
    assert max(apart(lived(lifter.live(CAMERA, 30.0), motion), lifter(motion, CAMERA))) < 1e-5


def test_in_gaps_the_person_stays_and_moves_as_the_network_expects(
    weights: dict[int, Path],
) -> None:
    lifter = TemporalLifter(weights[4])
    motion = clip(30.0, empty=slice(20, 24))
    answers = lived(lifter.live(CAMERA, 30.0), motion)
    whole = lifter(motion, CAMERA).pose
    for at in range(20, 24):
        assert not answers[at].observed.any()
        joints = answers[at].pose.joints[0]
        assert torch.allclose(joints[0], answers[19].pose.joints[0, 0], atol=1e-5)
        assert torch.allclose(joints - joints[0], whole.joints[at] - whole.joints[at, 0], atol=1e-5)
        assert torch.allclose(answers[at].pose.covariance[0], whole.covariance[at], atol=1e-5)


def test_before_anybody_came_there_is_nobody(weights: dict[int, Path]) -> None:
    lifter = TemporalLifter(weights[4])
    motion = clip(30.0, empty=slice(0, 7))
    answers = lived(lifter.live(CAMERA, 30.0), motion)
    assert not any(answer.observed.any() for answer in answers[:7])
    assert all(answer.pose.joints.isnan().all() for answer in answers[:7])
    assert max(apart(answers, lifter(motion, CAMERA))) < 1e-5


@pytest.mark.parametrize(
    ("fps", "latency", "frames"),
    [(30.0, 4, 4), (60.0, 4, 8), (10.0, 4, 2), (30.0, 0, 0), (30.0, 40, 40)],
)
def test_the_latency_is_told_and_kept(
    fps: float, latency: int, frames: int, weights: dict[int, Path]
) -> None:
    session = TemporalLifter(weights[latency]).live(CAMERA, fps)
    assert session.latency == frames
    motion = clip(fps)
    for at in range(FRAMES):
        answer = session.push(frame(motion, at))
        if at < frames:
            assert answer is None
        else:
            assert answer is not None
            assert answer.first_frame == at - frames
    assert [answer.first_frame for answer in session.finish()] == list(
        range(FRAMES - frames, FRAMES)
    )


def test_a_batch_of_one_is_one_frame(weights: dict[int, Path]) -> None:
    lifter = TemporalLifter(weights[0])
    motion = clip(30.0)
    one, other = lifter.live(CAMERA, 30.0), lifter.live(CAMERA, 30.0)
    pose = motion.pose
    batch = Pose2D(pose.keypoints[:1], pose.confidence[:1], pose.skeleton, pose.image_size)
    first, second = one.push(frame(motion, 0)), other.push(batch)
    assert first is not None
    assert second is not None
    assert torch.equal(first.pose.joints, second.pose.joints)


@pytest.mark.parametrize("fps", [0.0, -30.0, 1001.0, float("nan"), float("inf")])
def test_a_frame_rate_that_no_camera_has_is_refused(fps: float, weights: dict[int, Path]) -> None:
    with pytest.raises(InputError, match="expected frames per second"):
        TemporalLifter(weights[4]).live(CAMERA, fps)


def test_a_session_ends_once(weights: dict[int, Path]) -> None:
    assert TemporalLifter(weights[4]).live(CAMERA, 60.0).finish() == []
    session, motion = TemporalLifter(weights[40]).live(CAMERA, 30.0), clip(30.0)
    assert session.push(frame(motion, 0)) is None
    assert len(session.finish()) == 1
    assert session.finish() == []
    with pytest.raises(InputError, match="start a new session"):
        session.push(frame(motion, 1))
