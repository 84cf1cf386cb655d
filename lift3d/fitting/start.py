"""First guesses where there are no joints to start from: from the skin, or from keypoints alone."""

import math
from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.fitting.evidence import Evidence
from lift3d.fitting.initial import initial_pose
from lift3d.fitting.points import place_points, rest_places
from lift3d.fitting.problem import FitOptions, FitState, Problem
from lift3d.fitting.skin import place_skin
from lift3d.fitting.solve import solve
from lift3d.geometry.alignment import procrustes
from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["distance_from_rays", "first_guess"]

_LEAST_SITES: Final = 4
_OWN: Final = 0.5  # a site belongs to the bone that carries more than half of it
_YAWS: Final = 8
_STEPS: Final = 8  # of each descent that is only to tell how good a start is
_JUMP: Final = 0.1  # metres that a body's joints move in a frame as easily as a keypoint errs


def first_guess(problem: Problem, betas: Tensor | None = None) -> FitState:
    """A pose for each frame from what is known there, with the mean shape or the one given.

    Parts whose skin is known are laid onto it; else the trunk and the limbs are laid onto the
    joints; where only keypoints are known, several directions that the body might face are tried.
    """
    table, evidence = problem.table, problem.evidence
    if betas is None:
        people = 1 if problem.options.one_shape else len(evidence.places)
        betas = evidence.places.new_zeros(people, table.shapedirs.shape[-1])
    places, known = _of_points(problem)
    state = _on_joints(problem, betas, places, known)
    if problem.skin is not None:
        state = _on_skin(problem, state, places, known)
    blind = ~_placeable(problem, known) & evidence.informed
    if bool(blind.any()):
        rows = torch.nonzero(blind)[:, 0]
        found = _from_keypoints(problem[rows], state[rows])
        state.rotmats[rows], state.transl[rows] = found.rotmats, found.transl
    return state


def _placeable(problem: Problem, known: Tensor) -> Bool[Tensor, " frames"]:
    """Frames with enough places to tell where the trunk is."""
    trunk = [
        problem.table.names.index(f"{side}_{part}")
        for side in ("left", "right")
        for part in ("hip", "shoulder", "knee", "elbow")
        if f"{side}_{part}" in problem.table.names
    ]
    joints = known[:, trunk].sum(1) >= 3
    return joints | (known[:, len(problem.table.names) :].sum(1) >= 2 * _LEAST_SITES)


def _of_points(problem: Problem) -> tuple[Tensor, Tensor]:
    """Places of all the body's points, and whether they are known."""
    evidence = problem.evidence
    sites = len(problem.skin.weights) if problem.skin is not None else 0
    count = len(problem.table.names) + sites
    places = evidence.places.new_zeros(len(evidence.places), count, 3)
    known = torch.zeros(places.shape[:2], dtype=torch.bool, device=places.device)
    placed = evidence.placed
    for rows in _distinct(evidence.points):
        at = evidence.points[rows]
        places[:, at] = torch.where(placed[:, rows, None], evidence.places[:, rows], places[:, at])
        known[:, at] |= placed[:, rows]
    return places, known


def _distinct(points: Tensor) -> list[Tensor]:
    """Rows in groups in each of which no point comes twice."""
    if len(set(points.tolist())) == len(points):
        return [torch.arange(len(points))]
    return [torch.tensor([row]) for row in range(len(points))]


def _on_joints(problem: Problem, betas: Tensor, places: Tensor, known: Tensor) -> FitState:
    table = problem.table
    count = len(table.names)
    template, dirs = rest_places(table)
    rest = template + dirs @ betas[0]
    rotmats, transl = initial_pose(table, rest, places[:, :count], known[:, :count])
    return FitState(rotmats, transl, betas)


def _on_skin(problem: Problem, state: FitState, places: Tensor, known: Tensor) -> FitState:
    """Each part by Procrustes onto its own sites; parts without keep their turn to their parent."""
    table, skin = problem.table, problem.skin
    if skin is None:
        return state
    count = len(table.names)
    places, known = places[:, count:], known[:, count:]
    world: list[Tensor] = []
    for joint, parent in enumerate(table.parents):
        up = world[parent] if parent >= 0 else torch.eye(3).to(places)
        kept = up @ state.rotmats[:, joint]
        own = ((skin.bones == joint) & (skin.weights > _OWN)).any(1)
        weights = known[:, own].to(places)
        enough = weights.sum(1) >= _LEAST_SITES
        if bool(enough.any()):
            weights = torch.where(enough[:, None], weights, torch.ones_like(weights))
            source = skin.template[own].expand(len(places), -1, -1)
            _, turn, _ = procrustes(source, places[:, own], weights, scale=False)
            kept = torch.where(enough[:, None, None], turn, kept)
        world.append(kept)
    local = [
        turn if parent < 0 else world[parent].mT @ turn
        for turn, parent in zip(world, table.parents, strict=True)
    ]
    state = FitState(torch.stack(local, 1), torch.zeros_like(state.transl), state.betas)
    points = place_points(table, state.rotmats, state.transl, state.betas)
    on_skin, _ = place_skin(table, skin, points, state.betas)
    share = known[..., None].to(places)
    transl = ((places - on_skin) * share).sum(1) / share.sum(1).clamp(min=1)
    return replace(state, transl=transl)


def _from_keypoints(problem: Problem, state: FitState) -> FitState:
    """Poses near the prior's mean that face several ways, let down; then the likeliest sequence.

    Keypoints have to pull from afar here, so that outliers count more than they will later.
    """
    frames = len(state.transl)
    lean = _lean(problem)
    costs, states = [], []
    for start in range(_YAWS):
        yaw = torch.tensor([0.0, 2 * math.pi * start / _YAWS, 0.0]).to(state.transl)
        rotmats = rotmat_from_axis_angle(problem.prior.mean).repeat(frames, 1, 1, 1)
        upright = torch.diag(torch.tensor([1.0, -1.0, -1.0]).to(yaw))
        rotmats[:, 0] = lean @ upright @ rotmat_from_axis_angle(yaw)
        guess = FitState(rotmats, _in_front(problem, rotmats, state.betas), state.betas)
        for outlier in (60.0, 15.0):
            options = _coarse(problem.options, outlier)
            found = solve(replace(problem, options=options, near=None), guess)
            guess = found.state
        costs.append(found.cost)
        states.append(guess)
    best = _likeliest(torch.stack(costs, 1), _joints_of(problem, states))
    pick = torch.arange(frames)
    return FitState(
        torch.stack([s.rotmats for s in states], 1)[pick, best],
        torch.stack([s.transl for s in states], 1)[pick, best],
        state.betas,
    )


def _coarse(options: FitOptions, outlier: float) -> FitOptions:
    weight = max(options.prior_weight, 0.1)  # depth is guessed from what poses are likely
    return replace(
        options, iterations=_STEPS, fit_betas=False, outlier=outlier, prior_weight=weight
    )


def _joints_of(problem: Problem, states: list[FitState]) -> Float[Tensor, "frames starts joints 3"]:
    joints = len(problem.table.parents)
    placed = [
        place_points(problem.table, state.rotmats, state.transl, state.betas).places[:, :joints]
        for state in states
    ]
    return torch.stack(placed, 1)


def _likeliest(costs: Tensor, joints: Tensor) -> Tensor:
    """The sequence of starts with the least cost, jumps of the joints included (Viterbi)."""
    best, back = costs[0], []
    for frame in range(1, len(costs)):
        apart = (joints[frame, :, None] - joints[frame - 1, None]).square().sum(-1).mean(-1)
        total = best[None] + (apart / _JUMP**2).clamp(max=100)
        before, source = total.min(1)
        back.append(source)
        best = before + costs[frame]
    path = [best.argmin()]
    for source in reversed(back):
        path.append(source[path[-1]])
    return torch.stack(path[::-1])


def _lean(problem: Problem) -> Float[Tensor, "frames 3 3"]:
    """How far the trunk leans in the picture: hips to shoulders against upright."""
    evidence = problem.evidence
    ends = [_mean_slope(problem, evidence, part) for part in ("hip", "shoulder")]
    (low, sure), (high, certain) = ends
    up = torch.where((sure & certain)[:, None], high - low, torch.tensor([0.0, -1.0]).to(low))
    angle = torch.atan2(up[:, 0], -up[:, 1])
    return rotmat_from_axis_angle(torch.stack([angle * 0, angle * 0, angle], -1))


def _mean_slope(problem: Problem, evidence: Evidence, part: str) -> tuple[Tensor, Tensor]:
    names = [f"{side}_{part}" for side in ("left", "right")]
    points = [problem.table.names.index(name) for name in names if name in problem.table.names]
    rows = torch.isin(evidence.points, torch.tensor(points, dtype=torch.long))
    seen = (evidence.slope_precision[:, rows] > 0).to(evidence.slopes)[..., None]
    total = (evidence.slopes[:, rows] * seen).sum(1)
    return total / seen.sum(1).clamp(min=1), seen.sum((1, 2)) > 0


def _in_front(problem: Problem, rotmats: Tensor, betas: Tensor) -> Float[Tensor, "frames 3"]:
    """The translation that puts the points onto their rays: linear in it, by least squares."""
    still = FitState(rotmats, rotmats.new_zeros(len(rotmats), 3), betas)
    points = place_points(problem.table, rotmats, still.transl, betas)
    places = points.places
    if problem.skin is not None:
        places = torch.cat([places, place_skin(problem.table, problem.skin, points, betas)[0]], 1)
    places = places[:, problem.evidence.points]
    slopes = problem.evidence.slopes
    weight = problem.evidence.slope_precision.sqrt()[..., None]
    eye = torch.eye(2).to(places).expand(*slopes.shape[:2], 2, 2)
    matrix = torch.cat([eye, -slopes[..., None]], -1) * weight[..., None]
    right = (slopes * places[..., 2:] - places[..., :2]) * weight
    matrix, right = matrix.flatten(1, 2), right.flatten(1)
    normal = matrix.mT @ matrix + 1e-9 * torch.eye(3).to(matrix)
    transl = torch.linalg.solve(normal, (matrix.mT @ right[..., None])[..., 0])
    # Somebody is in front of the camera, at arm's length at least.
    return torch.cat([transl[:, :2], transl[:, 2:].clamp(min=0.5)], 1)


def distance_from_rays(problem: Problem) -> Problem:
    """The problem with rays as precise as they are at the person's distance, told from their spread.

    Rays come with the precision that they would have at one metre.
    """
    frames = len(problem.evidence.places)
    betas = problem.evidence.places.new_zeros(1, problem.table.shapedirs.shape[-1])
    rotmats = rotmat_from_axis_angle(problem.prior.mean).repeat(frames, 1, 1, 1)
    upright = torch.diag(torch.tensor([1.0, -1.0, -1.0]).to(rotmats))
    rotmats[:, 0] = _lean(problem) @ upright
    depth = _in_front(problem, rotmats, betas)[:, 2]
    seen = (problem.evidence.slope_precision > 0).sum(1) >= 3
    depth = torch.where(seen, depth, depth[seen].median() if bool(seen.any()) else 1.0)
    precision = problem.evidence.slope_precision * depth[:, None] ** 2
    return replace(problem, evidence=replace(problem.evidence, slope_precision=precision))
