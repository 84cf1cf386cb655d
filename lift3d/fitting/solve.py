"""Body parameters by damped Gauss-Newton (Levenberg-Marquardt) with analytic derivatives.

All frames of a clip are solved together. They share one body shape, so the normal equations have the
form of an arrow: a block of pose unknowns per frame, and one block of betas that meets all of them.
The betas are eliminated by the Schur complement, which leaves one small solve per frame, batched
(Triggs et al., Bundle adjustment, 2000, section 6.1).
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.fitting.evidence import Evidence
from lift3d.fitting.initial import initial_pose
from lift3d.fitting.points import (
    BodyPoints,
    place_points,
    point_jacobian,
)
from lift3d.fitting.problem import FitOptions, FitState, Problem
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle, skew

__all__ = ["first_guess", "solve"]

_LEAST_DEPTH: Final = 0.1  # metres; nearer points and those behind the camera project from here


@dataclass(frozen=True, slots=True)
class _Normal:
    """The blocks of J'J and J'r: per frame in the pose, crossed, and summed in the betas."""

    pose: Tensor
    cross: Tensor
    shape: Tensor
    pose_slope: Tensor
    shape_slope: Tensor


def solve(problem: Problem, start: FitState | None = None) -> FitState:
    """The most likely state under evidence and prior, from a first guess or from `start`."""
    options = problem.options
    state = start if start is not None else first_guess(problem)
    damping = torch.full_like(state.transl[:, 0], options.damping)
    points, cost = _assess(problem, state)
    for _ in range(options.iterations):
        trial = _step(state, _linearise(problem, state, points), damping, options.fit_betas)
        trial_points, trial_cost = _assess(problem, trial)
        if options.fit_betas:
            if not bool(trial_cost.sum() < cost.sum()):
                # A shared shape that makes things worse as a whole is refused for all frames.
                damping = _damped_again(damping, torch.zeros_like(problem.evidence.informed))
                continue
            # Poses compete under the new shape, so that the whole cost can only fall.
            state = replace(state, betas=trial.betas)
            points, cost = _assess(problem, state)
        better = trial_cost < cost
        damping = _damped_again(damping, better)
        state = _accept(state, trial, better)
        points, cost = _merge(points, trial_points, better), trial_cost.where(better, cost)
    return state


def _damped_again(damping: Tensor, better: Bool[Tensor, " frames"]) -> Tensor:
    """Bolder where the last step helped, more careful where it did not."""
    return torch.where(better, damping * 0.3, damping * 5).clamp(1e-6, 1e6)


def first_guess(problem: Problem, betas: Tensor | None = None) -> FitState:
    """A pose from the geometry of the known places, with the mean shape or the one given."""
    table, evidence = problem.table, problem.evidence
    dtype = evidence.places.dtype
    if betas is None:
        betas = torch.zeros(table.shapedirs.shape[-1], dtype=dtype)
    eye = torch.eye(3, dtype=dtype).expand(1, len(table.parents), 3, 3)
    rest = place_points(table, eye, torch.zeros(1, 3, dtype=dtype), betas).places[0]
    places = torch.zeros(len(evidence.places), len(table.names), 3, dtype=dtype)
    known = torch.zeros(places.shape[:2], dtype=torch.bool)
    places[:, evidence.points] = evidence.places
    known[:, evidence.points] = evidence.placed
    rotmats, transl = initial_pose(table, rest, places, known)
    return FitState(rotmats, transl, betas)


def _assess(problem: Problem, state: FitState) -> tuple[BodyPoints, Tensor]:
    """Points and the cost of each frame."""
    evidence, options = problem.evidence, problem.options
    points = place_points(problem.table, state.rotmats, state.transl, state.betas)
    places = points.places[:, evidence.points]
    away = places - evidence.places
    cost = torch.einsum("fpi,fpij,fpj->f", away, evidence.place_precision, away)
    miss = _slope_miss(places, evidence)
    scale = options.outlier**2
    cost = cost + (scale * miss / (scale + miss)).sum(-1)
    residual, _ = _pose_residual(problem, state.rotmats)
    cost = cost + (residual**2).sum((1, 2))
    if problem.near is not None:
        cost = cost + ((state.transl - problem.near.transl) ** 2).sum(-1) / problem.near_reach**2
    unlikely = (state.betas**2).sum() / options.beta_std**2
    return points, cost + evidence.informed * unlikely


def _slope_miss(places: Tensor, evidence: Evidence) -> Tensor:
    """Squared distance in the picture, in standard deviations."""
    slopes = places[..., :2] / places[..., 2:].clamp(min=_LEAST_DEPTH)
    return ((slopes - evidence.slopes) ** 2).sum(-1) * evidence.slope_precision


def _linearise(problem: Problem, state: FitState, points: BodyPoints) -> _Normal:
    used = problem.evidence.points
    by_pose, by_betas = point_jacobian(problem.table, points, used)
    precision, force = _pull(points.places[:, used], problem.evidence, problem.options)
    rows = precision.shape[1] * 3
    frames = len(precision)
    pose_columns = by_pose.reshape(frames, rows, -1).transpose(1, 2)
    betas_columns = by_betas.reshape(frames, rows, -1).transpose(1, 2)
    weighted_betas = (precision @ by_betas).reshape(frames, rows, -1)
    pose = pose_columns @ (precision @ by_pose).reshape(frames, rows, -1)
    force = force.reshape(frames, rows, 1)
    pose_slope = (pose_columns @ force)[..., 0]
    _add_pose_residual(problem, state, pose, pose_slope)
    steady = int(problem.evidence.informed.sum()) / problem.options.beta_std**2
    return _Normal(
        pose,
        pose_columns @ weighted_betas,
        (betas_columns @ weighted_betas).sum(0)
        + steady * torch.eye(len(state.betas), dtype=pose.dtype),
        pose_slope,
        (betas_columns @ force)[..., 0].sum(0) + steady * state.betas,
    )


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
        pull = 1 / problem.near_reach**2
        pose[:, -3:, -3:] += pull * torch.eye(3, dtype=pose.dtype)
        slope[:, -3:] += pull * (state.transl - problem.near.transl)


def _pull(places: Tensor, evidence: Evidence, options: FitOptions) -> tuple[Tensor, Tensor]:
    """Per point the information matrix [3, 3] and its product with the residual [3]."""
    precision = evidence.place_precision
    force = (precision @ (places - evidence.places)[..., None])[..., 0]
    depth = places[..., 2].clamp(min=_LEAST_DEPTH)
    slopes = places[..., :2] / depth[..., None]
    # d(x / z, y / z) / d(x, y, z); nearer than the least depth, z has no say.
    eye = torch.eye(2, dtype=places.dtype).expand(*depth.shape, 2, 2)
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
    derivative = _inverse_right_jacobian(vector)
    residual = [(vector - prior.mean) * (share / prior.std)]
    slope = [derivative * (share / prior.std)[..., None]]
    steep = -prior.hinge * (vector * prior.hinge < 0) * (share / prior.hinge_std)
    residual.append(vector * steep)
    slope.append(derivative * steep[..., None])
    if near is not None:
        away = axis_angle_from_rotmat(near.rotmats.transpose(-1, -2) @ rotmats)
        residual.append(away / problem.near_std)
        slope.append(_inverse_right_jacobian(away) / problem.near_std)
    return torch.cat(residual, -1), torch.cat(slope, -2)


def _inverse_right_jacobian(vector: Tensor) -> Tensor:
    """d log(R exp(delta)) / d delta at delta = 0 (Sola et al., A micro Lie theory, 2018, eq. 144)."""
    squared = (vector * vector).sum(-1)[..., None, None]
    # The formula ends in 0 / 0 at zero and has a pole at a full turn, which log never reaches.
    small = squared < 1e-6
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    half = 0.5 * angle
    factor = (1 - half * half.cos() / half.sin().clamp(min=1e-6)) / angle**2
    factor = torch.where(small, torch.full_like(factor, 1 / 12), factor)
    k = skew(vector)
    return torch.eye(3, dtype=vector.dtype) + 0.5 * k + factor * (k @ k)


def _step(state: FitState, normal: _Normal, damping: Tensor, fit_betas: bool) -> FitState:
    diagonal = normal.pose.diagonal(dim1=-2, dim2=-1)
    damped = normal.pose + torch.diag_embed(damping[:, None] * diagonal + 1e-6)
    factor = torch.linalg.cholesky(damped)
    right = torch.cat([normal.pose_slope[..., None], normal.cross], -1)
    solved = torch.cholesky_solve(right, factor)
    pose, through = solved[..., 0], solved[..., 1:]
    betas = torch.zeros_like(state.betas)
    if fit_betas:
        reduced = normal.shape - (normal.cross.transpose(1, 2) @ through).sum(0)
        slope = normal.shape_slope - torch.einsum("fpb,fp->b", through, normal.pose_slope)
        betas = -torch.linalg.solve(
            reduced + 1e-6 * torch.eye(len(slope), dtype=slope.dtype), slope
        )
    move = -pose - (through @ betas)
    turn = move[:, :-3].reshape(*state.rotmats.shape[:2], 3)
    # A turn of more than a radian is beyond what the linearisation can tell.
    turn = turn / (torch.linalg.vector_norm(turn, dim=-1, keepdim=True)).clamp(min=1.0)
    return FitState(
        state.rotmats @ rotmat_from_axis_angle(turn),
        state.transl + move[:, -3:],
        state.betas + betas,
    )


def _accept(state: FitState, trial: FitState, better: Bool[Tensor, " frames"]) -> FitState:
    """The better frames' poses from the trial; both states have the same betas."""
    return FitState(
        torch.where(better[:, None, None, None], trial.rotmats, state.rotmats),
        torch.where(better[:, None], trial.transl, state.transl),
        state.betas,
    )


def _merge(old: BodyPoints, new: BodyPoints, better: Tensor) -> BodyPoints:
    return BodyPoints(
        torch.where(better[:, None, None], new.places, old.places),
        torch.where(better[:, None, None, None], new.world, old.world),
    )
