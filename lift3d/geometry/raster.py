"""Which triangle is nearest at each sample of a picture, by edge functions in homogeneous pixels.

A vertex is (x w, y w, w) with its pixel (x, y) and its depth w in metres. The plane through the eye
and two corners, their cross product, is the edge between them: its dot product with (x, y, 1) is
above 0 on the inner side. Nothing is divided by a depth, so corners behind the eye need no care, and
1 / depth is a sum of the three (Olano & Greer, Triangle scan conversion using 2D homogeneous
coordinates, 1997). Two triangles with a common edge compute opposite numbers for it, bit for bit.

Samples lie in rows, `samples` of them for each row of pixels: row s lies at y = (s - (samples - 1) / 2)
/ samples, shifted sideways by `shifts[s % samples]`, one sample for each column of pixels.
"""

from math import ceil, floor

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray

from lift3d.geometry.compiled import exact

__all__ = ["cover", "locate", "outline"]


@exact
def _inside(value: float, owned: bool, noise: float) -> bool:
    return value > 0 or (owned if value == 0 else value >= -noise)


@exact
def _box(  # noqa: PLR0917 - kernels take plain numbers
    ax: float, ay: float, aw: float, bx: float, by: float, bw: float, near: float,
    box: Float64[ndarray, "4"],
) -> None:  # fmt: skip
    """Widen a box (left, right, top, bottom) by the corner a and by where a to b meets `near`."""
    if aw >= near:
        x, y = ax / aw, ay / aw
        box[0], box[1] = min(box[0], x), max(box[1], x)
        box[2], box[3] = min(box[2], y), max(box[3], y)
    if (aw >= near) != (bw >= near):
        t = (near - aw) / (bw - aw)
        x, y = (ax + t * (bx - ax)) / near, (ay + t * (by - ay)) / near
        box[0], box[1] = min(box[0], x), max(box[1], x)
        box[2], box[3] = min(box[2], y), max(box[3], y)


@exact
def _noise(  # noqa: PLR0917 - kernels take plain numbers
    ax: float, ay: float, aw: float, bx: float, by: float, bw: float, height: int, width: int
) -> float:
    """More than what rounding makes of an edge's value inside the picture."""
    ax, ay, aw, bx, by, bw = abs(ax), abs(ay), abs(aw), abs(bx), abs(by), abs(bw)
    level = (ay * bw + aw * by) * width + (aw * bx + ax * bw) * height + ax * by + ay * bx
    return 1e-15 * level


@exact
def outline(  # noqa: PLR0913, PLR0917 - kernels take plain arrays
    seen: Float64[ndarray, "vertices 3"],
    faces: Int32[ndarray, "faces 3"],
    both_sides: bool,
    near: float,
    height: int,
    width: int,
    shifts: Float64[ndarray, " samples"],
    planes: Float64[ndarray, "faces 13"],
    boxes: Int32[ndarray, "faces 4"],
    kept: Int32[ndarray, " faces"],
) -> int:
    """The triangles that may hold a sample: three edge planes, 1 / volume and the edges' noise, first
    and last row of samples and column of pixels, and number; returns how many there are.

    Left out are triangles seen from behind (unless `both_sides`) or from the edge, or nearer than
    `near`, or with a corner that is not finite.
    """
    samples, count = len(shifts), 0
    middle, spread = (samples - 1) / 2, shifts.max() + 1e-6
    box = np.empty(4, np.float64)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, aw = seen[i, 0], seen[i, 1], seen[i, 2]
        bx, by, bw = seen[j, 0], seen[j, 1], seen[j, 2]
        cx, cy, cw = seen[k, 0], seen[k, 1], seen[k, 2]
        if not max(aw, bw, cw) >= near:
            continue
        ux, uy, uw = bx - ax, by - ay, bw - aw
        vx, vy, vw = cx - ax, cy - ay, cw - aw
        volume = ax * (uy * vw - uw * vy) + ay * (uw * vx - ux * vw) + aw * (ux * vy - uy * vx)
        if not (volume < 0 or (both_sides and volume > 0)) or not abs(volume) < np.inf:
            continue
        box[0], box[1], box[2], box[3] = np.inf, -np.inf, np.inf, -np.inf
        _box(ax, ay, aw, bx, by, bw, near, box)
        _box(bx, by, bw, cx, cy, cw, near, box)
        _box(cx, cy, cw, ax, ay, aw, near, box)
        first = ceil(max(samples * box[2] + middle - 1e-6, 0.0))
        last = floor(min(samples * box[3] + middle + 1e-6, samples * height - 1.0))
        left = ceil(max(box[0] - spread, 0.0))
        right = floor(min(box[1] + spread, width - 1.0))
        if not (first <= last and left <= right):
            continue
        sign = -1.0 if volume < 0 else 1.0
        plane = planes[count]
        plane[0] = sign * (by * cw - bw * cy)
        plane[1] = sign * (bw * cx - bx * cw)
        plane[2] = sign * (bx * cy - by * cx)
        plane[3] = sign * (cy * aw - cw * ay)
        plane[4] = sign * (cw * ax - cx * aw)
        plane[5] = sign * (cx * ay - cy * ax)
        plane[6] = sign * (ay * bw - aw * by)
        plane[7] = sign * (aw * bx - ax * bw)
        plane[8] = sign * (ax * by - ay * bx)
        plane[9] = 1 / abs(volume)
        plane[10] = _noise(bx, by, bw, cx, cy, cw, height, width)
        plane[11] = _noise(cx, cy, cw, ax, ay, aw, height, width)
        plane[12] = _noise(ax, ay, aw, bx, by, bw, height, width)
        boxes[count, 0], boxes[count, 1] = first, last
        boxes[count, 2], boxes[count, 3] = left, right
        kept[count] = f
        count += 1
    return count


@exact
def _narrow(  # noqa: PLR0917 - kernels take plain numbers
    slope: float,
    inverse: float,
    rest: float,
    owned: bool,
    noise: float,
    shift: float,
    low: float,
    high: float,
) -> tuple[float, float]:
    """Columns outside of which slope * (column + shift) + rest is surely below 0."""
    if slope == 0:
        return (low, high) if _inside(rest, owned, noise) else (low, low - 2)
    bound = (rest + noise) * inverse - shift
    if slope > 0:
        return (bound if bound > low else low), high
    return low, (bound if bound < high else high)


@exact
def cover(  # noqa: PLR0917 - kernels take plain arrays
    planes: Float64[ndarray, "faces 13"],
    boxes: Int32[ndarray, "faces 4"],
    shifts: Float64[ndarray, " samples"],
    near: float,
    top: int,
    left: int,
    nearness: Float32[ndarray, "rows columns"] | Float64[ndarray, "rows columns"],
    owner: Int32[ndarray, "rows columns"],
) -> None:
    """Fill in 1 / depth (0 where nothing is) and 1 + the nearest triangle's number (else 0).

    The arrays begin with the row `top` of samples and the column `left` of pixels. Of two triangles
    equally near the first stays. A sample on an edge belongs to the triangle to the right of it, or
    below it where the edge is level; one that rounding does not tell from an edge to both, so that
    not even corners on samples leave gaps.
    """
    samples, limit = len(shifts), 1 / near
    middle = (samples - 1) / 2
    for f in range(len(planes)):
        a0, a1, a2 = planes[f, 0], planes[f, 3], planes[f, 6]
        b0, b1, b2 = planes[f, 1], planes[f, 4], planes[f, 7]
        c0, c1, c2, scale = planes[f, 2], planes[f, 5], planes[f, 8], planes[f, 9]
        i0, i1, i2 = -1 / a0, -1 / a1, -1 / a2
        n0, n1, n2 = planes[f, 10], planes[f, 11], planes[f, 12]
        own0 = a0 > 0 or (a0 == 0 and b0 > 0)
        own1 = a1 > 0 or (a1 == 0 and b1 > 0)
        own2 = a2 > 0 or (a2 == 0 and b2 > 0)
        slope = (a0 + a1 + a2) * scale
        left_most, right_most = float(boxes[f, 2]), float(boxes[f, 3])
        turn = boxes[f, 0] % samples
        for s in range(boxes[f, 0], boxes[f, 1] + 1):
            y, shift = (s - middle) / samples, shifts[turn]
            turn = turn + 1 if turn + 1 < samples else 0
            r0, r1, r2 = b0 * y + c0, b1 * y + c1, b2 * y + c2
            low, high = left_most, right_most
            low, high = _narrow(a0, i0, r0, own0, n0, shift, low, high)
            low, high = _narrow(a1, i1, r1, own1, n1, shift, low, high)
            low, high = _narrow(a2, i2, r2, own2, n2, shift, low, high)
            if not high - low > -1e-5:
                continue
            # Rounded sums still grow with the column, so what is inside has no holes.
            first, last = ceil(low - 1e-6), floor(high + 1e-6)
            while first <= last and not (
                _inside(a0 * (first + shift) + r0, own0, n0)
                and _inside(a1 * (first + shift) + r1, own1, n1)
                and _inside(a2 * (first + shift) + r2, own2, n2)
            ):
                first += 1
            while first <= last and not (
                _inside(a0 * (last + shift) + r0, own0, n0)
                and _inside(a1 * (last + shift) + r1, own1, n1)
                and _inside(a2 * (last + shift) + r2, own2, n2)
            ):
                last -= 1
            rest = (r0 + r1 + r2) * scale
            row = s - top
            for column in range(first, last + 1):
                value = nearness.dtype.type(slope * (column + shift) + rest)
                if value > nearness[row, column - left] and value <= limit:
                    nearness[row, column - left] = value
                    owner[row, column - left] = f + 1


@exact
def locate(
    planes: Float64[ndarray, "faces 13"],
    owner: Int32[ndarray, "rows columns"],
    top: int,
    left: int,
    barycentrics: Float32[ndarray, "height width 3"],
    depth: Float32[ndarray, "height width"],
) -> None:
    """Where in its triangle each pixel's centre lies, and its depth (metres)."""
    for row in range(owner.shape[0]):
        for column in range(owner.shape[1]):
            f = owner[row, column] - 1
            if f >= 0:
                x, y, p = float(left + column), float(top + row), planes[f]
                e0 = p[0] * x + (p[1] * y + p[2])
                e1 = p[3] * x + (p[4] * y + p[5])
                e2 = p[6] * x + (p[7] * y + p[8])
                scale = 1 / (e0 + e1 + e2)
                to = barycentrics[top + row, left + column]
                to[0], to[1], to[2] = e0 * scale, e1 * scale, e2 * scale
                depth[top + row, left + column] = scale / p[9]
