"""Compiled: one frame's equations solved without regard to the tree.

Where points are carried by several bones, or the prior ties joints together, everything meets
everything.
"""

from typing import Any

import numpy as np

from lift3d.fitting.compile import compiled

__all__ = ["solve_back", "solve_forward"]

Array = Any  # a float64 array; numba works out its axes


@compiled
def solve_forward(dense: Array, rhs: Array, left: Array) -> None:
    """Cholesky factor in the lower half of `dense`, L^-1 rhs in `rhs`; `left` as in a tree."""
    size, columns = len(dense), rhs.shape[1]
    for i in range(size):
        for j in range(i + 1):
            total = dense[i, j]
            for k in range(j):
                total -= dense[i, k] * dense[j, k]
            dense[i, j] = np.sqrt(total) if i == j else total / dense[j, j]
        for k in range(i):
            share = dense[i, k]
            for c in range(columns):
                rhs[i, c] -= share * rhs[k, c]
        for c in range(columns):
            rhs[i, c] /= dense[i, i]
        for r in range(columns):
            for c in range(columns):
                left[r, c] -= rhs[i, r] * rhs[i, c]


@compiled
def solve_back(dense: Array, rhs: Array, betas: Array, move: Array) -> float:
    """The step `move` [unknowns] for a given step of the betas; returns what it promises."""
    size, last = len(dense), rhs.shape[1] - 1
    promised = 0.0
    for i in range(size):
        total = rhs[i, last]
        for c in range(last):
            total += rhs[i, c] * betas[c]
        promised += total * total
        move[i] = -total
    for step in range(size):
        i = size - 1 - step
        move[i] /= dense[i, i]
        for k in range(i):
            move[k] -= dense[i, k] * move[i]
    return promised
