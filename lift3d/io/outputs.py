"""One function to write a clip in any format of `lift3d.io.output_formats`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.io.clips.clip_npz import write_clip
from lift3d.io.clips.table_write import write_table
from lift3d.io.keypoints.coco_write import write_coco
from lift3d.io.keypoints.openpose_write import write_openpose
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.io.motion.amass_npz import write_amass, write_wham
from lift3d.io.motion.angles_write import write_angles_csv, write_mot
from lift3d.io.motion.bvh_rigs import RigName
from lift3d.io.motion.bvh_write import write_bvh
from lift3d.io.motion.c3d_write import write_c3d
from lift3d.io.motion.trc_write import pixel_tracks, write_trc
from lift3d.io.motion.world_points import world_joints
from lift3d.io.output_formats import FormatName, OutputFormat, paths_of, reason_against
from lift3d.io.scenes.glb import write_clip_glb
from lift3d.io.scenes.mesh_sequence import write_meshes
from lift3d.io.scenes.usd_write import write_usd
from lift3d.protocols import BodyModel

__all__ = ["OutputJob", "write_output"]


@dataclass(frozen=True, slots=True)
class OutputJob:
    """What is to be written: `model` is the clip's body, None where it has none.

    `person` is a place in `clip.people`, for formats of one person; `rig` is for BVH, and `correctives`
    for GLB: how many morph targets bring the skin nearer to the model's.
    """

    clip: Clip
    model: BodyModel | None = None
    rig: RigName = "smpl"
    correctives: int = 0
    person: int = 0
    progress: Callable[[int, int], None] = lambda _done, _total: None


def write_output(path: Path, found: OutputFormat, job: OutputJob) -> list[Path]:
    """Write a clip in a format; returns the files (or the folder) that were written.

    Raises `InputError` where the clip lacks what the format needs, and what the writers raise.
    """
    lacks = reason_against(found, job.clip)
    if lacks or (found.needs == "body" and job.model is None):
        raise InputError(
            f"expected {found.needs} to write '{path}' ({found.what}), got {lacks or 'no body model'}: "
            "choose another format"
        )
    paths = paths_of(path, found, job.clip)
    if found.everybody:
        _WRITERS[found.name](path, job)
        return paths
    for number, each in enumerate(paths):
        _WRITERS[found.name](each, replace(job, person=number))
        job.progress(number + 1, len(paths))
    return paths


def _body(job: OutputJob) -> BodyModel:
    if job.model is None:
        raise InputError("expected a body model to write bodies, got none: name it")
    return job.model


def _glb(path: Path, job: OutputJob) -> None:
    write_clip_glb(path, job.clip, _body(job), correctives=job.correctives)


def _bvh(path: Path, job: OutputJob) -> None:
    write_bvh(path, job.clip, _body(job), rig=job.rig, person=job.person)


def _trc(path: Path, job: OutputJob) -> None:
    person = job.clip.people[job.person]
    if len(person.joints.pose.skeleton):
        write_trc(path, _tracks(job.clip, [person]))
    else:
        write_trc(path, pixel_tracks(person.keypoints), units="px")


def _c3d(path: Path, job: OutputJob) -> None:
    write_c3d(path, _tracks(job.clip, job.clip.people))


def _tracks(clip: Clip, people: Sequence[Person]) -> PointTracks:
    """Joints in the world; with several people each name says whose it is."""
    alone = len(people) == 1
    names = [
        joint if alone else f"person{person.id}_{joint}"
        for person in people
        for joint in person.joints.pose.skeleton.joints
    ]
    places = np.concatenate([world_joints(clip, person).numpy() for person in people], 1)
    return PointTracks(tuple(names), places, clip.fps, clip.first_frame)


def _mot(path: Path, job: OutputJob) -> None:
    body = job.model.articulation if job.model is not None else None
    write_mot(path, job.clip, job.clip.people[job.person], body)


def _angles(path: Path, job: OutputJob) -> None:
    body = job.model.articulation if job.model is not None else None
    write_angles_csv(path, job.clip, body)


def _openpose(path: Path, job: OutputJob) -> None:
    people = [person.keypoints for person in job.clip.people]
    write_openpose(path, people, name=path.name, progress=job.progress)


_WRITERS: Final[Mapping[FormatName, Callable[[Path, OutputJob], None]]] = {
    "clip": lambda path, job: write_clip(path, job.clip),
    "csv": lambda path, job: write_table(path, job.clip, progress=job.progress),
    "parquet": lambda path, job: write_table(path, job.clip, progress=job.progress),
    "trc": _trc,
    "c3d": _c3d,
    "mot": _mot,
    "angles": _angles,
    "coco": lambda path, job: write_coco(path, [p.keypoints for p in job.clip.people]),
    "openpose": _openpose,
    "bvh": _bvh,
    "glb": _glb,
    "usd": lambda path, job: write_usd(path, job.clip, _body(job)),
    "amass": lambda path, job: write_amass(path, job.clip, _body(job), person=job.person),
    "wham": lambda path, job: write_wham(path, job.clip, _body(job), person=job.person),
    "obj": lambda path, job: write_meshes(path, job.clip, _body(job), kind="obj"),
    "ply": lambda path, job: write_meshes(path, job.clip, _body(job), kind="ply"),
}
