"""ONNX graphs written node by node."""

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

__all__ = ["Graph"]

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
        """One node with one output, whose name it has."""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def split(self, value: str, sizes: list[int], *, axis: int) -> list[str]:
        """Parts of so many entries along an axis, one after the other."""
        names = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        inputs = [value, self.constant(sizes)]
        self.nodes.append(self.onnx.helper.make_node("Split", inputs, names, axis=axis))
        return names

    def number(self, value: str) -> str:
        """Booleans as 0 and 1."""
        return self("Cast", value, to=self.onnx.TensorProto.FLOAT)

    def unsqueezed(self, value: str, axis: int) -> str:
        return self("Unsqueeze", value, self.constant([axis]))

    def cat(self, *values: str, axis: int) -> str:
        return self("Concat", *values, axis=axis)

    def reshaped(self, value: str, shape: list[int]) -> str:
        """As torch's `reshape`; 0 stands for as many as the input has."""
        return self("Reshape", value, self.constant(shape))

    def turned(self, value: str) -> str:
        """The last two of three axes exchanged."""
        return self("Transpose", value, perm=[0, 2, 1])

    def scaled(self, value: str, factor: float) -> str:
        return self("Mul", value, self.scalar(factor))

    def clipped(self, value: str, low: float, high: float) -> str:
        return self("Clip", value, self.scalar(low), self.scalar(high))

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
