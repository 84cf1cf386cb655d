"""Light at the vertices."""

from math import exp, sqrt

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lift3d.geometry.compiled import fast

__all__ = ["display", "light"]


@fast
def light(  # noqa: PLR0917 - kernels take plain arrays
    points: Float32[ndarray, "vertices 3"],
    normals: Float32[ndarray, "vertices 3"],
    seen_by_key: Float32[ndarray, " seen"],
    lamps: Float32[ndarray, "lamps 7"],
    ambient: Float32[ndarray, "3 3"],
    sheen: float,
    out: Float32[ndarray, "vertices 6"],
) -> None:
    """What a surface is multiplied by, and what is added to it: `shading.shade` says how."""
    one, half, none = np.float32(1), np.float32(0.5), np.float32(0)
    for v in range(len(points)):
        x, y, z = -points[v, 0], -points[v, 1], -points[v, 2]
        scale = one / max(np.float32(sqrt(x * x + y * y + z * z)), np.float32(1e-12))
        x, y, z = x * scale, y * scale, z * scale
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        key = seen_by_key[v] if len(seen_by_key) else one
        up = half - half * ny
        for c in range(3):
            out[v, c] = ambient[1, c] + (ambient[0, c] - ambient[1, c]) * up
        for lamp in range(len(lamps)):
            row = lamps[lamp]
            facing = nx * row[0] + ny * row[1] + nz * row[2]
            bright = max((facing + row[6]) / (one + row[6]), none)
            if lamp == 0:
                bright *= key
            for c in range(3):
                out[v, c] += row[3 + c] * bright
        hx, hy, hz = x + lamps[0, 0], y + lamps[0, 1], z + lamps[0, 2]
        scale = one / max(np.float32(sqrt(hx * hx + hy * hy + hz * hz)), np.float32(1e-12))
        glint = min(max((nx * hx + ny * hy + nz * hz) * scale, none), one)
        glint = glint * glint * glint
        glint *= glint
        glint *= glint
        glint *= np.float32(sheen) * glint * key
        turned = one - min(max(nx * x + ny * y + nz * z, none), one)
        turned *= turned
        turned *= turned * up
        for c in range(3):
            out[v, 3 + c] = glint + ambient[2, c] * turned


@fast
def display(
    colors: Float32[ndarray, "vertices 3"],
    lights: Float32[ndarray, "vertices 6"],
    out: Float32[ndarray, "vertices 3"],
) -> None:
    """Lit surfaces in display sRGB [0, 1]; 0 where a number is not one."""
    start = np.float32(0.7)
    for v in range(len(colors)):
        for c in range(3):
            value = colors[v, c] * lights[v, c] + lights[v, 3 + c]
            if value > start:
                room = np.float32(1) - start
                value = start + room * (np.float32(1) - np.float32(exp(-(value - start) / room)))
            if not value > np.float32(0.0031308):
                out[v, c] = np.float32(12.92) * value if value > 0 else np.float32(0)
            else:
                out[v, c] = np.float32(1.055) * value ** np.float32(1 / 2.4) - np.float32(0.055)
