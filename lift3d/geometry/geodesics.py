"""Distances along the surface of a triangle mesh.

Shortest paths through a graph of vertices (E. W. Dijkstra, 1959). Along edges alone they zigzag and
come out up to a sixth too long; so vertices that a straight line over a few unfolded triangles connects
are neighbours, too.
"""

from typing import TYPE_CHECKING, Final

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
    first = np.concatenate([[True], (both[1:] != both[:-1]).any(1)]) if len(both) else []
    both, far = both[first], far[first]
    return coo_array((far, (both[:, 0], both[:, 1])), shape=(len(vertices),) * 2).tocsr()


def geodesic_distances(
    graph: "csr_array", sources: Int64[ndarray, " sources"], limit: float = np.inf
) -> Float64[ndarray, "sources vertices"]:
    """Distances from some vertices to all (metres); infinite beyond the limit and on other pieces."""
    from scipy.sparse.csgraph import dijkstra

    return np.asarray(dijkstra(graph, indices=sources, limit=limit))


def _unfolded(
    vertices: ndarray, faces: ndarray
) -> "list[tuple[Int64[ndarray, 'pairs 2'], Float64[ndarray, ' pairs']]]":
    """Vertices seen in a straight line across edges, once the triangles between lie in a plane.

    From the apex of each triangle one looks through the window of its far edge; each further
    triangle narrows it.
    """
    across = _across(faces)
    corners = np.concatenate([faces, faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    apex, left, right = corners.T
    # In the plane: the apex at the origin, the window's ends where they are seen from it.
    long = np.linalg.norm(vertices[left] - vertices[apex], axis=1)
    wide = np.linalg.norm(vertices[right] - vertices[apex], axis=1)
    cosine = ((vertices[left] - vertices[apex]) * (vertices[right] - vertices[apex])).sum(1)
    cosine = np.clip(cosine / np.maximum(long * wide, 1e-30), -1, 1)
    a = np.stack([long, np.zeros_like(long)], -1)
    b = wide[:, None] * np.stack([cosine, np.sqrt(1 - cosine**2)], -1)
    rays = (a, b)
    out: list[tuple[ndarray, ndarray]] = []
    for _ in range(_STEPS):
        far, found = _beyond(across, left, right)
        keep = found
        apex, left, right, far, a, b = (x[keep] for x in (apex, left, right, far, a, b))
        rays = (rays[0][keep], rays[1][keep])
        c = _in_plane(vertices, (left, right, far), a, b)
        seen = (_turn(rays[0], c) > 0) & (_turn(c, rays[1]) > 0)
        out.append((np.stack([apex, far], -1)[seen], np.linalg.norm(c, axis=1)[seen]))
        # On through both further edges, as far as the window shows them.
        low = np.where((_turn(rays[0], c) > 0)[:, None], c, rays[0])
        high = np.where((_turn(c, rays[1]) > 0)[:, None], c, rays[1])
        right_of, left_of = _turn(rays[0], c) > 0, _turn(c, rays[1]) > 0
        apex = np.concatenate([apex[right_of], apex[left_of]])
        a, b = np.concatenate([a[right_of], c[left_of]]), np.concatenate([c[right_of], b[left_of]])
        new_left = np.concatenate([left[right_of], far[left_of]])
        new_right = np.concatenate([far[right_of], right[left_of]])
        rays = (
            np.concatenate([rays[0][right_of], low[left_of]]),
            np.concatenate([high[right_of], rays[1][left_of]]),
        )
        left, right = new_left, new_right
    return out


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
    return a + along[:, None] * direction + height[:, None] * outward


def _turn(a: ndarray, b: ndarray) -> ndarray:
    """Above 0 where b lies to the left of a."""
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
