"""Angles about three axes, as motion files and joint angle tables hold rotations."""

from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import InputError

__all__ = ["continuous_euler"]

_GIMBAL: Final = 1e-8
"""Below so small a cosine of the middle angle only the sum of the outer two is known."""
_PARITY: Final = {"XYZ": 1, "YZX": 1, "ZXY": 1, "XZY": -1, "YXZ": -1, "ZYX": -1}


def continuous_euler(
    rotmats: Float64[ndarray, "frames joints 3 3"], order: str
) -> Float64[ndarray, "frames joints 3"]:
    """Intrinsic angles (radians) in an order such as "ZXY": R = R_z(a) R_x(b) R_y(c).

    Of the ways to write a rotation (b or its supplement, plus whole turns) each frame takes the one
    nearest to the frame before; the first has b in [-pi/2, pi/2]. So curves between the frames do not
    jump, and angles may exceed half a turn. At the poles of b, where only a sum of a and c is known, c
    stays as it was. Raises `InputError` for an order that does not name each axis once.
    """
    if order not in _PARITY:
        raise InputError(
            f"expected an order of {', '.join(_PARITY)}, got '{order}': name one of them"
        )
    first, second = _two_ways(rotmats, order)
    out = np.empty_like(first)
    before = np.zeros(first.shape[1:])
    for frame, way in enumerate(first):
        a, b = _near(way, before), _near(second[frame], before)
        # The first frame has no neighbour to follow.
        far = np.abs(b - before).sum(-1) < np.abs(a - before).sum(-1) if frame else np.False_
        chosen = np.where(np.atleast_1d(far)[:, None], b, a)
        pole = np.isnan(way[:, 2:])
        out[frame] = np.where(pole, _at_pole(way, before, _PARITY[order]), chosen)
        before = out[frame]
    return out


def _two_ways(rotmats: ndarray, order: str) -> tuple[ndarray, ndarray]:
    """Both triples of angles below a turn; at a pole the first is (a + c or a - c, b, NaN)."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    e = _PARITY[order]
    m = rotmats
    cosine = np.hypot(m[..., i, i], m[..., i, j])
    b = np.arctan2(e * m[..., i, k], cosine)
    a = np.arctan2(-e * m[..., j, k], m[..., k, k])
    c = np.arctan2(-e * m[..., i, j], m[..., i, i])
    pole = cosine < _GIMBAL
    a = np.where(pole, np.arctan2(e * m[..., k, j], m[..., j, j]), a)
    first = np.stack([a, b, np.where(pole, np.nan, c)], -1)
    return first, np.stack([a + np.pi, np.pi - b, c + np.pi], -1)


def _at_pole(way: ndarray, before: ndarray, parity: int) -> ndarray:
    """The triple with the last angle as it was before: a + c is known where R_ik > 0, else a - c."""
    c = before[:, 2]
    a = way[:, 0] - parity * np.sign(way[:, 1]) * c
    return _near(np.stack([a, way[:, 1], c], -1), before)


def _near(angles: ndarray, wanted: ndarray) -> ndarray:
    """The same angles, whole turns apart, nearest to others."""
    turns: ndarray = angles + 2 * np.pi * np.round((wanted - angles) / (2 * np.pi))
    return turns
