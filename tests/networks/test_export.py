"""Networks as ONNX answer as torch does, for any number of pictures."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from lift3d.errors import InputError
from lift3d.networks import SimpleBaselineConfig, export_network
from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.onnx_export import named_tensors, network_onnx
from tests.networks.tiny import TINY


@pytest.mark.parametrize("name", TINY)
def test_onnx_runtime_says_what_torch_says(name: str) -> None:
    network = TINY[name].config.build().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as after training, not 0 and 1
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        network_onnx(network, (64, 64)), options, providers=["CPUExecutionProvider"]
    )
    pictures = torch.rand(3, 3, 64, 64)  # another number of them than was traced
    with torch.no_grad():
        wanted = dict(named_tensors(network(pictures)))
    assert [value.name for value in session.get_outputs()] == list(wanted)
    found = session.run(None, {"pictures": pictures.numpy()})
    for mine, torchs in zip(found, wanted.values(), strict=True):
        np.testing.assert_allclose(mine, torchs.numpy(), atol=2e-5)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    network = SimpleBaselineConfig(3, ResNetConfig(18, 4), 4).build()
    export_network(network, tmp_path / "net.onnx", (64, 32))
    model = onnx.load(tmp_path / "net.onnx")
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["network"] == "SimpleBaseline"
    assert about["outputs"] == "stages_0"
    shape = [
        axis.dim_param or axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert shape == ["batch", 3, 64, 32]
    assert network.training  # as it came


def test_sizes_and_layers_that_cannot_be_are_refused() -> None:
    network = SimpleBaselineConfig(3, ResNetConfig(18, 4), 4).build()
    with pytest.raises(InputError, match="multiples of 32 pixels, got 60 x 64"):
        network_onnx(network, (60, 64))
    network.head = nn.Sequential(network.head, nn.Hardswish())
    with pytest.raises(InputError, match="hardswish"):
        network_onnx(network, (64, 64))
