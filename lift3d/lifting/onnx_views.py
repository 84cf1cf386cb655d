"""Nodes around the layers of networks on viewing rays: what they read, and what their numbers say.

The formulas are those of `universal_net`, which explains them. Axes of points lie in planes here,
[rows axes 40], which runs faster than [rows 40 axes].
"""

from dataclasses import dataclass
from typing import Final

import torch

from lift3d.lifting.onnx_graph import Graph
from lift3d.lifting.vocabulary import FLIP, HIPS, VOCABULARY

__all__ = [
    "POINTS",
    "Shown",
    "Spread",
    "answered",
    "as_shown",
    "features",
    "placed",
    "spread",
    "with_mirrored",
]

POINTS: Final = len(VOCABULARY)
_BODY: Final = 0.5
_CORRECTION: Final = 0.3
_SPREAD: Final = 0.05
_LEAST: Final = 0.004
_SIGN: Final = torch.tensor([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Shown:
    """Values of people as seen: `points` [rows 40 2], 0 where not `seen` [rows 40]."""

    points: str
    seen: str
    size: str
    """Mean distance of the seen points from the middle, [rows 1]."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Planes [rows 3 40] of the triangular factors: their diagonals, and what lies below (xy xz yz)."""

    diagonal: str
    below: str


def as_shown(graph: Graph, points: str, seen: str) -> Shown:
    """Points that were not seen may hold anything, NaN as well."""
    points = graph("Where", graph.unsqueezed(seen, -1), points, graph.scalar(0.0))
    last, each = graph.constant([-1]), graph.constant([1])
    lengths = graph("ReduceL2", points, last, keepdims=0)
    count = graph("ReduceSum", graph.number(seen), each, keepdims=1)
    size = graph("ReduceSum", lengths, each, keepdims=1)
    size = graph("Div", size, graph("Max", count, graph.scalar(1.0)))
    return Shown(points, seen, graph("Max", size, graph.scalar(1e-4)))


def with_mirrored(graph: Graph, points: str, seen: str) -> tuple[str, str]:
    """Both, with those of all mirrored people behind."""
    order = graph.constant(FLIP)
    other = graph("Gather", points, order, axis=1)
    other = graph("Mul", other, graph.constant([-1.0, 1.0]))
    other_seen = graph("Gather", seen, order, axis=1)
    return graph.cat(points, other, axis=0), graph.cat(seen, other_seen, axis=0)


def features(graph: Graph, shown: Shown) -> str:
    """What the universal network reads."""
    flat = graph.reshaped(shown.points, [0, 2 * POINTS])
    scale = graph("Add", graph("Log", shown.size), graph.scalar(2.0))
    flat = graph("Div", flat, shown.size)
    return graph.cat(flat, graph.number(shown.seen), scale, axis=1)


def placed(graph: Graph, places: str, shown: Shown) -> str:
    """Root-relative joints, [rows 3 40]."""
    moved, away = graph.split(places, [3 * POINTS, 1], axis=1)
    moved = graph.turned(graph.reshaped(moved, [0, POINTS, 3]))
    across, depth = graph.split(moved, [2, 1], axis=1)
    depth = graph("Sub", depth, graph("Gather", depth, graph.constant([0]), axis=2))
    away = graph.scaled(graph("Exp", graph.clipped(away, -2.0, 2.0)), _BODY)
    distance = graph.unsqueezed(graph("Div", away, shown.size), -1)
    points = graph("Mul", graph.turned(shown.points), graph("Add", distance, depth))
    across = graph("Add", points, graph.scaled(across, _CORRECTION))
    return _about_hips(graph, graph.cat(across, depth, axis=1))


def _about_hips(graph: Graph, joints: str) -> str:
    hips = graph("Gather", joints, graph.constant(list(HIPS)), axis=2)
    middle = graph("ReduceMean", hips, graph.constant([2]), keepdims=1)
    but_pelvis = torch.ones(POINTS)
    but_pelvis[0] = 0
    return graph("Mul", graph("Sub", joints, middle), graph.constant(but_pelvis))


def spread(graph: Graph, spreads: str) -> Spread:
    """The factors that the network's numbers say."""
    planes = graph.turned(graph.reshaped(spreads, [0, POINTS, 6]))
    diagonal, below = graph.split(planes, [3, 3], axis=1)
    diagonal = graph.scaled(graph("Exp", graph.clipped(diagonal, -4.0, 4.0)), _SPREAD)
    diagonal = graph("Add", diagonal, graph.scalar(_LEAST))
    return Spread(diagonal, graph.scaled(below, _SPREAD))


def answered(graph: Graph, joints: str, sure: Spread, scale: str, *, flip: bool) -> None:
    """The outputs: joints and covariances times `scale` [rows 40], the mean over mirror images."""
    covariance = graph("Mul", _covariance(graph, sure), graph.unsqueezed(scale, 1))
    planes = graph.cat(joints, covariance, axis=1)
    if flip:
        planes = _mean_of_mirrors(graph, planes)
    joints, covariance = graph.split(planes, [3, 9], axis=1)
    graph.answer(graph.turned(joints), "joints", ["batch", POINTS, 3])
    covariance = graph.reshaped(graph.turned(covariance), [0, POINTS, 3, 3])
    graph.answer(covariance, "covariance", ["batch", POINTS, 3, 3])


def _covariance(graph: Graph, sure: Spread) -> str:
    """L L^T, its nine entries in planes."""
    x, y, z = graph.split(sure.diagonal, [1, 1, 1], axis=1)
    xy, xz, yz = graph.split(sure.below, [1, 1, 1], axis=1)
    rows = ((x,), (xy, y), (xz, yz, z))
    entry = {(i, j): _dot(graph, rows[i], rows[j]) for i in range(3) for j in range(i + 1)}
    every = [entry[max(i, j), min(i, j)] for i in range(3) for j in range(3)]
    return graph.cat(*every, axis=1)


def _dot(graph: Graph, one: tuple[str, ...], other: tuple[str, ...]) -> str:
    products = [graph("Mul", a, b) for a, b in zip(one, other, strict=False)]
    return products[0] if len(products) == 1 else graph("Sum", *products)


def _mean_of_mirrors(graph: Graph, planes: str) -> str:
    both = graph.reshaped(planes, [2, -1, 12, POINTS])
    one, other = (graph("Squeeze", part, graph.constant([0]))
                  for part in graph.split(both, [1, 1], axis=0))  # fmt: skip
    sign = torch.cat([_SIGN, torch.outer(_SIGN, _SIGN).flatten()])[:, None]
    back = graph("Gather", other, graph.constant(FLIP), axis=2)
    back = graph("Mul", back, graph.constant(sign))
    return graph.scaled(graph("Add", one, back), 0.5)
