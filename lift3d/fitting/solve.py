"""The most likely state under evidence and prior: by the compiled kernels, or by torch."""

from pathlib import Path

import torch

from lift3d.fitting import descent
from lift3d.fitting.problem import FitState, Problem, Solution

__all__ = ["kernels_on_disk", "solve"]


def solve(problem: Problem, start: FitState) -> Solution:
    """Descend from a start.

    The compiled kernels compute in float64 on the processor; torch computes in the dtype and on the
    device of the evidence. Both take the same steps. Which one does it depends on nothing else, so that
    a machine's first answer is its last one, bit for bit; the first compiles, for about 20 seconds.
    """
    engine = problem.options.engine
    on_host = problem.evidence.places.device.type == "cpu"
    if engine == "compiled" or (engine == "auto" and on_host):
        return _descend_compiled(problem, start)
    return descent.descend(problem, start)


def kernels_on_disk() -> bool:
    """Whether this machine has compiled the kernels before."""
    from lift3d.fitting import kernels_descent

    folder = Path(str(kernels_descent.descend.stats.cache_path))
    return any(folder.glob("kernels_descent.*.nbi"))


def _descend_compiled(problem: Problem, start: FitState) -> Solution:
    # numba and the compiled code take a second to load; only those who fit need them.
    from lift3d.fitting import packing
    from lift3d.fitting.kernels_descent import descend

    options = problem.options
    body, known = packing.pack_body(problem), packing.pack_known(problem)
    # Given betas have no columns in the equations.
    betas = start.betas.shape[1] if options.fit_betas else 0
    now, work = packing.work_room(body, betas, dense=_dense(body.single, problem))
    course, trial = (packing.course_from(start, options.damping) for _ in range(2))
    shape = 0 if not options.fit_betas else 2 if len(start.betas) > 1 else 1
    rule = packing.Rule(options.iterations, shape, options.beta_std**-2.0, options.tolerance)
    factors = packing.frames_room(len(course.transl), work)
    taken = descend(body, known, course, rule, now, work, factors, trial)
    arrays = (course.rotmats, course.transl, course.betas, course.cost)
    like = problem.evidence.places
    rotmats, transl, found, cost = (torch.from_numpy(array).to(like) for array in arrays)
    settled = torch.from_numpy(course.settled)
    return Solution(FitState(rotmats, transl, found), cost, settled, int(taken))


def _dense(single: bool, problem: Problem) -> bool:
    """Whether a frame's equations are full: points of several bones, or joints tied together."""
    return not single or problem.prior.rows.numel() > 0
