"""How the learning rate goes over a run, as a function of the step alone."""

import math
from typing import Literal

__all__ = ["Schedule", "factor"]

Schedule = Literal["cosine", "exponential"]


def factor(step: int, steps: int, warmup: int, schedule: Schedule, final: float) -> float:
    """What the highest learning rate is multiplied with: a linear warm-up, then the fall.

    "cosine" falls along half a cosine to zero (Loshchilov and Hutter, SGDR, ICLR 2017),
    "exponential" by the same factor at each step, to `final` at the end (Martinez et al. 2017).
    """
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if schedule == "cosine":
        return rising * 0.5 * (1 + math.cos(math.pi * step / steps))
    return rising * math.pow(final, step / steps)
