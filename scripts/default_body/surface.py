"""A triangle mesh as a linear function of the source's vertices, and the cuts made in it.

Every vertex of the new mesh is a weighted mean of source vertices (a row of `mix`), so that one
cut serves all sampled bodies and their skinning weights alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles with texture corners, `mix` (vertices x source vertices), and an eye mask."""

    faces: Ints
    uv: Array
    uv_faces: Ints
    eyes: NDArray[np.bool_]
    mix: sp.csr_array


def triangulated(quads: Ints, mean: Array, mirror: Ints) -> Ints:
    """Return which corners (2F, 3) of quads (F, 4) make triangles, alike on both sides.

    A quad is split along its shorter diagonal on `mean`; one on the right follows its mirror
    image, so that cuts through the diagonals stay symmetric. Rows 2k and 2k + 1 split quad k.
    """
    ends = mean[quads]
    lengths = [np.linalg.norm(ends[:, a] - ends[:, b], axis=1) for a, b in ((0, 2), (1, 3))]
    first = lengths[0] <= lengths[1]
    on_left = ends[..., 0].mean(axis=1) > 0
    diagonals = np.where(first[:, None], quads[:, [0, 2]], quads[:, [1, 3]])
    wanted = {
        frozenset(mirror[quad].tolist()): set(mirror[diagonal].tolist())
        for quad, diagonal, left in zip(quads, diagonals, on_left, strict=True)
        if left
    }
    for k in np.flatnonzero(~on_left):
        partner = wanted.get(frozenset(quads[k].tolist()))
        if partner is not None:
            first[k] = partner == {int(quads[k, 0]), int(quads[k, 2])}
    along_02 = np.array([[0, 1, 2], [0, 2, 3]])
    along_13 = np.array([[1, 2, 3], [1, 3, 0]])
    return np.where(first[:, None, None], along_02, along_13).reshape(-1, 3)


def mouth_cap(
    quads: Ints, uv_quads: Ints, mean: Array, mirror: Ints
) -> tuple[Ints, Ints, tuple[int, int]]:
    """Return triangles (as quads that repeat a vertex) that close the slit between the lips.

    With the hidden mouth taken away, one could look between the lips into the head. The slit is
    the rim of the visible mesh that crosses the midline. Also returned: the texture corners, and
    the vertices at the mouth's left and right corner.
    """
    following, texture = {}, {}
    for quad, uv_quad in zip(quads.tolist(), uv_quads.tolist(), strict=True):
        for k in range(4):
            following[quad[k], quad[(k + 1) % 4]] = True
            texture[quad[k]] = uv_quad[k]
    rim = {a: b for a, b in following if (b, a) not in following}
    loop = next(ring for ring in _rings(rim) if mean[ring, 0].min() < 0 < mean[ring, 0].max())
    corner = max(loop, key=lambda vertex: mean[vertex, 0])
    there, back = _halves(loop, corner, mean)
    left = _zipped(there, back, mean)
    right = [(int(mirror[a]), int(mirror[c]), int(mirror[b])) for a, b, c in left]
    cap = np.array([(a, b, c, a) for a, b, c in left + right])
    return cap, np.vectorize(texture.__getitem__)(cap), (corner, int(mirror[corner]))


def _halves(loop: list[int], corner: int, mean: Array) -> tuple[list[int], list[int]]:
    """Return the chains from the midline to the corner: along the loop, and against it."""
    at = loop.index(corner)
    ring = loop[at:] + loop[:at]
    middle = [k for k, vertex in enumerate(ring) if abs(mean[vertex, 0]) < 1e-4]
    back = ring[: middle[0] + 1]
    there = [*ring[middle[-1] :], corner]
    return there, back[::-1]


def _zipped(there: list[int], back: list[int], mean: Array) -> list[tuple[int, int, int]]:
    """Return triangles between two chains that share their last vertex."""
    i, j, out = 0, 0, []
    while i + j + 2 < len(there) + len(back):
        more_there, more_back = i + 1 < len(there), j + 1 < len(back)
        ahead = more_there and (not more_back or mean[there[i + 1], 0] <= mean[back[j + 1], 0])
        if ahead:
            out.append((there[i + 1], there[i], back[j]))
            i += 1
        else:
            out.append((back[j], back[j + 1], there[i]))
            j += 1
    return [triangle for triangle in out if len(set(triangle)) == 3]


def _rings(rim: dict[int, int]) -> list[list[int]]:
    left, out = dict(rim), []
    while left:
        first, at = left.popitem()
        ring = [first]
        while at != first:
            ring.append(at)
            at = left.pop(at)
        out.append(ring)
    return out


def keep_faces(surface: Surface, mask: NDArray[np.bool_]) -> Surface:
    """Return the surface with the masked faces only, without vertices that nothing uses."""
    used, faces = np.unique(surface.faces[mask], return_inverse=True)
    used_uv, uv_faces = np.unique(surface.uv_faces[mask], return_inverse=True)
    return Surface(
        faces=faces.reshape(-1, 3),
        uv=surface.uv[used_uv],
        uv_faces=uv_faces.reshape(-1, 3),
        eyes=surface.eyes[mask],
        mix=surface.mix[used],
    )


def cut(
    surface: Surface,
    mean: Array,
    values: Array,
    level: float,
    where: NDArray[np.bool_],
    tolerance: float,
) -> tuple[Surface, sp.csr_array, Array]:
    """Split triangles along the curve `values == level`, between vertices of `where` only.

    `mean` (V, 3) decides along which diagonal the rest of a cut triangle is split. Returns the new
    surface, the matrix that carries any per-vertex quantity over to it, and the new values. A
    vertex within `tolerance` of the level is put on it, which avoids sliver triangles.
    """
    edges, amount = _crossings(surface.faces, values - level, where)
    close = np.abs(values[edges] - level) <= tolerance
    kept = ~close.any(axis=1)
    values = values.copy()
    values[edges[close]] = level
    edges, amount = edges[kept], amount[kept]
    new_vertex = len(values) + np.arange(len(edges))
    carry = _edge_matrix(len(values), edges, amount)
    key = {(int(a), int(b)): int(n) for (a, b), n in zip(edges, new_vertex, strict=True)}
    share = dict(zip(new_vertex.tolist(), amount.tolist(), strict=True))
    faces, corners, eyes, uv = _split(surface, key, share, np.asarray(carry @ mean))
    done = Surface(faces, uv, corners, eyes, sp.csr_array(carry @ surface.mix))
    values = np.concatenate([values, np.full(len(edges), level)])
    return done, carry, values


def _crossings(faces: Ints, height: Array, where: NDArray[np.bool_]) -> tuple[Ints, Array]:
    """Return the edges that cross zero, and at which share of their length."""
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    first, second = height[edges[:, 0]], height[edges[:, 1]]
    crossing = (first * second < 0) & where[edges].all(axis=1)
    return edges[crossing], (first / np.where(crossing, first - second, 1.0))[crossing]


def _edge_matrix(count: int, edges: Ints, amount: Array) -> sp.csr_array:
    rows = np.repeat(np.arange(len(edges)), 2)
    weights = np.stack([1.0 - amount, amount], axis=1).ravel()
    extra = sp.csr_array((weights, (rows, edges.ravel())), shape=(len(edges), count))
    return sp.csr_array(sp.vstack([sp.eye_array(count), extra], format="csr"))


def _split(
    surface: Surface, key: dict[tuple[int, int], int], share: dict[int, float], mean: Array
) -> tuple[Ints, Ints, NDArray[np.bool_], Array]:
    faces, corners, eyes = [], [], []
    uv: list[Array] = list(surface.uv)
    uv_key: dict[tuple[int, int], int] = {}

    def midpoint(ends: tuple[int, int], ends_uv: tuple[int, int]) -> tuple[int, int] | None:
        low_first = ends if ends[0] < ends[1] else ends[::-1]
        vertex = key.get(low_first)
        if vertex is None:
            return None
        pair = ends_uv if ends[0] < ends[1] else ends_uv[::-1]
        if pair not in uv_key:
            uv_key[pair] = len(uv)
            uv.append((1.0 - share[vertex]) * uv[pair[0]] + share[vertex] * uv[pair[1]])
        return vertex, uv_key[pair]

    for face, corner, eye in zip(
        surface.faces.tolist(), surface.uv_faces.tolist(), surface.eyes, strict=True
    ):
        ring: list[tuple[int, int]] = []
        inserted: list[int] = []
        for k in range(3):
            n = (k + 1) % 3
            ring.append((face[k], corner[k]))
            middle = midpoint((face[k], face[n]), (corner[k], corner[n]))
            if middle is not None:
                inserted.append(len(ring))
                ring.append(middle)
        for triangle in _triangles(ring, inserted, mean):
            faces.append([ring[t][0] for t in triangle])
            corners.append([ring[t][1] for t in triangle])
            eyes.append(eye)
    return np.array(faces), np.array(corners), np.array(eyes), np.array(uv)


def _triangles(
    ring: list[tuple[int, int]], inserted: list[int], mean: Array
) -> list[tuple[int, int, int]]:
    """Return triangles of a triangle with up to two points inserted in its ring."""
    size = len(ring)
    if not inserted:
        return [(0, 1, 2)]
    if len(inserted) == 1:
        p = inserted[0]
        return [(p, (p + 1) % 4, (p + 2) % 4), (p, (p + 2) % 4, (p + 3) % 4)]
    p, q = inserted if (inserted[1] - inserted[0]) == 2 else inserted[::-1]
    apex, after, last = (p + 1) % size, (q + 1) % size, (q + 2) % size

    def length(a: int, b: int) -> float:
        return float(np.linalg.norm(mean[ring[a][0]] - mean[ring[b][0]]))

    if length(p, after) < length(q, last):
        return [(p, apex, q), (p, q, after), (p, after, last)]
    return [(p, apex, q), (p, q, last), (q, after, last)]


def vertex_normals(vertices: Array, faces: Ints) -> Array:
    """Return unit area-weighted normals at the vertices."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], normals)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def neighbour_mean(faces: Ints, count: int) -> sp.csr_array:
    """Return the matrix that gives each vertex the mean of its neighbours."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([ends, ends[:, ::-1]])
    near = sp.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    near.data[:] = 1.0
    return sp.csr_array(sp.diags_array(1.0 / near.sum(axis=1)) @ near)


def smoothed(surface: Surface, amount: Array, steps: int) -> Surface:
    """Return the surface with each vertex drawn to its neighbours by its `amount`, `steps` times."""
    mean = neighbour_mean(surface.faces, len(amount))
    step = sp.csr_array(sp.diags_array(1.0 - amount) + sp.diags_array(amount) @ mean)
    mix = surface.mix
    for _ in range(steps):
        mix = sp.csr_array(step @ mix)
    return replace(surface, mix=mix)


def faired(surface: Surface, inside: NDArray[np.bool_]) -> Surface:
    """Return the surface with a patch replaced by the smoothest that meets its surroundings.

    Smoothest: the Laplacian of the Laplacian vanishes inside, as in a bent plate.
    """
    count = len(inside)
    laplacian = sp.eye_array(count, format="csr") - neighbour_mean(surface.faces, count)
    plate = sp.csr_array(laplacian @ laplacian)[np.flatnonzero(inside)].tocsc()
    inner, outer = np.flatnonzero(inside), np.flatnonzero(~inside)
    weights = -np.linalg.solve(plate[:, inner].toarray(), plate[:, outer].toarray())
    weights[np.abs(weights) < 1e-9] = 0.0
    put = sp.lil_array((count, count))
    put.setdiag(np.where(inside, 0.0, 1.0))
    put[np.ix_(inner, outer)] = weights
    return replace(surface, mix=sp.csr_array(sp.csr_array(put) @ surface.mix))
