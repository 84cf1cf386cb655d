"""Are the numbers of a clip's file such that it can be drawn? Shapes are checked before."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy import ndarray

from lift3d.conventions import FPS_RANGE
from lift3d.errors import InputError

__all__ = ["check_values"]

_LARGEST: Final = 1e7
"""Metres, pixels, radians and betas alike: beyond this, single precision loses the body."""
_CAMERA: Final = ("intrinsics", "distortion", "cam_from_world")
_BODY: Final = ("body_pose", "global_orient", "transl")


def check_values(arrays: Mapping[str, ndarray]) -> None:
    """`InputError` for infinite or absurd numbers, and for NaN where a number must be."""
    fps, (slowest, fastest) = float(arrays["fps"]), FPS_RANGE
    if not slowest <= fps <= fastest:
        raise InputError(f"expected a frame rate above 0, {slowest:g} to {fastest:g}, got {fps}")
    for key in ("keypoints", "joints", *_BODY, "betas", *_CAMERA):
        if (np.abs(arrays[key]) > _LARGEST).any():
            raise InputError(f"expected numbers up to {_LARGEST:g} in '{key}', got larger ones")
    for key in _CAMERA:
        if not np.isfinite(arrays[key]).all():
            raise InputError(f"expected numbers in '{key}', got NaN")
    if not np.isfinite(arrays["betas"][arrays["has_body"]]).all():
        raise InputError("expected numbers in 'betas' of everybody with a body, got NaN")
    _check_bodies(arrays)


def _check_bodies(arrays: Mapping[str, ndarray]) -> None:
    """A frame without a body is NaN in all of its parameters."""
    has_body = arrays["has_body"]
    missing = [np.isnan(arrays[key][has_body]) for key in _BODY]
    whole = [part.reshape(*part.shape[:2], part[0, 0].size) for part in missing if part.size]
    if not whole:
        return
    together = np.concatenate(whole, -1)
    if (together.any(-1) != together.all(-1)).any():
        raise InputError("expected bodies that are NaN in whole frames only, got parts of them NaN")
