"""Lifter networks as ONNX, to run without torch, and ONNX Runtime in place of torch.

The graph is written node by node (opset 18) rather than traced: it takes milliseconds, is the same
with every version of torch, and has batch normalisation folded into the layers. Inputs are what the
lifters hand to their networks, in plain numbers:

universal: `points` [batch, 40, 2], x / z and y / z in the camera turned at the person
    (`lift3d.lifting.view.View`), and `seen` [batch, 40].
temporal: the same of the frames of one clip at the network's frame rate, and `enough` [frames]:
    false in gaps, whose keypoints do not count.
martinez: `pixels` [batch, 16, 2] of a picture of 1000 x 1000 pixels and focal length 1145, and `seen`.

The output `joints` [batch, joints, 3] is root-relative, in metres, in the axes of that camera; all but
martinez also give `covariance` [batch, joints, 3, 3], in square metres. Where `seen` is false a keypoint
may hold anything, NaN as well. Names of all joints are in the metadata.
"""

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io.files.atomic import atomic_path
from lift3d.lifting.martinez import FOCAL, SIZE, MartinezNet, load_martinez
from lift3d.lifting.onnx_graph import Graph
from lift3d.lifting.onnx_networks import martinez_graph, temporal_graph, universal_graph
from lift3d.lifting.temporal_net import TemporalNet, load_temporal
from lift3d.lifting.universal_net import UniversalNet, load_weights
from lift3d.lifting.vocabulary import VOCABULARY

__all__ = ["OnnxNetwork", "export_onnx", "export_weights", "onnx_bytes"]

LifterNetwork = UniversalNet | TemporalNet | MartinezNet

_POINTS: Final = "points: x / z and y / z in the camera turned at the person"
_JOINTS: Final = "joints: metres, root-relative, in the axes of that camera (y down, z forward)"


def export_onnx(
    lifter_network: nn.Module, path: str | PathLike[str], *, flip: bool = False
) -> None:
    """Write a trained network; it is used as it predicts, without dropout.

    With `flip` it answers with the mean over the picture and its mirror image, as the lifters do by
    default. Raises `MissingDependencyError` without the package onnx, and `InputError` for any other
    network and for the baseline with `flip`.
    """
    data = onnx_bytes(lifter_network, flip=flip)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def export_weights(source: Path, target: Path) -> list[tuple[str, str]]:
    """Write the weights of a lifter as ONNX; rows of name and value say what was found.

    Networks answer as their lifters do: all but the baseline with the mean over both mirror images.
    """
    network = _read_network(source)
    flip = not isinstance(network, MartinezNet)
    export_onnx(network, target, flip=flip)
    about = _about(network, flip=flip)
    return [("lifter", about["format"].split()[1]), *about.items()]


def _read_network(path: Path) -> LifterNetwork:
    refusals: list[str] = []
    for load in (load_weights, load_temporal, load_martinez):
        try:
            return load(path)
        except FileFormatError as error:
            refusals.append(str(error.__cause__))
    raise FileFormatError(
        f"expected weights of a lifter (universal, temporal, martinez) in '{path}', got "
        f"{' / '.join(dict.fromkeys(refusals))}: train them with 'lift3d train'"
    )


def onnx_bytes(lifter_network: nn.Module, *, flip: bool = False) -> bytes:
    """What `export_onnx` writes."""
    graph = Graph(_imported("onnx"))
    if isinstance(lifter_network, UniversalNet):
        universal_graph(graph, lifter_network, flip=flip)
    elif isinstance(lifter_network, TemporalNet):
        temporal_graph(graph, lifter_network, flip=flip)
    elif not isinstance(lifter_network, MartinezNet):
        raise InputError(
            "expected a UniversalNet, a TemporalNet or a MartinezNet, got "
            f"{type(lifter_network).__name__}: give the 'network' of a lifter"
        )
    elif flip:
        raise InputError("expected flip with other networks, got MartinezNet: leave it out")
    else:
        martinez_graph(graph, lifter_network)
    return graph.serialised(_about(lifter_network, flip=flip))


class OnnxNetwork:
    """A network run by ONNX Runtime: the graph's inputs to its outputs, in order.

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

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Of universal and temporal networks joints and covariance, of the baseline joints."""
        arrays = [value.detach().contiguous().numpy() for value in inputs]
        outputs = self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))
        return tuple(torch.from_numpy(value) for value in outputs)


def _imported(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package {package}, got {error}: pip install 'lift3d[onnx]', or use "
            "runtime 'torch'"
        ) from error


def _about(network: LifterNetwork, *, flip: bool) -> dict[str, str]:
    if isinstance(network, MartinezNet):
        layout = network.layout
        layouts = (layout.inputs.joints, layout.outputs.joints)
        kind, given = "martinez onnx 1", f"pixels: {SIZE} x {SIZE}, focal length {FOCAL:g}"
    else:
        layouts, given = (VOCABULARY.joints, VOCABULARY.joints), _POINTS
        kind = "temporal onnx 1" if isinstance(network, TemporalNet) else "universal onnx 2"
    about = {
        "format": f"lift3d {kind}",
        "input": given,
        "input_joints": ",".join(layouts[0]),
        "output": _JOINTS,
        "output_joints": ",".join(layouts[1]),
        "flip": "mean over both mirror images" if flip else "no",
    }
    return about | (_timing(network) if isinstance(network, TemporalNet) else {})


def _timing(network: TemporalNet) -> dict[str, str]:
    config = network.config
    return {
        "fps": f"{config.fps:g}",
        "looks": f"{config.lookback} frames back, {config.lookahead} ahead",
    }
