"""What is sent back: JSON of numbers, or a clip as a file in one of the library's formats."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import orjson
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.io.output_formats import format_of
from lift3d.io.outputs import OutputJob, write_output
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.serving.joints import Lifted
from lift3d.serving.refused import JSON
from lift3d.serving.values import OutputName

__all__ = ["MEDIA", "clip_file", "clip_json", "joints_json"]

MEDIA: Final[Mapping[OutputName, str]] = MappingProxyType(
    {
        "json": JSON,
        "npz": "application/x-npz",
        "glb": "model/gltf-binary",
        "bvh": "text/x-bvh",
        "csv": "text/csv",
        "trc": "text/x-trc",
        "c3d": "application/x-c3d",
    }
)
"""What each output is called in `Accept` and `Content-Type`."""

_NUMBERS: Final = orjson.OPT_SERIALIZE_NUMPY


def joints_json(lifted: Lifted) -> bytes:
    """Joints only, as `LiftedOut`."""
    people = [_person(joints) for joints in lifted.joints]
    return orjson.dumps(
        _document(lifted.joints[0], lifted.camera, people, lifted.note), option=_NUMBERS
    )


def clip_json(clip: Clip) -> bytes:
    """Everything of a clip that is no input, as `LiftedOut`."""
    people = [_person(person.joints) for person in clip.people]
    for told, person in zip(people, clip.people, strict=True):
        if person.body is not None:
            told["body"] = _body(person.body)
    document = _document(clip.people[0].joints, clip.camera, people, clip.note)
    document["camera"]["cam_from_world"] = _array(clip.camera.cam_from_world)
    document["body_model"] = clip.body_model
    return orjson.dumps(document, option=_NUMBERS)


def _document(
    first: Motion[Pose3D], camera: Camera, people: list[dict[str, Any]], note: str
) -> dict[str, Any]:
    skeleton = first.pose.skeleton
    return {
        "fps": first.fps,
        "first_frame": first.first_frame,
        "frames": len(first),
        "skeleton": {
            "name": skeleton.name,
            "joints": skeleton.joints,
            "parents": skeleton.parents,
        },
        "camera": {
            "intrinsics": _array(camera.intrinsics),
            "image_size": camera.image_size,
            "cam_from_world": None,
        },
        "people": people,
        "note": note,
        "body_model": "",
    }


def _person(joints: Motion[Pose3D]) -> dict[str, Any]:
    return {
        "id": joints.person,
        "observed": _array(joints.observed),
        "joints": _array(joints.pose.joints),
        "std": _array(_std(joints.pose.covariance)),
    }


def _std(
    covariance: Float[Tensor, "frames joints 3 3"],
) -> Float[Tensor, "frames joints"]:
    """Metres along an axis, in the quadratic mean over the three."""
    return (torch.diagonal(covariance, dim1=-2, dim2=-1).sum(-1) / 3).sqrt()


def _body(body: BodyParams) -> dict[str, Any]:
    names = ("body_pose", "global_orient", "transl")
    return {
        "betas": _array(body.betas.reshape(-1, body.betas.shape[-1])[0]),
        **{name: _array(getattr(body, name)) for name in names},
    }


def _array(values: Tensor) -> np.ndarray:
    """In single precision: shorter in text than what lifting is good for."""
    array = values.detach().cpu().numpy()
    return np.ascontiguousarray(array, np.float32 if array.dtype.kind == "f" else None)


def clip_file(
    clip: Clip, model: BodyModel | None, output: OutputName, person: int, folder: Path
) -> bytes:
    """A clip as the bytes of a file; `person` is a place in the clip, for formats of one person.

    Raises `InputError` where there is nobody at that place, or the clip lacks what the format needs.
    """
    if not 0 <= person < len(clip.people):
        raise InputError(
            f"expected a person from 0 to {len(clip.people) - 1}, got {person}: there are "
            f"{len(clip.people)} in the answer"
        )
    with tempfile.TemporaryDirectory(dir=folder) as own:
        path = Path(own) / f"clip.{output}"
        found = format_of(path)
        if not found.everybody:
            clip = Clip(
                (clip.people[person],), clip.camera, clip.fps, clip.first_frame, clip.body_model
            )
        write_output(path, found, OutputJob(clip, model))
        return path.read_bytes()
