"""The painter's compiled loops: clothes on a body, light on what is seen.

A garment is a rule in the rest pose (metres, y up, facing +z): which zone a point of the body wears.
The rules are evaluated where a point is needed, per vertex to push cloth outwards and per pixel to
colour it, so hems are smooth however coarse the triangles are. Kernels call only kernels of this file.
"""

from math import floor, sqrt

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy import ndarray

from lift3d.geometry.compiled import fast

__all__ = ["displace", "noise_at", "shade"]


@fast
def _hash(x: int, y: int, z: int, seed: int) -> float:
    """A number in [0, 1) for each place of a lattice."""
    h = (x * 374761393 + y * 668265263 + z * 1274126177 + seed * 974634777) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFFFF) / 16777216.0


@fast
def noise_at(x: float, y: float, z: float, seed: int) -> float:
    """Smooth noise in [0, 1] with features one unit apart (value noise on a lattice)."""
    ix, iy, iz = floor(x), floor(y), floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, (corner >> 1) & 1, (corner >> 2) & 1
        weight = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)
        total += weight * _hash(int(ix) + dx, int(iy) + dy, int(iz) + dz, seed)
    return total


@fast
def _zone(part: int, x: float, y: float, z: float, cut: Float32[ndarray, " cuts"]) -> int:  # noqa: C901, PLR0911 - one rule a line
    """What is worn at a point: 0 skin, 1 top, 2 trousers, 3 hair, 4 shoes, 5 socks, 6 gloves."""
    if part >= 23:
        if cut[6] * x + cut[7] * (y - 0.68) + cut[8] * (z - 0.03) > cut[9]:
            return 3
        if y < cut[10] and z > 0.02:  # a beard
            return 3
        return 0
    if part == 3 or part == 4:  # noqa: PLR1714 - numba is faster without a tuple
        return 6 if cut[11] > 0 else 0
    if part == 5 or part == 6:  # noqa: PLR1714
        return 4 if y < cut[5] else (5 if y < cut[4] else 0)
    if part >= 15:
        return 1 if abs(x) < cut[1] else 0
    if part <= 2:
        if y > cut[0] - cut[12] * max(z, 0.0) + cut[13] * abs(x):
            return 0
        return 1 if y > cut[2] else 2
    if y > cut[2]:
        return 1
    if y > cut[3]:
        return 2
    if y < cut[5]:
        return 4
    return 5 if y < cut[4] else 0


@fast
def displace(  # noqa: PLR0917 - kernels take plain arrays
    vertices: Float32[ndarray, "vertices 3"],
    normals: Float32[ndarray, "vertices 3"],
    rest: Float32[ndarray, "rest 3"],
    parts: Int32[ndarray, " rest"],
    cut: Float32[ndarray, " cuts"],
    thick: Float32[ndarray, " zones"],
    waves: float,
    seed: int,
) -> None:
    """Push the body's vertices outwards as far as what they wear is thick (metres), in waves."""
    for v in range(len(rest)):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        depth = thick[_zone(parts[v], x, y, z, cut)]
        if depth > 0:
            wave = noise_at(x * waves, y * waves, z * waves, seed)
            depth *= np.float32(0.25 + 1.5 * wave)
            for axis in range(3):
                vertices[v, axis] += depth * normals[v, axis]


@fast
def _woven(cloth: Float32[ndarray, " fields"], x: float, y: float, z: float, seed: int) -> float:
    """How much of the second colour there is at a place of the rest pose, by the kind of pattern."""
    kind, scale, shift = int(cloth[6]), cloth[7], cloth[8]
    if kind == 1:
        return 1.0 if (y * scale + shift) % 1.0 < cloth[9] else 0.0
    if kind == 2:
        return 1.0 if ((x + 0.5 * z) * scale + shift) % 1.0 < cloth[9] else 0.0
    if kind == 3:
        across = 0.5 if (y * scale + shift) % 1.0 < cloth[9] else 0.0
        return across + (0.5 if (x * scale + shift) % 1.0 < cloth[9] else 0.0)
    if kind == 4:
        value = noise_at(x * scale, y * scale, z * scale, seed)
        return float(min(1.0, max(0.0, (value - cloth[9]) * 6)))
    if kind == 5:  # a print on the chest
        dx, dy = x * scale * 0.5, (y - 0.32) * scale * 0.5
        return 1.0 if (z > 0 and dx * dx + dy * dy < cloth[9] * cloth[9]) else 0.0
    return 0.0


@fast
def shade(  # noqa: PLR0913, PLR0917 - kernels take plain arrays
    owner: Int32[ndarray, "height width"],
    barycentrics: Float32[ndarray, "height width 3"],
    faces: Int32[ndarray, "faces 3"],
    rest: Float32[ndarray, "vertices 3"],
    normals: Float32[ndarray, "vertices 3"],
    tints: Float32[ndarray, "vertices 3"],
    parts: Int32[ndarray, " faces"],
    cut: Float32[ndarray, " cuts"],
    cloths: Float32[ndarray, "zones fields"],
    lamps: Float32[ndarray, "lamps 6"],
    ambient: Float32[ndarray, "2 3"],
    seed: int,
    exposure: float,
    out: UInt8[ndarray, "height width 3"],
) -> None:
    """Display colours where `owner` is above 0 (1 + a triangle's number); others stay.

    `parts` are 1 to 24 on bodies, 100 + a zone on loose pieces. A cloth is two linear colours, the
    kind, scale, shift and share of its pattern, shine, and grain. Lamps are a direction to the light
    (camera axes) and a colour; ambient light comes from above and from below.
    """
    for row in range(owner.shape[0]):
        for column in range(owner.shape[1]):
            f = owner[row, column] - 1
            if f < 0:
                continue
            b = barycentrics[row, column]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            x = b[0] * rest[i, 0] + b[1] * rest[j, 0] + b[2] * rest[k, 0]
            y = b[0] * rest[i, 1] + b[1] * rest[j, 1] + b[2] * rest[k, 1]
            z = b[0] * rest[i, 2] + b[1] * rest[j, 2] + b[2] * rest[k, 2]
            nx = b[0] * normals[i, 0] + b[1] * normals[j, 0] + b[2] * normals[k, 0]
            ny = b[0] * normals[i, 1] + b[1] * normals[j, 1] + b[2] * normals[k, 1]
            nz = b[0] * normals[i, 2] + b[1] * normals[j, 2] + b[2] * normals[k, 2]
            length = sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
            nx, ny, nz = nx / length, ny / length, nz / length
            part = int(parts[f])
            zone = part - 100 if part >= 100 else _zone(part, x, y, z, cut)
            cloth = cloths[zone]
            share = _woven(cloth, x, y, z, seed + zone)
            grain = 1 + cloth[11] * (noise_at(x * 90, y * 90, z * 90, seed + 7) - 0.5)
            grain += cloth[12] * (noise_at(x * 9, y * 14, z * 9, seed + 11) - 0.5)
            up = 0.5 - 0.5 * ny
            for channel in range(3):
                colour = cloth[channel] + share * (cloth[3 + channel] - cloth[channel])
                if zone == 0:
                    colour *= (
                        b[0] * tints[i, channel]
                        + b[1] * tints[j, channel]
                        + b[2] * tints[k, channel]
                    )
                light = ambient[0, channel] * up + ambient[1, channel] * (1 - up)
                sheen = 0.0
                for lamp in range(len(lamps)):
                    falling = nx * lamps[lamp, 0] + ny * lamps[lamp, 1] + nz * lamps[lamp, 2]
                    if falling > 0:
                        light += falling * lamps[lamp, 3 + channel]
                        hx, hy, hz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2] - 1
                        half = (nx * hx + ny * hy + nz * hz) / (
                            sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                        )
                        if half > 0:
                            half = half * half
                            half = half * half
                            half = half * half
                            sheen += half * half * lamps[lamp, 3 + channel]
                value = exposure * (colour * max(grain, 0.05) * light + cloth[10] * sheen)
                # A square root is near enough to the display curve, and far cheaper.
                out[row, column, channel] = np.uint8(min(255.0, 255.0 * sqrt(max(value, 0.0))))
