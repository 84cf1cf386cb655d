"""From the nearest triangles at five samples a pixel to a smooth picture.

Corners of triangles carry display RGB in [0, 255]; where there are textures, also what multiplies a
texture's linear RGB, what is added to that, and texture coordinates: 3, 3, 3 and 2 values.
"""

from math import exp, floor
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8
from numpy import ndarray

from lift3d.geometry.compiled import fast

__all__ = ["SAMPLES", "blend", "corners_of", "half_depth", "lay"]

SAMPLES: Final = 5

_START: Final = np.float32(0.7)
_ROOM: Final = np.float32(0.3)
_HALF: Final = np.float32(0.5)


@fast
def corners_of(
    values: Float32[ndarray, "vertices values"],
    faces: Int32[ndarray, "faces 3"],
    kept: Int32[ndarray, " kept"],
    first: int,
    out: Float32[ndarray, "kept 3 all_values"],
) -> None:
    """The values of the corners of some triangles, as the values `first` and following."""
    for n in range(len(kept)):
        for corner in range(3):
            v = faces[kept[n], corner]
            for c in range(values.shape[1]):
                out[n, corner, first + c] = values[v, c]


@fast
def _texel(
    texels: UInt8[ndarray, " bytes"],
    level: Int64[ndarray, "3"],
    linear: Float32[ndarray, "256"],
    u: np.float32,
    v: np.float32,
    channel: int,
) -> np.float32:
    """Linear light between four texels; the border goes on outside."""
    start, height, width = level[0], level[1], level[2]
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    x = min(x, width - 1.0) if x > 0 else 0.0
    y = min(y, height - 1.0) if y > 0 else 0.0
    x0, y0 = floor(x), floor(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    s, t = np.float32(x - x0), np.float32(y - y0)
    a = linear[texels[start + 3 * (y0 * width + x0) + channel]]
    b = linear[texels[start + 3 * (y0 * width + x1) + channel]]
    c = linear[texels[start + 3 * (y1 * width + x0) + channel]]
    d = linear[texels[start + 3 * (y1 * width + x1) + channel]]
    upper, lower = a + s * (b - a), c + s * (d - c)
    return np.float32(upper + t * (lower - upper))


@fast
def _display(value: np.float32, curve: Float32[ndarray, " steps"]) -> np.float32:
    """Display value in [0, 255] of linear light, as `surface.display` has it, by a table."""
    if value > _START:
        value = _START + _ROOM * (np.float32(1) - np.float32(exp(-(value - _START) / _ROOM)))
    if not value > 0:
        return np.float32(curve[0])
    steps = len(curve) - 1
    place = min(value, np.float32(1)) * steps
    low = min(int(place), steps - 1)
    return np.float32(curve[low] + (curve[low + 1] - curve[low]) * np.float32(place - low))


@fast
def _weights(
    planes: Float64[ndarray, "faces 13"], f: int, x: float, y: float
) -> tuple[np.float32, np.float32, np.float32]:
    """Barycentric coordinates on a triangle, true to perspective."""
    e0 = planes[f, 0] * x + planes[f, 1] * y + planes[f, 2]
    e1 = planes[f, 3] * x + planes[f, 4] * y + planes[f, 5]
    e2 = planes[f, 6] * x + planes[f, 7] * y + planes[f, 8]
    scale = 1 / (e0 + e1 + e2)
    return np.float32(e0 * scale), np.float32(e1 * scale), np.float32(e2 * scale)


@fast
def _mixed(
    corners: Float32[ndarray, "faces 3 values"],
    f: int,
    value: int,
    a: np.float32,
    b: np.float32,
    c: np.float32,
) -> np.float32:
    return np.float32(
        a * corners[f, 0, value] + b * corners[f, 1, value] + c * corners[f, 2, value]
    )


@fast
def blend(  # noqa: C901, PLR0913, PLR0917 - calls cost time, kernels take plain arrays
    planes: Float64[ndarray, "faces 13"],
    corners: Float32[ndarray, "faces 3 values"],
    textures: Int32[ndarray, " textured"],
    levels: Int64[ndarray, "levels 3"],
    texels: UInt8[ndarray, " bytes"],
    linear: Float32[ndarray, "256"],
    curve: Float32[ndarray, " steps"],
    owner: Int32[ndarray, "rows columns"],
    shifts: Float64[ndarray, " samples"],
    top: int,
    left: int,
    out: UInt8[ndarray, "height width 4"],
) -> None:
    """Premultiplied display RGBA: the mean over the samples of each pixel.

    `textures` has for each triangle its row of `levels` (where in `texels` a picture begins, its
    height and width) or -1; no entries at all where nothing is textured. `linear` and `curve` are
    the display curve, from bytes and to [0, 255].
    """
    ids, share = np.empty(SAMPLES, np.int32), np.float32(1 / SAMPLES)
    color = np.empty(3, np.float32)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            f = owner[SAMPLES * row, column]
            alike = True
            for s in range(SAMPLES):
                ids[s] = owner[SAMPLES * row + s, column]
                alike = alike and ids[s] == f
            color[:] = 0
            covered = 0
            for s in range(SAMPLES if not alike or f != 0 else 0):
                f = ids[s] - 1
                if f < 0:
                    continue
                # Samples of the same triangle go together, at their middle.
                count, x, y = 1, shifts[s], float(s - 2)
                for t in range(s + 1, SAMPLES):
                    if ids[t] == f + 1:
                        ids[t] = 0
                        count, x, y = count + 1, x + shifts[t], y + t - 2
                covered += count
                x, y = left + column + x / count, top + row + y / (SAMPLES * count)
                a, b, c = _weights(planes, f, x, y)
                if len(textures) == 0 or textures[f] < 0:
                    for i in range(3):
                        color[i] += count * _mixed(corners, f, i, a, b, c)
                    continue
                u, v = _mixed(corners, f, 9, a, b, c), _mixed(corners, f, 10, a, b, c)
                for i in range(3):
                    texel = _texel(texels, levels[textures[f]], linear, u, v, i)
                    texel *= _mixed(corners, f, 3 + i, a, b, c)
                    texel += _mixed(corners, f, 6 + i, a, b, c)
                    color[i] += count * _display(texel, curve)
            for i in range(3):
                out[row, column, i] = np.uint8(color[i] * share + _HALF)
            out[row, column, 3] = np.uint8(255 * covered // SAMPLES)


@fast
def half_depth(
    nearness: Float32[ndarray, "rows columns"],
    total: Float32[ndarray, "half_height half_width"],
    weight: Float32[ndarray, "half_height half_width"],
) -> None:
    """Summed depth and number of covered pixels, by four pixels, a quarter each."""
    height, width = nearness.shape[0] // SAMPLES, nearness.shape[1]
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            depth = number = np.float32(0)
            for row in range(2 * i, min(2 * i + 2, height)):
                for column in range(2 * j, min(2 * j + 2, width)):
                    near = nearness[SAMPLES * row + 2, column]
                    if near > 0:
                        depth += np.float32(0.25) / near
                        number += np.float32(0.25)
            total[i, j], weight[i, j] = depth, number


@fast
def lay(
    rgba: UInt8[ndarray, "height width 4"],
    factor: Float32[ndarray, "height width"],
    picture: UInt8[ndarray, "height width 3"],
) -> None:
    """Lay premultiplied colours, times `factor`, over a picture."""
    for row in range(rgba.shape[0]):
        for column in range(rgba.shape[1]):
            alpha = rgba[row, column, 3]
            if alpha == 0:
                continue
            bright = factor[row, column]
            behind = np.float32(255 - alpha) / np.float32(255)
            for c in range(3):
                value = rgba[row, column, c] * bright + picture[row, column, c] * behind
                picture[row, column, c] = np.uint8(value + _HALF)
