"""A single body: kinematics joint by joint, blend shapes and skinning vertex by vertex.

Its time is the time to read the pose shapes from memory. So they may come as 16-bit integers with a
scale per row, and rows whose feature is 0 are not read.
"""

from math import cos, sin, sqrt
from typing import Final

import numpy as np
from jaxtyping import Float32, Int16, Int32, Int64
from numpy import ndarray

from lift3d_body_models.kernels.jit import jit

__all__ = ["pose_one", "skin_one"]

_ZERO: Final = np.float32(0)


@jit
def pose_one(  # noqa: PLR0913, PLR0917 - kernels take plain arrays
    root: Float32[ndarray, "bodies root_values"],
    pose: Float32[ndarray, "bodies pose_values"],
    transl: Float32[ndarray, "bodies 3"],
    rests: Float32[ndarray, "shapes joint_values"],
    parents: Int64[ndarray, " joints"],
    body: int,
    joints_out: Float32[ndarray, "bodies joint_values"],
    maps_out: Float32[ndarray, "joints 12"],
    features_out: Float32[ndarray, " features"],
) -> bool:
    """What `many.pose_tiles` does, for one of the bodies; returns whether its numbers are good."""
    count, split = len(parents), root.shape[1]
    vectors = split + pose.shape[1] == 3 * count
    rest = rests[0 if len(rests) == 1 else body]
    turns = np.empty(split + pose.shape[1], np.float32)
    world = np.empty((count, 12), np.float32)
    rotmat = np.empty(9, np.float32)
    for i in range(split):
        turns[i] = root[body, i]
    for i in range(pose.shape[1]):
        turns[split + i] = pose[body, i]
    bad = 0
    for j in range(count):
        if vectors:
            bad += 0 if _rodrigues(turns, 3 * j, rotmat) < np.float32(1e6) else 1
        else:
            for i in range(9):
                rotmat[i] = turns[9 * j + i]
                bad += 0 if rotmat[i] * _ZERO == _ZERO else 1
        _chain(j, parents[j], rotmat, rest, transl, body, world)
        for row in range(3):
            place = world[j, 4 * row + 3]
            joints_out[body, 3 * j + row] = place
            bad += 0 if place * _ZERO == _ZERO else 1
        if len(features_out) > 0 and j > 0:
            for i in range(9):
                one = np.float32(1) if i % 4 == 0 else _ZERO
                features_out[9 * (j - 1) + i] = rotmat[i] - one
    if len(maps_out) > 0:
        _shift(world, rest, maps_out)
    return bad == 0


@jit
def skin_one(  # noqa: PLR0913, PLR0917 - kernels take plain arrays
    features: Float32[ndarray, " features"],
    starts: Int64[ndarray, " bounds"],
    rows: Int32[ndarray, " rows"],
    scales: Float32[ndarray, " rows"],
    values: Float32[ndarray, "rows width"] | Int16[ndarray, "rows width"],
    coefficients: Float32[ndarray, " given"],
    template: Float32[ndarray, " coordinates"],
    dirs: Float32[ndarray, "coefficients coordinates"],
    maps: Float32[ndarray, "joints 12"],
    bones: Int32[ndarray, "vertices influences"],
    weights: Float32[ndarray, "vertices influences"],
    out: Float32[ndarray, " coordinates"],
) -> None:
    """Shape, pose shapes and skinning of one body, chunk by chunk.

    Rows `starts[c]` to `starts[c + 1]` displace chunk c by feature `rows` times scale times values.
    """
    width = values.shape[1]
    place = np.empty(width, np.float32)
    for chunk in range(len(starts) - 1):
        first = chunk * width
        count = min(width, len(template) - first)
        for i in range(count):
            place[i] = template[first + i]
        for k in range(len(coefficients)):
            amount = coefficients[k]
            if amount != _ZERO:
                for i in range(count):
                    place[i] += amount * dirs[k, first + i]
        for row in range(starts[chunk], starts[chunk + 1]):
            amount = features[rows[row]] * scales[row]
            if amount != _ZERO:
                value = values[row]
                for i in range(width):
                    place[i] += amount * np.float32(value[i])
        for four in range(0, bones.shape[1], 4):
            _skin(first // 3, count // 3, four, place, maps, bones, weights, out)


@jit
def _skin(  # noqa: PLR0917 - kernels take plain arrays
    first: int,
    count: int,
    four: int,
    rest: Float32[ndarray, " values"],
    maps: Float32[ndarray, "joints 12"],
    bones: Int32[ndarray, "vertices influences"],
    weights: Float32[ndarray, "vertices influences"],
    out: Float32[ndarray, " coordinates"],
) -> None:
    """Skin some vertices by four of their joints, and add that to what the fours before made."""
    for v in range(first, first + count):
        i = 3 * (v - first)
        x, y, z = rest[i], rest[i + 1], rest[i + 2]
        a, b = maps[bones[v, four]], maps[bones[v, four + 1]]
        c, d = maps[bones[v, four + 2]], maps[bones[v, four + 3]]
        s, t = weights[v, four], weights[v, four + 1]
        p, q = weights[v, four + 2], weights[v, four + 3]
        for row in range(3):
            e = 4 * row
            share = (
                (s * a[e] + t * b[e] + p * c[e] + q * d[e]) * x
                + (s * a[e + 1] + t * b[e + 1] + p * c[e + 1] + q * d[e + 1]) * y
                + (s * a[e + 2] + t * b[e + 2] + p * c[e + 2] + q * d[e + 2]) * z
                + (s * a[e + 3] + t * b[e + 3] + p * c[e + 3] + q * d[e + 3])
            )
            out[3 * v + row] = share if four == 0 else out[3 * v + row] + share


@jit
def _shift(
    world: Float32[ndarray, "joints 12"],
    rest: Float32[ndarray, " joint_values"],
    out: Float32[ndarray, "joints 12"],
) -> None:
    """From maps of places in a joint's own frame to maps of places at rest: p - G rest."""
    for j in range(len(out)):
        x, y, z = rest[3 * j], rest[3 * j + 1], rest[3 * j + 2]
        for e in range(0, 12, 4):
            g, h, k = world[j, e], world[j, e + 1], world[j, e + 2]
            out[j, e], out[j, e + 1], out[j, e + 2] = g, h, k
            out[j, e + 3] = world[j, e + 3] - (g * x + h * y + k * z)


@jit
def _rodrigues(
    turns: Float32[ndarray, " values"], at: int, out: Float32[ndarray, " nine"]
) -> np.float32:
    """Fill in R = I + sin(t)/t K + (1 - cos t)/t^2 K K; returns t^2."""
    x, y, z = turns[at], turns[at + 1], turns[at + 2]
    squared: np.float32 = x * x + y * y + z * z
    safe = max(squared, np.float32(1e-30))
    angle = np.float32(sqrt(safe))
    half = np.float32(sin(angle * np.float32(0.5)))
    a = np.float32(2) * half * np.float32(cos(angle * np.float32(0.5))) / angle
    b = np.float32(2) * half * half / safe
    one = np.float32(1)
    out[0], out[1], out[2] = one - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y
    out[3], out[4], out[5] = b * x * y + a * z, one - b * (x * x + z * z), b * y * z - a * x
    out[6], out[7], out[8] = b * x * z - a * y, b * y * z + a * x, one - b * (x * x + y * y)
    return squared


@jit
def _chain(  # noqa: PLR0917 - kernels take plain arrays
    j: int,
    parent: int,
    rotmat: Float32[ndarray, " nine"],
    rest: Float32[ndarray, " joint_values"],
    transl: Float32[ndarray, "bodies 3"],
    body: int,
    world: Float32[ndarray, "joints 12"],
) -> None:
    """A joint's map after its parent's: rotation G R, place p + G offset."""
    if parent < 0:
        for row in range(3):
            for column in range(3):
                world[j, 4 * row + column] = rotmat[3 * row + column]
            world[j, 4 * row + 3] = rest[3 * j + row] + transl[body, row]
        return
    x, y, z = rest[3 * j], rest[3 * j + 1], rest[3 * j + 2]
    x, y, z = x - rest[3 * parent], y - rest[3 * parent + 1], z - rest[3 * parent + 2]
    for e in range(0, 12, 4):
        g, h, k = world[parent, e], world[parent, e + 1], world[parent, e + 2]
        for column in range(3):
            world[j, e + column] = (
                g * rotmat[column] + h * rotmat[3 + column] + k * rotmat[6 + column]
            )
        world[j, e + 3] = world[parent, e + 3] + g * x + h * y + k * z
