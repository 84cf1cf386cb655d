"""Body parameters by damped Gauss-Newton (Levenberg-Marquardt) with analytic derivatives, in torch.

All frames of a clip are solved together. They share one body shape, so the normal equations have the
form of an arrow: a block of pose unknowns per frame, and one block of betas that meets all of them.
The betas are eliminated by the Schur complement, which leaves one small solve per frame, batched
(Triggs et al., Bundle adjustment, 2000, section 6.1). Where each frame has betas of its own, each
is an arrow for itself.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import BodyPoints, place_points, point_jacobian
from lift3d.fitting.problem import FitOptions, FitState, Problem, Solution
from lift3d.fitting.skin import place_skin, skin_jacobian
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle, skew

__all__ = ["assess", "descend", "linearise", "log_slope"]

_LEAST_DEPTH: Final = 0.1  # metres; nearer points and those behind the camera project from here


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a state puts the body's points, and those that something is known about, in their order."""

    points: BodyPoints
    used: Float[Tensor, "frames used 3"]
    by_bone: Float[Tensor, "frames sites bones 3"] | None


@dataclass(frozen=True, slots=True)
class Normal:
    """The blocks of J'J and J'r: in the pose, crossed, and in the betas, per frame."""

    pose: Tensor
    cross: Tensor
    shape: Tensor
    pose_slope: Tensor
    shape_slope: Tensor


@dataclass(frozen=True, slots=True)
class _Course:
    """How a descent stands: `shape` is "given", "shared" or "own"."""

    state: FitState
    placed: Placed
    cost: Tensor
    damping: Tensor
    resting: Bool[Tensor, " frames"]
    settled: Bool[Tensor, " frames"]
    shape: str


def descend(problem: Problem, start: FitState) -> Solution:
    """Move the state downhill; the cost never rises."""
    options = problem.options
    placed, cost = assess(problem, start)
    nobody = torch.zeros_like(cost, dtype=torch.bool)
    shape = "own" if len(start.betas) > 1 else "shared"
    shape = shape if options.fit_betas else "given"
    damping = torch.full_like(cost, options.damping)
    course = _Course(start, placed, cost, damping, nobody, nobody, shape)
    taken = 0
    while taken < options.iterations and not bool(course.resting.all()):
        course = _descend_once(problem, course)
        taken += 1
    return Solution(course.state, course.cost, course.settled, taken)


def _descend_once(problem: Problem, course: _Course) -> _Course:
    state, cost, tolerance = course.state, course.cost, problem.options.tolerance
    normal = linearise(problem, state, course.placed)
    trial, promised, of_shape = _step(course, normal)
    settled = torch.where(course.resting, course.settled, promised < tolerance)
    settled = settled & (course.resting | (course.damping <= 1))
    placed, after = assess(problem, trial)
    shape = course.shape
    old = course.placed
    better = (after < cost) & ~course.resting
    if shape == "shared":
        if not bool(after.sum() < cost.sum()):
            # A shared shape that makes things worse as a whole is refused for all frames.
            return replace(course, damping=_damped_again(course.damping, torch.zeros_like(better)))
        # Poses compete under the new shape, so that the whole cost can only fall.
        state = replace(state, betas=trial.betas)
        old, same = assess(problem, state)
        cost = torch.where(better, cost, same)
        better = better | (after < same)
        shape = "given" if of_shape < tolerance else "shared"
    damping = torch.where(course.resting, course.damping, _damped_again(course.damping, better))
    state = _accept(state, trial, better)
    resting = settled if course.shape != "shared" else course.resting
    if course.shape == "shared" and shape == "given" and bool(settled.all()):
        resting = settled
    cost = torch.where(better, after, cost)
    return _Course(state, _merge(old, placed, better), cost, damping, resting, settled, shape)


def _damped_again(damping: Tensor, better: Bool[Tensor, " frames"]) -> Tensor:
    """Bolder where the last step helped, more careful where it did not."""
    return torch.where(better, damping * 0.3, damping * 5).clamp(1e-6, 1e6)


def _place(problem: Problem, state: FitState) -> Placed:
    points = place_points(problem.table, state.rotmats, state.transl, state.betas)
    places, by_bone = points.places, None
    if problem.skin is not None:
        on_skin, by_bone = place_skin(problem.table, problem.skin, points, state.betas)
        on_skin = on_skin if problem.shift is None else on_skin + problem.shift
        places = torch.cat([places, on_skin], 1)
    return Placed(points, places[:, problem.evidence.points], by_bone)


def assess(problem: Problem, state: FitState) -> tuple[Placed, Float[Tensor, " frames"]]:
    """Points, and the cost of each frame in squared standard deviations."""
    evidence, options = problem.evidence, problem.options
    placed = _place(problem, state)
    away = placed.used - evidence.places
    cost = torch.einsum("fpi,fpij,fpj->f", away, evidence.place_precision, away)
    miss = _slope_miss(placed.used, evidence)
    scale = options.outlier**2
    cost = cost + (scale * miss / (scale + miss)).sum(-1)
    residual, _ = _pose_residual(problem, state.rotmats)
    cost = cost + (residual**2).sum((1, 2))
    tied = _together(problem, state.rotmats)
    cost = cost if tied is None else cost + (tied @ problem.prior.rows.mT).square().sum(-1)
    if problem.near is not None:
        cost = (
            cost + ((state.transl - problem.near.state.transl) ** 2).sum(-1) / problem.near.reach**2
        )
    unlikely = (state.betas**2).sum(-1) / options.beta_std**2
    return placed, cost + evidence.informed * unlikely


def _together(problem: Problem, rotmats: Tensor) -> Tensor | None:
    """Distance from the prior's mean, times the root of its weight, where joints are tied together."""
    if not problem.prior.rows.numel():
        return None
    vector = axis_angle_from_rotmat(rotmats)
    return (vector - problem.prior.mean).flatten(1) * math.sqrt(problem.options.prior_weight)


def _slope_miss(places: Tensor, evidence: Evidence) -> Tensor:
    """Squared distance in the picture, in standard deviations."""
    slopes = places[..., :2] / places[..., 2:].clamp(min=_LEAST_DEPTH)
    return ((slopes - evidence.slopes) ** 2).sum(-1) * evidence.slope_precision


def linearise(problem: Problem, state: FitState, placed: Placed) -> Normal:
    """The normal equations at a state; the slopes are half the gradient of the cost."""
    by_pose, by_betas = _jacobian(problem, placed)
    precision, force = _pull(placed.used, problem.evidence, problem.options)
    rows = precision.shape[1] * 3
    frames = len(precision)
    pose_columns = by_pose.reshape(frames, rows, -1).transpose(1, 2)
    betas_columns = by_betas.reshape(frames, rows, -1).transpose(1, 2)
    weighted_betas = (precision @ by_betas).reshape(frames, rows, -1)
    pose = pose_columns @ (precision @ by_pose).reshape(frames, rows, -1)
    force = force.reshape(frames, rows, 1)
    pose_slope = (pose_columns @ force)[..., 0]
    _add_pose_residual(problem, state, pose, pose_slope)
    steady = problem.evidence.informed.to(pose)[:, None] / problem.options.beta_std**2
    eye = torch.eye(state.betas.shape[1], dtype=pose.dtype, device=pose.device)
    return Normal(
        pose,
        pose_columns @ weighted_betas,
        betas_columns @ weighted_betas + steady[..., None] * eye,
        pose_slope,
        (betas_columns @ force)[..., 0] + steady * state.betas,
    )


def _jacobian(problem: Problem, placed: Placed) -> tuple[Tensor, Tensor]:
    table, used = problem.table, problem.evidence.points
    count = len(table.names)
    if problem.skin is None or placed.by_bone is None:
        return point_jacobian(table, placed.points, used)
    first = point_jacobian(table, placed.points, torch.arange(count, device=used.device))
    second = skin_jacobian(table, problem.skin, placed.points, placed.by_bone)
    by_pose, by_betas = (torch.cat(pair, 1)[:, used] for pair in zip(first, second, strict=True))
    return by_pose, by_betas


def _add_pose_residual(problem: Problem, state: FitState, pose: Tensor, slope: Tensor) -> None:
    """Prior and `near` touch each joint's own three unknowns: the blocks on the diagonal."""
    residual, derivative = _pose_residual(problem, state.rotmats)
    back = derivative.transpose(-1, -2)
    block, force = back @ derivative, (back @ residual[..., None])[..., 0]
    for joint in range(state.rotmats.shape[1]):
        at = slice(3 * joint, 3 * joint + 3)
        pose[:, at, at] += block[:, joint]
        slope[:, at] += force[:, joint]
    if problem.near is not None:
        pull = 1 / problem.near.reach**2
        pose[:, -3:, -3:] += pull * torch.eye(3, dtype=pose.dtype, device=pose.device)
        slope[:, -3:] += pull * (state.transl - problem.near.state.transl)
    away = _together(problem, state.rotmats)
    if away is not None:
        share = math.sqrt(problem.options.prior_weight)
        turn = log_slope(axis_angle_from_rotmat(state.rotmats))
        rows = problem.prior.rows.reshape(len(problem.prior.rows), -1, 3)
        by_pose = torch.einsum("njr,fjrc->fnjc", share * rows, turn).flatten(2)
        pose[:, :-3, :-3] += by_pose.mT @ by_pose
        slope[:, :-3] += (by_pose.mT @ (away @ problem.prior.rows.mT)[..., None])[..., 0]


def _pull(places: Tensor, evidence: Evidence, options: FitOptions) -> tuple[Tensor, Tensor]:
    """Per point the information matrix [3, 3] and its product with the residual [3]."""
    precision = evidence.place_precision
    force = (precision @ (places - evidence.places)[..., None])[..., 0]
    depth = places[..., 2].clamp(min=_LEAST_DEPTH)
    slopes = places[..., :2] / depth[..., None]
    # d(x / z, y / z) / d(x, y, z); nearer than the least depth, z has no say.
    eye = torch.eye(2, dtype=places.dtype, device=places.device).expand(*depth.shape, 2, 2)
    by_depth = -slopes * (places[..., 2:] > _LEAST_DEPTH)
    project = torch.cat([eye, by_depth[..., None]], -1) / depth[..., None, None]
    scale = options.outlier**2
    trust = (scale / (scale + _slope_miss(places, evidence))) ** 2 * evidence.slope_precision
    pulled = project.transpose(-1, -2) * trust[..., None, None]
    force = force + (pulled @ (slopes - evidence.slopes)[..., None])[..., 0]
    return precision + pulled @ project, force


def _pose_residual(
    problem: Problem, rotmats: Tensor
) -> tuple[Float[Tensor, "frames joints residuals"], Float[Tensor, "frames joints residuals 3"]]:
    """Distance from the prior's mean, beyond a hinge's end, and from `near`, in standard deviations.

    The prior's two are times the root of its weight, and their squares times the weight therefore.
    """
    prior, near = problem.prior, problem.near
    share = math.sqrt(problem.options.prior_weight)
    vector = axis_angle_from_rotmat(rotmats)
    derivative = log_slope(vector)
    residual = [(vector - prior.mean) * (share / prior.std)]
    slope = [derivative * (share / prior.std)[..., None]]
    steep = -prior.hinge * (vector * prior.hinge < 0) * (share / prior.hinge_std)
    residual.append(vector * steep)
    slope.append(derivative * steep[..., None])
    if near is not None:
        away = axis_angle_from_rotmat(near.state.rotmats.transpose(-1, -2) @ rotmats)
        std = near.turn_std[..., None]
        residual.append(away / std)
        slope.append(log_slope(away) / std[..., None])
    return torch.cat(residual, -1), torch.cat(slope, -2)


def log_slope(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """d log(R exp(delta)) / d delta at delta = 0 (Sola et al., A micro Lie theory, 2018, eq. 144)."""
    squared = (vector * vector).sum(-1)[..., None, None]
    # The formula ends in 0 / 0 at zero and has a pole at a full turn, which log never reaches.
    small = squared < 1e-6
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    half = 0.5 * angle
    factor = (1 - half * half.cos() / half.sin().clamp(min=1e-6)) / angle**2
    factor = torch.where(small, torch.full_like(factor, 1 / 12), factor)
    k = skew(vector)
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return eye + 0.5 * k + factor * (k @ k)


def _damped(pose: Tensor, damping: Tensor) -> Tensor:
    """The mean of each joint's own diagonal is added to it: the same in every frame of reference."""
    mean = pose.diagonal(dim1=-2, dim2=-1).reshape(len(pose), -1, 3).mean(-1)
    more = damping[:, None] * mean.repeat_interleave(3, -1) + 1e-6
    return pose + torch.diag_embed(more)


def _step(course: _Course, normal: Normal) -> tuple[FitState, Tensor, float]:
    """The next state to try, and what it promises to gain: in each frame, and by shared betas."""
    state = course.state
    factor = torch.linalg.cholesky(_damped(normal.pose, course.damping))
    right = torch.cat([normal.pose_slope[..., None], normal.cross], -1)
    solved = torch.cholesky_solve(right, factor)
    pose, through = solved[..., 0], solved[..., 1:]
    betas, of_betas = torch.zeros_like(state.betas), torch.zeros_like(course.cost)
    if course.shape != "given":
        reduced = normal.shape - normal.cross.mT @ through
        slope = normal.shape_slope - torch.einsum("fpb,fp->fb", through, normal.pose_slope)
        if course.shape == "shared":
            reduced, slope = reduced.sum(0, keepdim=True), slope.sum(0, keepdim=True)
        eye = torch.eye(slope.shape[1], dtype=slope.dtype, device=slope.device)
        betas = -torch.linalg.solve(reduced + 1e-6 * eye, slope[..., None])[..., 0]
        of_betas = -(betas * slope).sum(-1)
    bent = normal.pose_slope + (normal.cross @ betas[..., None])[..., 0]
    move = -pose - (through @ betas[..., None])[..., 0]
    promised = -(bent * move).sum(-1)
    promised = promised + of_betas if course.shape == "own" else promised
    turn = move[:, :-3].reshape(*state.rotmats.shape[:2], 3)
    # A turn of more than a radian is beyond what the linearisation can tell.
    turn = turn / (torch.linalg.vector_norm(turn, dim=-1, keepdim=True)).clamp(min=1.0)
    trial = FitState(
        state.rotmats @ rotmat_from_axis_angle(turn),
        state.transl + move[:, -3:],
        state.betas + betas,
    )
    return trial, promised, float(of_betas.sum())


def _accept(state: FitState, trial: FitState, better: Bool[Tensor, " frames"]) -> FitState:
    """The better frames from the trial; shared betas are the same in both."""
    own = len(state.betas) == len(better)
    return FitState(
        torch.where(better[:, None, None, None], trial.rotmats, state.rotmats),
        torch.where(better[:, None], trial.transl, state.transl),
        torch.where(better[:, None], trial.betas, state.betas) if own else state.betas,
    )


def _merge(old: Placed, new: Placed, better: Tensor) -> Placed:
    def chosen(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(better.reshape(-1, *([1] * (a.ndim - 1))), b, a)

    points = BodyPoints(
        chosen(old.points.places, new.points.places), chosen(old.points.world, new.points.world)
    )
    used = chosen(old.used, new.used)
    if old.by_bone is None or new.by_bone is None:
        return Placed(points, used, None)
    return Placed(points, used, chosen(old.by_bone, new.by_bone))
