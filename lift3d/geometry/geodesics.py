"""Distances along the surface of a triangle mesh.

Shortest paths through a graph of vertices (E. W. Dijkstra, 1959). Along edges alone they zigzag and
come out up to a sixth too long; so vertices that a straight line over a few unfolded triangles connects
are neighbours, too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

if TYPE_CHECKING:  # SciPy's graphs take a while to import
    from scipy.sparse import csr_array

__all__ = ["geodesic_distances", "surface_graph"]

_STEPS: Final = 3
"""Edges that a straight connection may cross."""


def surface_graph(
    vertices: Float64[ndarray, "vertices 3"], faces: Int64[ndarray, "faces 3"]
) -> "csr_array":
    """Distances between vertices that an edge or a straight line over up to four triangles connects."""
    from scipy.sparse import coo_array

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs, lengths = (
        [edges],
        [np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)],
    )
    for ends, far in _unfolded(vertices, faces):
        pairs.append(ends)
        lengths.append(far)
    both = np.concatenate([*pairs, *(pair[:, ::-1] for pair in pairs)])
    far = np.concatenate([*lengths, *lengths])
    low = np.lexsort((far, both[:, 1], both[:, 0]))  # of several ways the shortest
    both, far = both[low], far[low]
    first = np.ones(len(both), bool)
    first[1:] = (both[1:] != both[:-1]).any(1)
    both, far = (
        both[first].astype(np.int32),
        far[first],
    )  # SciPy before 1.15 walks no larger numbers
    shape = (len(vertices), len(vertices))
    return coo_array((far, (both[:, 0], both[:, 1])), shape=shape).tocsr()


def geodesic_distances(
    graph: "csr_array", sources: Int64[ndarray, " sources"], limit: float = np.inf
) -> Float64[ndarray, "sources vertices"]:
    """Distances from some vertices to all (metres); infinite beyond the limit and on other pieces."""
    from scipy.sparse.csgraph import dijkstra

    return np.asarray(dijkstra(graph, indices=sources, limit=limit))


class _Windows(NamedTuple):
    """From the vertex `apex` one looks through the edge from `left` to `right`.

    With all triangles so far unfolded into a plane and the apex at its origin, the edge's ends are at
    `a` and `b`, and the window is open between the directions `low` and `high`.
    """

    apex: ndarray
    left: ndarray
    right: ndarray
    a: ndarray
    b: ndarray
    low: ndarray
    high: ndarray

    def some(self, chosen: ndarray) -> "_Windows":
        return _Windows(*(values[chosen] for values in self))

    def sees(self, c: ndarray) -> tuple[ndarray, ndarray]:
        """Whether points are inside of the one border, and of the other."""
        return _turn(self.low, c) > 0, _turn(c, self.high) > 0


def _unfolded(
    vertices: ndarray, faces: ndarray
) -> Iterator[tuple[Int64[ndarray, "pairs 2"], Float64[ndarray, " pairs"]]]:
    """Vertices seen in a straight line across edges, once the triangles between lie in a plane.

    From the apex of each triangle one looks through its far edge; each further triangle narrows the
    window.
    """
    across = _across(faces)
    windows = _first_windows(vertices, faces)
    for _ in range(_STEPS):
        far, found = _beyond(across, windows.left, windows.right)
        windows, far = windows.some(found), far[found]
        c = _in_plane(vertices, (windows.left, windows.right, far), windows.a, windows.b)
        after_low, before_high = windows.sees(c)
        seen = after_low & before_high
        yield np.stack([windows.apex, far], -1)[seen], np.linalg.norm(c, axis=1)[seen]
        # On through both further edges, as far as the window shows them.
        high = np.where(before_high[:, None], c, windows.high)
        low = np.where(after_low[:, None], c, windows.low)
        through_left = windows._replace(right=far, b=c, high=high).some(after_low)
        through_right = windows._replace(left=far, a=c, low=low).some(before_high)
        pairs = zip(through_left, through_right, strict=True)
        windows = _Windows(*(np.concatenate(pair) for pair in pairs))


def _first_windows(vertices: ndarray, faces: ndarray) -> _Windows:
    """Each triangle from each of its corners."""
    corners = np.concatenate([faces, faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    apex, left, right = corners.T
    along, across = vertices[left] - vertices[apex], vertices[right] - vertices[apex]
    long, wide = np.linalg.norm(along, axis=1), np.linalg.norm(across, axis=1)
    cosine = np.clip((along * across).sum(1) / np.maximum(long * wide, 1e-30), -1, 1)
    a = np.stack([long, np.zeros_like(long)], -1)
    b = wide[:, None] * np.stack([cosine, np.sqrt(1 - cosine**2)], -1)
    return _Windows(apex, left, right, a, b, a, b)


def _across(faces: ndarray) -> dict[str, ndarray]:
    """Directed edges, sorted by a key, and the vertex opposite of each."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    key = edges[:, 0] << 32 | edges[:, 1]
    order = np.argsort(key)
    return {"key": key[order], "opposite": opposite[order]}


def _beyond(across: dict[str, ndarray], left: ndarray, right: ndarray) -> tuple[ndarray, ndarray]:
    """The vertex on the other side of the edge from left to right, and whether there is one."""
    wanted = right.astype(np.int64) << 32 | left.astype(np.int64)
    at = np.minimum(np.searchsorted(across["key"], wanted), len(across["key"]) - 1)
    return across["opposite"][at], across["key"][at] == wanted


def _in_plane(vertices: ndarray, corners: tuple[ndarray, ...], a: ndarray, b: ndarray) -> ndarray:
    """Where the third corner comes to lie, beyond the edge a b as seen from the origin."""
    left, right, far = (vertices[corner] for corner in corners)
    edge = right - left
    length = np.maximum(np.linalg.norm(edge, axis=1), 1e-30)
    along = ((far - left) * edge).sum(1) / length
    height = np.sqrt(np.maximum(((far - left) ** 2).sum(1) - along**2, 0))
    direction = (b - a) / length[:, None]
    outward = np.stack([direction[:, 1], -direction[:, 0]], -1)
    return np.asarray(a + along[:, None] * direction + height[:, None] * outward)


def _turn(a: ndarray, b: ndarray) -> ndarray:
    """Above 0 where b lies to the left of a."""
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
