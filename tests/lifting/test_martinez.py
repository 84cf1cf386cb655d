"""The baseline is the paper's network, reads any layout, and places people where their rays say."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lift3d.camera import Camera
from lift3d.errors import FileFormatError
from lift3d.evaluation import EvaluationConfig, evaluate_lifter
from lift3d.lifting import martinez
from lift3d.lifting.martinez import (
    LAYOUTS,
    MartinezConfig,
    MartinezLifter,
    MartinezNet,
    load_martinez,
    network_keypoints,
    save_martinez,
)
from lift3d.motion import Motion
from lift3d.plugins import datasets, lifters
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17, H36M_17, LIFT_23

SIZE = (1000, 1000)
LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> MartinezLifter:
    """Random weights that say everybody is much the same."""
    torch.manual_seed(0)
    network = MartinezNet(MartinezConfig(width=64, blocks=1)).eval()
    network.joint_mean.copy_(body()[1:16] * 1000)
    network.joint_std.fill_(10.0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_martinez(network, path)
    return MartinezLifter(path)


def body() -> torch.Tensor:
    """Joints anywhere within a metre of the root."""
    joints = torch.rand(len(LIFT_23), 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return joints - joints[:1]


def people(frames: int) -> torch.Tensor:
    """That body 5 m away, in pixels, with some noise."""
    points = body() + torch.tensor([0.2, 0.1, 5.0])
    torch.manual_seed(2)
    noise = torch.randn(frames, len(LIFT_23), 2) * 3
    return points[:, :2] / points[:, 2:] * 1145 + 499.5 + noise


def motion(pixels: torch.Tensor, confidence: torch.Tensor | None = None) -> Motion[Pose2D]:
    confidence = torch.ones(pixels.shape[:2]) if confidence is None else confidence
    pose = Pose2D.from_detections(pixels, confidence, LIFT_23, SIZE)
    return Motion(pose, 30.0, 4, torch.ones(len(pixels), dtype=torch.bool), 7)


def test_the_network_has_as_many_weights_as_the_papers() -> None:
    with torch.device("meta"):
        network = MartinezNet(MartinezConfig(layout="h36m_17"))
    # 32 to 1024, four times 1024 to 1024, 1024 to 48, with biases, and five normalisations.
    expected = (32 + 1) * 1024 + 4 * (1024 + 1) * 1024 + (1024 + 1) * 48 + 5 * 2 * 1024
    assert sum(p.numel() for p in network.parameters()) == expected == 4_291_632
    layout = LAYOUTS["h36m_17"]
    assert set(H36M_17.joints) - set(layout.inputs.joints) == {"neck_nose"}
    assert layout.outputs == H36M_17


def test_it_is_a_lifter(lifter: MartinezLifter) -> None:
    assert isinstance(lifter, Lifter)
    lifted = lifter(motion(people(5)), Camera.from_intrinsics(SIZE, 1145.0))
    assert lifted.pose.joints.shape == (5, 16, 3)
    assert lifted.pose.frame == "camera"
    assert (lifted.person, lifted.first_frame, lifted.fps) == (4, 7, 30.0)
    assert lifted.pose.covariance.isfinite().all()
    expected = torch.tensor([0.2, 0.1, 5.0]).expand(5, 3)
    assert torch.allclose(lifted.pose.joints[:, 0], expected, atol=0.4)


def test_zooming_and_shifting_the_picture_changes_nothing(lifter: MartinezLifter) -> None:
    pixels = people(6)
    first = lifter(motion(pixels), Camera.from_intrinsics(SIZE, 1145.0)).pose.joints
    camera = Camera.from_intrinsics((3000, 3000), 2290.0, centre=(2 * 499.5 + 30, 2 * 499.5 - 10))
    second = lifter(motion(pixels * 2 + torch.tensor([30.0, -10.0])), camera).pose.joints
    assert torch.allclose(first, second, atol=1e-4)


def test_frames_with_too_few_keypoints_are_not_observed(lifter: MartinezLifter) -> None:
    confidence = torch.zeros(2, len(LIFT_23))
    confidence[0] = 1.0
    confidence[1, :5] = 1.0
    lifted = lifter(motion(people(2), confidence), Camera.from_intrinsics(SIZE, 1145.0))
    assert lifted.observed.tolist() == [True, False]
    assert lifted.pose.joints[1].isnan().all()


def test_trunk_and_head_are_made_from_what_detectors_give() -> None:
    inputs = LAYOUTS["lift_16"].inputs
    pixels = people(1)
    shown = torch.tensor([[n.split("_")[-1] in (*LIMBS, "ear") for n in LIFT_23.joints]])
    pose = Pose2D.from_detections(pixels, shown.float(), LIFT_23)
    keypoints, confidence = network_keypoints(pose, inputs)
    assert (confidence == 1).all()

    def at(*names: str) -> torch.Tensor:
        return pixels[0, [LIFT_23.index(name) for name in names]].mean(0)

    made = {name: keypoints[0, inputs.index(name)] for name in ("pelvis", "thorax", "head")}
    assert torch.allclose(made["pelvis"], at("left_hip", "right_hip"))
    assert torch.allclose(made["thorax"], at("left_shoulder", "right_shoulder"))
    assert torch.allclose(made["head"], at("left_ear", "right_ear"))
    given, _ = network_keypoints(Pose2D.from_detections(pixels, torch.ones(1, 23), LIFT_23), inputs)
    assert torch.equal(given[0], pixels[0, :16])


@pytest.mark.parametrize("skeleton", [COCO_17, BODY_25])
def test_detectors_layouts_are_complete(skeleton: Skeleton) -> None:
    pixels = torch.rand(2, len(skeleton), 2) * 1000
    pose = Pose2D.from_detections(pixels, torch.ones(2, len(skeleton)), skeleton)
    _, confidence = network_keypoints(pose, LAYOUTS["lift_16"].inputs)
    assert (confidence == 1).all()


def test_missing_keypoints_take_their_mean(lifter: MartinezLifter) -> None:
    network = lifter.network
    seen = torch.ones(1, 16, dtype=torch.bool)
    seen[0, 4] = False
    pixels = network.pixel_mean[None] + 5
    standard = network.standardised(pixels, seen).unflatten(-1, (16, 2))
    assert (standard[0, 4] == 0).all()
    assert torch.allclose(standard[0, 3], 5 / network.pixel_std[3])
    joints = torch.randn(1, 16, 3)
    joints[:, 0] = 0
    assert torch.allclose(network.in_metres(network.targets(joints)), joints, atol=1e-5)


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(FileFormatError, match="lift3d train --lifter martinez"):
        load_martinez(path)
    save_file(
        {"a": torch.zeros(1)}, path, {"format": "lift3d martinez 1", "config": json.dumps({})}
    )
    with pytest.raises(FileFormatError, match="weights of this lifter"):
        load_martinez(path)


def test_the_shipped_weights_are_small_and_know_people(shared: Path) -> None:
    """On people of the validation split, as the card says (60 mm on all of it), with some room."""
    weights = Path(martinez.__file__).parent / "weights" / "martinez.safetensors"
    assert weights.stat().st_size < 10e6
    clips = datasets["mocap_h5"](shared / "mocap" / "cmu_mocap_30hz.h5")
    config = EvaluationConfig(split="val", every=6)
    result = evaluate_lifter(lifters["martinez"](), clips, config)
    assert result.figures["lifted_share"] > 0.99
    assert 40 < result.figures["mpjpe_mm"] < 90


def test_the_recorded_learning_curve_is_the_shipped_weights() -> None:
    """`scripts/bench training` compares with it."""
    recorded = json.loads(
        (Path(martinez.__file__).parent / "weights" / "martinez.json").read_text()
    )
    seconds, errors = zip(*recorded["curve"], strict=True)
    assert list(seconds) == sorted(seconds)
    assert min(errors) == recorded["best_mm"]
    assert recorded["plain_step_seconds"] > 0
