"""Normals of surfaces that are made of triangles, compiled."""

from math import sqrt

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from lift3d.geometry.compiled import fast

__all__ = ["vertex_normals"]


@fast
def vertex_normals(
    vertices: Float32[ndarray, "vertices 3"],
    faces: Int32[ndarray, "faces 3"],
    out: Float32[ndarray, "vertices 3"],
) -> None:
    """Unit means of the triangles around each vertex, by area; 0 where there are none.

    A triangle with a corner that is not finite adds nothing to its other corners.
    """
    out[:] = 0
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        ax, ay, az = vertices[j, 0] - x, vertices[j, 1] - y, vertices[j, 2] - z
        bx, by, bz = vertices[k, 0] - x, vertices[k, 1] - y, vertices[k, 2] - z
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        if abs(nx) + abs(ny) + abs(nz) < np.float32(1e30):
            for v in (i, j, k):
                out[v, 0] += nx
                out[v, 1] += ny
                out[v, 2] += nz
    for v in range(len(out)):
        x, y, z = out[v, 0], out[v, 1], out[v, 2]
        scale = np.float32(1) / max(np.float32(sqrt(x * x + y * y + z * z)), np.float32(1e-20))
        out[v, 0], out[v, 1], out[v, 2] = x * scale, y * scale, z * scale
