"""Clips of any length: solved in chunks of frames, spread over time, smoothed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.fitting.points import place_points
from lift3d.fitting.problem import FitOptions, FitState, Problem, Solution
from lift3d.fitting.skin import SkinTable, place_skin
from lift3d.fitting.solve import solve
from lift3d.fitting.start import first_guess
from lift3d.geometry.rotations import (
    axis_angle_from_rotmat,
    rot6d_from_rotmat,
    rotmat_from_rot6d,
)
from lift3d.geometry.smoothing import smooth_gaussian

__all__ = [
    "SkinShift",
    "as_params",
    "at_frames",
    "misses",
    "smooth_state",
    "solve_chunks",
    "solve_clip",
]

# Frames solved at once: about 40 MB of derivatives, and enough to tell a body's shape.
_CHUNK: Final = 512
_SHIFT_STEPS: Final = 3  # between two looks at what the model does to its skin beside the bones
_BOLDER: Final = 0.3  # what a good round makes of the damping
_LEAST_DAMPING: Final = 1e-6
_CAREFUL: Final = 100.0  # what a round in vain makes of the damping

SkinShift = Callable[[Problem, SkinTable, FitState], Tensor]
"""What a body model does to its skin beside what bones do, for a state."""


def solve_clip(
    shift: SkinShift,
    problem: Problem,
    progress: Callable[[float], None],
    start: FitState | None = None,
) -> Solution:
    """All frames; of a long clip the shape comes from frames spread over it.

    Without a `start` one is looked for in the evidence.
    """
    frames = len(problem.evidence.places)
    if frames <= _CHUNK:
        found = _solve(shift, problem, start or first_guess(problem))
        progress(1.0)
        return found
    if not (problem.options.one_shape and problem.options.fit_betas):
        return solve_chunks(shift, problem, progress, start)
    spread = torch.linspace(0, frames - 1, _CHUNK // 2).round().long()
    some = problem[spread]
    guess = start[spread] if start is not None else first_guess(some)
    betas = _solve(shift, some, guess).state.betas
    fixed = replace(problem, options=replace(problem.options, fit_betas=False))
    if start is not None:
        start = replace(start, betas=betas)
    return solve_chunks(shift, fixed, progress, start, betas)


def solve_chunks(
    shift: SkinShift,
    problem: Problem,
    progress: Callable[[float], None],
    start: FitState | None = None,
    betas: Tensor | None = None,
) -> Solution:
    """Frames in chunks of bounded memory; a shared shape is given and stays."""
    frames = len(problem.evidence.places)
    parts: list[Solution] = []
    for first in range(0, frames, _CHUNK):
        rows = slice(first, first + _CHUNK)
        part = problem[rows]
        guess = start[rows] if start is not None else first_guess(part, betas)
        parts.append(_solve(shift, part, guess))
        progress(min(1.0, rows.stop / frames))
    return Solution.joined(parts)


def _solve(shift: SkinShift, problem: Problem, start: FitState) -> Solution:
    """Descend; where there is skin, look every few steps at what the model does to it.

    Steps promise with the shift of the last look, and may not hold it. So only looks count: the best
    one is kept. Damping goes on from round to round, since fresh damping would hold back what the
    evidence tells least; after a round that made nothing better the next is far more careful. After two
    that made it worse the shape stays: it may not be linear in its betas, and is not damped.
    """
    skin = problem.skin
    if skin is None:
        return solve(problem, start)
    options, damping, failed, taken = problem.options, problem.options.damping, 0, 0
    problem, best = _look(shift, problem, skin, start)
    for first in range(0, options.iterations, _SHIFT_STEPS):
        steps = min(options.iterations - first, _SHIFT_STEPS)
        options = replace(options, fit_betas=options.fit_betas and failed < 2)
        found = solve(_with(problem, options, steps, damping), best.state)
        taken += found.iterations
        there, seen = _look(shift, problem, skin, found.state)
        before, after = float(best.cost.sum()), float(seen.cost.sum())
        failed = failed + 1 if after > before else 0
        if after < before:
            problem, best = there, seen
            damping = max(damping * _BOLDER, _LEAST_DAMPING)
        else:
            damping *= _CAREFUL
        best = replace(best, settled=found.settled)
        if bool(found.settled.all()) and found.iterations < steps:
            break
    return replace(best, iterations=taken)


def _look(
    shift: SkinShift, problem: Problem, skin: SkinTable, state: FitState
) -> tuple[Problem, Solution]:
    """The problem with the shift that the model gives its skin in a state, and what that costs."""
    problem = replace(problem, shift=shift(problem, skin, state))
    return problem, solve(_with(problem, problem.options, 0, 0.0), state)


def _with(problem: Problem, options: FitOptions, steps: int, damping: float) -> Problem:
    return replace(problem, options=replace(options, iterations=steps, damping=damping))


def at_frames(state: FitState, seen: Int[Tensor, " seen"], frames: int) -> FitState:
    """The state at its frames of a clip, NaN in between."""

    def spread(values: Tensor) -> Tensor:
        out = values.new_full((frames, *values.shape[1:]), torch.nan)
        out[seen] = values
        return out

    own = len(state.betas) > 1
    betas = spread(state.betas) if own else state.betas
    return FitState(spread(state.rotmats), spread(state.transl), betas)


def smooth_state(
    state: FitState, observed: Bool[Tensor, " frames"], sigma_frames: float
) -> FitState:
    """A clip's state smoothed over time; rotations as two columns, in which no angle wraps round."""
    weights = (observed & state.transl.isfinite().all(-1)).to(state.transl.dtype)
    rot6d = smooth_gaussian(rot6d_from_rotmat(state.rotmats), weights, sigma_frames)
    transl = smooth_gaussian(state.transl, weights, sigma_frames)
    known = transl.isfinite().all(-1)
    return FitState(
        torch.where(known[:, None, None, None], rotmat_from_rot6d(rot6d), state.rotmats),
        torch.where(known[:, None], transl, state.transl),
        state.betas,
    )


def as_params(state: FitState) -> BodyParams:
    """A fit's state in SMPL's vocabulary: rotation matrices as axis-angle."""
    axis_angle = axis_angle_from_rotmat(state.rotmats)
    return BodyParams(state.betas, axis_angle[:, 1:], axis_angle[:, 0], state.transl)


def misses(
    shift: SkinShift, problem: Problem, state: FitState
) -> dict[str, Float[Tensor, " frames"]]:
    """Root mean square distances (metres) by kind of evidence, each row counted once.

    NaN in frames without evidence of a kind. Frames go in chunks: meshes take much memory.
    """
    parts: list[dict[str, Tensor]] = []
    for first in range(0, len(state.transl), _CHUNK):
        rows = slice(first, first + _CHUNK)
        part, there = problem[rows], state[rows]
        if part.skin is not None:
            part = replace(part, shift=shift(part, part.skin, there))
        parts.append(_misses(part, there))
    out = {kind: torch.cat([part[kind] for part in parts]) for kind in parts[0]}
    return {kind: values for kind, values in out.items() if bool(values.isfinite().any())}


def _misses(problem: Problem, state: FitState) -> dict[str, Float[Tensor, " frames"]]:
    evidence = problem.evidence
    points = place_points(problem.table, state.rotmats, state.transl, state.betas)
    places = points.places
    if problem.skin is not None:
        on_skin = place_skin(problem.table, problem.skin, points, state.betas)[0]
        on_skin = on_skin if problem.shift is None else on_skin + problem.shift
        places = torch.cat([places, on_skin], 1)
    places = places[:, evidence.points]
    depth = places[..., 2:].clamp(min=0.1)
    away = (places - evidence.places).square().sum(-1)
    across = ((places[..., :2] / depth - evidence.slopes) * depth).square().sum(-1)
    out: dict[str, Tensor] = {}
    for kind in dict.fromkeys(evidence.kinds):
        rows = torch.tensor([other == kind for other in evidence.kinds])
        out[kind] = _root_mean(away[:, rows], evidence.placed[:, rows])
        seen = evidence.slope_precision[:, rows] > 0
        name = "keypoints" if kind == "joints" else f"{kind} pixels"
        out[name] = _root_mean(across[:, rows], seen)
    return out


def _root_mean(squares: Tensor, known: Tensor) -> Tensor:
    total = torch.where(known, squares, 0).sum(1)
    return (total / known.sum(1)).sqrt()
