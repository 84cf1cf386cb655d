"""A stage as what the page's script reads: one JSON text and one run of bytes."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.geometry.contacts import FEET, foot_points
from lift3d.pictures.draw import limbs_of, side_of
from lift3d.pictures.theme import DARK, LIGHT, LimbColors, Theme, person_colors
from lift3d.pictures.web.stage import Figure, Sight, Stage
from lift3d.skeleton import Skeleton

__all__ = ["packed"]

_MISSING: Final = -32768
_MOST: Final = 32767
_FAR: Final = 1e5
"""Metres: what lies further off is broken, and shown as missing."""
_MARKS: Final = {"dark": (70, 172, 255), "light": (0, 104, 190)}
_THEMES: Final = {"dark": DARK, "light": LIGHT}


def packed(stage: Stage) -> tuple[dict[str, Any], bytes]:
    """What is told in words and numbers, and the motion it refers to by start and length."""
    track = _Track()
    told = {
        "title": stage.title,
        "fps": stage.fps,
        "frames": len(stage),
        "firstFrame": stage.first_frame,
        "stride": stage.stride,
        "total": stage.total_frames or len(stage),
        "turns": stage.one_by_one,
        "notes": list(stage.notes),
        "themes": {name: _theme(theme, _MARKS[name]) for name, theme in _THEMES.items()},
        "camera": None if stage.sight is None else _camera(stage.sight, track),
        "people": [_person(figure, track) for figure in stage.figures],
    }
    return told, bytes(track.data)


class _Track:
    """Bytes that grow; each array starts at a multiple of four."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, array: ndarray) -> list[int]:
        """Where the array begins, and how many numbers it has."""
        start = len(self.data)
        self.data += array.tobytes() + b"\0" * (-array.nbytes % 4)
        return [start, array.size]


def _theme(theme: Theme, mark: tuple[int, int, int]) -> dict[str, Any]:
    names = ("top", "bottom", "floor", "grid", "text", "faint", "edge", "shadow")
    return {name: getattr(theme, name) for name in names} | {"mark": mark}


def _camera(sight: Sight, track: _Track) -> dict[str, Any]:
    height, width = sight.image_size
    return {
        "size": [width, height],
        "intrinsics": sight.intrinsics.double().flatten().tolist(),
        "poses": track.add(sight.cam_from_world.float().numpy()),
    }


def _person(figure: Figure, track: _Track) -> dict[str, Any]:
    names = figure.skeleton.joints
    shown = _flags(figure)
    return {
        "name": figure.name,
        "body": figure.body,
        "dye": _dye(figure.color),
        "colors": {k: _colors(person_colors(figure.color, t)) for k, t in _THEMES.items()},
        "joints": names,
        "sides": [side_of(name) for name in names],
        "limbs": _limbs(figure.skeleton),
        "feet": [foot_points(names, side) for side in FEET],
        "hips": [names.index(f"{side}_hip") for side in FEET if f"{side}_hip" in names],
        "shown": track.add(shown),
        **_motion(figure.joints, track),
        **_spread(figure.covariance, track),
    }


def _flags(figure: Figure) -> ndarray:
    """Bit 0: joints, bit 1: the body, bits 2 and 3: a foot that stands."""
    columns = [figure.joints_shown, figure.body_shown, *figure.stands.unbind(1)]
    bits = sum(column.to(torch.uint8) << bit for bit, column in enumerate(columns))
    assert isinstance(bits, Tensor)  # noqa: S101 - there are four columns
    return bits.numpy()


def _dye(order: int) -> list[float]:
    if order == 0:
        return [-1.0, -1.0, -1.0]
    return [(c / 255) ** 2.2 for c in person_colors(order, DARK).right]


def _colors(colors: LimbColors) -> Mapping[str, tuple[int, int, int]]:
    return {"left": colors.left, "right": colors.right, "centre": colors.centre}


def _limbs(skeleton: Skeleton) -> list[dict[str, Any]]:
    return [
        {"start": limb.start, "end": limb.end, "side": limb.side, "fine": limb.fine}
        for limb in limbs_of(skeleton)
    ]


def _motion(joints: Float[Tensor, "frames joints 3"], track: _Track) -> dict[str, Any]:
    """Joints as whole steps from the middle of each frame's joints."""
    places = joints.double().numpy()
    known = (np.abs(places) < _FAR).all(-1, keepdims=True)  # false for NaN
    sums = np.where(known, places, 0).sum(1)
    middles = (sums / np.maximum(known.sum(1), 1)).astype("<f4")
    relative = np.where(known, places - middles[:, None], np.nan)
    whole, step = _whole(relative.reshape(len(places), -1), 1e-4)
    return {"middles": track.add(middles), "places": track.add(whole), "step": step}


def _spread(covariance: Float[Tensor, "frames joints 3 3"], track: _Track) -> dict[str, Any]:
    """The lower triangles of Cholesky's factors (metres); nothing where none is known."""
    wide = covariance.double()
    good = (wide.abs() < _FAR).flatten(-2).all(-1)
    factor, failed = torch.linalg.cholesky_ex(
        torch.where(good[..., None, None], wide, torch.eye(3, dtype=torch.float64))
    )
    known = good & (failed == 0)
    if not bool(known.any()):
        return {"spread": None, "spreadStep": 0.0}
    # Column by column: L00 L10 L20 L11 L21 L22.
    rows = factor[..., [0, 1, 2, 1, 2, 2], [0, 0, 0, 1, 1, 2]]
    numbers = torch.where(known[..., None], rows.clamp(-_SPREAD, _SPREAD), torch.nan).numpy()
    whole, step = _whole(numbers.reshape(len(numbers), -1), 1e-4)
    return {"spread": track.add(whole), "spreadStep": step}


_SPREAD: Final = 10.0
"""Metres: larger deviations are shown as this."""


def _whole(numbers: Float[ndarray, "frames n"], least: float) -> tuple[ndarray, float]:
    """Sixteen-bit changes from frame to frame, and the step of their sums; NaN is marked."""
    known = np.isfinite(numbers)
    most = float(np.abs(numbers[known]).max(initial=0.0))
    step = max(least, most / _MOST)
    scaled = np.round(np.where(known, numbers, 0) / step)
    whole = np.where(known, scaled, _MISSING).astype(np.int16)
    # Differences wrap around in sixteen bits, and so do the sums that the page makes of them.
    whole[1:] -= whole[:-1].copy()
    return whole.astype("<i2"), step
