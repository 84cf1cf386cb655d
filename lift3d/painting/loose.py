"""Loose pieces beside the body: skirts and long hair, as sheets that follow it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray
from numpy.random import Generator

__all__ = ["Sheet", "long_hair", "skirt"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A grid of points, and where each would lie in the rest pose, for its pattern (metres)."""

    points: Float32[ndarray, "points 3"]
    rest: Float32[ndarray, "points 3"]
    faces: Int32[ndarray, "faces 3"]


def skirt(joints: dict[str, ndarray], length: float, rng: Generator) -> Sheet:
    """A skirt around both thighs; `length` in lengths of the thigh (metres, any frame)."""
    hips = (joints["left_hip"] + joints["right_hip"]) / 2
    knees = (joints["left_knee"] + joints["right_knee"]) / 2
    ankles = (joints["left_ankle"] + joints["right_ankle"]) / 2
    top = hips + 0.4 * (joints["spine1"] - hips)
    side = joints["left_hip"] - joints["right_hip"]
    side = side / np.linalg.norm(side)
    apart = joints["left_knee"] - joints["right_knee"]
    flare, rows, columns = rng.uniform(0.0, 0.18), 8, 28
    folds, deep = int(rng.integers(0, 9)), rng.uniform(0, 0.08)
    points, rest = [], []
    for step in np.linspace(0, 1, rows):
        t = step * length
        centre = hips + min(t, 1.0) * (knees - hips) + max(t - 1.0, 0.0) * 0.6 * (ankles - knees)
        centre = centre + (1 - step) * (top - hips)
        down = knees - hips if t > 0.05 else hips - top
        down = down / (np.linalg.norm(down) + 1e-9)
        front = np.cross(side, down)
        front = front / (np.linalg.norm(front) + 1e-9)
        wide = 0.17 + min(t, 1.0) * (0.5 * abs(apart @ side) - 0.06) + flare * t
        deep_z = 0.135 + min(t, 1.0) * 0.5 * abs(apart @ front) + flare * t
        for turn in np.linspace(0, 2 * np.pi, columns, endpoint=False):
            fold = 1 + deep * step * np.sin(folds * turn)
            points.append(
                centre + fold * (wide * np.cos(turn) * side + deep_z * np.sin(turn) * front)
            )
            rest.append([0.2 * np.cos(turn), 0.05 - 0.45 * t, 0.15 * np.sin(turn)])
    return Sheet(
        np.array(points, np.float32), np.array(rest, np.float32), _grid(rows, columns, closed=True)
    )


def long_hair(centre: ndarray, axes: ndarray, length: float, rng: Generator) -> Sheet:
    """Hair around the back of the head, down to `length` metres under its middle.

    `axes` rows are the head's left, up and front.
    """
    rows, columns = 9, 18
    open_front = rng.uniform(0.6, 1.0)
    left, up, front = axes
    points, rest = [], []
    for step in np.linspace(0, 1, rows):
        height = 0.13 - step * (0.13 + length)
        # A dome down to the ears, then straight with a little flare.
        round_off = np.sqrt(max(1 - max(height, 0.0) ** 2 / 0.14**2, 0.02))
        radius = round_off * 0.10 + 0.04 * max(-height, 0.0) * rng.uniform(0.5, 1.5)
        for turn in np.linspace(-np.pi + open_front, np.pi - open_front, columns):
            out = np.sin(turn) * left * 0.9 - np.cos(turn) * front * 1.1
            points.append(centre + radius * out + height * up - 0.01 * front)
            rest.append([0.1 * np.sin(turn), 0.7 + height, -0.1 * np.cos(turn)])
    return Sheet(
        np.array(points, np.float32), np.array(rest, np.float32), _grid(rows, columns, closed=False)
    )


def _grid(rows: int, columns: int, *, closed: bool) -> Int32[ndarray, "faces 3"]:
    """Both sides of a grid's squares, as triangles."""
    steps = columns if closed else columns - 1
    row, column = np.mgrid[0 : rows - 1, 0:steps]
    a = (row * columns + column).ravel()
    b = (row * columns + (column + 1) % columns).ravel()
    c, d = a + columns, b + columns
    outside = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return np.concatenate([outside, outside[:, ::-1]]).astype(np.int32)
