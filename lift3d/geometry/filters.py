"""Filters over time that know how far each observation can be trusted.

`one_euro` is causal and cheap: for what is shown while it happens. `kalman_filter` is causal as well
and tells how uncertain it is; `kalman_smooth` looks both ways, so that nothing lags. Each has a
streaming form (a state in, a state out) that gives the same numbers. Observations that are missing
are NaN.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError

__all__ = [
    "KalmanState",
    "OneEuro",
    "OneEuroState",
    "PointModel",
    "kalman_filter",
    "kalman_smooth",
    "kalman_step",
    "one_euro",
    "one_euro_step",
]


@dataclass(frozen=True, slots=True)
class OneEuro:
    """The settings of the one-euro filter, for values in metres.

    A still point is calmed below `min_cutoff` (Hz); each metre per second of speed raises that by
    `beta` (Hz), so that fast points do not lag. `speed_cutoff` (Hz) calms the speed itself.
    """

    min_cutoff: float = 1.0
    beta: float = 4.0
    speed_cutoff: float = 1.0


@dataclass(frozen=True, slots=True)
class OneEuroState:
    """The last filtered values and velocities (NaN before the first), and the seconds since."""

    values: Float[Tensor, "*batch axes"]
    velocity: Float[Tensor, "*batch axes"]
    since: Float[Tensor, "*batch 1"]


def one_euro_step(
    settings: OneEuro,
    state: OneEuroState | None,
    values: Float[Tensor, "*batch axes"],
    seconds: float,
) -> OneEuroState:
    """The state after one more frame, `seconds` after the one before (Casiez et al., CHI 2012).

    The cut-off follows the length of a point's velocity, so that turning the axes changes nothing;
    with one axis this is the paper's filter. A point that is missing keeps its state, and the next
    one that is there knows how long ago that was.
    """
    if state is None:
        start = torch.full_like(values, torch.nan)
        state = OneEuroState(start, start, torch.zeros_like(values[..., :1]))
    since = state.since + seconds
    seen = values.isfinite().all(-1, keepdim=True)
    known = state.values.isfinite().all(-1, keepdim=True)
    steep = (values - state.values) / since
    before = torch.where(known, state.velocity, torch.zeros_like(values))
    steep = torch.where(known & (since > 0), steep, torch.zeros_like(values))  # two at one time
    velocity = before + _share(settings.speed_cutoff, since) * (steep - before)
    speed = torch.linalg.vector_norm(velocity, dim=-1, keepdim=True)
    share = _share(settings.min_cutoff + settings.beta * speed, since)
    calm = torch.where(known, state.values + share * (values - state.values), values)
    return OneEuroState(
        torch.where(seen, calm, state.values),
        torch.where(seen, velocity, state.velocity),
        torch.where(seen, torch.zeros_like(since), since),
    )


def _share(cutoff: Tensor | float, seconds: Tensor) -> Tensor:
    """How much of a new value a first-order low pass takes (the paper's equations 2 to 4)."""
    turn = 2 * math.pi * cutoff * seconds
    return turn / (turn + 1)


def one_euro(
    values: Float[Tensor, "frames *batch axes"], fps: float, settings: OneEuro | None = None
) -> Float[Tensor, "frames *batch axes"]:
    """Every frame filtered by what came before it; missing points (NaN) stay missing.

    The last axis holds the axes of one point, in metres.
    """
    settings = settings or OneEuro()
    state: OneEuroState | None = None
    out: list[Tensor] = []
    for frame in values:
        state = one_euro_step(settings, state, frame, 1 / fps)
        seen = frame.isfinite().all(-1, keepdim=True)
        out.append(torch.where(seen, state.values, torch.nan))
    return torch.stack(out) if out else values


@dataclass(frozen=True, slots=True)
class PointModel:
    """How points move by themselves: straight on, but for white noise in what changes last.

    With `order` 2 the velocity wanders and `density` is the noise of the acceleration in m^2/s^3;
    with 3 the acceleration wanders and it is the noise of the jerk in m^2/s^5 (Bar-Shalom, Li and
    Kirubarajan, Estimation with Applications to Tracking and Navigation, 6.2.2 and 6.2.3). A tensor
    gives each point its own. `start` are the standard deviations of place, velocity and acceleration
    before anything is seen (m, m/s, m/s^2).
    """

    order: int = 2
    density: float | Float[Tensor, "*batch"] = 1.0
    start: tuple[float, float, float] = (1e3, 1e2, 1e3)

    def __post_init__(self) -> None:
        if self.order not in (2, 3):
            raise InputError(
                f"expected points of order 2 (constant velocity) or 3 (constant acceleration), got "
                f"{self.order}: choose one of those"
            )

    def transition(self, seconds: float) -> Float[Tensor, "order order"]:
        """What a state (place, velocity, ...) becomes after that time."""
        row = [seconds**power / math.factorial(power) for power in range(self.order)]
        rows = [[0.0] * i + row[: self.order - i] for i in range(self.order)]
        return torch.tensor(rows, dtype=torch.float64)

    def noise(self, seconds: float) -> Float[Tensor, "order order"]:
        """What the state has become less certain by, for a density of 1."""
        n = self.order
        rows = [
            [
                seconds ** (2 * n - 1 - i - j)
                / ((2 * n - 1 - i - j) * math.factorial(n - 1 - i) * math.factorial(n - 1 - j))
                for j in range(n)
            ]
            for i in range(n)
        ]
        return torch.tensor(rows, dtype=torch.float64)


@dataclass(frozen=True, slots=True)
class KalmanState:
    """What is known of points: place, velocity, ... after one another, and their covariance.

    `predicted_mean` and `predicted_covariance` are what was known before the frame was looked at.
    """

    mean: Float[Tensor, "*batch state"]
    covariance: Float[Tensor, "*batch state state"]
    predicted_mean: Float[Tensor, "*batch state"]
    predicted_covariance: Float[Tensor, "*batch state state"]

    @property
    def place(self) -> Float[Tensor, "*batch 3"]:
        """Where the points are (metres)."""
        return self.mean[..., :3]

    @property
    def place_covariance(self) -> Float[Tensor, "*batch 3 3"]:
        """How sure that is (square metres)."""
        return self.covariance[..., :3, :3]


_EYE: Final = torch.eye(3, dtype=torch.float64)
_PASSES: Final = 2  # more change joints by less than a millimetre


def kalman_step(
    model: PointModel,
    state: KalmanState | None,
    values: Float[Tensor, "*batch 3"],
    covariance: Float[Tensor, "*batch 3 3"],
    seconds: float,
) -> KalmanState:
    """The state after one more frame of points (metres), `seconds` after the one before.

    `covariance` is that of each observation's error (square metres), positive definite. A missing
    point, or one whose covariance is missing, leaves what was predicted. Computed in float64.
    """
    mean, spread = _predicted(model, state, values, seconds)
    return _updated(mean, spread, values.double(), covariance.double())


def _predicted(
    model: PointModel, state: KalmanState | None, values: Tensor, seconds: float
) -> tuple[Tensor, Tensor]:
    if state is None:
        size = 3 * model.order
        variance = torch.tensor(model.start[: model.order], dtype=torch.float64).square()
        spread = torch.diag(variance.repeat_interleave(3)).expand(*values.shape[:-1], size, size)
        return values.new_zeros((*values.shape[:-1], size), dtype=torch.float64), spread
    step = torch.kron(model.transition(seconds), _EYE)
    density = torch.as_tensor(model.density, dtype=torch.float64)[..., None, None]
    noise = density * torch.kron(model.noise(seconds), _EYE)
    return state.mean @ step.T, step @ state.covariance @ step.T + noise


def _updated(mean: Tensor, spread: Tensor, values: Tensor, covariance: Tensor) -> KalmanState:
    """Joseph's form of the update, which keeps the covariance positive definite."""
    seen = _seen(values, covariance)
    noise = torch.where(seen[..., None, None], covariance, _EYE)
    off = torch.where(seen[..., None], values - mean[..., :3], 0.0)
    gain = torch.linalg.solve(spread[..., :3, :3] + noise, spread[..., :3, :]).mT
    gain = torch.where(seen[..., None, None], gain, 0.0)
    keep = torch.eye(mean.shape[-1], dtype=torch.float64).repeat(*mean.shape[:-1], 1, 1)
    keep[..., :3] -= gain
    after = keep @ spread @ keep.mT + gain @ noise @ gain.mT
    return KalmanState(mean + (gain @ off[..., None])[..., 0], _symmetric(after), mean, spread)


def _seen(values: Tensor, covariance: Tensor) -> Bool[Tensor, "*batch"]:
    return values.isfinite().all(-1) & covariance.isfinite().flatten(-2).all(-1)


def _symmetric(matrices: Tensor) -> Tensor:
    return (matrices + matrices.mT) / 2


def kalman_filter(
    values: Float[Tensor, "frames *batch 3"],
    covariance: Float[Tensor, "frames *batch 3 3"],
    fps: float,
    model: PointModel | None = None,
) -> list[KalmanState]:
    """What is known of the points in each frame from it and those before (Kalman 1960)."""
    model = model or PointModel()
    states: list[KalmanState] = []
    for value, spread in zip(values, covariance, strict=True):
        states.append(kalman_step(model, states[-1] if states else None, value, spread, 1 / fps))
    return states


def kalman_smooth(
    values: Float[Tensor, "frames *batch 3"],
    covariance: Float[Tensor, "frames *batch 3 3"],
    fps: float,
    model: PointModel | None = None,
    *,
    degrees: float = math.inf,
) -> tuple[Float[Tensor, "frames *batch 3"], Float[Tensor, "frames *batch 3 3"]]:
    """Places (metres) and their covariances from all frames (Rauch, Tung and Striebel 1965).

    Frames that are missing are filled; the covariance tells how far from others they are. Points
    that are never seen come back as NaN. With finite `degrees` of freedom errors have the heavy
    tails of Student's t: what lies far off by its own covariance counts less. The result has the
    dtype of the values.
    """
    if not len(values):
        return values, covariance
    model = model or PointModel()
    trusted = covariance
    for _ in range(_PASSES if math.isfinite(degrees) else 0):
        places, _spread = _smoothed(values, trusted, fps, model)
        trusted = _doubted(values - places, covariance.double(), degrees)
    places, spreads = _smoothed(values, trusted, fps, model)
    return places.to(values), spreads.to(values)


def _doubted(off: Tensor, covariance: Tensor, degrees: float) -> Tensor:
    """Covariances widened by the weights of the t distribution (Lange et al. 1989, section 3).

    Nothing is trusted more than it says itself.
    """
    seen = _seen(off, covariance)
    noise = torch.where(seen[..., None, None], covariance, _EYE)
    off = torch.where(seen[..., None], off, 0.0)
    squared = (off * torch.linalg.solve(noise, off[..., None])[..., 0]).sum(-1)
    wider: Tensor = ((degrees + squared) / (degrees + 3)).clamp(min=1.0)[..., None, None]
    return covariance * wider


def _smoothed(
    values: Tensor, covariance: Tensor, fps: float, model: PointModel
) -> tuple[Tensor, Tensor]:
    states = kalman_filter(values, covariance, fps, model)
    places, spreads = _backwards(states, torch.kron(model.transition(1 / fps), _EYE))
    ever = _seen(values, covariance).any(0)
    places = torch.where(ever[..., None], places, torch.nan)
    return places, torch.where(ever[..., None, None], spreads, torch.nan)


def _backwards(states: Sequence[KalmanState], step: Tensor) -> tuple[Tensor, Tensor]:
    mean, spread = states[-1].mean, states[-1].covariance
    places, spreads = [mean[..., :3]], [spread[..., :3, :3]]
    for now, then in zip(states[-2::-1], states[:0:-1], strict=True):
        gain = torch.linalg.solve(then.predicted_covariance, step @ now.covariance).mT
        mean = now.mean + (gain @ (mean - then.predicted_mean)[..., None])[..., 0]
        spread = now.covariance + gain @ (spread - then.predicted_covariance) @ gain.mT
        places.append(mean[..., :3])
        spreads.append(_symmetric(spread)[..., :3, :3])
    return torch.stack(places[::-1]), torch.stack(spreads[::-1])
