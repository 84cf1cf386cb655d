"""Backgrounds and things in front: painted at random, or out of a folder of pictures."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray
from numpy.random import Generator

from lift3d.errors import InputError

__all__ = ["clutter", "draw_background", "pictures_in"]

_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder, by name. Raises `InputError` where there are none."""
    found = tuple(
        sorted(path for path in folder.glob("**/*") if path.suffix.lower() in _ENDINGS)
    ) if folder.is_dir() else ()  # fmt: skip
    if not found:
        raise InputError(
            f"expected a folder of pictures ({', '.join(_ENDINGS)}) for backgrounds, got '{folder}': "
            "name one, or leave it out"
        )
    return found


def draw_background(
    rng: Generator, height: int, width: int, horizon: float, photos: Sequence[Path] = ()
) -> UInt8[ndarray, "height width 3"]:
    """A place to stand in; `horizon` is the row of the horizon, which may lie outside."""
    if photos and rng.random() < 0.5:
        return _out_of(_loaded(photos[int(rng.integers(len(photos)))]), rng, height, width)
    kind = rng.choice(4, p=[0.5, 0.2, 0.15, 0.15])
    if kind == 0:
        ground = _room(rng, height, width, horizon)
    elif kind == 1:
        ground = _mottled(rng, height, width)
    elif kind == 2:
        ground = _slope(rng, height, width)
    else:
        ground = np.zeros((height, width, 3), np.float32) + _colour(rng)
    amount = (0, int(rng.integers(1, 12)), int(rng.integers(5, 40)))[int(rng.integers(3))]
    ground = _shapes(ground, rng, amount)
    if rng.random() < 0.7:
        ground = ground * (1 + rng.uniform(0, 0.35) * (_noise(rng, height, width, 1) - 0.5))
    if rng.random() < 0.3:
        ground = cv2.GaussianBlur(ground, (0, 0), float(rng.uniform(0.5, 4)))
    return np.clip(ground, 0, 255).astype(np.uint8)


def clutter(
    rng: Generator, height: int, width: int, box: tuple[float, float, float, float]
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """Things in front of people: their colours, and where they are.

    They lie near the box (left, top, width, height) and cover parts of it.
    """
    colours = np.zeros((height, width, 3), np.float32)
    mask = np.zeros((height, width), np.uint8)
    left, top, wide, tall = box
    for _ in range(rng.integers(1, 4)):
        at = np.array([left + rng.random() * wide, top + rng.random() * tall])
        size = np.exp(rng.uniform(np.log(0.06), np.log(0.45))) * tall
        one = np.zeros((height, width), np.uint8)
        kind = rng.integers(4)
        if kind == 0:
            corners = at + rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2)) * size * 0.6
            cv2.fillPoly(one, [cv2.convexHull(corners.astype(np.int32))], 1)
        elif kind == 1:
            axes = (int(size * rng.uniform(0.2, 0.7)) + 1, int(size * rng.uniform(0.2, 0.7)) + 1)
            cv2.ellipse(
                one, at.astype(int).tolist(), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1
            )
        elif kind == 2:  # a pole or a table's edge
            way = rng.uniform(-1, 1, 2)
            way = way / (np.linalg.norm(way) + 1e-6) * (height + width)
            ends = [(at - way).astype(int).tolist(), (at + way).astype(int).tolist()]
            cv2.line(one, ends[0], ends[1], 1, int(size * 0.25) + 1)
        else:
            low = (at - size * rng.uniform(0.1, 0.6, 2)).astype(int).tolist()
            high = (at + size * rng.uniform(0.1, 0.6, 2)).astype(int).tolist()
            cv2.rectangle(one, low, high, 1, -1)
        here = one > 0
        fill = _colour(rng) if rng.random() < 0.5 else _mottled(rng, height, width)[here]
        colours[here] = fill
        mask |= one
    return np.clip(colours, 0, 255).astype(np.uint8), mask > 0


def _colour(rng: Generator) -> Float32[ndarray, "3"]:
    if rng.random() < 0.4:
        return np.clip(rng.uniform(0, 255) + rng.normal(0, 12, 3), 0, 255).astype(np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def _noise(rng: Generator, height: int, width: int, channels: int) -> Float32[ndarray, "h w c"]:
    """Noise in [0, 1] at one size of grain, or at several on top of each other."""
    total = np.zeros((height, width, channels), np.float32)
    weight = 0.0
    for grain in np.exp(rng.uniform(0, np.log(height / 3), rng.integers(1, 4))):
        rows, columns = max(2, int(height / grain)), max(2, int(width / grain))
        coarse = rng.random((rows, columns, channels), np.float32)
        share = float(rng.uniform(0.3, 1))
        size = (width, height)
        total += share * cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR).reshape(
            total.shape
        )
        weight += share
    return total / weight


def _mottled(rng: Generator, height: int, width: int) -> Float32[ndarray, "h w 3"]:
    channels = 1 if rng.random() < 0.5 else 3
    share = np.clip((_noise(rng, height, width, channels) - 0.5) * rng.uniform(1, 4) + 0.5, 0, 1)
    first, second = _colour(rng), _colour(rng)
    return np.asarray(first + share * (second - first), np.float32)


def _slope(rng: Generator, height: int, width: int) -> Float32[ndarray, "h w 3"]:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    share = ((along - along.min()) / (np.ptp(along) + 1e-6))[..., None]
    first, second = _colour(rng), _colour(rng)
    return np.asarray(first + share * (second - first), np.float32)


def _room(rng: Generator, height: int, width: int, horizon: float) -> Float32[ndarray, "h w 3"]:
    """A wall, a floor under it with tiles or boards in perspective, and furniture on the wall."""
    edge = int(np.clip(horizon + rng.uniform(0, 0.5) * height, -1, height))
    out = _mottled(rng, height, width) if rng.random() < 0.4 else _slope(rng, height, width)
    out = _shapes(out, rng, int(rng.integers(0, 10)), upright=True)
    if edge < height:
        below = np.arange(max(edge, 0), height, dtype=np.float32)
        distance = 1 / np.maximum(below - min(horizon, edge - 2.0), 1.0)
        across = (np.arange(width, dtype=np.float32) - width * rng.random())[None] * distance[
            :, None
        ]
        scale = rng.uniform(1, 8)
        depth = distance[:, None] * height * rng.uniform(0.5, 2)
        lines = (np.floor(across * scale) + np.floor(depth * scale * rng.choice([0, 1]))) % 2
        first, second = _colour(rng), _colour(rng)
        second = first + (second - first) * rng.choice([0, rng.uniform(0, 0.3), rng.uniform(0, 1)])
        floor = first + lines[..., None] * (second - first)
        shadow = np.linspace(rng.uniform(0.7, 1.1), rng.uniform(0.9, 1.2), len(below))
        out[max(edge, 0) :] = floor * shadow[:, None, None]
    return out.astype(np.float32)


def _shapes(
    ground: Float32[ndarray, "h w 3"], rng: Generator, amount: int, *, upright: bool = False
) -> Float32[ndarray, "h w 3"]:
    height, width = ground.shape[:2]
    out = np.ascontiguousarray(ground, np.float32)
    for _ in range(amount):
        colour = _colour(rng).tolist()
        at = (rng.random(2) * [width, height]).astype(int)
        size = np.exp(rng.uniform(np.log(0.02), np.log(0.5), 2)) * height
        kind = 0 if upright else rng.integers(4)
        fill = -1 if rng.random() < 0.7 else int(rng.integers(1, 5))
        if kind == 0:
            cv2.rectangle(out, at.tolist(), (at + size.astype(int)).tolist(), colour, fill)
        elif kind == 1:
            turn = float(rng.uniform(0, 180))
            axes = (int(size[0] / 2) + 1, int(size[1] / 2) + 1)
            cv2.ellipse(out, at.tolist(), axes, turn, 0, 360, colour, fill)
        elif kind == 2:  # limb-like sticks, which are nobody's limbs
            end = at + (rng.normal(0, 0.3, 2) * height).astype(int)
            cv2.line(
                out, at.tolist(), end.tolist(), colour, int(rng.integers(1, max(2, height // 12)))
            )
        else:
            corners = at + rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2)) * size
            cv2.fillPoly(out, [corners.astype(np.int32)], colour)
    return out


@lru_cache(maxsize=256)
def _loaded(path: Path) -> UInt8[ndarray, "h w 3"]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(
            f"expected a picture for backgrounds, got '{path}', which cannot be read: remove it"
        )
    longest = max(picture.shape[:2])
    if longest > 1024:
        shrink = 1024 / longest
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture[..., ::-1])


def _out_of(photo: ndarray, rng: Generator, height: int, width: int) -> UInt8[ndarray, "h w 3"]:
    """A random piece of a photograph, at most twice enlarged."""
    tall, wide = photo.shape[:2]
    most = min(tall / height, wide / width)
    scale = min(most, float(np.exp(rng.uniform(np.log(min(0.5, most)), np.log(max(0.5, most))))))
    rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = rng.integers(0, tall - rows + 1), rng.integers(0, wide - columns + 1)
    piece = photo[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    out = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(out, np.uint8)
