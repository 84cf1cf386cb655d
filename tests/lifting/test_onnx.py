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
from lift3d.lifting.universal import (
    INPUT_JOINTS,
    UniversalConfig,
    UniversalLifter,
    UniversalNet,
    View,
    predict,
    save_weights,
)
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import LIFT_23

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

JOINTS = len(INPUT_JOINTS)


def lived(network: torch.nn.Module) -> torch.nn.Module:
    """Batch normalisation that has seen something: folding must not be trivial."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.normal_(module.weight, 1, 0.2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    return network.eval().requires_grad_(False)


@pytest.fixture
def universal() -> UniversalNet:
    network = lived(UniversalNet(UniversalConfig(width=48, blocks=2)))
    assert isinstance(network, UniversalNet)
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return network


def martinez(layout: str) -> MartinezNet:
    network = lived(MartinezNet(MartinezConfig(width=32, layout=layout)))  # type: ignore[arg-type]
    assert isinstance(network, MartinezNet)
    network.joint_mean.normal_(0, 100)
    network.joint_std.uniform_(50, 300)
    return network


def view_of(batch: int) -> View:
    """Random keypoints, of which any may be missing; 0 where they are, as in every `View`."""
    seen = torch.rand(batch, JOINTS) < 0.7
    points = torch.randn(batch, JOINTS, 2) * 0.15 * seen[..., None]
    return View(points, seen, torch.eye(3).expand(batch, 3, 3))


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("flip", [False, True])
def test_universal_agrees_with_torch(universal: UniversalNet, batch: int, flip: bool) -> None:
    network = OnnxNetwork(universal, flip=flip)
    for _ in range(3):
        view = view_of(batch)
        true = predict(universal, view, flip=flip)
        assert true.abs().max() > 0.1
        assert (network(view.points, view.seen) - true).abs().max() < 1e-4


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("layout", ["lift_16", "h36m_17"])
def test_martinez_agrees_with_torch(layout: str, batch: int) -> None:
    torch_network = martinez(layout)
    network = OnnxNetwork(torch_network)
    seen = torch.rand(batch, 16) < 0.7
    pixels = torch.rand(batch, 16, 2) * 1000
    found = network(pixels, seen)
    true = torch_network.joints(pixels, seen)
    assert found.shape == (batch, len(torch_network.layout.outputs), 3)
    assert found[:, 0].abs().max() == 0
    assert (found - true).abs().max() < 1e-4


def test_the_packaged_weights_agree_with_torch() -> None:
    trained = UniversalLifter().network
    view = view_of(16)
    found = OnnxNetwork(trained, flip=True)(view.points, view.seen)
    assert (found - predict(trained, view, flip=True)).abs().max() < 1e-4


def test_missing_keypoints_may_hold_anything(universal: UniversalNet) -> None:
    view = view_of(8)
    spoilt = torch.where(view.seen[..., None], view.points, torch.nan)
    network = OnnxNetwork(universal, flip=True)
    assert torch.equal(network(spoilt, view.seen), network(view.points, view.seen))
    nobody = network(spoilt[:1], torch.zeros(1, JOINTS, dtype=torch.bool))
    assert nobody.isfinite().all()


def test_a_file_says_what_it_is(universal: UniversalNet, tmp_path: Path) -> None:
    export_onnx(universal, tmp_path / "lifter.onnx")
    model = onnx.load(tmp_path / "lifter.onnx")
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["format"] == "lift3d universal onnx 1"
    assert about["output_joints"].split(",") == list(LIFT_23.joints)
    assert about["input_joints"].split(",") == [LIFT_23.joints[i] for i in INPUT_JOINTS]
    assert [value.name for value in model.graph.input] == ["points", "seen"]
    assert [value.name for value in model.graph.output] == ["joints"]
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    first = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert first.dim_param == "batch"
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


def test_weights_are_converted_by_what_they_are(universal: UniversalNet, tmp_path: Path) -> None:
    target = tmp_path / "out.onnx"
    save_weights(universal, tmp_path / "u.safetensors")
    assert ("lifter", "universal") in export_weights(tmp_path / "u.safetensors", target)
    save_martinez(martinez("h36m_17"), tmp_path / "m.safetensors")
    rows = dict(export_weights(tmp_path / "m.safetensors", target))
    assert rows["lifter"] == "martinez"
    assert rows["output_joints"].count(",") == 16
    assert onnx.load(target).graph.input[0].name == "pixels"
    (tmp_path / "x.safetensors").write_text("nothing")
    with pytest.raises(FileFormatError, match="expected weights of a lifter"):
        export_weights(tmp_path / "x.safetensors", target)


def test_the_command_line_converts_weights(
    universal: UniversalNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "u.safetensors", tmp_path / "u.onnx"
    save_weights(universal, source)
    assert main(["convert", str(source), str(target)]) == 0
    assert "mean over both mirror images" in " ".join(capsys.readouterr().out.split())
    assert onnx.load(target).graph.output[0].name == "joints"
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
        UniversalLifter(runtime="onnx")
    assert UniversalLifter(runtime="auto").skeleton == LIFT_23


def test_what_is_no_lifter_network_is_refused(universal: UniversalNet) -> None:
    with pytest.raises(InputError, match="expected a UniversalNet or a MartinezNet"):
        onnx_bytes(torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="flip with a universal network only"):
        onnx_bytes(martinez("lift_16"), flip=True)
    universal.body.append(torch.nn.Tanh())
    with pytest.raises(InputError, match="Tanh"):
        onnx_bytes(universal)
