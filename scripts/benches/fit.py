"""Body parameters from exact 3D joints: our damped Gauss-Newton against Adam and L-BFGS.

Random poses of the default body with one shape, drawn around the hand-made prior's mean; errors are mean
distances of the 24 joints, which have a standard deviation of 3 mm. Everybody gets the same first guess,
which is timed with the fit, and joints through the same forward kinematics, Adam and L-BFGS with
autograd. Adam has the step size that served it best here (of 0.005, 0.01, 0.02, 0.05). `door` is
`lift3d.fitting.fit` as a user calls it, with the learned prior; the rest is the solver alone.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from benches._harness import measure, report
from torch import Tensor

from lift3d.camera import Camera
from lift3d.fitting import FitOptions, fit
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.problem import FitState, Problem
from lift3d.fitting.solve import solve
from lift3d.fitting.start import first_guess
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io import read_keypoints
from lift3d.lifting.steady import steady_motion
from lift3d.motion import Motion
from lift3d.plugins import body_models, lifters
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.samples import balancing
from lift3d.skeletons import SMPL_24

STEPS = 3
"""The solver's steps in the figures that `fit_figures` gives."""
_REPEATS = 16
OPTIONS = FitOptions(prior_weight=0.1, engine="compiled")


def problem_and_truth(poses: int) -> tuple[Problem, Tensor]:
    torch.manual_seed(0)
    table = point_table(body_models["default"]().articulation)
    prior = smpl_prior(SMPL_24)
    axis_angle = prior.mean + 0.6 * torch.randn(poses, 24, 3) * prior.std.clamp(max=1)
    hinged = prior.hinge != 0
    axis_angle = torch.where(hinged, (axis_angle * prior.hinge).abs() * prior.hinge, axis_angle)
    axis_angle[:, 0] = torch.randn(poses, 3) * 0.3
    transl = torch.randn(poses, 3) * 0.3 + torch.tensor([0.0, 0.0, 4.0])
    truth = place_points(table, rotmat_from_axis_angle(axis_angle), transl, torch.randn(10))
    places = truth.places[:, :24]
    precision = torch.eye(3).expand(poses, 24, 3, 3) / 0.003**2
    nothing = torch.zeros(poses, 24, 2)
    evidence = Evidence(torch.arange(24), places, precision, nothing, nothing[..., 0])
    return Problem(table, prior, evidence, OPTIONS), places


def ours(problem: Problem, steps: int) -> FitState:
    problem = replace(problem, options=replace(problem.options, iterations=steps))
    return solve(problem, first_guess(problem)).state


def through_the_door(body: BodyModel, joints: Tensor, steps: int) -> FitState:
    covariance = (torch.eye(3) * 0.003**2).expand(*joints.shape, 3)
    seen = torch.ones(len(joints), dtype=torch.bool)
    motion = Motion(Pose3D(joints, covariance, SMPL_24, "camera"), 30.0, 0, seen)
    options = replace(OPTIONS, iterations=steps)
    params = fit(body, motion, options=options).params
    return FitState(rotmat_from_axis_angle(params.axis_angle), params.transl, params.betas)


def autograd(
    problem: Problem, truth: Tensor, optimise: Callable[[list[Tensor], Callable[[], Tensor]], None]
) -> FitState:
    start = first_guess(problem)
    turn = torch.zeros(len(truth), 24, 3, requires_grad=True)
    transl = start.transl.clone().requires_grad_(True)
    betas = torch.zeros(1, 10, requires_grad=True)

    def loss() -> Tensor:
        rotmats = start.rotmats @ rotmat_from_axis_angle(turn)
        away = place_points(problem.table, rotmats, transl, betas).places[:, :24] - truth
        return away.square().sum() + 1e-6 * turn.square().sum() + 1e-4 * betas.square().sum()

    optimise([turn, transl, betas], loss)
    rotmats = start.rotmats @ rotmat_from_axis_angle(turn.detach())
    return FitState(rotmats, transl.detach(), betas.detach())


def adam(steps: int, unknowns: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.Adam(unknowns, lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def lbfgs(steps: int, unknowns: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.LBFGS(
        unknowns, max_iter=steps, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=1e-9, tolerance_change=1e-12,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = 100 * loss()
        value.backward()
        return value

    optimizer.step(closure)


def error_mm(problem: Problem, truth: Tensor, state: FitState) -> float:
    placed = place_points(problem.table, state.rotmats, state.transl, state.betas).places
    return 1000 * float(torch.linalg.vector_norm(placed[:, :24] - truth, dim=-1).mean())


def _again(run: Callable[[], FitState], times: int) -> None:
    for _ in range(times):
        run()


def figures_of(poses: int, *, others: bool, rounds: int) -> dict[str, float]:
    """Milliseconds per pose (median, least, most) and joint error of each candidate."""
    problem, truth = problem_and_truth(poses)
    plain = replace(problem, options=replace(OPTIONS, engine="torch"))
    candidates: dict[str, Callable[[], FitState]] = {
        f"ours_{n}": partial(ours, problem, n) for n in (STEPS, 4, 6, 12)
    }
    candidates[f"door_{STEPS}"] = partial(through_the_door, body_models["default"](), truth, STEPS)
    candidates["torch_6"] = partial(ours, plain, 6)
    quick = set(candidates)
    if others:
        for n in (100, 300):
            candidates[f"adam_{n}"] = partial(autograd, problem, truth, partial(adam, n))
        for n in (30, 100):
            candidates[f"lbfgs_{n}"] = partial(autograd, problem, truth, partial(lbfgs, n))
    # A single pose takes a millisecond or two: one call would measure cold caches and the clock.
    times = {name: _REPEATS if poses == 1 and name in quick else 1 for name in candidates}
    repeated = {name: partial(_again, run, times[name]) for name, run in candidates.items()}
    figures: dict[str, float] = {}
    for name, seconds in measure(repeated, rounds).items():
        low, middle, high = (1000 * s / poses / times[name] for s in seconds)
        key = f"b{poses}_{name}"
        figures |= {f"{key}_ms": middle, f"{key}_ms_min": low, f"{key}_ms_max": high}
        figures[f"{key}_mm"] = error_mm(problem, truth, candidates[name]())
    return figures


def clip_figures() -> dict[str, float]:
    """The packaged sample as `lift3d lift` fits it: joints, keypoints, learned prior, smoothing."""
    with balancing() as path:
        keypoints = read_keypoints(path).people[0]
    size = keypoints.pose.image_size or (1080, 1920)
    camera = Camera.default(size)
    joints = steady_motion(lifters["universal"]()(keypoints, camera))
    body = body_models["default"]()
    run = partial(fit, body.articulation, joints, keypoints, camera, smooth_seconds=0.06)
    seconds = measure({"clip": partial(run, replace(FitOptions(), engine="compiled"))}, 7)["clip"]
    low, middle, high = (1000 * s / len(joints) for s in seconds)
    return {"clip_ms_per_frame": middle, "clip_ms_min": low, "clip_ms_max": high}


def fit_figures() -> dict[str, float]:
    """The figures to compare over time: `STEPS` steps from the first guess on, without the others."""
    batch = figures_of(64, others=False, rounds=9)
    single = figures_of(1, others=False, rounds=25)
    return {
        "joints_fit_ms_b64": batch[f"b64_ours_{STEPS}_ms"],
        "joints_fit_ms_b1": single[f"b1_ours_{STEPS}_ms"],
        "joints_fit_error_mm": batch[f"b64_ours_{STEPS}_mm"],
    }


def main() -> None:
    figures: dict[str, float] = {}
    for poses, rounds in ((1, 5), (64, 5), (256, 5)):
        figures |= figures_of(poses, others=True, rounds=rounds)
    report(figures | clip_figures())


if __name__ == "__main__":
    main()
