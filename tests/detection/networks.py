"""Tiny networks in ONNX files that find coloured dots, so that their answers are known beforehand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lift3d.skeleton import Skeleton

DOTS = Skeleton("dots", ("red", "green", "blue"), (-1, 0, 0))
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8)
OPSET = [helper.make_opsetid("", 17)]


def with_dots(
    size: tuple[int, int], places: Sequence[tuple[float, float]], radius: float = 12.0
) -> np.ndarray:
    """A black picture with a soft dot of each colour around x, y."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    picture = np.zeros((*size, 3))
    for (x, y), colour in zip(places, COLOURS, strict=False):
        soft = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * (radius / 2) ** 2))
        picture += soft[..., None] * colour
    return picture.clip(0, 255).astype(np.uint8)


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: list) -> Path:
    graph = helper.make_graph(nodes, "dots", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=OPSET)
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _constant(name: str, values: object, kind: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


def _in(shape: Sequence[object], kind: int = TensorProto.FLOAT) -> list:
    return [helper.make_tensor_value_info("input", kind, list(shape))]


def _out(*shapes: tuple[str, Sequence[object]]) -> list:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(s)) for name, s in shapes]


def _colour(channels: str) -> list[list[float]]:
    """One map per colour of a picture from 0 to 255: the channel over 255, in the order of channels."""
    eye = np.eye(3)[:, ::-1] if channels == "bgr" else np.eye(3)
    return (eye / 255).tolist()


def heatmap_network(
    path: Path,
    size: tuple[int, int] = (256, 192),
    *,
    batch: object = "n",
    last: bool = False,
    whole: bool = False,
    channels: str = "rgb",
    sides: tuple[object, object] | None = None,
    stride: int = 4,
) -> Path:
    """Heatmaps of a `stride`-th of the input, each pixel the mean of its cell (the grid half_pixel)."""
    height, width = sides or size
    shape = [batch, height, width, 3] if last else [batch, 3, height, width]
    nodes, at = [], "input"
    if whole:
        nodes.append(helper.make_node("Cast", [at], ["cast"], to=TensorProto.FLOAT))
        at = "cast"
    if last:
        nodes.append(helper.make_node("Transpose", [at], ["first"], perm=[0, 3, 1, 2]))
        at = "first"
    nodes += [
        helper.make_node("Conv", [at, "weights"], ["colours"]),
        helper.make_node(
            "AveragePool",
            ["colours"],
            ["heatmaps"],
            kernel_shape=[stride, stride],
            strides=[stride, stride],
        ),
    ]
    weights = _constant("weights", np.array(_colour(channels))[:, :, None, None])
    kind = TensorProto.UINT8 if whole else TensorProto.FLOAT
    out = _out(("heatmaps", [batch, 3, "h", "w"]))
    return _save(path, nodes, _in(shape, kind), out, [weights])


def simcc_network(path: Path, size: tuple[int, int] = (256, 192), crossed: bool = False) -> Path:
    """Two classifications with two bins to a pixel, each the largest value of its column or row."""
    height, width = size
    nodes = [
        helper.make_node("Conv", ["input", "weights"], ["colours"]),
        helper.make_node(
            "Resize",
            ["colours", "", "scales"],
            ["fine"],
            mode="linear",
            coordinate_transformation_mode="asymmetric",
        ),
        helper.make_node("ReduceMax", ["fine"], ["simcc_x"], axes=[2], keepdims=0),
        helper.make_node("ReduceMax", ["fine"], ["simcc_y"], axes=[3], keepdims=0),
    ]
    constants = [
        _constant("weights", np.array(_colour("rgb"))[:, :, None, None]),
        _constant("scales", [1, 1, 2, 2]),
    ]
    outputs = _out(("simcc_x", ["n", 3, 2 * width]), ("simcc_y", ["n", 3, 2 * height]))
    return _save(
        path, nodes, _in(["n", 3, height, width]), outputs[::-1] if crossed else outputs, constants
    )


def constant_network(
    path: Path, outputs: dict[str, np.ndarray], size: tuple[int, int] = (64, 64)
) -> Path:
    """Gives these arrays whatever it is shown."""
    nodes = [helper.make_node("ReduceMax", ["input"], ["any"], keepdims=0)]
    nodes += [helper.make_node("Mul", ["any", "zero"], ["nothing"])]
    constants = [_constant("zero", 0.0)]
    for name, values in outputs.items():
        constants.append(_constant(f"{name}_values", values))
        nodes.append(helper.make_node("Add", [f"{name}_values", "nothing"], [name]))
    shapes = _out(*((name, list(values.shape)) for name, values in outputs.items()))
    return _save(path, nodes, _in([1, 3, *size]), shapes, constants)
