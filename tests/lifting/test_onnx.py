"""ONNX files of lifter networks say what torch says, and carry what a reader must know."""

import sys
from pathlib import Path

import pytest
import torch

from lift3d.camera import Camera
from lift3d.cli import main
from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.lifting.martinez import MartinezConfig, MartinezNet, save_martinez
from lift3d.lifting.onnx_export import OnnxNetwork, export_onnx, export_weights, onnx_bytes
from lift3d.lifting.temporal_net import (
    TemporalConfig,
    TemporalNet,
    bridged,
    predict_clips,
    save_temporal,
)
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.universal_net import (
    Answer,
    UniversalConfig,
    UniversalNet,
    predict,
    save_weights,
)
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import LIFT_23

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

JOINTS = len(VOCABULARY)


def lived(network: torch.nn.Module) -> None:
    """Batch normalisation that has seen something: folding must not be trivial."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.normal_(module.weight, 1, 0.2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    network.eval().requires_grad_(False)


def speaking(network: UniversalNet) -> None:
    """Heads whose numbers are all different, and a calibration."""
    torch.nn.init.normal_(network.head.weight, std=0.05)
    torch.nn.init.normal_(network.head.bias, std=0.3)
    torch.nn.init.normal_(network.spread.weight, std=0.03)
    torch.nn.init.normal_(network.spread.bias, std=0.3)
    network.calibration.uniform_(0.5, 2)


@pytest.fixture
def universal() -> UniversalNet:
    network = UniversalNet(UniversalConfig(width=48, blocks=2))
    lived(network)
    speaking(network)
    return network


def temporal(latency: int) -> TemporalNet:
    config = TemporalConfig(width=40, latency=latency, single=UniversalConfig(width=48, blocks=1))
    network = TemporalNet(config)
    lived(network)
    speaking(network.single)
    torch.nn.init.normal_(network.head.weight, std=0.02)
    network.calibration.uniform_(0.5, 2)
    return network


def martinez(layout: str) -> MartinezNet:
    network = MartinezNet(MartinezConfig(width=32, layout=layout))  # type: ignore[arg-type]
    lived(network)
    network.joint_mean.normal_(0, 100)
    network.joint_std.uniform_(50, 300)
    return network


def view_of(batch: int) -> View:
    """Random keypoints, of which any may be missing; 0 where they are, as in every `View`."""
    seen = torch.rand(batch, JOINTS) < 0.7
    points = torch.randn(batch, JOINTS, 2) * 0.15 * seen[..., None]
    return View(points, seen, torch.eye(3).expand(batch, 3, 3))


def spoilt(view: View) -> torch.Tensor:
    """What a reader of the file may give in places of keypoints that were not seen."""
    return torch.where(view.seen[..., None], view.points, torch.nan)


def assert_same(found: tuple[torch.Tensor, ...], true: Answer) -> None:
    joints, covariance = found
    assert true.joints.abs().max() > 0.1
    assert true.covariance.abs().max() > 1e-3
    assert (joints - true.joints).abs().max() < 1e-4
    # Square metres; random keypoints make variances of a whole one, which float32 rounds coarser.
    assert torch.allclose(covariance, true.covariance, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
def test_universal_agrees_with_torch(universal: UniversalNet, flip: bool) -> None:
    network = OnnxNetwork(universal, flip=flip)
    for batch in (1, 7, 600):
        view = view_of(batch)
        assert_same(network(spoilt(view), view.seen), predict(universal, view, flip=flip))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("latency", [0, 4, 40])
def test_temporal_agrees_with_torch(latency: int, flip: bool) -> None:
    torch_network = temporal(latency)
    network = OnnxNetwork(torch_network, flip=flip)
    for frames in (1, 7, 600):
        view, enough = view_of(frames), torch.rand(frames) < 0.8
        enough[0] = True
        clip = bridged(view, enough, frames)
        true = predict_clips(torch_network, clip, enough, frames, flip=flip)
        assert_same(network(spoilt(view), view.seen, enough), true)


@pytest.mark.parametrize("batch", [1, 7, 600])
@pytest.mark.parametrize("layout", ["lift_16", "h36m_17"])
def test_martinez_agrees_with_torch(layout: str, batch: int) -> None:
    torch_network = martinez(layout)
    seen = torch.rand(batch, 16) < 0.7
    pixels = torch.where(seen[..., None], torch.rand(batch, 16, 2) * 1000, torch.nan)
    (found,) = OnnxNetwork(torch_network)(pixels, seen)
    true = torch_network.joints(pixels, seen)
    assert found.shape == (batch, len(torch_network.layout.outputs), 3)
    assert found[:, 0].abs().max() == 0
    assert (found - true).abs().max() < 1e-4


def test_the_packaged_weights_agree_with_torch() -> None:
    trained = UniversalLifter().network
    view = view_of(16)
    found = OnnxNetwork(trained, flip=True)(view.points, view.seen)
    assert_same(found, predict(trained, view, flip=True))


def test_where_nobody_is_seen_it_says_what_torch_says(universal: UniversalNet) -> None:
    view = View(
        torch.zeros(2, JOINTS, 2),
        torch.zeros(2, JOINTS, dtype=torch.bool),
        torch.eye(3).expand(2, 3, 3),
    )
    found = OnnxNetwork(universal, flip=True)(spoilt(view), view.seen)
    assert_same(found, predict(universal, view, flip=True))
    clip = temporal(4)
    nobody = torch.zeros(2, dtype=torch.bool)
    found = OnnxNetwork(clip, flip=True)(spoilt(view), view.seen, nobody)
    assert_same(found, predict_clips(clip, view, nobody, 2, flip=True))


def test_keypoints_of_a_gap_do_not_count() -> None:
    network = OnnxNetwork(temporal(40), flip=True)
    view, enough = view_of(9), torch.tensor([True] * 4 + [False] * 2 + [True] * 3)
    other = view_of(9)
    points = torch.where(enough[:, None, None], view.points, other.points)
    seen = torch.where(enough[:, None], view.seen, other.seen)
    one, two = network(view.points, view.seen, enough), network(points, seen, enough)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def metadata(model: "onnx.ModelProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def test_a_file_says_what_it_is(universal: UniversalNet, tmp_path: Path) -> None:
    export_onnx(universal, tmp_path / "lifter.onnx")
    model = onnx.load(tmp_path / "lifter.onnx")
    about = metadata(model)
    assert about["format"] == "lift3d universal onnx 2"
    assert about["output_joints"].split(",") == list(VOCABULARY.joints)
    assert about["input_joints"].split(",") == list(VOCABULARY.joints)
    assert [value.name for value in model.graph.input] == ["points", "seen"]
    assert [value.name for value in model.graph.output] == ["joints", "covariance"]
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    first = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert first.dim_param == "batch"
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


def test_a_temporal_file_says_at_what_rate_it_looks_how_far(tmp_path: Path) -> None:
    export_onnx(temporal(4), tmp_path / "lifter.onnx", flip=True)
    model = onnx.load(tmp_path / "lifter.onnx")
    about = metadata(model)
    assert about["format"] == "lift3d temporal onnx 1"
    assert about["fps"] == "30"
    assert about["looks"] == "76 frames back, 4 ahead"
    assert [value.name for value in model.graph.input] == ["points", "seen", "enough"]


def test_weights_are_converted_by_what_they_are(universal: UniversalNet, tmp_path: Path) -> None:
    target = tmp_path / "out.onnx"
    save_weights(universal, tmp_path / "a.safetensors")
    assert ("lifter", "universal") in export_weights(tmp_path / "a.safetensors", target)
    save_temporal(temporal(40), tmp_path / "b.safetensors")
    assert ("lifter", "temporal") in export_weights(tmp_path / "b.safetensors", target)
    save_martinez(martinez("h36m_17"), tmp_path / "c.safetensors")
    rows = dict(export_weights(tmp_path / "c.safetensors", target))
    assert rows["lifter"] == "martinez"
    assert rows["output_joints"].count(",") == 16
    assert onnx.load(target).graph.input[0].name == "pixels"
    (tmp_path / "x.safetensors").write_text("nothing")
    with pytest.raises(FileFormatError, match="expected weights of a lifter"):
        export_weights(tmp_path / "x.safetensors", target)


def test_the_command_line_converts_all_weights(
    universal: UniversalNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "any.safetensors", tmp_path / "any.onnx"
    save_weights(universal, source)
    assert main(["convert", str(source), str(target)]) == 0
    assert "mean over both mirror images" in " ".join(capsys.readouterr().out.split())
    assert onnx.load(target).graph.output[1].name == "covariance"
    save_temporal(temporal(4), source)
    assert main(["convert", str(source), str(target)]) == 0
    assert "temporal onnx 1" in " ".join(capsys.readouterr().out.split())
    save_martinez(martinez("lift_16"), source)
    assert main(["convert", str(source), str(target)]) == 0
    assert "martinez onnx 1" in " ".join(capsys.readouterr().out.split())
    assert main(["convert", str(target), str(source)]) == 2
    assert "nothing else is converted" in capsys.readouterr().err


def test_a_lifter_gives_the_same_with_either_runtime() -> None:
    camera = Camera.default((1000, 800))
    pixels = torch.rand(5, len(LIFT_23), 2) * 600 + 100
    pose = Pose2D.from_detections(pixels, torch.rand(5, len(LIFT_23)), LIFT_23, (1000, 800))
    motion = Motion(pose, 30.0, 0, torch.ones(5, dtype=torch.bool))
    by_torch = UniversalLifter()(motion, camera)
    for runtime in ("onnx", "auto"):
        by_onnx = UniversalLifter(runtime=runtime)(motion, camera)  # type: ignore[arg-type]
        assert torch.equal(by_onnx.observed, by_torch.observed)
        # The root's distance follows from the joints and magnifies what they differ by.
        same = torch.isclose(by_onnx.pose.joints, by_torch.pose.joints, atol=2e-3, equal_nan=True)
        assert same.all()


def test_without_the_extra_it_says_what_to_install(
    universal: UniversalNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lift3d\[onnx\]'"):
        onnx_bytes(universal)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="onnxruntime"):
        OnnxNetwork(universal)


def test_what_is_no_lifter_network_is_refused(universal: UniversalNet) -> None:
    with pytest.raises(InputError, match="expected a UniversalNet, a TemporalNet or"):
        onnx_bytes(torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="flip with other networks"):
        onnx_bytes(martinez("lift_16"), flip=True)
    universal.body.append(torch.nn.Tanh())
    with pytest.raises(InputError, match="Tanh"):
        onnx_bytes(universal)
