"""Laws of the lifters over time, with small random weights, and steadiness with the real ones."""

from pathlib import Path

import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import FileFormatError
from lift3d.lifting.temporal import StreamingLifter, TemporalLifter, TemporalOptions
from lift3d.lifting.temporal_net import (
    WHOLE,
    TemporalConfig,
    TemporalNet,
    bridged,
    load_temporal,
    save_temporal,
)
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.universal_net import UniversalConfig, save_weights
from lift3d.lifting.view import View
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from lift3d.skeletons import COCO_17, LIFT_23

SIZE = (1000, 800)
CAMERA = Camera.default(SIZE)


def network(latency: int = WHOLE) -> TemporalNet:
    """Random weights, small, but none of them zero, and statistics that are not those of a start."""
    torch.manual_seed(4)
    made = TemporalNet(
        TemporalConfig(width=32, latency=latency, single=UniversalConfig(width=48, blocks=1))
    )
    torch.nn.init.normal_(made.head.weight, std=0.02)
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2)
    return made.eval()


def lifter(tmp_path: Path, options: TemporalOptions | None = None) -> TemporalLifter:
    save_temporal(network(), tmp_path / "t.safetensors")
    return TemporalLifter(tmp_path / "t.safetensors", options)


def clip(frames: int = 90, fps: float = 30.0, seed: int = 0) -> Motion[Pose2D]:
    """COCO keypoints that wander about a standing person."""
    torch.manual_seed(seed)
    x = torch.tensor([0, -2, 2, -5, 5, -15, 15, -20, 20, -22, 22, -9, 9, -10, 10, -10, 10.0])
    y = torch.tensor([0, -2, -2, 0, 0, 15, 15, 40, 40, 62, 62, 65, 65, 105, 105, 145, 145.0])
    steps = torch.randn(frames, 17, 2).cumsum(0) * 0.5
    pixels = torch.stack([x * 2 + 420, y * 2 + 300], -1) + steps
    pose = Pose2D.from_detections(pixels, torch.ones(frames, 17), COCO_17, SIZE)
    return Motion(pose, fps, 3, torch.ones(frames, dtype=torch.bool), first_frame=11)


def blind(motion: Motion[Pose2D], *frames: slice) -> Motion[Pose2D]:
    confidence = motion.pose.confidence.clone()
    for some in frames:
        confidence[some] = 0
    pose = Pose2D.from_detections(motion.pose.keypoints, confidence, COCO_17, SIZE)
    return Motion(pose, motion.fps, motion.person, pose.seen.any(-1), motion.first_frame)


def test_it_is_a_lifter_and_keeps_what_the_motion_says(tmp_path: Path) -> None:
    made = lifter(tmp_path)
    assert isinstance(made, Lifter)
    lifted = made(clip(), CAMERA)
    assert (lifted.fps, lifted.person, lifted.first_frame, len(lifted)) == (30.0, 3, 11, 90)
    assert lifted.pose.skeleton == made.skeleton == LIFT_23
    assert lifted.observed.all()
    assert torch.linalg.eigvalsh(lifted.pose.covariance).min() > 0


def test_layers_that_say_nothing_give_the_single_frame_answer(tmp_path: Path) -> None:
    silent = network()
    torch.nn.init.zeros_(silent.head.weight)
    save_temporal(silent, tmp_path / "t.safetensors")
    save_weights(silent.single, tmp_path / "u.safetensors")
    over_time = TemporalLifter(tmp_path / "t.safetensors")(clip(), CAMERA)
    single = UniversalLifter(tmp_path / "u.safetensors")(clip(), CAMERA)
    assert (over_time.pose.joints - single.pose.joints).abs().max() < 1e-4


def test_it_looks_as_far_as_it_says(tmp_path: Path) -> None:
    """What happens 40 frames away matters, what happens 41 frames away does not."""
    made, motion = lifter(tmp_path), clip(120)
    config = made.network.config
    assert (config.lookback, config.lookahead) == (40, 40)
    whole = made(motion, CAMERA).pose.joints
    far = motion.pose.keypoints.clone()
    far[60 + 41 :] += torch.randn(19, 17, 2) * 40
    far[: 60 - 40] += torch.randn(20, 17, 2) * 40
    changed = Pose2D(far, motion.pose.confidence, COCO_17, SIZE)
    lifted = made(Motion(changed, 30.0, 3, motion.observed, 11), CAMERA).pose.joints
    assert (lifted[60] - whole[60]).abs().max() < 1e-5
    assert (lifted[50] - whole[50]).abs().max() > 1e-5


@pytest.mark.parametrize(("latency", "ahead", "back"), [(0, 0, 80), (4, 4, 76), (13, 13, 67)])
def test_latency_is_what_it_waits_for(latency: int, ahead: int, back: int) -> None:
    config = TemporalConfig(latency=latency)
    assert (config.lookahead, config.lookback) == (ahead, back)


def test_long_clips_are_the_same_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, motion = lifter(tmp_path), clip(150)
    whole = made(motion, CAMERA).pose.joints
    monkeypatch.setattr("lift3d.lifting.temporal._CHUNK", 32)
    assert (made(motion, CAMERA).pose.joints - whole).abs().max() < 1e-5


def test_twice_the_frame_rate_is_two_clips(tmp_path: Path) -> None:
    made, motion = lifter(tmp_path), clip(80, fps=60.0)
    lifted = made(motion, CAMERA).pose.joints
    for first in (0, 1):
        pose = motion.pose
        half = Pose2D(pose.keypoints[first::2], pose.confidence[first::2], COCO_17, SIZE)
        alone = made(Motion(half, 30.0, 3, motion.observed[first::2]), CAMERA).pose.joints
        assert (lifted[first::2] - alone).abs().max() < 1e-4


def test_slow_clips_are_clips_with_gaps(tmp_path: Path) -> None:
    made, motion = lifter(tmp_path, TemporalOptions(max_gap=10.0)), clip(91)
    gaps = [slice(i + 1, i + 3) for i in range(0, 90, 3)]
    among = made(blind(motion, *gaps), CAMERA).pose.joints[::3]
    pose = motion.pose
    third = Pose2D(pose.keypoints[::3], pose.confidence[::3], COCO_17, SIZE)
    alone = made(Motion(third, 10.0, 3, motion.observed[::3]), CAMERA).pose.joints
    assert (among - alone).norm(dim=-1).median() < 0.02  # only where empty frames look differs


def test_short_gaps_are_filled_and_marked_long_ones_stay(tmp_path: Path) -> None:
    lifted = lifter(tmp_path)(blind(clip(), slice(0, 2), slice(10, 20), slice(40, 60)), CAMERA)
    known = lifted.pose.joints.isfinite().all(-1).all(-1)
    assert not known[:2].any()  # nobody knows where the person came from
    assert known[10:20].all()
    assert not lifted.observed[10:20].any()
    assert not known[40:60].any()
    assert lifted.observed[2:10].all()
    depth = lifted.pose.joints[8:22, 0, 2]
    assert depth.diff().abs().max() < 0.5  # no leap into the gap or out of it


def test_nobody_to_be_seen_gives_no_joints(tmp_path: Path) -> None:
    lifted = lifter(tmp_path)(blind(clip(), slice(None)), CAMERA)
    assert not lifted.observed.any()
    assert lifted.pose.joints.isnan().all()


def test_cameras_look_between_where_they_looked() -> None:
    turned = torch.nn.functional.normalize(torch.tensor([[0.0, 0, 1], [1, 0, 1]]), dim=-1)
    rays = torch.zeros(4, 40, 3)
    rays[0], rays[3] = turned[0], turned[1]
    enough = torch.tensor([True, False, False, True])
    view = View.of(rays, enough[:, None].expand(-1, 40), (0, 1))
    axes = bridged(view, enough, 4).virtual[:, 2]
    angle = torch.rad2deg(torch.atan2(axes[:, 0], axes[:, 2]))
    assert angle.tolist() == pytest.approx([0, 14.64, 30.36, 45], abs=0.01)
    held = bridged(view, enough, 4, hold=True).virtual[:, 2]
    assert torch.allclose(held[:3], axes[:1].expand(3, -1), atol=1e-6)


def test_a_crop_changes_nothing(tmp_path: Path) -> None:
    made, motion = lifter(tmp_path), clip()
    crop = Camera.from_intrinsics((500, 500), CAMERA.intrinsics[0, 0].item(), centre=(250.0, 300.0))
    moved = motion.pose.keypoints + torch.tensor([250.0, 300.0]) - CAMERA.intrinsics[:2, 2]
    pose = Pose2D(moved, motion.pose.confidence, COCO_17, None)
    there = made(Motion(pose, 30.0, 3, motion.observed), crop).pose.joints
    assert (there - made(motion, CAMERA).pose.joints).abs().max() < 1e-3


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(FileFormatError, match="lift3d train --lifter temporal"):
        load_temporal(tmp_path / "text.safetensors")


# With the weights in the package ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TemporalLifter, StreamingLifter])
def test_noise_trembles_less_than_frame_by_frame(kind: type[TemporalLifter]) -> None:
    motion = clip(60)
    shaky = motion.pose.keypoints + torch.randn(60, 17, 2) * 3
    pose = Pose2D(shaky, motion.pose.confidence, COCO_17, SIZE)
    shaken = Motion(pose, 30.0, 3, motion.observed)

    def tremble(joints: torch.Tensor) -> float:
        relative = joints - joints[:, :1]
        return float(relative.diff(n=2, dim=0).norm(dim=-1).mean())

    over_time, single = (made(shaken, CAMERA).pose.joints for made in (kind(), UniversalLifter()))
    assert tremble(over_time) < 0.7 * tremble(single)
