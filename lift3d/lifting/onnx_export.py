"""Lifter networks as ONNX, to run without torch, and ONNX Runtime in place of torch.

The graph is written node by node (opset 18) rather than traced: it takes milliseconds, is the same
with every version of torch, and has batch normalisation folded into the layers. Inputs are what the
lifters hand to their networks, in plain numbers:

universal: `points` [batch, 19, 2], x / z and y / z in the camera turned at the person
    (`lift3d.lifting.universal.View`), and `seen` [batch, 19].
martinez: `pixels` [batch, 16, 2] of a picture of 1000 x 1000 pixels and focal length 1145, and `seen`.

The output `joints` [batch, joints, 3] is root-relative, in metres, in the axes of that camera. Where
`seen` is false a keypoint may hold anything, NaN as well. Names of all joints are in the metadata.
"""

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io.atomic import atomic_path
from lift3d.lifting import martinez, universal
from lift3d.lifting.martinez import MartinezNet
from lift3d.lifting.onnx_graph import Graph, layers
from lift3d.lifting.universal import INPUT_JOINTS, UniversalNet
from lift3d.skeletons import LIFT_23

__all__ = ["OnnxNetwork", "export_onnx", "export_weights", "onnx_bytes"]

LifterNetwork = UniversalNet | MartinezNet

_FLIP_INPUT: Final = [INPUT_JOINTS.index(LIFT_23.flip_permutation[j]) for j in INPUT_JOINTS]
_FROM_SHAPE: Final = 0
"""In a Reshape: as many as the input has."""


def export_onnx(
    lifter_network: nn.Module, path: str | PathLike[str], *, flip: bool = False
) -> None:
    """Write a trained network; it is used as it predicts, without dropout.

    With `flip` a universal network answers with the mean over the picture and its mirror image, as
    `UniversalLifter` does by default. Raises `MissingDependencyError` without the package onnx, and
    `InputError` for any other network.
    """
    data = onnx_bytes(lifter_network, flip=flip)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def export_weights(source: Path, target: Path) -> list[tuple[str, str]]:
    """Write the weights of a lifter as ONNX; rows of name and value say what was found.

    Universal networks answer as their lifter does, with the mean over both mirror images.
    """
    network = _read_network(source)
    export_onnx(network, target, flip=isinstance(network, UniversalNet))
    about = _about(network, flip=isinstance(network, UniversalNet))
    return [("lifter", about["format"].split()[1]), *about.items()]


def _read_network(path: Path) -> LifterNetwork:
    refusals: list[str] = []
    for load in (universal.load_weights, martinez.load_martinez):
        try:
            return load(path)
        except FileFormatError as error:
            refusals.append(str(error.__cause__))
    raise FileFormatError(
        f"expected weights of a lifter (universal, martinez) in '{path}', got "
        f"{' / '.join(dict.fromkeys(refusals))}: train them with 'lift3d train'"
    )


def onnx_bytes(lifter_network: nn.Module, *, flip: bool = False) -> bytes:
    """What `export_onnx` writes."""
    graph = Graph(_imported("onnx"))
    if isinstance(lifter_network, UniversalNet):
        _universal(graph, lifter_network, flip)
    elif not isinstance(lifter_network, MartinezNet):
        raise InputError(
            f"expected a UniversalNet or a MartinezNet, got {type(lifter_network).__name__}: give "
            "the 'network' of a lifter"
        )
    elif flip:
        raise InputError(
            "expected flip with a universal network only, got MartinezNet: leave it out"
        )
    else:
        _martinez(graph, lifter_network)
    return graph.serialised(_about(lifter_network, flip=flip))


class OnnxNetwork:
    """A network run by ONNX Runtime: `points` and `seen` (or `pixels` and `seen`) to `joints`.

    One thread unless told otherwise: a single pose is too little to share, and clips are lifted side
    by side. Raises `MissingDependencyError` without the packages onnx and onnxruntime.
    """

    def __init__(self, lifter_network: nn.Module, *, flip: bool = False, threads: int = 1) -> None:
        runtime = _imported("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        data = onnx_bytes(lifter_network, flip=flip)
        self._session: Any = runtime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [value.name for value in self._session.get_inputs()]

    def __call__(self, keypoints: Tensor, seen: Tensor) -> Tensor:
        """As the graph: float32 [batch joints 2] and bool [batch joints] to [batch joints 3]."""
        arrays = (keypoints.detach().contiguous().numpy(), seen.contiguous().numpy())
        (joints,) = self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))
        return torch.from_numpy(joints)


def _imported(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package {package}, got {error}: pip install 'lift3d[onnx]', or use "
            "runtime 'torch'"
        ) from error


def _about(network: LifterNetwork, *, flip: bool) -> dict[str, str]:
    if isinstance(network, UniversalNet):
        layouts = (tuple(LIFT_23.joints[i] for i in INPUT_JOINTS), LIFT_23.joints)
        name, given = "universal", "points: x / z and y / z in the camera turned at the person"
    else:
        layouts = (network.layout.inputs.joints, network.layout.outputs.joints)
        name = "martinez"
        given = f"pixels: {martinez.SIZE} x {martinez.SIZE}, focal length {martinez.FOCAL:g}"
    return {
        "format": f"lift3d {name} onnx 1",
        "input": given,
        "input_joints": ",".join(layouts[0]),
        "output": "joints: metres, root-relative, in the axes of that camera (y down, z forward)",
        "output_joints": ",".join(layouts[1]),
        "flip": "mean over both mirror images" if flip else "no",
    }


def _universal(graph: Graph, network: UniversalNet, flip: bool) -> None:
    """`predict`: what `View.features` says, the layers, and everything against the root."""
    joints = len(INPUT_JOINTS)
    points = graph.given("points", ["batch", joints, 2])
    seen = graph.given("seen", ["batch", joints], boolean=True)
    features = _features(graph, points, seen)
    if flip:
        order = graph.constant(_FLIP_INPUT)
        mirror = graph.constant([-1.0, 1.0])
        other = graph("Mul", graph("Gather", points, order, axis=1), mirror)
        other_seen = graph("Gather", seen, order, axis=1)
        features = graph("Concat", features, _features(graph, other, other_seen), axis=0)
    hidden = layers(graph, features, network.body)
    out = layers(graph, hidden, nn.Sequential(network.head))
    out = graph("Reshape", out, graph.constant([_FROM_SHAPE, len(LIFT_23), 3]))
    out = graph("Sub", out, graph("Gather", out, graph.constant([0]), axis=1))
    if flip:
        out = _mean_of_mirrors(graph, out)
    graph.answer(out, "joints", ["batch", len(LIFT_23), 3])


def _mean_of_mirrors(graph: Graph, out: str) -> str:
    both = graph("Reshape", out, graph.constant([2, -1, len(LIFT_23), 3]))
    one, other = (
        graph("Squeeze", graph("Gather", both, graph.constant([i]), axis=0), graph.constant([0]))
        for i in (0, 1)
    )
    order = graph.constant(list(LIFT_23.flip_permutation))
    back = graph("Mul", graph("Gather", other, order, axis=1), graph.constant([-1.0, 1.0, 1.0]))
    return graph("Mul", graph("Add", one, back), graph.scalar(0.5))


def _features(graph: Graph, points: str, seen: str) -> str:
    last, each = graph.constant([-1]), graph.constant([1])
    shown = graph("Cast", seen, to=graph.onnx.TensorProto.FLOAT)
    points = graph("Where", graph("Unsqueeze", seen, last), points, graph.scalar(0.0))
    lengths = graph("ReduceL2", points, last, keepdims=0)
    count = graph("Max", graph("ReduceSum", shown, each, keepdims=1), graph.scalar(1.0))
    size = graph("Div", graph("ReduceSum", lengths, each, keepdims=1), count)
    size = graph("Max", size, graph.scalar(1e-4))
    flat = graph("Reshape", points, graph.constant([_FROM_SHAPE, 2 * len(INPUT_JOINTS)]))
    scale = graph("Add", graph("Log", size), graph.scalar(2.0))
    return graph("Concat", graph("Div", flat, size), shown, scale, axis=1)


def _martinez(graph: Graph, network: MartinezNet) -> None:
    """`MartinezNet.joints`."""
    layout = network.layout
    inputs, outputs = len(layout.inputs), len(layout.outputs)
    pixels = graph.given("pixels", ["batch", inputs, 2])
    seen = graph.given("seen", ["batch", inputs], boolean=True)
    standard = graph("Sub", pixels, graph.constant(network.pixel_mean))
    standard = graph("Div", standard, graph.constant(network.pixel_std))
    shown = graph("Unsqueeze", seen, graph.constant([-1]))
    standard = graph("Where", shown, standard, graph.scalar(0.0))
    flat = graph("Reshape", standard, graph.constant([_FROM_SHAPE, 2 * inputs]))
    out = layers(graph, flat, network.body)
    out = graph("Reshape", out, graph.constant([_FROM_SHAPE, outputs - 1, 3]))
    out = graph("Mul", out, graph.constant(network.joint_std / 1000))
    out = graph("Add", out, graph.constant(network.joint_mean / 1000))
    root_first = graph.constant([0, 1, 0, 0, 0, 0])
    graph.answer(graph("Pad", out, root_first), "joints", ["batch", outputs, 3])
