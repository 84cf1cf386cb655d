"""Standing feet stay where they are: the root's way is corrected, smoothly, until they do."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from lift3d.geometry.contacts import FEET, foot_points
from lift3d.geometry.planes import Plane
from lift3d.geometry.smoothing import smooth_gaussian

__all__ = ["Drift", "Footing", "drift_of", "foot_height", "root_correction"]

# Metres that joints lie above the ground in a standing foot (the default body, barefoot).
_HEIGHTS: Final = {"ankle": 0.08, "heel": 0.03, "big_toe": 0.02, "foot": 0.03}

_FAST: Final = 0.3  # metres per second
_RESTS: Final = 0.15  # metres per second
_RESTING: Final = 0.7  # still cameras: 0.1 to 0.6 for walking and running people
_FOLLOWS: Final = 0.9
_TELLING: Final = 8  # frames


@dataclass(frozen=True, slots=True)
class Footing:
    """How far the root is moved for its feet's sake: standard deviations of each wish.

    `slide` is how fast standing feet may move (m/s), `height` how far they may be off the ground
    (m). A correction is about as large as `across` the viewing ray (m) and as a share of the distance
    `along` it, and changes as accelerations of `push` (m/s^2) make it. Chosen on validation data.
    """

    slide: float = 0.1
    height: float = 0.1
    across: float = 0.03
    along: float = 0.02
    push: float = 1.5


def foot_height(names: tuple[str, ...]) -> float:
    """How far above the ground the middle of a standing foot's points is, in metres."""
    parts = [names[point].split("_", 1)[1] for point in foot_points(names, FEET[0])]
    return sum(_HEIGHTS[part] for part in parts) / max(1, len(parts))


@dataclass(frozen=True, slots=True)
class Drift:
    """How the slower foot moves across the view, which tells whether the camera does.

    `speed` is its median over frames in metres per second; `share` its median part of what it would
    be if the root stood still, over frames in which one of them is fast, NaN where few are. Whoever
    walks before a still camera has a foot that rests, though it moves against the root: a small share.
    A camera that follows makes the share 1, one that sweeps makes it larger.
    """

    speed: float
    share: float

    @property
    def camera_moves(self) -> bool | None:
        """None where it cannot be told: jumping before a still camera looks like one that follows."""
        if self.speed < _RESTS and not self.share > _RESTING:
            return False
        if self.share < _RESTING:
            return False
        if self.share > _FOLLOWS and self.speed > _FAST:
            return True
        return None


def drift_of(
    feet: Float[Tensor, "frames feet 3"], root: Float[Tensor, "frames 3"], fps: float
) -> Drift:
    """From the middles of the feet and the root in the camera frame (metres); NaN where too short."""
    seen = _slower(feet.double(), fps)
    still = feet - root[:, None] + root.nanmedian(0).values
    alone = _slower(still.double(), fps)
    known = seen.isfinite() & alone.isfinite()
    if int(known.sum()) < _TELLING:
        return Drift(math.nan, math.nan)
    seen, alone = seen[known], alone[known]
    fast = torch.maximum(seen, alone) > _FAST
    share = (seen[fast] / alone[fast]).median() if int(fast.sum()) >= _TELLING else math.nan
    return Drift(float(seen.median()), float(share))


def _slower(feet: Float[Tensor, "frames feet 3"], fps: float) -> Float[Tensor, " frames"]:
    """The slower foot's speed across the view in each frame."""
    speeds: list[Tensor] = []
    for foot in feet.unbind(1):
        known = foot.isfinite().all(-1)
        calm = smooth_gaussian(foot, known.to(foot), 0.1 * fps)
        rays = torch.nn.functional.normalize(calm, dim=-1)
        step = torch.gradient(calm, dim=0)[0] * fps if len(calm) > 1 else calm * torch.nan
        step = step - (step * rays).sum(-1, keepdim=True) * rays
        speeds.append(torch.where(known, torch.linalg.vector_norm(step, dim=-1), torch.nan))
    return torch.stack(speeds).amin(0)


def root_correction(
    feet: Float[Tensor, "frames feet 3"],
    contacts: Bool[Tensor, "frames feet"],
    root: Float[Tensor, "frames 3"],
    fps: float,
    ground: tuple[Plane, float] | None = None,
    footing: Footing | None = None,
) -> Float[Tensor, "frames 3"]:
    """What to add to everything in each frame (metres, the frame of a still camera at the origin).

    Feet in contact keep their place from one frame to the next, and lie on the ground (a plane, and
    the height of a standing foot's points above it); the correction stays small, more so across the
    viewing ray than along it, where lifted distances are weak; and it is smooth. All of these are
    squares, so the best correction solves one banded system. Frames without a root get what is
    between their neighbours' corrections.
    """
    footing = footing or Footing()
    frames = len(root)
    system = _System(
        np.zeros((3, frames, 3, 3)),
        np.zeros((frames, 3)),
    )
    _stay(system, root.double().numpy(), footing)
    _smooth(system, fps, footing)
    for foot in range(feet.shape[1]):
        places = feet[:, foot].double().numpy()
        on = contacts[:, foot].numpy() & np.isfinite(places).all(-1)
        _hold(system, places, on, fps, footing)
        if ground is not None:
            _land(system, places, on, ground, footing)
    return torch.from_numpy(system.solution()).to(root)


@dataclass(frozen=True, slots=True)
class _System:
    """Normal equations: blocks on the diagonal and one and two frames off it, and the right side."""

    blocks: Float[ndarray, "3 frames 3 3"]
    right: Float[ndarray, "frames 3"]

    def solution(self) -> Float[ndarray, "frames 3"]:
        """Block (k, t) couples frames t and t + k; the band holds A[j + i, j] in row i."""
        from scipy.linalg import solveh_banded

        frames = len(self.right)
        band = np.zeros((9, 3 * frames))
        for k in range(3):
            for row in range(3):
                for column in range(3):
                    below = 3 * k + row - column
                    if below >= 0:
                        band[below, column::3] += self.blocks[k, :, row, column]
        solved = solveh_banded(band, self.right.reshape(-1), lower=True)
        return np.asarray(solved).reshape(frames, 3)


def _stay(system: _System, root: Float[ndarray, "frames 3"], footing: Footing) -> None:
    known = np.isfinite(root).all(-1)
    distance = np.linalg.norm(root[known], axis=-1)[:, None, None]
    rays = root[known][:, :, None] / distance
    outer = rays @ rays.transpose(0, 2, 1)
    along = np.maximum(footing.along * distance, footing.across)
    system.blocks[0, known] += (np.eye(3) - outer) / footing.across**2 + outer / along**2
    system.blocks[0] += 1e-6 * np.eye(3)  # frames before the first and after the last root


def _smooth(system: _System, fps: float, footing: Footing) -> None:
    weight = (fps**2 / footing.push) ** 2 * np.eye(3)
    for k, share in ((0, (1, 4, 1)), (1, (-2, -2)), (2, (1,))):
        for start, factor in enumerate(share):
            stop = len(system.right) - 2 + start
            system.blocks[k, start : max(stop, 0)] += factor * weight


def _hold(system: _System, places: ndarray, on: ndarray, fps: float, footing: Footing) -> None:
    both = np.flatnonzero(on[1:] & on[:-1])
    weight = (fps / footing.slide) ** 2
    step = places[both + 1] - places[both]
    system.blocks[0, both] += weight * np.eye(3)
    system.blocks[0, both + 1] += weight * np.eye(3)
    system.blocks[1, both] -= weight * np.eye(3)
    system.right[both] += weight * step
    system.right[both + 1] -= weight * step


def _land(
    system: _System, places: ndarray, on: ndarray, ground: tuple[Plane, float], footing: Footing
) -> None:
    plane, above = ground
    normal = plane.normal.numpy()
    off = places[on] @ normal + plane.offset - above
    system.blocks[0, on] += np.outer(normal, normal) / footing.height**2
    system.right[on] -= off[:, None] * normal / footing.height**2
