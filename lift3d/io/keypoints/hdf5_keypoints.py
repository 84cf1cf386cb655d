"""Keypoints in HDF5: SLEAP's analysis files and DeepLabCut's tables.

SLEAP (sleap/info/write_tracking_h5.py, and files of its documentation): `tracks` [tracks, 2, nodes,
frames] in pixels, NaN where missing, `node_names`, `track_names`; newer files add `point_scores`
[tracks, nodes, frames]. Without track names the first axis holds the people of each frame in no
order. Long videos have hundreds of tracks that are empty nearly everywhere, packed into little: they
are read one by one, and only where somebody is.

DeepLabCut's tables are those of pandas: see `hdf5_pandas`.
"""

import math
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from lift3d.io.files.hdf5_values import MAGIC, dataset, open_hdf5, texts
from lift3d.io.keypoints.deeplabcut import detections_of_table
from lift3d.io.keypoints.detections import ANONYMOUS, Detection, Detections, FileFacts, gather
from lift3d.io.keypoints.hdf5_pandas import FRAME_KEY, read_frame
from lift3d.io.keypoints.joint_names import NamedJoints, joints_named
from lift3d.io.keypoints.point_arrays import PointArray, check_size, rows_of

__all__ = ["is_hdf5_keypoints", "read_hdf5_keypoints"]

_BLOCK: Final = 1_000_000
_MOST_TRACKS: Final = 10_000
_MOST_PIECES: Final = 100_000
_MOST_EMPTY: Final = 50_000_000
_MOST_PACKED: Final = 30
"""Numbers for a byte of the file: empty tracks are packed a thousand to one, and take time."""


def is_hdf5_keypoints(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether a file is HDF5 at all; what is inside, the reader says."""
    return head.startswith(MAGIC)


def read_hdf5_keypoints(path: Path) -> Detections:
    """Everybody in a SLEAP analysis file or a DeepLabCut table. Raises `FileFormatError`."""
    with open_hdf5(path) as file:
        if "tracks" in file and "node_names" in file:
            return _sleap(file, f"'{path}'")
        keys = [FRAME_KEY] if FRAME_KEY in file else list(file)[:2]
        if len(keys) == 1:
            columns, names, values = read_frame(file, keys[0])
            return detections_of_table(columns, names, values, "DeepLabCut HDF5", f"'{path}'")
        inside = ", ".join(name[:20] for name in list(file)[:5]) or "nothing"
        raise ValueError(f"{inside}, neither SLEAP's tracks nor DeepLabCut's {FRAME_KEY}")


def _sleap(file: Any, where: str) -> Detections:
    tracks = dataset(file, "tracks")
    nodes, names = texts(file, "node_names"), texts(file, "track_names")
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(nodes)) or tracks.dtype.kind != "f":
        raise ValueError(f"tracks {tracks.dtype} of shape {tracks.shape} for {len(nodes)} nodes")
    if not _affordable(tracks):
        raise ValueError(f"tracks of shape {tracks.shape}, which are too large")
    scores = dataset(file, "point_scores") if "point_scores" in file else None
    expected = (tracks.shape[0], *tracks.shape[2:])
    if scores is not None and (scores.shape != expected or scores.dtype.kind != "f"):
        raise ValueError(f"point_scores of shape {scores.shape}")
    joints = joints_named(nodes)
    rows = _rows(tracks, scores, joints, where, tracked=bool(names) or len(tracks) == 1)
    facts = FileFacts(
        "SLEAP analysis", "pixels", joints.skeleton, notes=joints.notes, nameless=True
    )
    return gather(rows, range(tracks.shape[3]), facts, where)


def _affordable(tracks: Any) -> bool:
    """Whether the numbers and the pieces that they are packed in are not too many for the file."""
    stored = tracks.id.get_storage_size()
    sides = tracks.chunks or tracks.shape
    pieces = math.prod(-(-length // side) for length, side in zip(tracks.shape, sides, strict=True))
    return (
        len(tracks) <= _MOST_TRACKS
        and tracks.size <= _MOST_EMPTY + _MOST_PACKED * stored
        and pieces <= _MOST_PIECES + stored // 20
    )


def _rows(
    tracks: Any, scores: Any, joints: NamedJoints, where: str, *, tracked: bool
) -> list[Detection]:
    rows: list[Detection] = []
    count, frames = tracks.shape[0], tracks.shape[3]
    step = max(1, _BLOCK // max(1, tracks.shape[2]))
    for number, start in product(range(count), range(0, frames, step)):
        part = slice(start, start + step)
        xy = tracks[number, :, :, part]
        if np.isnan(xy).all() or not xy.any():
            continue
        points = _points(xy, None if scores is None else scores[number, :, part])
        array = PointArray(points[:, None, list(joints.columns)])
        found = rows_of(array, range(start, start + len(points)), where, tracked=True)
        check_size((len(rows) + len(found), len(joints.columns), 3), where)
        person = number if tracked else ANONYMOUS
        rows += [Detection(row.frame, row.points, person) for row in found]
    return sorted(rows, key=lambda row: row.frame)


def _points(
    xy: Float[ndarray, "2 nodes frames"], scores: Float[ndarray, "nodes frames"] | None
) -> Float64[ndarray, "frames nodes 3"]:
    """A part of a track; a point that a person set by hand has no score, and counts as sure."""
    xy = xy.astype(np.float64)
    level = np.ones(xy.shape[1:]) if scores is None else np.where(np.isnan(scores), 1.0, scores)
    return np.concatenate([xy, level[None]]).transpose(2, 1, 0)
