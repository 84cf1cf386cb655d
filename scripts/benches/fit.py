"""Body parameters from exact 3D joints: our damped Gauss-Newton against Adam on the same joints.

256 random poses of the default body with one shape; errors are mean distances of the 24 joints.
Adam gets the same first guess, joints through the same forward kinematics with autograd, and the step
size that served it best here (of 0.005, 0.01, 0.02, 0.05).
"""

from dataclasses import replace

import torch
from benches._harness import measure, report

from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.problem import FitOptions, FitState, Problem
from lift3d.fitting.solve import first_guess, solve
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.plugins import body_models
from lift3d.skeletons import SMPL_24

POSES = 256


def problem_and_truth() -> tuple[Problem, torch.Tensor]:
    torch.manual_seed(0)
    table = point_table(body_models["default"]().articulation)
    prior = smpl_prior(SMPL_24)
    axis_angle = prior.mean + 0.6 * torch.randn(POSES, 24, 3) * prior.std.clamp(max=1)
    hinged = prior.hinge != 0
    axis_angle = torch.where(hinged, (axis_angle * prior.hinge).abs() * prior.hinge, axis_angle)
    axis_angle[:, 0] = torch.randn(POSES, 3) * 0.3
    transl = torch.randn(POSES, 3) * 0.3 + torch.tensor([0.0, 0.0, 4.0])
    truth = place_points(table, rotmat_from_axis_angle(axis_angle), transl, torch.randn(10))
    places = truth.places[:, :24]
    precision = torch.eye(3).expand(POSES, 24, 3, 3) / 0.003**2
    nothing = torch.zeros(POSES, 24, 2)
    evidence = Evidence(torch.arange(24), places, precision, nothing, nothing[..., 0])
    return Problem(table, prior, evidence, FitOptions(prior_weight=0.1)), places


def adam(problem: Problem, truth: torch.Tensor, iterations: int) -> FitState:
    start = first_guess(problem)
    turn = torch.zeros(POSES, 24, 3, requires_grad=True)
    transl = start.transl.clone().requires_grad_(True)
    betas = torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.Adam([turn, transl, betas], lr=0.02)
    for _ in range(iterations):
        rotmats = start.rotmats @ rotmat_from_axis_angle(turn)
        away = place_points(problem.table, rotmats, transl, betas).places[:, :24] - truth
        loss = away.square().sum() + 1e-6 * turn.square().sum() + 1e-4 * betas.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    rotmats = start.rotmats @ rotmat_from_axis_angle(turn.detach())
    return FitState(rotmats, transl.detach(), betas.detach())


def main() -> None:
    problem, truth = problem_and_truth()
    options = problem.options
    candidates = {
        f"ours_{n}": lambda n=n: solve(replace(problem, options=replace(options, iterations=n)))
        for n in (3, 6, 12)
    } | {f"adam_{n}": lambda n=n: adam(problem, truth, n) for n in (100, 300)}
    seconds = measure(candidates, rounds=5)
    figures: dict[str, float] = {}
    for name, run in candidates.items():
        state = run()
        placed = place_points(problem.table, state.rotmats, state.transl, state.betas).places
        error = torch.linalg.vector_norm(placed[:, :24] - truth, dim=-1).mean()
        low, middle, high = (1000 * s / POSES for s in seconds[name])
        figures |= {f"{name}_ms_per_pose": middle, f"{name}_ms_min": low, f"{name}_ms_max": high}
        figures[f"{name}_mm"] = 1000 * float(error)
    report(figures)


if __name__ == "__main__":
    main()
