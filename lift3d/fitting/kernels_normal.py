"""Compiled: the normal equations of one frame.

A small turn w of a joint at P moves a point at p by w x (p - P). As a twist about the root it is
S = [I; [P]] times w, and the point's velocity is X = [-[p], I] times the twist. A point's information
M counts for all joints above it as the spatial inertia X^T M X; added up from the leaves to the root
it gives all blocks S^T (sum X^T M X) S at once (the composite-rigid-body algorithm, R. Featherstone,
Rigid body dynamics algorithms, 2008, chapter 6). A point that several bones carry belongs to the
inertia of each pair of them.
"""

# Machine code pays for every call and every view of an array: long loops, plain arguments.
# ruff: noqa: C901, PLR0912, PLR0917

from typing import Any

from lift3d.fitting.compile import compiled
from lift3d.fitting.kernels_body import between, log_and_slope
from lift3d.fitting.kernels_tree import times3

__all__ = ["add_points", "fill", "shape_trails"]

Array = Any  # a float64 or int64 array; numba works out its axes
Group = Any  # a named tuple of arrays, see `lift3d.fitting.packing`

_LEAST_DEPTH = 0.1


@compiled
def shape_trails(body: Group, now: Group, trails: Array) -> None:
    """How each bone's origin moves with the betas: offsets from the root on, each turned."""
    columns = trails.shape[2]
    for j in range(len(body.parents)):
        parent = body.parents[j]
        for r in range(3):
            for c in range(columns):
                if parent < 0:
                    trails[j, r, c] = body.joint_dirs[j, r, c]
                else:
                    g = now.world[parent]
                    trails[j, r, c] = (
                        trails[parent, r, c]
                        + g[r, 0] * body.joint_steps[j, 0, c]
                        + g[r, 1] * body.joint_steps[j, 1, c]
                        + g[r, 2] * body.joint_steps[j, 2, c]
                    )


@compiled
def _information(
    known: Group, frame: int, i: int, places: Array, matrix: Array, force: Array
) -> None:
    """A point's information matrix and its product with the residual."""
    for r in range(3):
        force[r] = 0.0
        for c in range(3):
            matrix[r, c] = 0.0
    if known.any_place[frame, i]:
        for r in range(3):
            for c in range(3):
                matrix[r, c] = known.precision[frame, i, r, c]
                force[r] += matrix[r, c] * (places[i, c] - known.places[frame, i, c])
    given = known.slope_precision[frame, i]
    if given > 0:
        in_front = places[i, 2] > _LEAST_DEPTH
        depth = max(places[i, 2], _LEAST_DEPTH)
        u, v = places[i, 0] / depth, places[i, 1] / depth
        x, y = u - known.slopes[frame, i, 0], v - known.slopes[frame, i, 1]
        trust = known.outlier / (known.outlier + (x * x + y * y) * given)
        trust *= trust * given / depth
        pull = trust / depth
        matrix[0, 0] += pull
        matrix[1, 1] += pull
        force[0] += trust * x
        force[1] += trust * y
        if in_front:
            matrix[0, 2] -= pull * u
            matrix[2, 0] -= pull * u
            matrix[1, 2] -= pull * v
            matrix[2, 1] -= pull * v
            matrix[2, 2] += pull * (u * u + v * v)
            force[2] -= trust * (u * x + v * y)


@compiled
def _cross_left(p: Array, m: Array, out: Array) -> None:
    """out = [p] m."""
    for c in range(3):
        a, b, d = m[0, c], m[1, c], m[2, c]
        out[0, c] = p[1] * d - p[2] * b
        out[1, c] = p[2] * a - p[0] * d
        out[2, c] = p[0] * b - p[1] * a


@compiled
def _add_inertia(
    p: Array, q: Array, weight: float, matrix: Array, inertia: Array, small: Array
) -> None:
    """inertia += weight [[-[p] M [q], [p] M], [-M [q], M]], in four blocks of 3 x 3."""
    left = small[2]
    _cross_left(p, matrix, left)
    for r in range(3):
        x, y, z = left[r, 0], left[r, 1], left[r, 2]
        inertia[0, r, 0] += weight * (z * q[1] - y * q[2])
        inertia[0, r, 1] += weight * (x * q[2] - z * q[0])
        inertia[0, r, 2] += weight * (y * q[0] - x * q[1])
        inertia[1, r, 0] += weight * x
        inertia[1, r, 1] += weight * y
        inertia[1, r, 2] += weight * z
        x, y, z = matrix[r, 0], matrix[r, 1], matrix[r, 2]
        inertia[2, r, 0] += weight * (z * q[1] - y * q[2])
        inertia[2, r, 1] += weight * (x * q[2] - z * q[0])
        inertia[2, r, 2] += weight * (y * q[0] - x * q[1])
        inertia[3, r, 0] += weight * x
        inertia[3, r, 1] += weight * y
        inertia[3, r, 2] += weight * z


@compiled
def add_points(
    body: Group, known: Group, frame: int, rest: Array, points: Array, now: Group, work: Group,
    shaped: bool,
) -> None:  # fmt: skip
    """Sum up all points: `inertia` per bone or pair of bones, `wrench` per bone, `left` of betas."""
    last = work.wrench.shape[2] - 1
    matrix, force, by_betas, pulled = work.small[0], work.small[1, 0], work.by_betas, work.pulled
    arms = work.arms
    for i in range(len(now.places)):
        if not (known.any_place[frame, i] or known.slope_precision[frame, i] > 0):
            continue
        _information(known, frame, i, now.places, matrix, force)
        if shaped:
            _by_betas(body, i, now, work.trails, by_betas)
            for r in range(3):
                for c in range(last):
                    pulled[r, c] = (
                        matrix[r, 0] * by_betas[0, c]
                        + matrix[r, 1] * by_betas[1, c]
                        + matrix[r, 2] * by_betas[2, c]
                    )
        for r in range(3):
            pulled[r, last] = force[r]
            for a in range(last if shaped else 0):
                b = by_betas[r, a]
                for c in range(last + 1):
                    work.left[a, c] += b * pulled[r, c]
        _arms(body, i, rest, points, now, arms)
        first = 0 if shaped else last
        for n in range(body.counts[i]):
            k, w, p = body.bones[i, n], body.weights[i, n], arms[n]
            wrench = work.wrench[k]
            for c in range(first, last + 1):
                x, y, z = w * pulled[0, c], w * pulled[1, c], w * pulled[2, c]
                wrench[0, c] += p[1] * z - p[2] * y
                wrench[1, c] += p[2] * x - p[0] * z
                wrench[2, c] += p[0] * y - p[1] * x
                wrench[3, c] += x
                wrench[4, c] += y
                wrench[5, c] += z
            if body.single:
                _add_inertia(p, p, w * w, matrix, work.inertia[k, 0], work.small)
            else:
                for m in range(body.counts[i]):
                    weight = w * body.weights[i, m]
                    pair = work.inertia[k, body.bones[i, m]]
                    _add_inertia(p, arms[m], weight, matrix, pair, work.small)


@compiled
def _arms(body: Group, i: int, rest: Array, points: Array, now: Group, arms: Array) -> None:
    """Where each of a point's bones alone would take it, from the root joint."""
    for n in range(body.counts[i]):
        k = body.bones[i, n]
        for r in range(3):
            total = now.joints[k, r] - now.joints[0, r]
            for c in range(3):
                total += now.world[k, r, c] * (points[i, c] - rest[k, c])
            arms[n, r] = total


@compiled
def _by_betas(body: Group, i: int, now: Group, trails: Array, out: Array) -> None:
    columns = trails.shape[2]
    for n in range(body.counts[i]):
        k, w = body.bones[i, n], body.weights[i, n]
        g = now.world[k]
        for r in range(3):
            for c in range(columns):
                old = out[r, c] if n else 0.0
                new = trails[k, r, c]
                if not body.on_joint[i]:
                    new += (
                        g[r, 0] * (body.point_dirs[i, 0, c] - body.joint_dirs[k, 0, c])
                        + g[r, 1] * (body.point_dirs[i, 1, c] - body.joint_dirs[k, 1, c])
                        + g[r, 2] * (body.point_dirs[i, 2, c] - body.joint_dirs[k, 2, c])
                    )
                out[r, c] = old + w * new


@compiled
def _right_sides(body: Group, now: Group, work: Group) -> None:
    """Wrenches summed up to the root, each taken about its joint."""
    joints, columns = len(body.parents), work.wrench.shape[2]
    for step in range(joints):
        j = joints - 1 - step
        wrench = work.wrench[j]
        if body.parents[j] >= 0:
            up = work.wrench[body.parents[j]]
            for r in range(6):
                for c in range(columns):
                    up[r, c] += wrench[r, c]
        x = now.joints[j, 0] - now.joints[0, 0]
        y = now.joints[j, 1] - now.joints[0, 1]
        z = now.joints[j, 2] - now.joints[0, 2]
        for c in range(columns):
            a, b, d = wrench[3, c], wrench[4, c], wrench[5, c]
            work.rhs[j, 0, c] = wrench[0, c] - (y * d - z * b)
            work.rhs[j, 1, c] = wrench[1, c] - (z * a - x * d)
            work.rhs[j, 2, c] = wrench[2, c] - (x * b - y * a)
    for r in range(3):
        for c in range(columns):
            work.rhs[joints, r, c] = work.wrench[0, 3 + r, c]


@compiled
def _about(p: Array, inertia: Array, out: Array) -> None:
    """out[0] = A + B [p], out[1] = C + D [p] for an inertia [[A, B], [C, D]]."""
    for half in range(2):
        a, b = inertia[2 * half], inertia[2 * half + 1]
        for r in range(3):
            x, y, z = b[r, 0], b[r, 1], b[r, 2]
            out[half, r, 0] = a[r, 0] + y * p[2] - z * p[1]
            out[half, r, 1] = a[r, 1] + z * p[0] - x * p[2]
            out[half, r, 2] = a[r, 2] + x * p[1] - y * p[0]


@compiled
def _fill_block(from_root: Array, a: int, half: Array, blocks: Array, j: int, d: int) -> None:
    """blocks[j, d] = half[0] - [p] half[1] for the place p of joint a. No views, as in the tree."""
    x, y, z = from_root[a, 0], from_root[a, 1], from_root[a, 2]
    for c in range(3):
        k, m, n = half[1, 0, c], half[1, 1, c], half[1, 2, c]
        blocks[j, d, 0, c] = half[0, 0, c] - (y * n - z * m)
        blocks[j, d, 1, c] = half[0, 1, c] - (z * k - x * n)
        blocks[j, d, 2, c] = half[0, 2, c] - (x * m - y * k)


@compiled
def _subtract_cross(p: Array, half: Array, out: Array) -> None:
    """out = half[0] - [p] half[1]."""
    for c in range(3):
        a, b, d = half[1, 0, c], half[1, 1, c], half[1, 2, c]
        out[0, c] = half[0, 0, c] - (p[1] * d - p[2] * b)
        out[1, c] = half[0, 1, c] - (p[2] * a - p[0] * d)
        out[2, c] = half[0, 2, c] - (p[0] * b - p[1] * a)


@compiled
def fill_tree(body: Group, work: Group) -> None:
    """The blocks of one frame from its points' inertia, where each point has one bone."""
    joints = len(body.parents)
    arms, halves = work.from_root, work.small[:2]
    for step in range(joints):
        j = joints - 1 - step
        inertia = work.inertia[j, 0]
        if body.parents[j] >= 0:
            up = work.inertia[body.parents[j], 0]
            for part in range(4):
                for r in range(3):
                    for c in range(3):
                        up[part, r, c] += inertia[part, r, c]
        _about(arms[j], inertia, halves)
        for d in range(1, body.depth[j] + 1):
            _fill_block(arms, body.above[j, d], halves, work.blocks, j, d)
        _copy(halves[1], work.blocks[j, 0])
    _copy(work.inertia[0, 0, 3], work.blocks[joints, 0])


@compiled
def fill_pairs(body: Group, work: Group) -> None:
    """All of one frame's equations, `dense`, from the inertia of pairs of bones."""
    joints, halves, block = len(body.parents), work.small[:2], work.small[2]
    for side in range(2):
        for step in range(joints - 1):
            j = joints - 1 - step
            up = body.parents[j]
            for k in range(joints):
                source = work.inertia[j, k] if side == 0 else work.inertia[k, j]
                target = work.inertia[up, k] if side == 0 else work.inertia[k, up]
                for part in range(4):
                    for r in range(3):
                        for c in range(3):
                            target[part, r, c] += source[part, r, c]
    for j in range(joints):
        for i in range(joints):
            _about(work.from_root[j], work.inertia[i, j], halves)
            _subtract_cross(work.from_root[i], halves, block)
            _store(block, work.dense, i, j)
            if i == 0:
                _store(halves[1], work.dense, joints, j)
    _store(work.inertia[0, 0, 3], work.dense, joints, joints)


@compiled
def _store(block: Array, dense: Array, row: int, column: int) -> None:
    for r in range(3):
        for c in range(3):
            dense[3 * row + r, 3 * column + c] = block[r, c]


@compiled
def _copy(source: Array, target: Array) -> None:
    for r in range(3):
        for c in range(3):
            target[r, c] = source[r, c]


@compiled
def fill(body: Group, known: Group, frame: int, local: Array, transl: Array, now: Group, work: Group,
         damping: float) -> None:  # fmt: skip
    """Blocks or `dense`, and right sides: the points' sums, the pose's own terms, and damping."""
    joints = len(body.parents)
    for j in range(joints):
        for r in range(3):
            work.from_root[j, r] = now.joints[j, r] - now.joints[0, r]
    _right_sides(body, now, work)
    if body.single:
        fill_tree(body, work)
    else:
        fill_pairs(body, work)
        for j in range(joints + 1):
            for d in range(work.blocks.shape[1]):
                for r in range(3):
                    for c in range(3):
                        work.blocks[j, d, r, c] = 0.0
    for j in range(joints):
        _add_pose_terms(known, frame, j, local, now.world[j], work.blocks[j, body.depth[j]], work)
    _add_near_root(known, frame, transl, work.blocks[joints, 0], work.rhs[joints])
    if len(work.dense):
        _gather_blocks(body, work)
        if len(known.together):
            _add_together(known, work)
        for j in range(joints + 1):
            _damp(work.dense[3 * j : 3 * j + 3, 3 * j : 3 * j + 3], damping)
    else:
        for j in range(joints):
            _damp(work.blocks[j, body.depth[j]], damping)
        _damp(work.blocks[joints, 0], damping)


@compiled
def _gather_blocks(body: Group, work: Group) -> None:
    """The blocks into the lower half of `dense`, beside what is there from pairs of bones."""
    joints = len(body.parents)
    dense = work.dense
    if body.single:
        for i in range(len(dense)):
            for j in range(len(dense)):
                dense[i, j] = 0.0
    for j in range(joints + 1):
        own = body.depth[j] if j < joints else 0
        for d in range(own + 1):
            a = body.above[j, d]
            for r in range(3):
                for c in range(3):
                    if a > j:  # the translation comes last
                        dense[3 * a + r, 3 * j + c] += work.blocks[j, d, r, c]
                    else:
                        dense[3 * j + c, 3 * a + r] += work.blocks[j, d, r, c]


@compiled
def _add_together(known: Group, work: Group) -> None:
    """The prior's correlations between joints: D_i^T P_ij D_j."""
    joints, last = len(work.away), work.rhs.shape[2] - 1
    left, block = work.small[0], work.small[1]
    for i in range(joints):
        di = work.slopes[i]
        for r in range(3):
            total = 0.0
            for j in range(joints):
                for c in range(3):
                    v = work.away[j, c] - known.mean[j, c]
                    total += known.together[3 * i + r, 3 * j + c] * v
            for c in range(3):
                work.rhs[i, c, last] += di[r, c] * total
        for j in range(i + 1):
            for r in range(3):
                for c in range(3):
                    left[r, c] = 0.0
                    for k in range(3):
                        left[r, c] += di[k, r] * known.together[3 * i + k, 3 * j + c]
            times3(left, work.slopes[j], block)
            for r in range(3):
                for c in range(3):
                    work.dense[3 * i + r, 3 * j + c] += block[r, c]


@compiled
def _damp(block: Array, damping: float) -> None:
    more = damping * (block[0, 0] + block[1, 1] + block[2, 2]) / 3 + 1e-6
    for r in range(3):
        block[r, r] += more


@compiled
def _add_near_root(known: Group, frame: int, transl: Array, block: Array, rhs: Array) -> None:
    if len(known.near_rotmats):
        last = rhs.shape[1] - 1
        for r in range(3):
            block[r, r] += known.near_root
            rhs[r, last] += known.near_root * (transl[r] - known.near_transl[frame, r])


@compiled
def _add_pose_terms(known: Group, frame: int, j: int, local: Array, world: Array, block: Array,
                    work: Group) -> None:  # fmt: skip
    """Prior and `near` touch each joint's own turn; their derivatives are turned into space."""
    vector, slope = work.away[j], work.slopes[j]
    log_and_slope(local[j], vector, slope)
    times_turned = work.small[0]
    weight, pull = work.small[1, 0], work.small[1, 1]
    for r in range(3):
        weight[r] = known.spread[j, r]
        pull[r] = weight[r] * (vector[r] - known.mean[j, r])
        if vector[r] * known.hinge[j, r] < 0:
            weight[r] += known.hinge_precision[j, r]
            pull[r] += known.hinge_precision[j, r] * vector[r]
    _transposed_in_space(slope, world, times_turned)
    if len(known.together):
        _copy(times_turned, work.slopes[j])
    _add_square(times_turned, weight, pull, block, work.rhs[j])
    if len(known.near_rotmats):
        between(known.near_rotmats[frame, j], local[j], work.small[2])
        away = work.small[3, 0]
        log_and_slope(work.small[2], away, work.small[4])
        for r in range(3):
            weight[r] = known.near_turn[frame, j]
            pull[r] = weight[r] * away[r]
        _transposed_in_space(work.small[4], world, times_turned)
        _add_square(times_turned, weight, pull, block, work.rhs[j])


@compiled
def _transposed_in_space(slope: Array, world: Array, out: Array) -> None:
    """out = slope G^T: the derivative by a turn in space."""
    for r in range(3):
        for c in range(3):
            out[r, c] = (
                slope[r, 0] * world[c, 0] + slope[r, 1] * world[c, 1] + slope[r, 2] * world[c, 2]
            )


@compiled
def _add_square(d: Array, weight: Array, pull: Array, block: Array, rhs: Array) -> None:
    last = rhs.shape[1] - 1
    for r in range(3):
        for c in range(3):
            block[r, c] += (
                d[0, r] * weight[0] * d[0, c]
                + d[1, r] * weight[1] * d[1, c]
                + d[2, r] * weight[2] * d[2, c]
            )
        rhs[r, last] += d[0, r] * pull[0] + d[1, r] * pull[1] + d[2, r] * pull[2]
