"""A lifted clip as one `.npz` file of plain arrays: `numpy.load(path)` reads it, without pickle.

Axes: people P, frames F, keypoints K, joints J, betas B, body rotations R. Metres, pixels, radians.

| key | shape | what |
|---|---|---|
| `format_version` | () | 1 |
| `person_ids` | P | ids, as in the keypoint file |
| `fps`, `first_frame` | () | frame i lies at (first_frame + i) / fps seconds |
| `keypoint_skeleton`, `keypoint_names`, `keypoint_parents` | (), K, K | 2D layout; -1 is a root |
| `keypoints`, `confidence` | P F K 2, P F K | pixels, x right, y down; NaN and 0 where not seen |
| `observed` | P F | whether a person was seen in a frame |
| `keypoint_image_size` | 2 | (height, width) of the keypoints' picture; 0, 0 where unknown |
| `joint_skeleton`, `joint_names`, `joint_parents` | (), J, J | 3D layout |
| `joints`, `covariance` | P F J 3, P F J 3 3 | camera frame (x right, y down, z forward) |
| `joints_observed` | P F | frames in which joints come from keypoints, not from their neighbours |
| `body_model` | () | name; empty where no body was fitted |
| `has_body` | P | whether the next four hold this person's body (NaN where not) |
| `betas`, `body_pose` | P B, P F R 3 | shape; rotations of all joints but the root, axis-angle |
| `global_orient`, `transl` | P F 3, P F 3 | the root's rotation and the translation, camera frame |
| `intrinsics`, `distortion`, `lens` | 3 3, 5, () | k1 k2 p1 p2 k3 of the named lens model |
| `cam_from_world` | 4 4 | p_camera = cam_from_world @ p_world |
| `image_size` | 2 | (height, width) of the camera |

A moving camera has F as the first axis of its arrays.
"""

from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_args

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.geometry.projection import LensModel
from lift3d.io.clips.clip_values import check_values
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.plain_npz import check_arrays, load_arrays
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

__all__ = [
    "CLIP_SHAPES",
    "FORMAT_VERSION",
    "clip_arrays",
    "clip_of_arrays",
    "read_clip",
    "write_clip",
]

FORMAT_VERSION: Final = 1

# Axes by their letters above; `*` stands for the frames of a moving camera, or nothing.
CLIP_SHAPES: Final = MappingProxyType(
    {
        "person_ids": ("iu", "P"),
        "fps": ("f", ""),
        "first_frame": ("iu", ""),
        "keypoint_skeleton": ("U", ""),
        "keypoint_names": ("U", "K"),
        "keypoint_parents": ("iu", "K"),
        "keypoints": ("f", "P F K 2"),
        "confidence": ("f", "P F K"),
        "observed": ("b", "P F"),
        "keypoint_image_size": ("iu", "2"),
        "joint_skeleton": ("U", ""),
        "joint_names": ("U", "J"),
        "joint_parents": ("iu", "J"),
        "joints": ("f", "P F J 3"),
        "covariance": ("f", "P F J 3 3"),
        "joints_observed": ("b", "P F"),
        "body_model": ("U", ""),
        "has_body": ("b", "P"),
        "betas": ("f", "P B"),
        "body_pose": ("f", "P F R 3"),
        "global_orient": ("f", "P F 3"),
        "transl": ("f", "P F 3"),
        "intrinsics": ("f", "* 3 3"),
        "distortion": ("f", "* 5"),
        "lens": ("U", ""),
        "cam_from_world": ("f", "* 4 4"),
        "image_size": ("iu", "2"),
    }
)


def write_clip(path: str | PathLike[str], clip: Clip) -> None:
    """Write a clip as described above; the same clip gives the same bytes.

    Raises `InputError` where people have different skeletons or a person's betas change over time,
    and `OutputError` where the file cannot be written.
    """
    arrays = clip_arrays(clip)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_clip(path: str | PathLike[str]) -> Clip:
    """Read what `write_clip` wrote; `FileFormatError` says what is wrong with any other file."""
    return clip_of_arrays(load_arrays(Path(path)), Path(path))


def clip_of_arrays(arrays: dict[str, ndarray], path: Path) -> Clip:
    """The clip that arrays under the keys above describe; `path` is where they come from, for errors."""
    check_arrays(arrays, FORMAT_VERSION, CLIP_SHAPES, path)
    most = max(len(arrays["keypoint_names"]), len(arrays["joint_names"]))
    if most > LIMITS.joints:
        raise FileFormatError(
            f"expected at most {LIMITS.joints} joints in '{path}', got {most}: write it again"
        )
    try:
        check_values(arrays)
        return _clip(arrays)
    except (Lift3dError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise FileFormatError(
            f"expected a lifted clip in '{path}', got values that do not fit ({error}): "
            "write it again"
        ) from error


def clip_arrays(clip: Clip) -> dict[str, Any]:
    """A clip as arrays under the keys above; raises `InputError` as `write_clip` does."""
    people, camera = clip.people, clip.camera
    _same_skeletons(people)
    empty = Skeleton("", (), ())
    twos = people[0].keypoints.pose.skeleton if people else empty
    threes = people[0].joints.pose.skeleton if people else empty
    size = people[0].keypoints.pose.image_size if people else None
    frames = len(clip)
    return {
        "format_version": np.int64(FORMAT_VERSION),
        "person_ids": np.array([person.id for person in people], dtype=np.int64),
        "fps": np.float64(clip.fps),
        "first_frame": np.int64(clip.first_frame),
        **_layout("keypoint", twos),
        **_layout("joint", threes),
        "keypoints": _stack([p.keypoints.pose.keypoints for p in people], frames, 0, 2),
        "confidence": _stack([p.keypoints.pose.confidence for p in people], frames, 0),
        "observed": _stack([p.keypoints.observed for p in people], frames).astype(np.bool_),
        "keypoint_image_size": np.array(size or (0, 0), dtype=np.int64),
        "joints": _stack([p.joints.pose.joints for p in people], frames, 0, 3),
        "covariance": _stack([p.joints.pose.covariance for p in people], frames, 0, 3, 3),
        "joints_observed": _stack([p.joints.observed for p in people], frames).astype(np.bool_),
        **_bodies(people, frames),
        "body_model": np.array(clip.body_model),
        "intrinsics": _numpy(camera.intrinsics),
        "distortion": _numpy(camera.distortion),
        "lens": np.array(camera.lens),
        "cam_from_world": _numpy(camera.cam_from_world),
        "image_size": np.array(camera.image_size, dtype=np.int64),
    }


def _same_skeletons(people: tuple[Person, ...]) -> None:
    for person in people:
        person.joints.pose.require_frame("camera")
        first = people[0]
        if (
            person.keypoints.pose.skeleton != first.keypoints.pose.skeleton
            or person.joints.pose.skeleton != first.joints.pose.skeleton
            or len(person.joints) != len(first.joints)
        ):
            raise InputError(
                "expected the same skeletons and frames for everybody in a clip, got person "
                f"{person.id} with others than person {first.id}: write them to separate files"
            )


def _layout(what: str, skeleton: Skeleton) -> dict[str, ndarray]:
    return {
        f"{what}_skeleton": np.array(skeleton.name),
        f"{what}_names": np.array(skeleton.joints, dtype=np.str_),
        f"{what}_parents": np.array(skeleton.parents, dtype=np.int64),
    }


def _stack(values: list[Tensor], *shape: int) -> ndarray:
    """One array of all people; `shape` is a person's where there is nobody."""
    return np.stack([_numpy(value) for value in values]) if values else np.zeros((0, *shape))


def _numpy(value: Tensor) -> ndarray:
    array: ndarray = value.detach().cpu().numpy()
    return array


def _bodies(people: tuple[Person, ...], frames: int) -> dict[str, ndarray]:
    bodies = [person.body for person in people]
    known = next((body for body in bodies if body is not None), None)
    betas = known.betas.shape[-1] if known is not None else 0
    rotations = known.body_pose.shape[-2] if known is not None else 0
    dtype = known.transl.dtype if known is not None else torch.float32

    def missing(*shape: int) -> Tensor:
        return torch.full(shape, torch.nan, dtype=dtype)

    poses = [missing(frames, rotations, 3) if b is None else b.body_pose for b in bodies]
    orients = [missing(frames, 3) if b is None else b.global_orient for b in bodies]
    translations = [missing(frames, 3) if b is None else b.transl for b in bodies]
    return {
        "has_body": np.array([body is not None for body in bodies], dtype=np.bool_),
        "betas": _stack([missing(betas) if b is None else _shared(b.betas) for b in bodies], betas),
        "body_pose": _stack(poses, frames, rotations, 3),
        "global_orient": _stack(orients, frames, 3),
        "transl": _stack(translations, frames, 3),
    }


def _shared(betas: Tensor) -> Tensor:
    rows = betas.reshape(-1, betas.shape[-1])
    if not bool((rows == rows[:1]).all()):
        raise InputError(
            "expected one shape (betas) per person, got betas that change over time: average them"
        )
    return rows[0]


def _clip(arrays: dict[str, ndarray]) -> Clip:
    camera = Camera(
        torch.from_numpy(arrays["intrinsics"]),
        torch.from_numpy(arrays["cam_from_world"]),
        torch.from_numpy(arrays["distortion"]),
        _size(arrays["image_size"]),
        _lens(str(arrays["lens"])),
    )
    people = tuple(_person(arrays, index) for index in range(len(arrays["person_ids"])))
    first, model = int(arrays["first_frame"]), str(arrays["body_model"])
    return Clip(people, camera, float(arrays["fps"]), first, model)


def _person(arrays: dict[str, ndarray], index: int) -> Person:
    size = _size(arrays["keypoint_image_size"])
    pose2d = Pose2D(
        torch.from_numpy(arrays["keypoints"][index]),
        torch.from_numpy(arrays["confidence"][index]),
        _skeleton(arrays, "keypoint"),
        size if min(size) > 0 else None,
    )
    pose3d = Pose3D(
        torch.from_numpy(arrays["joints"][index]),
        torch.from_numpy(arrays["covariance"][index]),
        _skeleton(arrays, "joint"),
        "camera",
    )
    time = float(arrays["fps"]), int(arrays["person_ids"][index])
    first = int(arrays["first_frame"])
    return Person(
        Motion(pose2d, *time, torch.from_numpy(arrays["observed"][index]), first),
        Motion(pose3d, *time, torch.from_numpy(arrays["joints_observed"][index]), first),
        _body(arrays, index) if arrays["has_body"][index] else None,
    )


def _body(arrays: dict[str, ndarray], index: int) -> BodyParams:
    return BodyParams(
        torch.from_numpy(arrays["betas"][index])[None],
        torch.from_numpy(arrays["body_pose"][index]),
        torch.from_numpy(arrays["global_orient"][index]),
        torch.from_numpy(arrays["transl"][index]),
    )


def _skeleton(arrays: dict[str, ndarray], what: str) -> Skeleton:
    return Skeleton(
        str(arrays[f"{what}_skeleton"]),
        tuple(str(name) for name in arrays[f"{what}_names"]),
        tuple(int(parent) for parent in arrays[f"{what}_parents"]),
    )


def _lens(name: str) -> LensModel:
    models: tuple[LensModel, ...] = get_args(LensModel)
    for model in models:
        if model == name:
            return model
    raise InputError(f"expected a lens model of {', '.join(models)}, got '{name:.20}'")


def _size(array: ndarray) -> tuple[int, int]:
    return int(array[0]), int(array[1])
