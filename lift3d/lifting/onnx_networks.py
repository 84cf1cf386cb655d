"""The lifters' networks as graphs: their inputs, their layers, and what comes out."""

from typing import Final

from torch import Tensor

from lift3d.lifting.martinez import MartinezNet
from lift3d.lifting.onnx_graph import Graph, layers
from lift3d.lifting.onnx_views import (
    POINTS,
    Shown,
    Spread,
    answered,
    as_shown,
    features,
    placed,
    spread,
    with_mirrored,
)
from lift3d.lifting.packed import answering, folded
from lift3d.lifting.temporal_net import Layer, TemporalNet
from lift3d.lifting.universal_net import UniversalNet

__all__ = ["martinez_graph", "temporal_graph", "universal_graph"]

_PLACES: Final = 3 * POINTS + 1
_SPREADS: Final = 6 * POINTS
_READ: Final = 10 * POINTS + 3
"""Numbers per frame that the layers over time read."""


def universal_graph(graph: Graph, network: UniversalNet, *, flip: bool) -> None:
    """`universal_net.predict`."""
    points = graph.given("points", ["batch", POINTS, 2])
    seen = graph.given("seen", ["batch", POINTS], boolean=True)
    if flip:
        points, seen = with_mirrored(graph, points, seen)
    shown = as_shown(graph, points, seen)
    numbers = layers(graph, features(graph, shown), answering(network))
    places, spreads = graph.split(numbers, [_PLACES, _SPREADS], axis=1)
    scale = _calibration(graph, shown.seen, network.calibration)
    joints = placed(graph, places, shown)
    answered(graph, joints, spread(graph, spreads), scale, flip=flip)


def temporal_graph(graph: Graph, network: TemporalNet, *, flip: bool) -> None:
    """`temporal_net.predict_clips` for one clip; keypoints of frames without enough do not count."""
    points = graph.given("points", ["frames", POINTS, 2])
    seen = graph.given("seen", ["frames", POINTS], boolean=True)
    enough = graph.given("enough", ["frames"], boolean=True)
    frames = graph("Shape", enough)
    there = graph.unsqueezed(enough, -1)
    seen = graph("And", seen, there)
    if flip:
        points, seen = with_mirrored(graph, points, seen)
        there = graph.cat(there, there, axis=0)
    shown = as_shown(graph, points, seen)
    keep = graph.number(there)
    places, spreads, hidden = _frame_by_frame(graph, network, shown, keep)
    more = _over_time(graph, network, hidden, frames, clips=2 if flip else 1)
    more_places, more_spreads = graph.split(more, [_PLACES, _SPREADS], axis=1)
    scale = _calibration(graph, seen, network.calibration)
    unseen = graph.constant(network.calibration[2])
    scale = graph("Where", there, scale, unseen)
    joints = placed(graph, graph("Add", places, more_places), shown)
    sure = spread(graph, graph("Add", spreads, more_spreads))
    answered(graph, joints, sure, scale, flip=flip)


def _frame_by_frame(
    graph: Graph, network: TemporalNet, shown: Shown, keep: str
) -> tuple[str, str, str]:
    """What the network below says, 0 in gaps, and what the layers over time read."""
    given = features(graph, shown)
    numbers = graph("Mul", layers(graph, given, answering(network.single)), keep)
    places, spreads = graph.split(numbers, [_PLACES, _SPREADS], axis=1)
    joints = graph.turned(placed(graph, places, shown))
    joints = graph("Mul", graph.reshaped(joints, [0, 3 * POINTS]), keep)
    sure = graph("Mul", _sure(graph, spread(graph, spreads)), keep)
    given = graph("Mul", given, keep)
    return places, spreads, graph.cat(joints, places, sure, given, keep, axis=1)


def _sure(graph: Graph, said: Spread) -> str:
    """How sure each point's depth is, [rows 40]."""
    depth = graph("Gather", said.diagonal, graph.constant([2]), axis=1)
    return graph.reshaped(graph("Log", depth), [0, POINTS])


def _over_time(graph: Graph, network: TemporalNet, hidden: str, frames: str, *, clips: int) -> str:
    """The corrections, [rows numbers], of clips of so many frames each, one after the other."""
    width = _READ
    over = [layer for layer in network.layers if isinstance(layer, Layer)]
    for layer, reach in zip(over, network.config.reaches, strict=True):
        steps = folded((*layer.over, *layer.within))
        apart = graph.reshaped(hidden, [clips, -1, width])
        three = graph("Gather", apart, _around(graph, frames, reach), axis=1)
        out = layers(graph, graph.reshaped(three, [-1, 3 * width]), steps)
        hidden = graph("Add", hidden, out) if layer.residual else out
        width = network.config.width
    return layers(graph, hidden, folded((network.head,)))


def _around(graph: Graph, frames: str, reach: tuple[int, int, int]) -> str:
    """The frames that each looks at, [frames 3]; outside the clip its first or last."""
    count = graph("Squeeze", frames)
    zero, one = (graph("Squeeze", graph.constant([number])) for number in (0, 1))
    at = graph.unsqueezed(graph("Range", zero, count, one), -1)
    at = graph("Add", at, graph.constant(list(reach)))
    return graph("Max", graph("Min", at, graph("Sub", count, one)), zero)


def _calibration(graph: Graph, seen: str, calibration: Tensor) -> str:
    return graph("Where", seen, graph.constant(calibration[0]), graph.constant(calibration[1]))


def martinez_graph(graph: Graph, network: MartinezNet) -> None:
    """`MartinezNet.joints`."""
    layout = network.layout
    inputs, outputs = len(layout.inputs), len(layout.outputs)
    pixels = graph.given("pixels", ["batch", inputs, 2])
    seen = graph.given("seen", ["batch", inputs], boolean=True)
    standard = graph("Sub", pixels, graph.constant(network.pixel_mean))
    standard = graph("Div", standard, graph.constant(network.pixel_std))
    standard = graph("Where", graph.unsqueezed(seen, -1), standard, graph.scalar(0.0))
    flat = graph.reshaped(standard, [0, 2 * inputs])
    out = graph.reshaped(layers(graph, flat, folded(network.body)), [0, outputs - 1, 3])
    out = graph("Mul", out, graph.constant(network.joint_std / 1000))
    out = graph("Add", out, graph.constant(network.joint_mean / 1000))
    root_first = graph.constant([0, 1, 0, 0, 0, 0])
    graph.answer(graph("Pad", out, root_first), "joints", ["batch", outputs, 3])
