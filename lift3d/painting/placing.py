"""Where people stand, and how the camera is held and the picture cut."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from numpy.random import Generator

from lift3d.painting.config import PaintConfig

__all__ = ["Placed", "Shot", "frame_subject", "place_people"]


@dataclass(frozen=True, slots=True)
class Placed:
    """For each person the turn from a y-up world to camera axes, and the root's place (metres)."""

    people: tuple[tuple[Float64[ndarray, "3 3"], Float64[ndarray, "3"]], ...]
    up: Float64[ndarray, "3"]


@dataclass(frozen=True, slots=True)
class Shot:
    """The crop as a camera: intrinsics (pixels), the row of the horizon, the subject's box."""

    intrinsics: Float64[ndarray, "3 3"]
    horizon: float
    box: tuple[float, float, float, float]


def place_people(config: PaintConfig, rng: Generator, count: int) -> Placed:
    """The subject somewhere before the camera, others beside, behind or partly before it."""
    above = rng.normal(8, 14) if rng.random() < 0.92 else rng.uniform(-50, 85)
    roll = rng.normal(0, 3)
    if rng.random() < config.turned:
        roll += rng.uniform(-180, 180) if rng.random() < 0.1 else rng.normal(0, config.turn)
    camera = _about(2, roll) @ _about(0, above) @ np.diag([1.0, -1.0, -1.0])
    far = np.exp(rng.uniform(np.log(config.near), np.log(config.far)))
    aside = np.tan(np.radians(rng.normal(0, 12, 2).clip(-30, 30)))
    at = far * np.array([aside[0], aside[1] * 0.6, 1.0])
    people = [(camera @ _about(1, rng.uniform(-180, 180)), at)]
    for _ in range(count - 1):
        step = np.array([rng.choice([-1, 1]) * rng.uniform(0.3, 1.5), 0.0, rng.uniform(-1.8, 0.8)])
        place = at + _about(2, roll) @ _about(0, above) @ (step * [1, -1, -1])
        place[2] = max(place[2], 0.7 * at[2], 1.2)
        people.append((camera @ _about(1, rng.uniform(-180, 180)), place))
    return Placed(tuple(people), camera @ np.array([0.0, 1, 0]))


def frame_subject(
    config: PaintConfig, rng: Generator, vertices: Float64[ndarray, "vertices 3"], placed: Placed
) -> Shot:
    """Cut the picture around the subject, as a detector's box would, or around a part of it."""
    depth = np.maximum(vertices[:, 2], 0.3)
    rays = vertices[:, :2] / depth[:, None]
    low, high = rays.min(0), rays.max(0)
    whole = (low.copy(), high.copy())
    if rng.random() < config.truncated:
        share, side = rng.uniform(0.4, 0.85), rng.choice(4, p=[0.55, 0.15, 0.15, 0.15])
        span = high - low
        if side == 0:
            high[1] = low[1] + share * span[1]
        elif side == 1:
            low[1] = high[1] - share * span[1]
        elif side == 2:
            high[0] = low[0] + share * span[0]
        else:
            low[0] = high[0] - share * span[0]
    wide, tall = high - low
    zoom = np.exp(np.clip(rng.normal(0, config.zoom), -0.35, 0.7))
    span = max(tall, wide * config.height / config.width) * config.padding * zoom
    focal = config.height / span
    centre = (low + high) / 2 + rng.normal(0, config.shift, 2) * span
    middle = np.array([config.width - 1, config.height - 1]) / 2
    offset = middle - focal * centre
    matrix = np.array([[focal, 0, offset[0]], [0, focal, offset[1]], [0, 0, 1]])
    corner, size = focal * whole[0] + offset, focal * (whole[1] - whole[0])
    # The horizon lies where level rays meet the picture: up . ray = 0 in its middle column.
    column = (middle[0] - offset[0]) / focal
    up = placed.up
    slope = -(up[0] * column + up[2]) / up[1] if abs(up[1]) > 1e-3 else 1e3
    horizon = float(np.clip(focal * slope + offset[1], -1e5, 1e5))
    return Shot(matrix, horizon, (*corner.tolist(), *size.tolist()))


def _about(axis: int, degrees: float) -> Float64[ndarray, "3 3"]:
    """The rotation about an axis, right-handed."""
    angle = np.radians(degrees)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[a, a] = out[b, b] = np.cos(angle)
    out[b, a], out[a, b] = np.sin(angle), -np.sin(angle)
    return out
