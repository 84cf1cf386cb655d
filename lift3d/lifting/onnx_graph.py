"""Layers in ONNX graphs."""

from lift3d.io.files.onnx_graph import Graph
from lift3d.lifting.packed import Residual, Step

__all__ = ["Graph", "layers"]


def layers(graph: Graph, value: str, steps: tuple[Step, ...]) -> str:
    """Linear layers with what is folded into them, and residual links."""
    for step in steps:
        if isinstance(step, Residual):
            value = graph("Add", value, layers(graph, value, step.steps))
            continue
        weight, bias = graph.constant(step.weight), graph.constant(step.bias)
        value = graph("Gemm", value, weight, bias, transB=1)
        if step.relu:
            value = graph("Relu", value)
    return value
