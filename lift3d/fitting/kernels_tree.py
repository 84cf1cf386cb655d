"""Compiled: the normal equations of a tree of joints, kept sparse.

Turns of two joints meet in the normal equations only where one joint lies above the other, and
elimination from the leaves to the root keeps it so (R. Featherstone, Efficient factorization of the
joint-space inertia matrix for branched kinematic trees, IJRR 2005). The translation counts as the
parent of the root.

`above[j, d]` is the ancestor of joint j at depth d: the translation (index `joints`) at 0, the root at
1, j itself at `depth[j]`. `blocks[j, d]` is the block of the equations with the rows of that ancestor
and the columns of j. `rhs[j]` are the right sides: one column per beta, the slope in the last.
"""

from typing import Any

import numpy as np

from lift3d.fitting.compile import compiled

__all__ = ["back_substitute", "eliminate", "invert3", "times3"]

Array = Any  # a float64 array; numba works out its axes


@compiled
def invert3(m: Array, out: Array) -> None:
    """Inverse of a 3 x 3 matrix by cofactors; `out` may be `m`."""
    a, b, c, d, e, f = m[0, 0], m[0, 1], m[0, 2], m[1, 0], m[1, 1], m[1, 2]
    g, h, i = m[2, 0], m[2, 1], m[2, 2]
    one, two, three = e * i - f * h, f * g - d * i, d * h - e * g
    scale = 1.0 / (a * one + b * two + c * three)
    out[0, 0], out[0, 1], out[0, 2] = one * scale, (c * h - b * i) * scale, (b * f - c * e) * scale
    out[1, 0], out[1, 1], out[1, 2] = two * scale, (a * i - c * g) * scale, (c * d - a * f) * scale
    out[2, 0], out[2, 1], out[2, 2] = (
        three * scale,
        (b * g - a * h) * scale,
        (a * e - b * d) * scale,
    )


@compiled
def times3(a: Array, b: Array, out: Array) -> None:
    """out = a @ b for 3 x 3 matrices."""
    for r in range(3):
        for c in range(3):
            out[r, c] = a[r, 0] * b[0, c] + a[r, 1] * b[1, c] + a[r, 2] * b[2, c]


@compiled
def _subtract(blocks: Array, a: int, e: int, share: Array, j: int, d: int) -> None:
    """blocks[a, e] -= share[e] @ blocks[j, d]^T. No views: counting references costs more than this."""
    for r in range(3):
        x, y, z = share[e, r, 0], share[e, r, 1], share[e, r, 2]
        for c in range(3):
            taken = x * blocks[j, d, c, 0] + y * blocks[j, d, c, 1] + z * blocks[j, d, c, 2]
            blocks[a, e, r, c] -= taken


@compiled
def _scale(blocks: Array, j: int, own: int, d: int, share: Array) -> None:
    """share[d] = blocks[j, d] @ blocks[j, own]."""
    for r in range(3):
        x, y, z = blocks[j, d, r, 0], blocks[j, d, r, 1], blocks[j, d, r, 2]
        for c in range(3):
            share[d, r, c] = (
                x * blocks[j, own, 0, c] + y * blocks[j, own, 1, c] + z * blocks[j, own, 2, c]
            )


@compiled
def eliminate(above: Array, depth: Array, blocks: Array, rhs: Array, left: Array) -> None:
    """Eliminate all joints and the translation, in place; what remains of the betas is in `left`.

    The blocks on the diagonal become their inverses. `left` [betas + 1, betas + 1] holds the shape's
    equations with the slope in the last column; its last entry ends as minus what a step of the pose
    alone promises to gain.
    """
    joints, columns = len(depth), rhs.shape[2]
    scaled = np.empty((3, columns))
    share = np.empty((blocks.shape[1], 3, 3))
    for step in range(joints + 1):
        j = joints - 1 - step if step < joints else joints
        own = depth[j] if step < joints else 0
        invert3(blocks[j, own], blocks[j, own])
        for r in range(3):
            x, y, z = blocks[j, own, r, 0], blocks[j, own, r, 1], blocks[j, own, r, 2]
            for c in range(columns):
                scaled[r, c] = x * rhs[j, 0, c] + y * rhs[j, 1, c] + z * rhs[j, 2, c]
        for r in range(columns):
            x, y, z = rhs[j, 0, r], rhs[j, 1, r], rhs[j, 2, r]
            for c in range(columns):
                left[r, c] -= x * scaled[0, c] + y * scaled[1, c] + z * scaled[2, c]
        for d in range(own):
            a = above[j, d]
            _scale(blocks, j, own, d, share)
            for r in range(3):
                x, y, z = blocks[j, d, r, 0], blocks[j, d, r, 1], blocks[j, d, r, 2]
                for c in range(columns):
                    rhs[a, r, c] -= x * scaled[0, c] + y * scaled[1, c] + z * scaled[2, c]
            for e in range(d + 1):
                _subtract(blocks, a, e, share, j, d)


@compiled
def back_substitute(
    above: Array, depth: Array, blocks: Array, rhs: Array, betas: Array, move: Array
) -> float:
    """The step `move` [joints + 1, 3] for a given step of the betas; returns what it promises."""
    joints, last = len(depth), rhs.shape[2] - 1
    promised = 0.0
    for step in range(joints + 1):
        j = joints if step == 0 else step - 1
        own = 0 if step == 0 else depth[j]
        x, y, z = rhs[j, 0, last], rhs[j, 1, last], rhs[j, 2, last]
        for c in range(last):
            x += rhs[j, 0, c] * betas[c]
            y += rhs[j, 1, c] * betas[c]
            z += rhs[j, 2, c] * betas[c]
        m = blocks[j, own]
        promised += (
            m[0, 0] * x * x + m[1, 1] * y * y + m[2, 2] * z * z
            + 2 * (m[0, 1] * x * y + m[0, 2] * x * z + m[1, 2] * y * z)
        )  # fmt: skip
        for d in range(own):
            a = above[j, d]
            for r in range(3):
                u = move[a, r]
                x += blocks[j, d, r, 0] * u
                y += blocks[j, d, r, 1] * u
                z += blocks[j, d, r, 2] * u
        for r in range(3):
            move[j, r] = -(m[r, 0] * x + m[r, 1] * y + m[r, 2] * z)
    return promised
