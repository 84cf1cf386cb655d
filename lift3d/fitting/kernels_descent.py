"""Compiled: the whole descent, frame by frame, with betas shared by all frames, one's own, or given.

The same steps as `lift3d.fitting.descent` takes with torch, which tests hold it to.
"""

# Machine code pays for every call and every view of an array: long loops, plain arguments.
# ruff: noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917

from typing import Any

import numpy as np

from lift3d.fitting.compile import compiled, entry, version
from lift3d.fitting.kernels_body import frame_cost, place, rest_shape, turned
from lift3d.fitting.kernels_dense import solve_back, solve_forward
from lift3d.fitting.kernels_normal import add_points, fill, shape_trails
from lift3d.fitting.kernels_tree import back_substitute, eliminate

__all__ = ["descend"]

Array = Any  # a float64, int64 or bool array; numba works out its axes
Group = Any  # a named tuple, see `lift3d.fitting.packing`


@compiled
def _shapes(body: Group, betas: Array, rest: Array, points: Array) -> None:
    for person in range(len(betas)):
        rest_shape(body.joints, body.joint_dirs, betas[person], rest[person])
        rest_shape(body.points, body.point_dirs, betas[person], points[person])


@compiled
def _shift(known: Group, frame: int) -> Array:
    return known.shift[frame] if len(known.shift) else known.no_shift


@compiled
def _cost(
    body: Group, known: Group, frame: int, rest: Array, points: Array, local: Array,
    transl: Array, betas: Array, now: Group, work: Group, unlikely: float,
) -> float:  # fmt: skip
    place(body, rest, points, local, transl, _shift(known, frame), now)
    cost = frame_cost(known, frame, now.places, local, transl, work)
    if known.informed[frame]:
        for c in range(len(betas)):
            cost += unlikely * betas[c] ** 2
    return cost


@compiled
def _clear(work: Group) -> None:
    """Sums start at zero. Loops here and below: slices take numba seconds to compile."""
    for k in range(work.inertia.shape[0]):
        for m in range(work.inertia.shape[1]):
            for part in range(4):
                for r in range(3):
                    for c in range(3):
                        work.inertia[k, m, part, r, c] = 0.0
    for k in range(work.wrench.shape[0]):
        for r in range(6):
            for c in range(work.wrench.shape[2]):
                work.wrench[k, r, c] = 0.0
    for r in range(work.left.shape[0]):
        for c in range(work.left.shape[1]):
            work.left[r, c] = 0.0


@compiled
def _copy(source: Array, target: Array) -> None:
    for i in range(source.shape[0]):
        for r in range(source.shape[1]):
            for c in range(source.shape[2]):
                target[i, r, c] = source[i, r, c]


@compiled
def _factorise(
    body: Group, known: Group, frame: int, rest: Array, points: Array, local: Array,
    transl: Array, now: Group, work: Group, damping: float, shaped: bool,
) -> None:  # fmt: skip
    """Equations of one frame, eliminated; what they say of the betas is left in `work.left`."""
    place(body, rest, points, local, transl, _shift(known, frame), now)
    _clear(work)
    if shaped:
        shape_trails(body, now, work.trails)
    add_points(body, known, frame, rest, points, now, work, shaped)
    fill(body, known, frame, local, transl, now, work, damping)
    if len(work.dense):
        solve_forward(work.dense, work.rhs.reshape(-1, work.rhs.shape[2]), work.left)
    else:
        eliminate(body.above, body.depth, work.blocks, work.rhs, work.left)


@compiled
def _solve_betas(left: Array, steady: float, betas: Array, step: Array) -> float:
    """The betas' step from what the frames left over, and what it promises."""
    count = len(betas)
    matrix, slope = np.empty((count, count)), np.empty((count, 1))
    for r in range(count):
        slope[r, 0] = left[r, count] + steady * betas[r]
        for c in range(count):
            matrix[r, c] = left[r, c]
        matrix[r, r] += steady + 1e-6
    scrap = np.empty((1, 1))
    solve_forward(matrix, slope, scrap)
    return solve_back(matrix, slope, step[:0], step)


@compiled
def _move(
    body: Group, frame: int, local: Array, transl: Array, factors: Group, betas: Array,
    work: Group, out: Group,
) -> float:  # fmt: skip
    """Take the step from a factorised frame; returns what it promises."""
    joints = len(body.parents)
    move = work.move
    if len(work.dense):
        rhs = factors.rhs[frame]
        promised = solve_back(
            factors.dense[frame], rhs.reshape(-1, rhs.shape[2]), betas, move.reshape(-1)
        )
    else:
        promised = back_substitute(
            body.above, body.depth, factors.blocks[frame], factors.rhs[frame], betas, move
        )
    for j in range(joints):
        turned(factors.world[frame, j], move[j], local[j], out.rotmats[frame, j], work.small)
    for r in range(3):
        out.transl[frame, r] = transl[r] + move[joints, r]
    return promised


@compiled
def _keep(factors: Group, frame: int, now: Group, work: Group) -> None:
    _copy(now.world, factors.world[frame])
    _copy(work.rhs, factors.rhs[frame])
    for i in range(work.dense.shape[0]):
        for j in range(work.dense.shape[1]):
            factors.dense[frame, i, j] = work.dense[i, j]
    if not len(work.dense):
        for j in range(work.blocks.shape[0]):
            _copy(work.blocks[j], factors.blocks[frame, j])


@compiled
def _accept(state: Group, trial: Group, frame: int) -> None:
    _copy(trial.rotmats[frame], state.rotmats[frame])
    for r in range(3):
        state.transl[frame, r] = trial.transl[frame, r]
    state.cost[frame] = trial.cost[frame]


def _kept(fingerprint: str) -> Any:
    """The kernel that Python calls; what is kept of it on disk belongs to one `fingerprint`."""

    @entry
    def descend(
        body: Group, known: Group, state: Group, rule: Group, now: Group, work: Group, factors: Group,
        trial: Group,
    ) -> int:  # fmt: skip
        """Move the state downhill, in place, with its `cost`, `damping` and what a step `promised`.

        `rule.shape` is 0 for given betas, 1 for shared ones, 2 for each frame's own. Returns the steps
        taken.
        """
        _ = fingerprint
        frames, people, count = len(state.rotmats), len(state.betas), state.betas.shape[1]
        rest, new_rest = (
            np.empty((people, len(body.joints), 3)),
            np.empty((people, len(body.joints), 3)),
        )
        points = np.empty((people, len(body.points), 3))
        new_points = np.empty((people, len(body.points), 3))
        betas = np.empty((people, count))
        _shapes(body, state.betas, rest, points)
        shape = rule.shape
        unlikely = rule.unlikely
        informed = 0.0
        for f in range(frames):
            informed += 1.0 if known.informed[f] else 0.0
        step = np.zeros((people, count))
        left = np.zeros((count + 1, count + 1))
        for f in range(frames):
            p = f if people > 1 else 0
            state.cost[f] = _cost(
                body, known, f, rest[p], points[p], state.rotmats[f], state.transl[f], state.betas[p],
                now, work, unlikely,
            )  # fmt: skip
            state.resting[f] = state.settled[f] = False
        for iteration in range(rule.iterations):
            for r in range(count + 1):
                for c in range(count + 1):
                    left[r, c] = 0.0
            for f in range(frames):
                p = f if people > 1 else 0
                if state.resting[f]:
                    continue
                _factorise(
                    body, known, f, rest[p], points[p], state.rotmats[f], state.transl[f], now, work,
                    state.damping[f], shape > 0,
                )  # fmt: skip
                _keep(factors, f, now, work)
                if shape == 1:
                    for r in range(count + 1):
                        for c in range(count + 1):
                            left[r, c] += work.left[r, c]
                elif shape == 2:
                    steady = unlikely if known.informed[f] else 0.0
                    state.promised[f] = _solve_betas(work.left, steady, state.betas[p], step[p])
            shape_promise = 0.0
            if shape == 1:
                shape_promise = _solve_betas(left, unlikely * informed, state.betas[0], step[0])
            for p in range(people):
                for c in range(count):
                    step[p, c] = 0.0 if shape == 0 else step[p, c]
                    betas[p, c] = state.betas[p, c] + step[p, c]
            _shapes(body, betas, new_rest, new_points)
            before, after = 0.0, 0.0
            for f in range(frames):
                p = f if people > 1 else 0
                if not state.resting[f]:
                    promised = _move(
                        body,
                        f,
                        state.rotmats[f],
                        state.transl[f],
                        factors,
                        step[p],
                        work,
                        trial,
                    )
                    state.promised[f] = promised + (state.promised[f] if shape == 2 else 0.0)
                    trial.cost[f] = _cost(
                        body, known, f, new_rest[p], new_points[p], trial.rotmats[f],
                        trial.transl[f], betas[p], now, work, unlikely,
                    )  # fmt: skip
                before += state.cost[f]
                after += trial.cost[f] if not state.resting[f] else state.cost[f]
            if shape == 1 and not after < before:
                # A shared shape that makes things worse as a whole is refused for all frames.
                for f in range(frames):
                    state.damping[f] = min(state.damping[f] * 5, 1e6)
                continue
            if shape == 1:
                for c in range(count):
                    state.betas[0, c] = betas[0, c]
                rest, new_rest = new_rest, rest
                points, new_points = new_points, points
            quiet = True
            for f in range(frames):
                p = f if people > 1 else 0
                if state.resting[f]:
                    continue
                better = trial.cost[f] < state.cost[f]
                if shape == 1 and not better:
                    # Poses compete under the new shape, so that the whole cost can only fall.
                    state.cost[f] = _cost(
                        body, known, f, rest[p], points[p], state.rotmats[f], state.transl[f],
                        betas[p], now, work, unlikely,
                    )  # fmt: skip
                    better = trial.cost[f] < state.cost[f]
                if better:
                    _accept(state, trial, f)
                    if shape == 2:
                        for c in range(count):
                            state.betas[p, c] = betas[p, c]
                        rest_shape(body.joints, body.joint_dirs, betas[p], rest[p])
                        rest_shape(body.points, body.point_dirs, betas[p], points[p])
                calm = state.promised[f] < rule.tolerance and state.damping[f] <= 1.0
                state.settled[f] = calm
                state.damping[f] = min(max(state.damping[f] * (0.3 if better else 5.0), 1e-6), 1e6)
                if shape != 1:
                    state.resting[f] = calm
                quiet = quiet and calm
            if shape == 1 and shape_promise < rule.tolerance:
                shape = 0
            if quiet and shape != 1:
                return iteration + 1
        return int(rule.iterations)

    return descend


descend = _kept(version())
"""The descent, to be called from Python."""
