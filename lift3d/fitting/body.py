"""The door of the room: a person's lifted joints and keypoints in, body parameters out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting.evidence import gather_evidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.problem import FitOptions, FitState, Problem
from lift3d.fitting.solve import first_guess, solve
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rotations import (
    axis_angle_from_rotmat,
    rot6d_from_rotmat,
    rotmat_from_axis_angle,
    rotmat_from_rot6d,
)
from lift3d.geometry.smoothing import smooth_gaussian
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D

__all__ = ["fit_body", "fitted_keypoints"]

# Frames solved at once: about 40 MB of derivatives, and enough to tell a body's shape.
_CHUNK: Final = 512


def fit_body(
    articulation: Articulation,
    joints: Motion[Pose3D],
    keypoints: Motion[Pose2D] | None = None,
    camera: Camera | None = None,
    options: FitOptions | None = None,
    *,
    smooth_seconds: float = 0.0,
    progress: Callable[[float], None] = lambda _share: None,
) -> BodyParams:
    """Fit one body to a clip: one pose per frame, one shape for all.

    Joints (camera frame, metres) are matched to the body by name; keypoints, where given, pull the
    body's joints and landmarks onto their viewing rays. With `smooth_seconds` a second pass stays
    near the first one's poses after smoothing them in a Gaussian window of that width.
    Frames in which the joints were not observed are NaN. `progress` is told the share that is done,
    in [0, 1]. The result has the joints' dtype. Raises `InputError` when no frame was observed, and
    for keypoints without a camera or of another length than the joints.
    """
    if not bool(joints.observed.any()):
        raise InputError(
            "expected at least one observed frame to fit a body to, got none: lift the person first"
        )
    options = options or FitOptions()
    table = point_table(articulation, joints.pose.joints.dtype)
    evidence = gather_evidence(
        table.names, joints.pose, keypoints.pose if keypoints else None, camera
    )
    prior = smpl_prior(articulation.skeleton, evidence.places.dtype)
    seen = torch.nonzero(joints.observed)[:, 0]
    problem = Problem(table, prior, evidence[seen], options)
    smoothed = smooth_seconds > 0 and len(seen) > 2
    first_pass = 2 / 3 if smoothed else 1.0
    state = _solve_clip(problem, lambda share: progress(first_pass * share))
    if smoothed:
        over_time = _at_frames(state, seen, len(joints))
        near = smooth_state(over_time, joints.observed, smooth_seconds * joints.fps)[seen]
        again = replace(options, iterations=max(1, options.iterations // 2), fit_betas=False)
        calmer = replace(problem, near=near, options=again)
        state = _solve_chunks(
            calmer, lambda share: progress(first_pass + (1 - first_pass) * share), near
        )
    return _as_params(_at_frames(state, seen, len(joints)))


def _at_frames(state: FitState, seen: Int[Tensor, " seen"], frames: int) -> FitState:
    """The state at its frames of a clip, NaN in between."""
    rotmats = state.rotmats.new_full((frames, *state.rotmats.shape[1:]), torch.nan)
    transl = state.transl.new_full((frames, 3), torch.nan)
    rotmats[seen], transl[seen] = state.rotmats, state.transl
    return FitState(rotmats, transl, state.betas)


def _solve_clip(problem: Problem, progress: Callable[[float], None]) -> FitState:
    """All frames; of a long clip the shape comes from frames spread over it."""
    frames = len(problem.evidence.places)
    if frames <= _CHUNK:
        state = solve(problem)
        progress(1.0)
        return state
    spread = torch.linspace(0, frames - 1, _CHUNK // 2).round().long()
    betas = solve(replace(problem, evidence=problem.evidence[spread])).betas
    fixed = replace(problem, options=replace(problem.options, fit_betas=False))
    return _solve_chunks(fixed, progress, betas=betas)


def _solve_chunks(
    problem: Problem,
    progress: Callable[[float], None],
    start: FitState | None = None,
    betas: Tensor | None = None,
) -> FitState:
    """Frames in chunks of bounded memory; the shape is given and stays."""
    parts: list[FitState] = []
    for first in range(0, len(problem.evidence.places), _CHUNK):
        rows = slice(first, first + _CHUNK)
        part = replace(
            problem,
            evidence=problem.evidence[rows],
            near=problem.near[rows] if problem.near is not None else None,
        )
        guess = start[rows] if start is not None else first_guess(part, betas)
        parts.append(solve(part, guess))
        progress(min(1.0, rows.stop / len(problem.evidence.places)))
    return FitState(
        torch.cat([part.rotmats for part in parts]),
        torch.cat([part.transl for part in parts]),
        parts[0].betas,
    )


def smooth_state(
    state: FitState, observed: Bool[Tensor, " frames"], sigma_frames: float
) -> FitState:
    """A clip's state smoothed over time; rotations as two columns, in which no angle wraps round."""
    weights = observed.to(state.transl.dtype)
    rot6d = smooth_gaussian(rot6d_from_rotmat(state.rotmats), weights, sigma_frames)
    transl = smooth_gaussian(state.transl, weights, sigma_frames)
    known = transl.isfinite().all(-1)
    return FitState(
        torch.where(known[:, None, None, None], rotmat_from_rot6d(rot6d), state.rotmats),
        torch.where(known[:, None], transl, state.transl),
        state.betas,
    )


def _as_params(state: FitState) -> BodyParams:
    axis_angle = axis_angle_from_rotmat(state.rotmats)
    return BodyParams(state.betas[None], axis_angle[:, 1:], axis_angle[:, 0], state.transl)


def fitted_keypoints(
    articulation: Articulation, params: BodyParams, target: Pose2D, camera: Camera
) -> tuple[Float[Tensor, "frames joints 2"], Float[Tensor, "frames joints"]]:
    """Where the fitted body's points lie in the picture, and how far that is from `target`.

    Returns pixels and distances in pixels, NaN for keypoints that the body has no point for or that
    were not seen.
    """
    table = point_table(articulation, params.transl.dtype)
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    places = place_points(table, rotmats, params.transl, params.betas[0]).places
    places = places.to(camera.intrinsics.dtype)
    pixels = pixels_from_points(places, camera.intrinsics, camera.distortion, camera.lens)
    out = torch.full_like(target.keypoints, torch.nan)
    for joint, name in enumerate(target.skeleton.joints):
        if name in table.names:
            out[:, joint] = pixels[:, table.names.index(name)].to(out.dtype)
    return out, torch.linalg.vector_norm(out - target.keypoints, dim=-1)
