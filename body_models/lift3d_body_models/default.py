"""The free default body: SMPL's 24 joints and 10 betas, made from MakeHuman's CC0 data."""

import itertools
import json
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor

from lift3d.body import Surface
from lift3d.errors import FileFormatError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SMPL_24
from lift3d_body_models.linear_blend import Landmark, LinearBlendBody, PoseShapes

__all__ = ["DefaultBody", "load_body"]

FORMAT: Final = "lift3d-body"
VERSION: Final = "1"


@cache
def DefaultBody() -> LinearBlendBody:  # noqa: N802 - a factory that stands for a class
    """The default body, read once; ready to use without files, licences or network."""
    asset = files("lift3d_body_models") / "assets" / "default_body.safetensors"
    # Kept for the whole process, and gradients may be wanted later.
    with as_file(asset) as path, torch.inference_mode(False):
        return load_body(path)


def load_body(path: Path) -> LinearBlendBody:
    """Read a body from a `lift3d-body` safetensors file (format in `body_models/README.md`)."""
    tensors, metadata = _read(path)
    v_template = tensors["v_template"]
    count = len(v_template)
    skeleton = _skeleton(metadata)
    return LinearBlendBody(
        metadata["name"],
        skeleton,
        v_template=v_template,
        shapedirs=tensors["shapedirs"].float() * tensors["shapedirs.scale"],
        pose_shapes=tuple(_pose_shapes(tensors)),
        j_regressor=_dense_rows(tensors, "j_regressor", count),
        surface=_surface(tensors, metadata, len(skeleton)),
        landmarks=_landmarks(tensors, metadata),
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata() or {}
        if (metadata.get("format"), metadata.get("format_version")) != (FORMAT, VERSION):
            raise FileFormatError(
                f"expected a {FORMAT} file of version {VERSION}, got {path} with "
                f"'{metadata.get('format')}' version {metadata.get('format_version')}: build it again"
            )
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


def _skeleton(metadata: dict[str, str]) -> Skeleton:
    joints, parents = json.loads(metadata["joint_names"]), json.loads(metadata["parents"])
    if (tuple(joints), tuple(parents)) == (SMPL_24.joints, SMPL_24.parents):
        return SMPL_24
    return Skeleton(metadata["name"], tuple(joints), tuple(parents))


def _rows(tensors: dict[str, Tensor], name: str, field: str) -> list[Tensor]:
    starts = tensors[f"{name}.starts"].tolist()
    values = tensors[f"{name}.{field}"]
    return [values[a:b] for a, b in itertools.pairwise(starts)]


def _pose_shapes(tensors: dict[str, Tensor]) -> list[PoseShapes]:
    vertices, values = _rows(tensors, "posedirs", "vertices"), _rows(tensors, "posedirs", "values")
    scales = tensors["posedirs.scale"]
    return [
        PoseShapes(joint, v.long(), x.float() * scale)
        for joint, (v, x, scale) in enumerate(zip(vertices, values, scales, strict=True), start=1)
    ]


def _dense_rows(tensors: dict[str, Tensor], name: str, columns: int) -> Tensor:
    vertices, weights = _rows(tensors, name, "vertices"), _rows(tensors, name, "weights")
    out = torch.zeros(len(vertices), columns)
    for row, at, value in zip(out, vertices, weights, strict=True):
        row[at.long()] = value
    return out


def _surface(tensors: dict[str, Tensor], metadata: dict[str, str], joints: int) -> Surface:
    bones = tensors["lbs_weights.joints"].long()
    weights = torch.zeros(len(bones), joints)
    weights.scatter_add_(1, bones, tensors["lbs_weights.values"])
    return Surface(
        faces=tensors["faces"].long(),
        lbs_weights=weights / weights.sum(1, keepdim=True),
        colors=tensors["vertex_colors"].float() / 255.0,
        uv=tensors["uv"],
        uv_faces=tensors["uv_faces"].long(),
        parts=tensors["face_parts"].long(),
        part_names=tuple(json.loads(metadata["part_names"])),
    )


def _landmarks(tensors: dict[str, Tensor], metadata: dict[str, str]) -> dict[str, Landmark]:
    names = json.loads(metadata["landmark_names"])
    vertices = _rows(tensors, "landmarks", "vertices")
    weights = _rows(tensors, "landmarks", "weights")
    joints = tensors["landmarks.joints"].tolist()
    return {
        name: Landmark(joint, at.long(), value)
        for name, joint, at, value in zip(names, joints, vertices, weights, strict=True)
    }
