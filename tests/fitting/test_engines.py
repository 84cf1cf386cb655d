"""The compiled kernels and the plain torch path take the same steps."""

from dataclasses import replace

import pytest
import torch

from lift3d.body import Articulation
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import PosePrior, smpl_prior
from lift3d.fitting.problem import FitOptions, FitState, Near, Problem, Solution
from lift3d.fitting.skin import SkinTable
from lift3d.fitting.solve import solve
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.skeletons import SMPL_24

DOUBLE = torch.float64
FRAMES = 5
SITES = 40


def state_of(spread: float, people: int = 1) -> FitState:
    """Bodies of any pose, four metres away."""
    transl = 0.1 * torch.randn(FRAMES, 3, dtype=DOUBLE)
    transl[:, 2] += 4
    turns = rotmat_from_axis_angle(spread * torch.randn(FRAMES, 24, 3, dtype=DOUBLE))
    return FitState(turns, transl, 0.5 * torch.randn(people, 10, dtype=DOUBLE))


def skin_of(sites: int) -> SkinTable:
    weights = torch.rand(sites, 3, dtype=DOUBLE)
    return SkinTable(
        torch.stack([torch.randperm(24)[:3] for _ in range(sites)]),
        weights / weights.sum(1, keepdim=True),
        torch.randn(sites, 3, dtype=DOUBLE),
        0.01 * torch.randn(sites, 3, 10, dtype=DOUBLE),
    )


def nearness(kind: str) -> Near | None:
    """Nothing to stay near to, a first pass of a smooth clip, or a guess as sure as it likes."""
    if kind == "none":
        return None
    if kind == "smoothed":
        return Near.smoothed(state_of(0.3))
    std = torch.logspace(-2, 1, FRAMES * 24, dtype=DOUBLE)[torch.randperm(FRAMES * 24)]
    return Near(state_of(0.3), std.reshape(FRAMES, 24))


def problem_of(
    articulation: Articulation, *, rows: bool, skin: bool, near: str, options: FitOptions
) -> Problem:
    """All kinds of evidence about random bodies; some of it is missing in some frames."""
    table = point_table(articulation)
    sites = skin_of(SITES) if skin else None
    used = torch.arange(len(table.names) + (SITES if skin else 0))
    truth = place_points(
        table, state_of(0.4).rotmats, state_of(0.4).transl, torch.zeros(10).double()
    )
    places = torch.randn(FRAMES, len(used), 3, dtype=DOUBLE)
    places[:, : len(table.names)] = truth.places + 0.02 * torch.randn_like(truth.places)
    places[:, len(table.names) :, 2] += 4
    root = torch.randn(FRAMES, len(used), 3, 3, dtype=DOUBLE) * 10
    precision = root @ root.mT
    slopes = places[..., :2] / places[..., 2:] + 0.01 * torch.randn(FRAMES, len(used), 2).double()
    slope_precision = 1e4 * torch.rand(FRAMES, len(used), dtype=DOUBLE)
    precision[1, 5:], slope_precision[2, :9] = 0, 0
    prior = smpl_prior(SMPL_24, DOUBLE)
    if rows:
        prior = PosePrior(
            prior.mean, prior.std, prior.hinge, rows=torch.randn(20, 72, dtype=DOUBLE)
        )
    return Problem(
        table,
        prior,
        Evidence(used, places, precision, slopes, slope_precision),
        options,
        nearness(near),
        skin=sites,
        shift=0.01 * torch.randn(FRAMES, SITES, 3, dtype=DOUBLE) if skin else None,
    )


def by(engine: str, problem: Problem, start: FitState) -> Solution:
    options = replace(problem.options, engine=engine)
    return solve(replace(problem, options=options), start)


@pytest.mark.parametrize("shape", ["shared", "own", "given"])
@pytest.mark.parametrize("skin", [False, True])
@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("near", ["none", "smoothed", "guessed"])
def test_both_engines_end_in_the_same_place(
    articulation: Articulation, shape: str, skin: bool, rows: bool, near: str
) -> None:
    options = FitOptions(8, prior_weight=0.7, fit_betas=shape != "given", tolerance=0.0)
    problem = problem_of(articulation, rows=rows, skin=skin, near=near, options=options)
    start = state_of(0.2, FRAMES if shape == "own" else 1)
    plain, fast = by("torch", problem, start), by("compiled", problem, start)
    ends = [
        place_points(problem.table, end.state.rotmats, end.state.transl, end.state.betas).places
        for end in (plain, fast)
    ]
    torch.testing.assert_close(ends[1], ends[0], atol=1e-5, rtol=0)  # 0.01 mm
    torch.testing.assert_close(fast.state.betas, plain.state.betas, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast.cost, plain.cost, rtol=1e-6, atol=0)
    assert fast.iterations == plain.iterations


@pytest.mark.parametrize("shape", ["shared", "own", "given"])
def test_both_engines_stop_together(articulation: Articulation, shape: str) -> None:
    options = FitOptions(60, fit_betas=shape != "given")
    problem = problem_of(articulation, rows=False, skin=False, near="none", options=options)
    start = state_of(0.2, FRAMES if shape == "own" else 1)
    plain, fast = by("torch", problem, start), by("compiled", problem, start)
    assert fast.iterations == plain.iterations < 60
    assert fast.settled.all()
    torch.testing.assert_close(fast.settled, plain.settled)
    torch.testing.assert_close(fast.cost, plain.cost, rtol=1e-6, atol=0)


def test_single_precision_is_good_to_a_tenth_of_a_millimetre(articulation: Articulation) -> None:
    options = FitOptions(10, prior_weight=0.7)
    problem = problem_of(articulation, rows=False, skin=False, near="none", options=options)
    start = state_of(0.2)
    double = by("torch", problem, start)
    e = problem.evidence
    rough = Evidence(
        e.points, *(x.float() for x in (e.places, e.place_precision, e.slopes, e.slope_precision))
    )
    single = replace(
        problem,
        table=point_table(articulation, torch.float32),
        prior=problem.prior.to(rough.places),
        evidence=rough,
    )
    begin = FitState(start.rotmats.float(), start.transl.float(), start.betas.float())
    for engine in ("torch", "compiled"):
        end = by(engine, single, begin).state
        assert end.transl.dtype == torch.float32
        torch.testing.assert_close(end.transl.double(), double.state.transl, atol=1e-4, rtol=0)
