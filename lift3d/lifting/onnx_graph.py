"""ONNX graphs written node by node, and the layers of the lifter networks in them."""

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.lifting import martinez, universal

__all__ = ["Graph", "layers"]

_OPSET: Final = 18
_IR: Final = 8
"""The oldest file version that goes with the opset, so that old runtimes read it."""


class Graph:
    """A graph that grows by calls; values are their names."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """One node with one output."""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, value: Tensor | list[int] | list[float]) -> str:
        """Lists of int are shapes and axes; all else is float32."""
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        kept = array if array.dtype == np.int64 else np.ascontiguousarray(array, dtype=np.float32)
        name = f"constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(kept, name))
        return name

    def scalar(self, value: float) -> str:
        return self.constant(torch.tensor(value))

    def given(self, name: str, shape: list[str | int], *, boolean: bool = False) -> str:
        types = self.onnx.TensorProto
        kind = types.BOOL if boolean else types.FLOAT
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, shape))
        return name

    def answer(self, value: str, name: str, shape: list[str | int]) -> None:
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        kind = self.onnx.TensorProto.FLOAT
        self.outputs.append(self.onnx.helper.make_tensor_value_info(name, kind, shape))

    def serialised(self, about: dict[str, str]) -> bytes:
        """The whole as a file's bytes, checked; `about` becomes its metadata."""
        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes, about["format"], self.inputs, self.outputs, self.constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            producer_name="lift3d",
            ir_version=_IR,
        )
        helper.set_model_props(model, about)
        self.onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def layers(graph: Graph, value: str, modules: nn.Sequential) -> str:
    """Linear layers with the batch normalisation behind them, ReLU and residual blocks."""
    steps = [module for module in modules if not isinstance(module, nn.Dropout)]
    for before, step, after in zip([None, *steps[:-1]], steps, [*steps[1:], None], strict=True):
        if isinstance(step, nn.Linear):
            weight, bias = _folded(step, after if isinstance(after, nn.BatchNorm1d) else None)
            value = graph("Gemm", value, graph.constant(weight), graph.constant(bias), transB=1)
        elif isinstance(step, nn.ReLU):
            value = graph("Relu", value)
        elif isinstance(step, (universal.Block, martinez.Block)):
            value = graph("Add", value, layers(graph, value, step.layers))
        elif not (isinstance(step, nn.BatchNorm1d) and isinstance(before, nn.Linear)):
            raise InputError(f"expected layers of a lifter network, got {type(step).__name__}")
    return value


def _folded(linear: nn.Linear, norm: nn.BatchNorm1d | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of both in one, in double precision until the end."""
    weight = linear.weight.detach().double()
    given = dict(linear.named_parameters()).get("bias")  # there need not be one
    bias = weight.new_zeros(len(weight)) if given is None else given.detach().double()
    if norm is None:
        return weight, bias
    if norm.running_mean is None or norm.running_var is None:
        raise InputError(
            "expected batch normalisation with running statistics, got none: train first"
        )
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.detach().double() - norm.running_mean.double() * scale
    return weight * scale[:, None], bias * scale + shift
