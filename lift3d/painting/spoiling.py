"""What cameras and files do to pictures: blur, noise, odd colours, compression."""

from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from numpy.random import Generator

__all__ = ["spoilt"]


def spoilt(
    picture: UInt8[ndarray, "height width 3"], rng: Generator
) -> UInt8[ndarray, "height width 3"]:
    """The picture after a few of: colours, fewer pixels, blur in focus or motion, noise, JPEG."""
    out: Any = picture.astype(np.float32)
    height, width = picture.shape[:2]
    if rng.random() < 0.7:
        out = _coloured(out, rng)
    if rng.random() < 0.25:  # from a small picture
        share = rng.uniform(0.3, 0.9)
        small = (max(4, int(width * share)), max(4, int(height * share)))
        out = cv2.resize(out, small, interpolation=cv2.INTER_AREA)
        out = cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.3, 1.6)) * height / 256 + 0.05)
    if rng.random() < 0.12:
        out = _moved(out, rng)
    if rng.random() < 0.5:
        grain = rng.standard_normal(
            out.shape if rng.random() < 0.5 else (height, width, 1), np.float32
        )
        out = out + grain * np.float32(rng.uniform(1, 14))
    out = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        out = cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR)
    return np.ascontiguousarray(out)


def _coloured(out: ndarray, rng: Generator) -> ndarray:
    """White balance, contrast, brightness, saturation; sometimes grey."""
    out = out * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    grey = out.mean(-1, keepdims=True)
    share = 0.0 if rng.random() < 0.06 else float(rng.uniform(0.5, 1.4))
    out = grey + share * (out - grey)
    middle = float(rng.uniform(90, 150))
    out = middle + float(rng.uniform(0.6, 1.3)) * (out - middle) + float(rng.uniform(-25, 25))
    return np.asarray(out, np.float32)


def _moved(out: ndarray, rng: Generator) -> ndarray:
    """Blur along a line, as of a camera that moves."""
    length = int(rng.integers(3, max(4, out.shape[0] // 24)))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    for at in np.linspace(-0.5, 0.5, 2 * length) * (length - 1):
        row, column = length / 2 - 0.5 + at * np.sin(angle), length / 2 - 0.5 + at * np.cos(angle)
        kernel[round(row), round(column)] += 1
    return np.asarray(cv2.filter2D(out, -1, kernel / kernel.sum()), np.float32)
