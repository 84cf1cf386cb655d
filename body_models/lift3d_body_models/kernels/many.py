"""Sixteen bodies side by side: kinematics and skinning.

A `lane` is a body's place in its sixteen. All inner loops run over the lanes with constant strides,
which compilers turn into vector instructions. A joint's affine map [3 4] lies as 12 * LANES values,
entry after entry.
"""

from typing import Final

import numpy as np
from jaxtyping import Float32, Int32, Int64
from numpy import ndarray

from lift3d_body_models.kernels.jit import jit

__all__ = ["LANES", "pose_tiles", "skin_chunk"]

LANES: Final = 16

_ZERO, _HALF, _ONE, _TWO = (np.float32(value) for value in (0, 0.5, 1, 2))
_TINY = np.float32(1e-30)
# Beyond this squared angle a rotation needs more digits than float32 has.
_LIMIT = np.float32(1e6)
# 2 pi in two parts, the first exact in few bits: t - n * 2 pi then keeps its digits.
_PER_TURN, _TURN, _TURN_REST = (
    np.float32(value) for value in (0.5 / np.pi, 6.28125, 2 * np.pi - 6.28125)
)
# sin x = x (1 - x^2/6 (1 - x^2/20 (...))), and cos alike: below 1e-8 up to x = pi / 2.
_S1, _S2, _S3, _S4, _S5, _S6 = (np.float32(1 / n) for n in (6, 20, 42, 72, 110, 156))
_C1, _C2, _C3, _C4, _C5, _C6, _C7 = (np.float32(1 / n) for n in (2, 12, 30, 56, 90, 132, 182))


@jit
def pose_tiles(  # noqa: PLR0917 - kernels take plain arrays
    root: Float32[ndarray, "bodies root_values"],
    pose: Float32[ndarray, "bodies pose_values"],
    transl: Float32[ndarray, "bodies 3"],
    rest: Float32[ndarray, "shapes joint_values"],
    parents: Int64[ndarray, " joints"],
    joints_out: Float32[ndarray, "bodies joint_values"],
    maps_out: Float32[ndarray, "tiles joints map_values"],
    features_out: Float32[ndarray, "features lanes"],
) -> int:
    """Posed joints and, on request, what skinning needs; returns the first bad body, or -1.

    `root` and `pose` hold, one after the other, three values (axis-angle) or nine (rotmat) a joint;
    `rest` are joints at rest, a single row for all bodies or one each. Maps lead from places at
    rest to posed ones; features are, for all joints but the root, the rotmat minus the identity.
    Both are left out where `maps_out` is empty. A body is bad that has NaN, infinity, or an angle
    beyond 1000 radians.
    """
    bodies, count, split = len(joints_out), len(parents), root.shape[1]
    vectors = split + pose.shape[1] == 3 * count
    turns = np.empty((split + pose.shape[1], LANES), np.float32)
    move = np.empty((3, LANES), np.float32)
    places = np.empty((3 * count, LANES), np.float32)
    offsets = np.empty((3 * count, LANES), np.float32)
    rotmats = np.empty((count, 9 * LANES), np.float32)
    world = np.empty((count + 1, 12 * LANES), np.float32)
    bad = np.zeros(LANES, np.float32)
    for first in range(0, bodies, LANES):
        _load(root, first, turns[:split])
        _load(pose, first, turns[split:])
        _load(transl, first, move)
        if first == 0 or len(rest) > 1:
            _load(rest, first, places)
            _offsets(places, parents, offsets)
        _start(move, world[count])
        for j in range(count):
            if vectors:
                _rodrigues(turns[3 * j : 3 * j + 3], rotmats[j], bad)
            else:
                _take(turns[9 * j : 9 * j + 9], rotmats[j], bad)
            up = count if parents[j] < 0 else parents[j]
            _chain(rotmats[j], world[up], offsets[3 * j : 3 * j + 3], world[j], bad)
        _store_joints(world, first, joints_out)
        for lane in range(min(LANES, bodies - first)):
            if bad[lane] != _ZERO:
                return first + lane
        if len(maps_out) > 0:
            _shift(world, places, maps_out[first // LANES])
            _features(rotmats, features_out[:, first : first + LANES])
    return -1


@jit
def skin_chunk(  # noqa: PLR0917 - kernels take plain arrays
    offsets: Float32[ndarray, "coordinates lanes"],
    template: Float32[ndarray, " coordinates"],
    maps: Float32[ndarray, "tiles joints map_values"],
    bones: Int32[ndarray, "vertices influences"],
    weights: Float32[ndarray, "vertices influences"],
    out: Float32[ndarray, "bodies all_values"],
    column: int,
) -> None:
    """Skin some vertices of many bodies, sum_k w_k maps[bone_k] (template + offset), into columns.

    Influences come in fours, as many as the model needs, heaviest first.
    """
    values = len(template)
    posed = np.empty((values, LANES), np.float32)
    for tile in range(len(maps)):
        at, first = maps[tile], tile * LANES
        for v in range(len(bones)):
            x, y, z = template[3 * v], template[3 * v + 1], template[3 * v + 2]
            dx = offsets[3 * v, first : first + LANES]
            dy = offsets[3 * v + 1, first : first + LANES]
            dz = offsets[3 * v + 2, first : first + LANES]
            r, s, t = posed[3 * v], posed[3 * v + 1], posed[3 * v + 2]
            for i in range(LANES):
                r[i], s[i], t[i] = _ZERO, _ZERO, _ZERO
            # Written out in one function and without a branch: only so do the blended maps stay in
            # registers, which makes it three times as fast.
            for four in range(0, bones.shape[1], 4):
                a, b = at[bones[v, four]], at[bones[v, four + 1]]
                c, d = at[bones[v, four + 2]], at[bones[v, four + 3]]
                e, f = weights[v, four], weights[v, four + 1]
                g, h = weights[v, four + 2], weights[v, four + 3]
                for i in range(LANES):
                    j, k, m, n = i, i + 1 * LANES, i + 2 * LANES, i + 3 * LANES
                    r[i] += (
                        (e * a[j] + f * b[j] + g * c[j] + h * d[j]) * (dx[i] + x)
                        + (e * a[k] + f * b[k] + g * c[k] + h * d[k]) * (dy[i] + y)
                        + (e * a[m] + f * b[m] + g * c[m] + h * d[m]) * (dz[i] + z)
                        + (e * a[n] + f * b[n] + g * c[n] + h * d[n])
                    )
                for i in range(LANES):
                    j, k, m, n = i + 4 * LANES, i + 5 * LANES, i + 6 * LANES, i + 7 * LANES
                    s[i] += (
                        (e * a[j] + f * b[j] + g * c[j] + h * d[j]) * (dx[i] + x)
                        + (e * a[k] + f * b[k] + g * c[k] + h * d[k]) * (dy[i] + y)
                        + (e * a[m] + f * b[m] + g * c[m] + h * d[m]) * (dz[i] + z)
                        + (e * a[n] + f * b[n] + g * c[n] + h * d[n])
                    )
                for i in range(LANES):
                    j, k, m, n = i + 8 * LANES, i + 9 * LANES, i + 10 * LANES, i + 11 * LANES
                    t[i] += (
                        (e * a[j] + f * b[j] + g * c[j] + h * d[j]) * (dx[i] + x)
                        + (e * a[k] + f * b[k] + g * c[k] + h * d[k]) * (dy[i] + y)
                        + (e * a[m] + f * b[m] + g * c[m] + h * d[m]) * (dz[i] + z)
                        + (e * a[n] + f * b[n] + g * c[n] + h * d[n])
                    )
        for lane in range(min(LANES, len(out) - first)):
            row = out[first + lane, column : column + values]
            for i in range(values):
                row[i] = posed[i, lane]


@jit
def _load(
    source: Float32[ndarray, "bodies values"], first: int, lanes: Float32[ndarray, "values lanes"]
) -> None:
    """Some rows as lanes. A single row serves all lanes; those beyond the last row are zero."""
    values, alone = source.shape[1], len(source) == 1
    for lane in range(LANES):
        row = 0 if alone else first + lane
        if row < len(source):
            for i in range(values):
                lanes[i, lane] = source[row, i]
        else:
            for i in range(values):
                lanes[i, lane] = _ZERO


@jit
def _offsets(
    rest: Float32[ndarray, "joint_values lanes"],
    parents: Int64[ndarray, " joints"],
    out: Float32[ndarray, "joint_values lanes"],
) -> None:
    """Joints at rest as seen from their parents."""
    for value in range(len(rest)):
        parent = parents[value // 3]
        row, to = rest[value], out[value]
        if parent < 0:
            for i in range(LANES):
                to[i] = row[i]
        else:
            up = rest[3 * parent + value % 3]
            for i in range(LANES):
                to[i] = row[i] - up[i]


@jit
def _start(move: Float32[ndarray, "three lanes"], out: Float32[ndarray, " values"]) -> None:
    """The map above the root: only transl."""
    for i in range(12 * LANES):
        out[i] = _ZERO
    for row in range(3):
        for i in range(LANES):
            out[5 * row * LANES + i] = _ONE
            out[(4 * row + 3) * LANES + i] = move[row, i]


@jit
def _rodrigues(
    axis_angle: Float32[ndarray, "three lanes"],
    out: Float32[ndarray, " rotmat_values"],
    bad: Float32[ndarray, " lanes"],
) -> None:
    """R = I + sin(t)/t K + (1 - cos t)/t^2 K K, by sine and cosine of t / 2 within half a turn."""
    X, Y, Z = axis_angle[0], axis_angle[1], axis_angle[2]
    for i in range(LANES):
        x, y, z = X[i], Y[i], Z[i]
        squared = x * x + y * y + z * z
        good = squared < _LIMIT  # false for NaN as well
        bad[i] += _ZERO if good else _ONE
        safe = max(squared, _TINY) if good else _ONE
        angle = np.sqrt(safe)
        turns = np.float32(np.int32(angle * _PER_TURN + _HALF))
        h = ((angle - turns * _TURN) - turns * _TURN_REST) * _HALF
        q = h * h
        s = _ONE - q * _S4 * (_ONE - q * _S5 * (_ONE - q * _S6))
        s = h * (_ONE - q * _S1 * (_ONE - q * _S2 * (_ONE - q * _S3 * s)))
        c = _ONE - q * _C4 * (_ONE - q * _C5 * (_ONE - q * _C6 * (_ONE - q * _C7)))
        c = _ONE - q * _C1 * (_ONE - q * _C2 * (_ONE - q * _C3 * c))
        a = _TWO * s * c / angle
        b = _TWO * s * s / safe
        out[i] = _ONE - b * (y * y + z * z)
        out[LANES + i] = b * x * y - a * z
        out[2 * LANES + i] = b * x * z + a * y
        out[3 * LANES + i] = b * x * y + a * z
        out[4 * LANES + i] = _ONE - b * (x * x + z * z)
        out[5 * LANES + i] = b * y * z - a * x
        out[6 * LANES + i] = b * x * z - a * y
        out[7 * LANES + i] = b * y * z + a * x
        out[8 * LANES + i] = _ONE - b * (x * x + y * y)


@jit
def _take(
    rotmat: Float32[ndarray, "nine lanes"],
    out: Float32[ndarray, " rotmat_values"],
    bad: Float32[ndarray, " lanes"],
) -> None:
    """A rotmat as it was given."""
    for entry in range(9):
        source, to = rotmat[entry], out[entry * LANES : (entry + 1) * LANES]
        for i in range(LANES):
            bad[i] += _ZERO if source[i] * _ZERO == _ZERO else _ONE
            to[i] = source[i]


@jit
def _chain(
    rotmat: Float32[ndarray, " rotmat_values"],
    up: Float32[ndarray, " map_values"],
    offset: Float32[ndarray, "three lanes"],
    out: Float32[ndarray, " map_values"],
    bad: Float32[ndarray, " lanes"],
) -> None:
    """A joint's map after its parent's: rotation G R, place p + G offset."""
    X, Y, Z = offset[0], offset[1], offset[2]
    for row in range(3):
        at, to = up[4 * row * LANES :], out[4 * row * LANES : 4 * (row + 1) * LANES]
        for i in range(LANES):
            g, h, k = at[i], at[LANES + i], at[2 * LANES + i]
            for column in range(3):
                e = column * LANES + i
                to[e] = g * rotmat[e] + h * rotmat[3 * LANES + e] + k * rotmat[6 * LANES + e]
            place = at[3 * LANES + i] + g * X[i] + h * Y[i] + k * Z[i]
            bad[i] += _ZERO if place * _ZERO == _ZERO else _ONE
            to[3 * LANES + i] = place


@jit
def _store_joints(
    world: Float32[ndarray, "maps map_values"], first: int, out: Float32[ndarray, "bodies values"]
) -> None:
    for lane in range(min(LANES, len(out) - first)):
        row = out[first + lane]
        for j in range(len(row) // 3):
            row[3 * j] = world[j, 3 * LANES + lane]
            row[3 * j + 1] = world[j, 7 * LANES + lane]
            row[3 * j + 2] = world[j, 11 * LANES + lane]


@jit
def _shift(
    world: Float32[ndarray, "maps map_values"],
    rest: Float32[ndarray, "joint_values lanes"],
    out: Float32[ndarray, "joints map_values"],
) -> None:
    """From maps of places in a joint's own frame to maps of places at rest: p - G rest."""
    for j in range(len(out)):
        X, Y, Z = rest[3 * j], rest[3 * j + 1], rest[3 * j + 2]
        for row in range(3):
            at = world[j, 4 * row * LANES : 4 * (row + 1) * LANES]
            to = out[j, 4 * row * LANES : 4 * (row + 1) * LANES]
            for i in range(LANES):
                g, h, k = at[i], at[LANES + i], at[2 * LANES + i]
                to[i], to[LANES + i], to[2 * LANES + i] = g, h, k
                to[3 * LANES + i] = at[3 * LANES + i] - (g * X[i] + h * Y[i] + k * Z[i])


@jit
def _features(
    rotmats: Float32[ndarray, "joints rotmat_values"], out: Float32[ndarray, "features lanes"]
) -> None:
    for j in range(1, len(rotmats)):
        for entry in range(9):
            one = _ONE if entry % 4 == 0 else _ZERO
            r, to = rotmats[j, entry * LANES :], out[9 * (j - 1) + entry]
            for i in range(LANES):
                to[i] = r[i] - one
