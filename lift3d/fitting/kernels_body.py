"""Compiled: where a body's points are, and what they cost."""

# Machine code pays for every call and every view of an array: long loops, plain arguments.
# ruff: noqa: C901, PLR0917

from typing import Any

import numpy as np

from lift3d.fitting.compile import compiled
from lift3d.fitting.kernels_tree import times3

__all__ = ["between", "frame_cost", "log_and_slope", "place", "rest_shape", "turned"]

Array = Any  # a float64 or int64 array; numba works out its axes
Group = Any  # a named tuple of arrays, see `lift3d.fitting.packing`

_LEAST_DEPTH = 0.1


@compiled
def rest_shape(template: Array, shapedirs: Array, betas: Array, out: Array) -> None:
    """Rest places [points, 3] of one person."""
    for i in range(len(template)):
        for r in range(3):
            total = template[i, r]
            for c in range(len(betas)):
                total += shapedirs[i, r, c] * betas[c]
            out[i, r] = total


@compiled
def place(
    body: Group, rest: Array, points: Array, local: Array, transl: Array, shift: Array, out: Group
) -> None:
    """World rotations, joints and points of one frame, relative to `transl`'s frame (metres)."""
    world, joints, places = out.world, out.joints, out.places
    for j in range(len(body.parents)):
        parent = body.parents[j]
        if parent < 0:
            for r in range(3):
                joints[j, r] = rest[j, r] + transl[r]
                for c in range(3):
                    world[j, r, c] = local[j, r, c]
        else:
            times3(world[parent], local[j], world[j])
            x = rest[j, 0] - rest[parent, 0]
            y = rest[j, 1] - rest[parent, 1]
            z = rest[j, 2] - rest[parent, 2]
            for r in range(3):
                arm = world[parent, r, 0] * x + world[parent, r, 1] * y + world[parent, r, 2] * z
                joints[j, r] = joints[parent, r] + arm
    for i in range(len(points)):
        for r in range(3):
            places[i, r] = shift[i, r] if len(shift) else 0.0
        for n in range(body.counts[i]):
            k, w = body.bones[i, n], body.weights[i, n]
            x = points[i, 0] - rest[k, 0]
            y = points[i, 1] - rest[k, 1]
            z = points[i, 2] - rest[k, 2]
            for r in range(3):
                arm = world[k, r, 0] * x + world[k, r, 1] * y + world[k, r, 2] * z
                places[i, r] += w * (joints[k, r] + arm)


@compiled
def frame_cost(
    known: Group, frame: int, places: Array, local: Array, transl: Array, scratch: Group
) -> float:
    """What the points of one frame and its pose cost, in squared standard deviations."""
    cost = 0.0
    for i in range(len(places)):
        if known.any_place[frame, i]:
            x = places[i, 0] - known.places[frame, i, 0]
            y = places[i, 1] - known.places[frame, i, 1]
            z = places[i, 2] - known.places[frame, i, 2]
            m = known.precision[frame, i]
            cost += x * (m[0, 0] * x + (m[0, 1] + m[1, 0]) * y + (m[0, 2] + m[2, 0]) * z)
            cost += y * (m[1, 1] * y + (m[1, 2] + m[2, 1]) * z) + z * m[2, 2] * z
        if known.slope_precision[frame, i] > 0:
            depth = max(places[i, 2], _LEAST_DEPTH)
            x = places[i, 0] / depth - known.slopes[frame, i, 0]
            y = places[i, 1] / depth - known.slopes[frame, i, 1]
            miss = (x * x + y * y) * known.slope_precision[frame, i]
            cost += known.outlier * miss / (known.outlier + miss)
    return cost + _pose_cost(known, frame, local, transl, scratch)


@compiled
def _pose_cost(known: Group, frame: int, local: Array, transl: Array, scratch: Group) -> float:
    cost = 0.0
    joints = len(local)
    away = scratch.away
    for j in range(joints):
        log_rotation(local[j], away[j])
        for r in range(3):
            v = away[j, r]
            if v * known.hinge[j, r] < 0:
                cost += known.hinge_precision[j, r] * v * v
            away[j, r] = v - known.mean[j, r]
            cost += known.spread[j, r] * away[j, r] * away[j, r]
    if len(known.together):
        flat = away.reshape(3 * joints)
        for r in range(3 * joints):
            total = 0.0
            for c in range(3 * joints):
                total += known.together[r, c] * flat[c]
            cost += flat[r] * total
    if len(known.near_rotmats):
        apart = scratch.small[0]
        for j in range(joints):
            between(known.near_rotmats[frame, j], local[j], apart)
            log_rotation(apart, away[j])
            for r in range(3):
                cost += known.near_turn[frame, j] * away[j, r] * away[j, r]
        for r in range(3):
            cost += known.near_root * (transl[r] - known.near_transl[frame, r]) ** 2
    return cost


@compiled
def between(a: Array, b: Array, out: Array) -> None:
    """a^T b."""
    for r in range(3):
        for c in range(3):
            out[r, c] = a[0, r] * b[0, c] + a[1, r] * b[1, c] + a[2, r] * b[2, c]


@compiled
def log_rotation(m: Array, out: Array) -> None:
    """The rotation vector of a matrix, by the quaternion's largest component (Shepperd 1978)."""
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace > 0:
        w, x, y, z = 1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    elif m[0, 0] >= m[1, 1] and m[0, 0] >= m[2, 2]:
        w, x = m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2]
        y, z = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
    elif m[1, 1] >= m[2, 2]:
        w, y = m[0, 2] - m[2, 0], 1 + m[1, 1] - m[0, 0] - m[2, 2]
        x, z = m[0, 1] + m[1, 0], m[1, 2] + m[2, 1]
    else:
        w, z = m[1, 0] - m[0, 1], 1 + m[2, 2] - m[0, 0] - m[1, 1]
        x, y = m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    sine = np.sqrt(x * x + y * y + z * z)
    size = np.sqrt(w * w + sine * sine)
    if w < 0:
        w, x, y, z = -w, -x, -y, -z
    factor = 2 / size if sine < 1e-9 * size else 2 * np.arctan2(sine, w) / sine
    out[0], out[1], out[2] = x * factor, y * factor, z * factor


@compiled
def log_and_slope(m: Array, vector: Array, slope: Array) -> None:
    """log R, and d log(R exp(delta)) / d delta at 0 (Sola et al., 2018, eq. 144)."""
    log_rotation(m, vector)
    x, y, z = vector[0], vector[1], vector[2]
    squared = x * x + y * y + z * z
    factor = 1.0 / 12
    if squared >= 1e-6:
        angle = np.sqrt(squared)
        half = 0.5 * angle
        factor = (1 - half * np.cos(half) / max(np.sin(half), 1e-6)) / squared
    for r in range(3):
        for c in range(3):
            slope[r, c] = factor * vector[r] * vector[c]
        slope[r, r] += 1 - factor * squared
    slope[0, 1] -= 0.5 * z
    slope[1, 0] += 0.5 * z
    slope[0, 2] += 0.5 * y
    slope[2, 0] -= 0.5 * y
    slope[1, 2] -= 0.5 * x
    slope[2, 1] += 0.5 * x


@compiled
def turned(world: Array, move: Array, local: Array, out: Array, small: Array) -> None:
    """out = R exp(G^T w): a joint's local rotation after its bone has turned by w in space.

    A turn of more than a radian is beyond what the linearisation can tell.
    """
    size = np.sqrt(move[0] ** 2 + move[1] ** 2 + move[2] ** 2)
    limit = 1.0 / max(size, 1.0)
    vector = small[0, 0]
    for r in range(3):
        vector[r] = limit * (world[0, r] * move[0] + world[1, r] * move[1] + world[2, r] * move[2])
    squared = (size * limit) ** 2
    a, b = 1 - squared / 6, 0.5 - squared / 24
    if squared >= 1e-8:
        angle = size * limit
        a, b = np.sin(angle) / angle, (1 - np.cos(angle)) / squared
    x, y, z = vector[0], vector[1], vector[2]
    turn = small[1]
    for r in range(3):
        for c in range(3):
            turn[r, c] = b * vector[r] * vector[c]
        turn[r, r] += 1 - b * squared
    turn[0, 1] -= a * z
    turn[1, 0] += a * z
    turn[0, 2] += a * y
    turn[2, 0] -= a * y
    turn[1, 2] -= a * x
    turn[2, 1] += a * x
    times3(local, turn, out)
