"""A problem as plain arrays, in the form that the compiled kernels take."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from lift3d.fitting.points import PointTable, rest_places
from lift3d.fitting.problem import FitState, Problem

__all__ = [
    "Body",
    "Course",
    "Known",
    "Rule",
    "course_from",
    "frames_room",
    "pack_body",
    "pack_known",
    "work_room",
]

Array = ndarray[Any, np.dtype[Any]]


class Body(NamedTuple):
    """Joints, and the points that something is known about, each with its bones."""

    parents: Array
    depth: Array
    above: Array
    joints: Array
    joint_dirs: Array
    joint_steps: Array
    points: Array
    point_dirs: Array
    bones: Array
    weights: Array
    counts: Array
    on_joint: Array
    single: bool


class Known(NamedTuple):
    """Evidence and prior; empty arrays stand for what is absent."""

    places: Array
    precision: Array
    any_place: Array
    slopes: Array
    slope_precision: Array
    shift: Array
    no_shift: Array
    mean: Array
    spread: Array
    hinge: Array
    hinge_precision: Array
    together: Array
    near_rotmats: Array
    near_transl: Array
    near_turn: Array
    near_root: float
    outlier: float
    informed: Array


class Now(NamedTuple):
    """Where a body's parts are in one frame."""

    world: Array
    joints: Array
    places: Array


class Work(NamedTuple):
    """Room for one frame's sums and equations, used again by each frame."""

    inertia: Array
    wrench: Array
    trails: Array
    by_betas: Array
    pulled: Array
    arms: Array
    from_root: Array
    away: Array
    slopes: Array
    small: Array
    left: Array
    blocks: Array
    rhs: Array
    dense: Array
    move: Array


class Factors(NamedTuple):
    """The eliminated equations of all frames."""

    world: Array
    blocks: Array
    rhs: Array
    dense: Array


class Course(NamedTuple):
    """The state of all frames, and how their descent goes."""

    rotmats: Array
    transl: Array
    betas: Array
    cost: Array
    damping: Array
    promised: Array
    resting: Array
    settled: Array


class Rule(NamedTuple):
    """How to descend."""

    iterations: int
    shape: int
    unlikely: float
    tolerance: float


def double(tensor: Tensor) -> Array:
    """Contiguous float64 on the host."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float64)


class _Tree(NamedTuple):
    parents: Array
    depth: Array
    above: Array
    steps: Array
    rest: Array
    dirs: Array
    carriers: Array


@lru_cache(maxsize=16)
def _tree(table: PointTable) -> _Tree:
    """What a body's joints and landmarks are, whatever is known about them."""
    joints = len(table.parents)
    rest, dirs = (double(x) for x in rest_places(table))
    parents = np.array(table.parents)
    depth, above = _ancestors(table.parents)
    steps = dirs[:joints] - np.where((parents >= 0)[:, None, None], dirs[parents], 0)
    return _Tree(parents, depth, above, steps, rest, dirs, _carriers(table))


def pack_body(problem: Problem) -> Body:
    """The body's constants for the points in use."""
    skin, used = problem.skin, problem.evidence.points.numpy()
    parents, depth, above, steps, rest, dirs, carriers = _tree(problem.table)
    joints = len(parents)
    bones, weights = carriers[:, None], np.ones((len(rest), 1))
    points, point_dirs = rest, dirs
    if skin is not None:
        width = skin.bones.shape[1]
        bones = np.concatenate([np.pad(bones, ((0, 0), (0, width - 1))), skin.bones.numpy()])
        weights = np.pad(weights, ((0, 0), (0, width - 1)))
        weights = np.concatenate([weights, double(skin.weights)])
        points = np.concatenate([rest, double(skin.template)])
        point_dirs = np.concatenate([dirs, double(skin.shapedirs)])
    bones, weights = _leading(bones[used], weights[used])
    return Body(
        parents, depth, above, rest[:joints], dirs[:joints], steps,
        points[used], point_dirs[used], bones, weights, (weights > 0).sum(1), used < joints,
        bool((weights[:, 1:] <= 0).all()),
    )  # fmt: skip


def _leading(bones: Array, weights: Array) -> tuple[Array, Array]:
    """Each point's bones with those that count first."""
    order = np.argsort(-weights, axis=1, kind="stable")
    most = max(1, int((weights > 0).sum(1).max(initial=1)))
    order = order[:, :most]
    return (
        np.take_along_axis(bones, order, 1).astype(np.int64),
        np.take_along_axis(weights, order, 1),
    )


def _carriers(table: PointTable) -> Array:
    """The bone of each point; a joint rides on its own, of which it is the origin."""
    joints = len(table.parents)
    return np.concatenate([np.arange(joints), table.carrier[joints:].numpy()])


def _ancestors(parents: tuple[int, ...]) -> tuple[Array, Array]:
    joints = len(parents)
    chains: list[list[int]] = []
    for joint, parent in enumerate(parents):
        chains.append([*(chains[parent] if parent >= 0 else [joints]), joint])
    chains.append([joints])
    above = np.zeros((joints + 1, max(map(len, chains))), np.int64)
    for joint, chain in enumerate(chains):
        above[joint, : len(chain)] = chain
    return np.array([len(chain) - 1 for chain in chains[:-1]]), above


def pack_known(problem: Problem) -> Known:
    """Evidence, prior and options; the prior's weight is multiplied in."""
    evidence, prior, options = problem.evidence, problem.prior, problem.options
    share = options.prior_weight
    rows = double(prior.rows)
    near, none = problem.near, np.zeros((0, 0, 3, 3))
    precision = double(evidence.place_precision)
    return Known(
        double(evidence.places), precision, np.asarray(precision.any((2, 3))),
        double(evidence.slopes), double(evidence.slope_precision),
        np.zeros((0, 0, 3)) if problem.shift is None else _shift(problem.shift, problem),
        np.zeros((0, 3)),
        double(prior.mean), share / double(prior.std) ** 2,
        double(prior.hinge), share * double(prior.hinge.abs()) / prior.hinge_std**2,
        share * rows.T @ rows if rows.size else np.zeros((0, 0)),
        none if near is None else double(near.state.rotmats),
        np.zeros((0, 3)) if near is None else double(near.state.transl),
        np.zeros((0, 0)) if near is None else double(near.turn_std) ** -2.0,
        0.0 if near is None else near.reach**-2.0, float(options.outlier**2),
        evidence.informed.numpy(),
    )  # fmt: skip


def _shift(shift: Tensor, problem: Problem) -> Array:
    """The skin's shift for the points in use, none for joints and landmarks."""
    still = shift.new_zeros(len(shift), len(problem.table.names), 3)
    return double(torch.cat([still, shift], 1)[:, problem.evidence.points])


def work_room(body: Body, betas: int, dense: bool) -> tuple[Now, Work]:
    """Room for one frame."""
    joints, points, bones = len(body.parents), len(body.points), body.bones.shape[1]
    size = 3 * joints + 3 if dense else 0
    now = Now(np.empty((joints, 3, 3)), np.empty((joints, 3)), np.empty((points, 3)))
    work = Work(
        np.empty((joints, 1 if body.single else joints, 4, 3, 3)),
        np.empty((joints, 6, betas + 1)),
        np.empty((joints, 3, betas)),
        np.zeros((3, betas + 1)),
        np.zeros((3, betas + 1)),
        np.empty((bones, 3)),
        np.empty((joints, 3)),
        np.empty((joints, 3)),
        np.empty((joints, 3, 3)),
        np.empty((5, 3, 3)),
        np.empty((betas + 1, betas + 1)),
        np.zeros((*body.above.shape, 3, 3)),
        np.zeros((joints + 1, 3, betas + 1)),
        np.zeros((size, size)),
        np.zeros((joints + 1, 3)),
    )
    return now, work


def frames_room(frames: int, work: Work) -> Factors:
    """Room for the equations of all frames."""
    blocks = (0 if work.dense.size else frames, *work.blocks.shape)
    return Factors(
        np.empty((frames, len(work.away), 3, 3)),
        np.empty(blocks),
        np.empty((frames, *work.rhs.shape)),
        np.empty((frames, *work.dense.shape)),
    )


def course_from(state: FitState, damping: float) -> Course:
    """A state about to descend; its arrays are copies."""
    frames = len(state.rotmats)
    return Course(
        double(state.rotmats).copy(), double(state.transl).copy(), double(state.betas).copy(),
        np.zeros(frames), np.full(frames, damping), np.full(frames, np.inf),
        np.zeros(frames, np.bool_), np.zeros(frames, np.bool_),
    )  # fmt: skip
