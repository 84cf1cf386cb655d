"""TRC, the table of points that OpenSim and Pose2Sim read: tabs, y up, one person in a file.

Five lines of header, an empty one, then a row per frame: its number, its time in seconds, x y z of each
point. Joints are written in millimetres in our y-up world, keypoints in pixels (x right, y down, z 0).
A point that was not seen is an empty cell.
"""

import os
from pathlib import Path
from typing import Final, Literal

import numpy as np

from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.motion import Motion
from lift3d.pose import Pose2D

__all__ = ["TrcUnit", "pixel_tracks", "write_trc"]

TrcUnit = Literal["mm", "px"]

_PER_UNIT: Final = {"mm": 1000.0, "px": 1.0}


def write_trc(path: str | os.PathLike[str], tracks: PointTracks, *, units: TrcUnit = "mm") -> None:
    """Write points with nine digits; `units` "px" writes the numbers as they are.

    Raises `InputError` for nothing to write, `OutputError` where the file cannot be written.
    """
    frames, points = tracks.places.shape[:2]
    if not frames or not points:
        raise InputError(
            f"expected points over frames, got {points} over {frames}: nothing to write"
        )
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_header(tracks, units, Path(path).name))
        scaled = (tracks.places * _PER_UNIT[units]).reshape(frames, -1)
        for row, values in enumerate(scaled.tolist()):
            number = tracks.first_frame + row
            cells = ("" if np.isnan(value) else f"{value:.9g}" for value in values)
            file.write("\t".join((str(number), f"{number / tracks.fps:.9g}", *cells)) + "\n")


def pixel_tracks(person: Motion[Pose2D]) -> PointTracks:
    """A person's keypoints as points in the picture's plane, in pixels."""
    xy = person.pose.keypoints.double().numpy()
    flat = np.where(np.isnan(xy[..., :1]), np.nan, 0.0)
    names = person.pose.skeleton.joints
    return PointTracks(names, np.concatenate([xy, flat], -1), person.fps, person.first_frame)


def _header(tracks: PointTracks, units: TrcUnit, name: str) -> str:
    frames, points = tracks.places.shape[:2]
    rate = f"{tracks.fps:.9g}"
    facts = (
        rate,
        rate,
        str(frames),
        str(points),
        units,
        rate,
        str(tracks.first_frame),
        str(frames),
    )
    named = "\t\t\t".join(" ".join(label.split()) for label in tracks.names)
    axes = "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, points + 1))
    return (
        f"PathFileType\t4\t(X/Y/Z)\t{name}\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames\n" + "\t".join(facts) + f"\nFrame#\tTime\t{named}\t\t\n\t\t{axes}\n\n"
    )
