"""Named sites on the default body, each a few weighted vertices and the joint it rides on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .layout import index
from .shape import site_weights
from .surface import Surface

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

# Interior sites: the heads of the source's bones where MediaPipe Pose puts its hand points
# (first knuckle of pinky and index finger, second knuckle of the thumb).
KNUCKLES = {"pinky": "finger5-1", "index": "finger2-1", "thumb": "finger1-3"}
# A first knuckle ends the palm: bending the fingers leaves it where it is.
ON_THE_PALM = ("pinky", "index")
TOES = {"big_toe": ("toe1-2",), "small_toe": ("toe5-3",), "foot_index": ("toe2-3",)}


@dataclass(frozen=True, slots=True)
class Landmark:
    """Vertices, their weights (sum 1), and the index of the joint that carries most of them."""

    vertices: Ints
    weights: Array
    joint: int


@dataclass(frozen=True, slots=True)
class Body:
    """What the sites are found on: T-posed bodies, their mean, skinning, bones and eyes."""

    surface: Surface
    bodies: Array
    mean: Array
    mirror: Ints
    skin_weights: Array
    bone_weights: dict[str, Array]
    bone_heads: dict[str, Array]
    head: int
    eye: Array
    mouth_corner: Array


def find(body: Body) -> dict[str, Landmark]:
    """Return every landmark; right sides are mirror images of left sides."""
    out = {name: _make(body, *patch) for name, patch in _midline(body).items()}
    for name, (vertices, weights) in _left(body).items():
        for side, at in (("left", vertices), ("right", body.mirror[vertices])):
            site = _make(body, at, weights)
            palm = name in ON_THE_PALM
            out[f"{side}_{name}"] = replace(site, joint=index(f"{side}_wrist")) if palm else site
    return dict(sorted(out.items()))


def _make(body: Body, vertices: Ints, weights: Array) -> Landmark:
    carried = weights @ body.skin_weights[vertices]
    return Landmark(vertices, weights / weights.sum(), int(carried.argmax()))


def _patch(body: Body, point: Array, count: int = 4) -> tuple[Ints, Array]:
    """Return the nearest skin vertices of a point, weighted by a Gaussian of 4 mm."""
    distance = np.linalg.norm(body.mean - point, axis=1)
    vertices = np.argsort(distance)[:count]
    return vertices, np.exp(-0.5 * (distance[vertices] / 0.004) ** 2) + 1e-6


def _extreme(body: Body, mask: NDArray[np.bool_], direction: tuple[float, float, float]) -> Array:
    chosen = np.flatnonzero(mask)
    return np.asarray(body.mean[chosen[(body.mean[chosen] @ np.array(direction)).argmax()]])


def _midline(body: Body) -> dict[str, tuple[Ints, Array]]:
    mean, eye = body.mean, body.eye
    middle = (body.skin_weights[:, body.head] > 0.5) & (np.abs(mean[:, 0]) < 0.004)
    front = middle & (mean[:, 2] > eye[2] - 0.03)
    points = {
        "nose": _extreme(body, front & (mean[:, 1] < eye[1]), (0.0, 0.0, 1.0)),
        "chin": _extreme(body, front & (mean[:, 1] < eye[1] - 0.07), (0.0, -0.8, 0.6)),
        "head_top": _extreme(body, middle, (0.0, 1.0, 0.0)),
    }
    return {name: _symmetric(body, _patch(body, point)) for name, point in points.items()}


def _symmetric(body: Body, patch: tuple[Ints, Array]) -> tuple[Ints, Array]:
    row = np.zeros(len(body.mean))
    np.add.at(row, patch[0], 0.5 * patch[1])
    np.add.at(row, body.mirror[patch[0]], 0.5 * patch[1])
    vertices = np.flatnonzero(row)
    return vertices, row[vertices]


def _left(body: Body) -> dict[str, tuple[Ints, Array]]:
    eye_loop = _eye_opening(body.surface, body.mean)
    inner, outer = body.mean[eye_loop, 0].argmin(), body.mean[eye_loop, 0].argmax()
    points = {
        "eye_inner": body.mean[eye_loop[inner]],
        "eye_outer": body.mean[eye_loop[outer]],
        "mouth": body.mouth_corner,
        "ear": _ear(body),
        "heel": _heel(body),
    }
    for name, bones in TOES.items():
        carried = sum(body.bone_weights[f"{bone}.L"] for bone in bones)
        points[name] = _extreme(body, np.asarray(carried) > 0.5, (0.0, -0.2, 1.0))
    out = {name: _patch(body, point) for name, point in points.items()}
    out["eye"] = _eye(body)
    for name, bone in KNUCKLES.items():
        out[name] = site_weights(body.bodies, body.bone_heads[f"{bone}.L"], (0.02, 0.03, 0.04), 80)
    return out


def _eye_opening(surface: Surface, mean: Array) -> Ints:
    """Return the vertices on the rim of the left eye's lids (a boundary of the skin's mesh)."""
    faces = surface.faces[~surface.eyes]
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    rim = unique[counts == 1]
    size = len(mean)
    graph = sp.csr_array((np.ones(len(rim)), (rim[:, 0], rim[:, 1])), shape=(size, size))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    loops = [np.flatnonzero(label == k) for k in np.unique(label[rim.ravel()])]
    left = [loop for loop in loops if mean[loop, 0].mean() > 0.01]
    if len(left) != 1:
        raise ValueError(f"expected one opening on the left of the face, got {len(left)}")
    return left[0]


def _eye(body: Body) -> tuple[Ints, Array]:
    vertices = np.unique(body.surface.faces[body.surface.eyes])
    off = np.hypot(*(body.mean[vertices, :2] - body.eye[:2]).T)
    pupil = vertices[off < 0.0026]
    return pupil, np.full(len(pupil), 1.0 / len(pupil))


def _ear(body: Body) -> Array:
    """Return a point at the ear's front edge, by the tragus: where annotators put the ear."""
    mean = body.mean
    level = np.abs(mean[:, 1] - body.eye[1] + 0.012) < 0.045
    side = (body.skin_weights[:, body.head] > 0.5) & level
    widest = mean[side, 0].max()
    pinna = mean[side & (mean[:, 0] > widest - 0.016)]
    return np.asarray(pinna.mean(axis=0) + np.array([-0.008, -0.002, 0.006]))


def _heel(body: Body) -> Array:
    floor = body.mean[:, 1].min()
    low = (
        (body.mean[:, 1] < floor + 0.03) & (body.mean[:, 0] > 0) & (body.mean[:, 1] > floor + 0.008)
    )
    return _extreme(body, low, (0.0, 0.0, -1.0))
