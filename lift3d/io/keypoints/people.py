"""From rows of detections to people over time."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import ANONYMOUS, Detections
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton
from lift3d.tracking import Tracker, track_people

__all__ = ["Settled", "by_prominence", "identities", "motion_of", "without_scraps"]

MIN_KEYPOINTS: Final = 3
"""Fewer keypoints than this are no person; OpenPose drops such people itself."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Detections in pixels, with everything that the file left open decided."""

    frames: Int64[ndarray, " rows"]
    points: Float64[ndarray, "rows joints 3"]
    first_frame: int
    last_frame: int
    skeleton: Skeleton
    image_size: tuple[int, int]
    fps: float

    @property
    def length(self) -> int:
        """The number of frames of the clip."""
        return self.last_frame - self.first_frame + 1


def without_scraps(found: Detections, where: str) -> tuple[Detections, int]:
    """The detections with at least three keypoints, and the number of others."""
    seen = (found.points[..., 2] > 0).sum(1)
    kept = seen >= MIN_KEYPOINTS
    if not kept.any():
        raise FileFormatError(
            f"expected at least {MIN_KEYPOINTS} keypoints of somebody in {where}, got at most "
            f"{seen.max()}: check the detector's pictures"
        )
    rows = replace(
        found, frames=found.frames[kept], points=found.points[kept], persons=found.persons[kept]
    )
    return rows, int((~kept).sum())


def identities(
    found: Detections, points: Float64[ndarray, "rows joints 3"], tracker: Tracker = "greedy"
) -> tuple[Int64[ndarray, " rows"], str]:
    """An id per row, and where the ids come from; `points` in pixels."""
    pairs = np.stack([found.frames, found.persons])
    if (found.persons == ANONYMOUS).any():
        return track_people(found.frames, points, tracker), "by following their poses"
    if np.unique(pairs, axis=1).shape[1] < pairs.shape[1]:
        how = "by following their poses, since the file gives one id to two people of a frame"
        return track_people(found.frames, points, tracker), how
    return found.persons, "by the ids in the file"


def by_prominence(
    ids: Int64[ndarray, " rows"], points: Float64[ndarray, "rows joints 3"]
) -> list[int]:
    """Ids by the number of keypoints seen over the clip, then by their summed confidence."""
    people, person = np.unique(ids, return_inverse=True)
    seen = np.bincount(person, (points[..., 2] > 0).sum(1))
    sure = np.bincount(person, points[..., 2].sum(1))
    order = np.lexsort((people, -sure, -seen))
    return [int(people[index]) for index in order]


def motion_of(settled: Settled, rows: Bool[ndarray, " rows"], number: int) -> Motion[Pose2D]:
    """One person over all frames of the clip; `rows` are the person's detections.

    Where a detector split the body in pieces, all pieces' joints count, the surest of each.
    """
    dense = np.zeros((settled.length, len(settled.skeleton), 3), dtype=np.float32)
    observed = np.zeros(settled.length, dtype=np.bool_)
    at = settled.frames[rows] - settled.first_frame
    points = settled.points[rows]
    row, joint = np.nonzero(points[..., 2] > 0)
    order = np.argsort(points[row, joint, 2], kind="stable")  # of two values the last one stays
    row, joint = row[order], joint[order]
    dense[at[row], joint] = points[row, joint]
    observed[at] = True
    values = torch.from_numpy(dense)
    pose = Pose2D.from_detections(
        values[..., :2], values[..., 2], settled.skeleton, settled.image_size
    )
    seen = torch.from_numpy(observed)
    return Motion(pose, settled.fps, number, seen, settled.first_frame)
