"""The baseline trains through random and through real cameras, and on people known only in pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch import Generator, Tensor

from lift3d import plugins
from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.martinez import LAYOUTS, MartinezConfig, MartinezLifter, MartinezNet
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import H36M_17
from lift3d.training.config import TrainConfig
from lift3d.training.engine import EngineConfig, EngineState, run
from lift3d.training.lifter import train_lifter
from lift3d.training.martinez_task import MartinezTask, standardise
from lift3d.training.parallel import Ranks
from lift3d.training.trainer import Trainer
from lift3d.training.views import captured_shots

FRAMES = 60


def world(seed: int) -> Tensor:
    """People who wave everything: joints hang on their parents in directions that change."""
    generator = Generator().manual_seed(seed)
    rest = torch.randn(17, 3, generator=Generator().manual_seed(1)) * 0.2
    turns = torch.randn(FRAMES, 17, 3, generator=generator) * 0.3
    bones = (rotmat_from_axis_angle(turns) @ rest[..., None])[..., 0]
    joints: list[Tensor] = []
    for joint, parent in enumerate(H36M_17.parents):
        joints.append(bones[:, 0] * 0 if parent < 0 else joints[parent] + bones[:, joint])
    return torch.stack(joints, 1) + torch.tensor([0.0, 1.0, 0.0])


def view(joints: Tensor, yaw: float) -> CapturedView:
    """A camera with a lens, 4 m from the person."""
    camera = Camera.from_intrinsics(
        (1002, 1000), 1150.0, (512.0, 515.0), (-0.2, 0.2, 0.001, -0.001)
    )
    turn = rotmat_from_axis_angle(torch.tensor([[torch.pi, 0.0, 0.0], [0.0, yaw, 0.0]]))
    pose = torch.eye(4)
    pose[:3, :3] = turn[0] @ turn[1]
    pose[:3, 3] = torch.tensor([0.0, 1.0, 4.0])
    camera = replace(camera, cam_from_world=pose)
    pixels = camera.project(joints)
    keypoints = Pose2D.from_detections(pixels, torch.ones(FRAMES, 17), H36M_17, (1002, 1000))
    seen = torch.ones(FRAMES, dtype=torch.bool)
    return CapturedView(f"{yaw}", camera, Motion(keypoints, 50.0, 0, seen), "projected")


def capture(subject: str, seed: int, *, in_space: bool = True) -> Capture:
    joints = world(seed)
    known = joints if in_space else torch.full_like(joints, torch.nan)
    pose = Pose3D.certain(known, H36M_17, "world")
    motion = Motion(pose, 50.0, 0, torch.ones(FRAMES, dtype=torch.bool))
    return Capture(f"{subject}-{seed}", subject, "", motion, (view(joints, 0.3), view(joints, 2.0)))


class Studio:
    """Four clips to train on, one of another person to validate on; there is no split `val`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test")

    def clips(self, split: str) -> Iterator[Capture]:
        seeds = range(4) if split == "train" else range(4, 5)
        for seed in seeds:
            yield capture("S9" if split == "test" else f"S{seed}", seed)


@pytest.fixture(autouse=True)
def _studio(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Mapping[str, type] = MappingProxyType({"studio": Studio})
    monkeypatch.setattr(plugins, "datasets", known)


def config(output: Path) -> TrainConfig:
    return TrainConfig(
        root=(output,), output=output, dataset=("studio",), lifter="martinez",
        baseline=MartinezConfig(width=64, blocks=1, dropout=0.0, layout="h36m_17"),
        learning_rate=1e-2,
        validation_split="test", steps=64, batch=16, validate_every=32,
    )  # fmt: skip


@pytest.mark.parametrize("cameras", ["random", "captured"])
def test_it_trains_on_a_studios_people(tmp_path: Path, cameras: str) -> None:
    asked, states = replace(config(tmp_path), cameras=cameras), list[EngineState]()  # type: ignore[arg-type]
    report = train_lifter(asked, states.append)
    assert report.training_poses == 4 * FRAMES * (2 if cameras == "captured" else 1)
    assert set(report.scores.values) == {"S9"}
    assert states[-1].losses["joints"] < 0.8 * states[0].losses["joints"]
    clip = capture("S9", 4)
    lifted = MartinezLifter(report.weights)(clip.views[0].keypoints, clip.views[0].camera)
    assert lifted.pose.skeleton == H36M_17
    distance = lifted.pose.joints[:, 0].norm(dim=-1)
    assert distance.nanmedian() > 1


def test_captured_views_are_in_their_cameras_frame() -> None:
    clip = capture("S1", 0)
    shots = captured_shots([clip], LAYOUTS["h36m_17"])
    camera = clip.views[1].camera.cam_from_world[:3, :3]
    expected = (world(0) - world(0)[:, :1]) @ camera.mT
    assert torch.allclose(shots.views.joints[FRAMES:], expected, atol=1e-5)
    # The lens is gone: pixels of the standard picture are those of a pinhole camera.
    local = world(0) @ camera.mT + clip.views[1].camera.cam_from_world[:3, 3]
    kept = [H36M_17.index(name) for name in LAYOUTS["h36m_17"].inputs.joints]
    pinhole = (local[..., :2] / local[..., 2:] * 1145 + 499.5)[:, kept]
    assert torch.allclose(shots.views.pixels[FRAMES:], pinhole, atol=0.05)


def test_what_the_baseline_cannot_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hold_out .*S0, S1, S2, S3.*got S7"):
        train_lifter(replace(config(tmp_path), hold_out=("S7",)))
    with pytest.raises(InputError, match="validate on"):
        train_lifter(replace(config(tmp_path), validation_split="val"))
    with pytest.raises(InputError, match="cameras"):
        train_lifter(replace(config(tmp_path), cameras="captured", lifter="universal"))


def mixed_task(reprojection: float) -> MartinezTask:
    """Half of the people are known in the picture only."""
    torch.manual_seed(3)
    network = MartinezNet(MartinezConfig(width=128, blocks=1, dropout=0.0, layout="h36m_17"))
    clips = [capture("S1", 0), capture("S2", 1, in_space=False)]
    shooter = captured_shots(clips, network.layout)
    standardise(network, shooter, 0)
    samples = {"S1": captured_shots(clips[:1], network.layout).views}
    return MartinezTask(network, shooter, samples, reprojection)


def test_people_without_joints_teach_by_their_keypoints(tmp_path: Path) -> None:
    small = EngineConfig(
        steps=120, batch=32, learning_rate=3e-3, draws=8, validate_every=120, precision="float32"
    )
    heard: list[dict[str, float]] = []
    run(mixed_task(1.0), small, tmp_path, lambda state: heard.append(dict(state.losses)))
    assert heard[-1]["joints"] < 0.5 * heard[0]["joints"]
    assert heard[-1]["reprojection"] < 0.5 * heard[0]["reprojection"]


def test_each_sample_feels_only_its_own_kind_of_loss() -> None:
    task = mixed_task(1.0)
    trainer = Trainer(task, EngineConfig(batch=16), Ranks())
    task.network.eval()  # batch normalisation would mix the samples
    batch = task.draw(16, Generator().manual_seed(0))
    in_space = batch.known.any(-1)
    assert 2 < int(in_space.sum()) < 14
    outputs: list[Tensor] = []

    def forward(inputs: Tensor) -> Tensor:
        outputs.append(trainer.called(inputs))
        outputs[0].retain_grad()
        return outputs[0]

    terms = task.losses(forward, batch)
    for name, touched in (("joints", in_space), ("reprojection", ~in_space)):
        outputs[0].grad = None
        terms[name].total.backward(retain_graph=True)
        assert outputs[0].grad is not None
        assert torch.equal(outputs[0].grad.abs().sum(-1) > 0, touched)
