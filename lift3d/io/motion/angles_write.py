"""Joint angles as OpenSim's motion file (.mot) and as a table (.csv). Angles are in degrees.

A .mot holds one person: a header with `nRows`, `nColumns` and `inDegrees=yes`, then a row of names and
rows of numbers, separated by tabs: time (seconds), the angles of `lift3d.io.motion.joint_angles` in
OpenSim's pelvis sequence, and `pelvis_tx`, `pelvis_ty`, `pelvis_tz` (metres), the middle of the hips in
the same y-up world as a .trc of the clip. The table holds everybody, a row per frame and person, with
the pelvis angles in the clinical sequence.
"""

import csv
import os
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.body import Articulation
from lift3d.clip import Clip, Person
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.joint_angles import ANGLES, JointAngles, joint_angles

__all__ = ["ANGLE_COLUMNS", "write_angles_csv", "write_mot"]

ANGLE_COLUMNS: Final = (*ANGLES[:3], "pelvis_tx", "pelvis_ty", "pelvis_tz", *ANGLES[3:])
"""Degrees and metres, in the order of OpenSim's coordinates."""


def write_mot(
    path: str | os.PathLike[str], clip: Clip, person: Person, body: Articulation | None = None
) -> None:
    """One person's joint angles for OpenSim.

    Without a `body` they come from the joints. OpenSim needs a number in every cell: frames without the
    person are left out, and an angle that is not known is drawn from its neighbours in time (0 where it
    never is). Raises `InputError` for joints that are not a person's, `OutputError` where the file
    cannot be written.
    """
    rows = _columns(joint_angles(clip, person, body, pelvis_sequence="opensim"))
    time = (clip.first_frame + np.arange(len(rows))) / clip.fps
    known = np.isfinite(rows[:, :6]).all(1)
    table = np.column_stack([time[known], *(_filled(column, time)[known] for column in rows.T)])
    names = ("time", *ANGLE_COLUMNS)
    header = (
        f"Coordinates\nversion=1\nnRows={len(table)}\nnColumns={len(names)}\ninDegrees=yes\n"
        "endheader\n"
    )
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(header + "\t".join(names) + "\n")
        np.savetxt(file, table, fmt="%.9g", delimiter="\t")


def write_angles_csv(
    path: str | os.PathLike[str], clip: Clip, body: Articulation | None = None
) -> None:
    """Everybody's joint angles as a table; a cell is empty where an angle is not known.

    Without a `body`, and for people without one, angles come from joints. Raises `InputError` for
    joints that are not a person's, `OutputError` where the file cannot be written.
    """
    tables = [_columns(joint_angles(clip, person, body)) for person in clip.people]
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("frame", "time", "person", *ANGLE_COLUMNS))
        for row in range(len(clip)):
            frame = clip.first_frame + row
            for person, table in zip(clip.people, tables, strict=True):
                if np.isfinite(table[row]).any():
                    cells = ("" if np.isnan(value) else f"{value:.9g}" for value in table[row])
                    out.writerow((frame, f"{frame / clip.fps:.9g}", person.id, *cells))


def _filled(values: Float64[ndarray, " frames"], time: Float64[ndarray, " frames"]) -> ndarray:
    known = np.isfinite(values)
    return np.interp(time, time[known], values[known]) if known.any() else np.zeros(len(values))


def _columns(found: JointAngles) -> Float64[ndarray, "frames 27"]:
    degrees = np.degrees(found.values)
    return np.hstack([degrees[:, :3], found.root, degrees[:, 3:]])
