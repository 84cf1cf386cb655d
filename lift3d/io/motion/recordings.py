"""Recorded motion as a clip: .bvh, .amc (with its .asf), .c3d and .trc, with the file's own joint names.

Such a clip has joints in the file's world, turned to y up, and no keypoints.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.clip import Clip
from lift3d.conventions import FPS_RANGE
from lift3d.errors import FileFormatError, InputError
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.io.keypoints.trc import read_trc_table
from lift3d.io.motion.asf_amc import read_amc, read_asf
from lift3d.io.motion.bvh import read_bvh
from lift3d.io.motion.c3d import read_c3d
from lift3d.io.motion.clip_build import clip_of_joints
from lift3d.skeleton import Skeleton

__all__ = ["read_recording", "skeleton_file"]

_CMU_FPS: Final = 120.0
_HEIGHT: Final = 1.6
"""Metres from the feet to the head joint of a grown person, or from hand to hand."""
_BVH_UNITS: Final = {
    "metres": 1.0,
    "decimetres": 0.1,
    "0.45 inch": 0.0254 / 0.45,
    "centimetres": 0.01,
    "millimetres": 0.001,
}
"""Units of length found in BVH files, in metres."""


def read_recording(path: Path, *, fps: float | None = None) -> Clip:
    """A recording as a clip; `note` says what had to be assumed.

    `fps` overrules the file's rate (an .amc has none: 120 is taken, CMU's). Raises `FileFormatError`
    for other files and broken ones.
    """
    if fps is not None and not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise InputError(
            f"expected frames per second, {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}, got {fps}: correct them"
        )
    reader = {".bvh": _bvh, ".amc": _amc, ".c3d": _c3d, ".trc": _trc}.get(path.suffix.lower())
    if reader is None:
        raise FileFormatError(
            f"expected a recording (.bvh, .amc, .c3d, .trc), got '{path}': rename it by its kind"
        )
    found = reader(path)
    return clip_of_joints(
        found.skeleton, found.places, fps or found.fps, found.first_frame, note=found.note
    )


@dataclass(frozen=True, slots=True)
class _Recorded:
    skeleton: Skeleton
    places: Float64[ndarray, "frames joints 3"]
    fps: float
    first_frame: int = 0
    note: str = ""


def _bvh(path: Path) -> _Recorded:
    motion = read_bvh(path)
    still = np.zeros_like(motion.offsets)
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            still[joint] = still[parent] + motion.offsets[joint]
    extent = np.ptp(still, 0)
    tallest = float(extent.max())
    if not 0 < tallest < math.inf:
        raise FileFormatError(
            f"expected bones of some length in '{path}', got none: export it again"
        )
    unit = min(_BVH_UNITS, key=lambda name: abs(math.log(tallest * _BVH_UNITS[name] / _HEIGHT)))
    clip = motion.clip(_BVH_UNITS[unit])
    places = clip.joints()
    z_up = _stands_along_z(motion.names, still)
    if z_up:
        places = _turned_y_up(places)
    up = "z" if z_up else "y"
    note = f"the file names neither its unit nor its upward axis: {unit} and {up} were taken"
    skeleton = Skeleton(path.stem, clip.names, clip.parents)
    return _Recorded(skeleton, places.numpy(), clip.fps, note=note)


def _stands_along_z(names: Sequence[str], still: ndarray) -> bool:
    """Whether the head is above the feet along z, by the names of joints at rest."""

    def mean(*words: str) -> ndarray | None:
        rows = [n for n, name in enumerate(names) if any(word in name.lower() for word in words)]
        return still[rows].mean(0) if rows else None

    high, low = mean("head", "neck"), mean("foot", "ankle", "toe")
    if high is None or low is None:
        return False
    return bool((high - low)[2] > 2 * abs((high - low)[1]))


def _turned_y_up(places: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    x, y, z = places.unbind(-1)
    return torch.stack([x, z, -y], -1)


def _amc(path: Path) -> _Recorded:
    file = skeleton_file(path)
    clip = read_amc(path, read_asf(file), _CMU_FPS)
    note = (
        f"skeleton '{file.name}'; the file names no rate: {_CMU_FPS:g} frames per second were taken"
    )
    return _Recorded(
        Skeleton(file.stem, clip.names, clip.parents), clip.joints().numpy(), clip.fps, note=note
    )


def skeleton_file(motion: Path) -> Path:
    """The .asf of an .amc: `<subject>.asf` of `<subject>_<take>.amc`, or the only one beside it."""
    try:
        beside = sorted(p for p in motion.parent.iterdir() if p.suffix.lower() == ".asf")
    except OSError as error:
        raise FileFormatError(
            f"expected a motion at '{motion}', got {error.strerror or error}: check the path"
        ) from error
    own = [p for p in beside if p.stem in (motion.stem, motion.stem.rsplit("_", 1)[0])]
    found = own or (beside if len(beside) == 1 else [])
    if not found:
        raise FileFormatError(
            f"expected the skeleton '{motion.stem.rsplit('_', 1)[0]}.asf' beside '{motion}', got none "
            "of that name: put it there"
        )
    return found[0]


def _c3d(path: Path) -> _Recorded:
    return _tracked(read_c3d(path), path)


def _trc(path: Path) -> _Recorded:
    return _tracked(read_trc_table(path).tracks(f"'{path}'"), path)


def _tracked(tracks: PointTracks, path: Path) -> _Recorded:
    roots = (-1,) * len(tracks.names)
    skeleton = Skeleton(path.stem, tracks.names, roots)
    return _Recorded(skeleton, tracks.places, tracks.fps, tracks.first_frame)
