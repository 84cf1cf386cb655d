"""How single tensor operations of torch are said in ONNX (opset 18).

Each writer gets the graph, the shapes of the tensors that go in, and the operation's own arguments in
torch's order, tensors being the names of values in the graph. The batch is the first axis everywhere, so
a reshaped value keeps all its sizes but the first, which follows.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from lift3d.errors import InputError
from lift3d.io.files.onnx_graph import Graph

__all__ = ["NODES"]

Shapes = list[list[int]]


def _convolution(
    graph: Graph,
    _: Shapes,
    x: str,
    weight: str,
    *options: Any,
) -> str:
    bias, stride, padding, dilation, transposed, more, groups = options
    inputs = [x, weight, *([bias] if bias is not None else [])]
    shared = {
        "strides": stride,
        "pads": [*padding, *padding],
        "dilations": dilation,
        "group": groups,
    }
    if transposed:
        return graph("ConvTranspose", *inputs, output_padding=more, **shared)
    return graph("Conv", *inputs, **shared)


def _batch_norm(
    graph: Graph,
    _: Shapes,
    x: str,
    weight: str,
    bias: str,
    mean: str,
    variance: str,
    *options: Any,
) -> list[str]:
    """As it is while predicting; its first output alone is used."""
    return [graph("BatchNormalization", x, weight, bias, mean, variance, epsilon=options[-1])]


def _max_pool(
    graph: Graph,
    _: Shapes,
    x: str,
    kernel: list[int],
    stride: list[int],
    padding: Sequence[int] = (0, 0),
) -> list[str]:
    pads = [*padding, *padding]
    return [graph("MaxPool", x, kernel_shape=kernel, strides=stride, pads=pads)]


def _nearest(graph: Graph, _: Shapes, x: str, size: list[int], *__: Any) -> str:
    sizes = graph.constant(list(size))
    return graph(
        "Resize",
        *(x, "", "", sizes),
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
        axes=[2, 3],
    )


def _bilinear(
    graph: Graph,
    _: Shapes,
    x: str,
    size: list[int],
    corners: bool,
    *__: Any,
) -> str:
    mode = "align_corners" if corners else "half_pixel"
    sizes = graph.constant(list(size))
    return graph(
        "Resize",
        *(x, "", "", sizes),
        mode="linear",
        coordinate_transformation_mode=mode,
        axes=[2, 3],
    )


def _grid_sample(
    graph: Graph,
    _: Shapes,
    x: str,
    grid: str,
    mode: int,
    padding: int,
    corners: bool,
) -> str:
    if mode != 0:
        raise InputError("expected bilinear sampling, got another: export it with torch.onnx")
    edge = ("zeros", "border", "reflection")[padding]
    return graph(
        "GridSample", x, grid, mode="bilinear", padding_mode=edge, align_corners=int(corners)
    )


def _mean(
    graph: Graph,
    _: Shapes,
    x: str,
    axes: list[int],
    keep: bool = False,
) -> str:
    return graph("ReduceMean", x, graph.constant(list(axes)), keepdims=int(keep))


def _slice(
    graph: Graph, _: Shapes, x: str, axis: int = 0, start: int | None = None, end: int | None = None
) -> str:
    last = torch.iinfo(torch.int64).max if end is None else end
    bounds = [graph.constant([number]) for number in (start or 0, last, axis)]
    return graph("Slice", x, *bounds)


def _split(graph: Graph, shapes: Shapes, x: str, size: int, axis: int = 0) -> list[str]:
    whole = shapes[0][axis]
    sizes = [min(size, whole - start) for start in range(0, whole, size)]
    return graph.split(x, sizes, axis=axis)


def _select(graph: Graph, _: Shapes, x: str, axis: int, index: int) -> str:
    part = _slice(graph, [], x, axis, index, index + 1 or None)
    return graph("Squeeze", part, graph.constant([axis]))


def _stack(graph: Graph, shapes: Shapes, values: list[str], axis: int = 0) -> str:
    place = axis % (len(shapes[0]) + 1)
    return graph.cat(*(graph.unsqueezed(value, place) for value in values), axis=place)


def _view(graph: Graph, _: Shapes, x: str, shape: list[int]) -> str:
    return graph.reshaped(x, [-1, *shape[1:]])


def _expand(_: Graph, shapes: Shapes, x: str, shape: list[int], *__: Any) -> str:
    if [s if s >= 0 else own for s, own in zip(shape, shapes[0], strict=False)] != shapes[0]:
        raise InputError("expected shapes that stay, got an expansion: export it with torch.onnx")
    return x


def _arange(graph: Graph, _: Shapes, end: int) -> str:
    return graph.constant(torch.arange(end, dtype=torch.float32))


def _permute(graph: Graph, _: Shapes, x: str, axes: list[int]) -> str:
    return graph("Transpose", x, perm=axes)


def _transpose(graph: Graph, shapes: Shapes, x: str, one: int = 0, other: int = 1) -> str:
    axes = list(range(len(shapes[0])))
    axes[one], axes[other] = axes[other], axes[one]
    return graph("Transpose", x, perm=axes)


def _layer_norm(
    graph: Graph, _: Shapes, x: str, shape: list[int], weight: str, bias: str, epsilon: float
) -> list[str]:
    return [graph("LayerNormalization", x, weight, bias, axis=-len(shape), epsilon=epsilon)]


def _of_two(op: str) -> Callable[..., str]:
    """Two values, of which the second may be a number."""

    def write(graph: Graph, _: Shapes, one: str, other: str | int | float) -> str:
        second = other if isinstance(other, str) else graph.scalar(float(other))
        return graph(op, one, second)

    return write


def _of_one(op: str) -> Callable[..., str]:
    def write(graph: Graph, _: Shapes, x: str) -> str:
        return graph(op, x)

    return write


NODES: Final[dict[str, Callable[..., Any]]] = {
    str(operator.getitem): lambda _, __, values, index: values[index],
    "aten.convolution.default": _convolution,
    "aten.native_batch_norm.default": _batch_norm,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm,
    "aten.max_pool2d_with_indices.default": _max_pool,
    "lift3d.nearest2d.default": _nearest,
    "aten.upsample_bilinear2d.default": _bilinear,
    "aten.grid_sampler_2d.default": _grid_sample,
    "aten.pixel_shuffle.default": lambda graph, _, x, factor: graph(
        "DepthToSpace", x, blocksize=factor, mode="CRD"
    ),
    "aten.relu.default": _of_one("Relu"),
    "aten.sigmoid.default": _of_one("Sigmoid"),
    "aten.tanh.default": _of_one("Tanh"),
    "aten.exp.default": _of_one("Exp"),
    "aten.add.Tensor": _of_two("Add"),
    "aten.sub.Tensor": _of_two("Sub"),
    "aten.mul.Tensor": _of_two("Mul"),
    "aten.div.Tensor": _of_two("Div"),
    "aten.mm.default": _of_two("MatMul"),
    "aten.bmm.default": _of_two("MatMul"),
    "aten.addmm.default": lambda graph, _, bias, x, weight: graph("Gemm", x, weight, bias),
    "aten._softmax.default": lambda graph, _, x, axis, __: graph("Softmax", x, axis=axis),
    "aten.native_layer_norm.default": _layer_norm,
    "aten.mean.dim": _mean,
    "aten.arange.default": _arange,
    "aten.cat.default": lambda graph, _, values, axis=0: graph.cat(*values, axis=axis),
    "aten.stack.default": _stack,
    "aten.slice.Tensor": _slice,
    "aten.split.Tensor": _split,
    "aten.select.int": _select,
    "aten.unsqueeze.default": lambda graph, _, x, axis: graph.unsqueezed(x, axis),
    "aten.view.default": _view,
    "aten._unsafe_view.default": _view,
    "aten.expand.default": _expand,
    "aten.permute.default": _permute,
    "aten.transpose.int": _transpose,
    "aten.t.default": _transpose,
    "aten.clone.default": lambda _, __, x: x,
    "aten.detach.default": lambda _, __, x: x,
    "aten.alias.default": lambda _, __, x: x,
}
"""By the name of the operation."""
