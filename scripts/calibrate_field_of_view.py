"""Measure how far perspective is off at the true field of view, for `lift3d.lifting.field_of_view`.

    LIFT3D_TEST_DATA=FOLDER PYTHONPATH=scripts python scripts/calibrate_field_of_view.py

Clips of the training split through random still cameras of 35 to 90 degrees; prints the constants
_BIAS, _SPREAD and _NOISE of that module: the slope at the true angle is about _BIAS, its variance
_SPREAD^2 + _NOISE / strength (the module's _SPREAD is a little larger, since people differ more from
one another than these do). Takes a few minutes.
"""

from __future__ import annotations

import math

import torch
from benches._views import SIZE, shots
from torch import Generator, Tensor

from lift3d.lifting.field_of_view import perspective_of, slope_at
from lift3d.lifting.matching import MatchingLifter, MatchingOptions


def most_likely(slopes: Tensor, strength: Tensor) -> tuple[float, float, float]:
    """Median, and the two variances under which what is left is likeliest, clipped at 3 deviations."""
    bias = slopes.median()
    best, found = -math.inf, (float(bias), 0.0, 0.0)
    for spread in torch.linspace(0.03, 0.25, 45).tolist():
        for noise in [0.0, *torch.logspace(-6, -2, 33).tolist()]:
            variance = spread**2 + noise / strength
            square = ((slopes - bias).square() / variance).clamp(max=9)
            likelihood = float(-(square + variance.log()).sum())
            if likelihood > best:
                best, found = likelihood, (float(bias), spread, noise)
    return found


def main() -> None:
    torch.set_num_threads(1)
    lifter = MatchingLifter(options=MatchingOptions(warp=False))
    slopes: list[float] = []
    strength: list[float] = []
    for shot in shots("train", Generator().manual_seed(11), share=0.2):
        found = perspective_of(shot.keypoints, SIZE, lifter)
        if found is not None:
            angle = float(shot.camera.field_of_view)
            slope, much = slope_at(found, angle)
            slopes.append(slope)
            strength.append(much)
    bias, spread, noise = most_likely(torch.tensor(slopes), torch.tensor(strength))
    print(f"{len(slopes)} clips: _BIAS {bias:.3f}, _SPREAD {spread:.3f}, _NOISE {noise:.2g}")


if __name__ == "__main__":
    main()
