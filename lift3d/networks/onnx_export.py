"""Keypoint networks as ONNX, to run without torch.

The network is run once and the tensor operations of that run are written as nodes (opset 18), in
milliseconds and without another package than onnx. The batch is free, height and width are those of the
picture that was run. Input `pictures` [batch, 3, height, width], red, green, blue from 0 to 1; outputs
have the names of the network's named tensors, with a number for each of several (`stages_0`, ...).
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from os import PathLike
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg
from torch.nn.functional import interpolate

from lift3d.errors import InputError, MissingDependencyError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.onnx_graph import Graph
from lift3d.networks.onnx_nodes import NODES

__all__ = ["export_network", "named_tensors", "network_onnx"]

_BATCH = 2
"""Of the pictures that are run; the graph takes any."""


@torch.library.custom_op(
    "lift3d::nearest2d", mutates_args=(), schema="(Tensor x, int[] size) -> Tensor"
)
def _nearest(x: Tensor, size: list[int]) -> Tensor:
    return interpolate(x, size, mode="nearest")


_WHOLE: Final[dict[Any, Callable[..., Any]]] = {
    torch.ops.aten.upsample_nearest2d.default: lambda x, size, *_: _nearest(x, size)
}
"""What stays one operation: tracing in older versions of torch takes it apart into indices."""


def export_network(network: nn.Module, path: str | PathLike[str], size: tuple[int, int]) -> None:
    """Write a network as it predicts, for pictures of (height, width).

    Raises `MissingDependencyError` without the package onnx, and `InputError` for a size that the
    network does not take or a layer of someone else's network that is not known here.
    """
    data = network_onnx(network, size)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def network_onnx(network: nn.Module, size: tuple[int, int]) -> bytes:
    """What `export_network` writes."""
    try:
        onnx = import_module("onnx")
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package onnx, got {error}: pip install 'lift3d[onnx]'"
        ) from error
    traced, names = _traced(network, size)
    graph = Graph(onnx)
    known: dict[fx.Node, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            known[node] = graph.given("pictures", ["batch", 3, *size])
        elif node.op == "get_attr":
            known[node] = graph.constant(getattr(traced, str(node.target)))
        elif node.op == "call_function":
            known[node] = _written(graph, node, known)
        else:
            outputs: Any = node.args[0]
            for name, value in zip(names, outputs, strict=True):
                graph.answer(known[value], name, ["batch", *_shape(value)[1:]])
    kind = type(network).__name__
    return graph.serialised(
        {
            "format": "lift3d keypoints onnx 1",
            "network": kind,
            "input": "pictures: red, green, blue from 0 to 1",
            "outputs": ",".join(names),
        }
    )


def named_tensors(output: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a network's output by name; those without numbers are left out."""
    if isinstance(output, Tensor):
        if output.numel():
            yield name, output
        return
    fields: tuple[str, ...] = getattr(output, "_fields", tuple(str(i) for i in range(len(output))))
    for field, value in zip(fields, output, strict=True):
        yield from named_tensors(value, f"{name}_{field}" if name else field)


def _traced(network: nn.Module, size: tuple[int, int]) -> tuple[fx.GraphModule, list[str]]:
    """The operations of one run in eval mode, and the outputs' names."""
    names: list[str] = []

    def run(pictures: Tensor) -> tuple[Tensor, ...]:
        found = list(named_tensors(network(pictures)))
        names[:] = [name for name, _ in found]
        return tuple(tensor for _, tensor in found)

    weight = next(network.parameters())
    pictures = torch.zeros(_BATCH, 3, *size, dtype=weight.dtype, device=weight.device)
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            traced: fx.GraphModule = make_fx(run, _WHOLE)(pictures)
    finally:
        network.train(training)
    traced.graph.eliminate_dead_code()
    return traced, names


def _written(graph: Graph, node: fx.Node, known: dict[fx.Node, Any]) -> Any:
    """The value of one operation, or the values where it has several."""
    writer = NODES.get(str(node.target))
    if writer is None:
        raise InputError(
            f"expected a network of layers that ONNX export knows, got the operation {node.target}: "
            "export it with torch.onnx"
        )
    args = map_arg(node.args, lambda one: known[one])
    return writer(graph, [_shape(one) for one in node.all_input_nodes], *args)


def _shape(node: fx.Node) -> list[int]:
    """Of the tensor that an operation gave in the run; nothing where it gave several."""
    given = node.meta.get("val")
    if node.op == "get_attr":
        given = getattr(node.graph.owning_module, str(node.target))
    return list(given.shape) if isinstance(given, Tensor) else []
