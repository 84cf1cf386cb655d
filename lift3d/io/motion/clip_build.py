"""Clips of what has no 2D keypoints, or no 3D joints: recorded motion, and keypoint files.

A clip of recorded joints gets a camera that is made up: level, 1920 x 1080 pixels, in front of all that
happens, so that the clip can be drawn. Its world is that of the recording, y up.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.rigid import rigid_from, transform_points
from lift3d.io.keypoints.reading import KeypointFile
from lift3d.io.motion.world_body import in_world
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton

__all__ = ["clip_of_joints", "clip_of_keypoints", "with_world_body"]

_NOTHING: Final = Skeleton("", (), ())
_PICTURE: Final = (1080, 1920)


def clip_of_joints(
    skeleton: Skeleton,
    places: Float64[ndarray, "frames joints 3"],
    fps: float,
    first_frame: int = 0,
    *,
    note: str = "",
) -> Clip:
    """A clip of one person from joints in metres in a y-up world; `InputError` where all are NaN."""
    camera = _camera_in_front(places)
    joints = torch.from_numpy(places)
    seen = joints.isfinite().all(-1).any(-1)
    pose = Pose3D.certain(transform_points(camera.cam_from_world, joints), skeleton, "camera")
    nothing = Pose2D(torch.zeros(len(joints), 0, 2), torch.zeros(len(joints), 0), _NOTHING, None)
    keypoints = Motion(nothing, fps, 0, torch.zeros_like(seen), first_frame)
    person = Person(keypoints, Motion(pose, fps, 0, seen, first_frame), None)
    return Clip((person,), camera, fps, first_frame, "", note)


def with_world_body(clip: Clip, body: BodyParams, model: BodyModel, name: str) -> Clip:
    """A clip of one person with a body that is given in the clip's world; `name` is the plug-in's."""
    seen = in_world(body, model, clip.camera.cam_from_world)
    return replace(clip, people=(replace(clip.people[0], body=seen),), body_model=name)


def clip_of_keypoints(file: KeypointFile) -> Clip:
    """Everybody of a keypoint file, without joints: to be written in another format."""
    report = file.report
    people = tuple(_without_joints(person) for person in file.people)
    camera = Camera.default(report.image_size)
    return Clip(people, camera, report.fps, report.first_frame, "")


def _without_joints(person: Motion[Pose2D]) -> Person:
    pose = Pose3D.certain(torch.zeros(len(person), 0, 3), _NOTHING, "camera")
    nobody = torch.zeros(len(person), dtype=torch.bool)
    joints = Motion(pose, person.fps, person.person, nobody, person.first_frame)
    return Person(person, joints, None)


def _camera_in_front(places: Float64[ndarray, "frames joints 3"]) -> Camera:
    """A level camera that looks along -z at all of the places, from far enough to see them."""
    known = places[np.isfinite(places).all(-1)]
    if not len(known):
        raise InputError("expected some joint in some frame, got none: nothing to convert")
    low, high = torch.from_numpy(known.min(0)), torch.from_numpy(known.max(0))
    away = torch.tensor([0.0, 0.0, 2 + 2 * float((high - low).norm())], dtype=torch.float64)
    turn = WORLD_FROM_CAMERA.T
    place = rigid_from(turn, -turn @ ((low + high) / 2 + away))
    return replace(Camera.default(_PICTURE, torch.float64), cam_from_world=place)
