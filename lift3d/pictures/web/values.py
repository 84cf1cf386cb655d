"""Single values as stages: a motion of joints or keypoints, a mesh or a batch of them."""

import math
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.contacts import find_contacts
from lift3d.motion import Motion
from lift3d.pictures.web.clips import NOTEBOOK, Limits, ordinal
from lift3d.pictures.web.compact import compact_glb
from lift3d.pictures.web.stage import Figure, Stage
from lift3d.pose import Pose2D, Pose3D

__all__ = ["stage_of_mesh", "stage_of_motion"]

_TALL: Final = 2.0
"""Metres that a picture of keypoints is high when it is put up in the room."""
_SOLE: Final = 0.03
_MESHES: Final = 8
_A_SECOND: Final = 3.0
"""Meshes of a batch that are shown in a second."""


def stage_of_motion(
    motion: Motion[Pose2D] | Motion[Pose3D], limits: Limits = NOTEBOOK, *, title: str = "motion"
) -> Stage:
    """One person's skeleton, standing on its floor; keypoints as a picture that stands upright.

    Raises `InputError` for a motion without frames.
    """
    if not len(motion):
        raise InputError(
            "expected a motion of at least one frame, got none: there is nothing to show"
        )
    stride = math.ceil(len(motion) / limits.person_frames)
    frames = torch.arange(0, len(motion), stride)
    pose = motion.pose
    joints, covariance, note = _flat(pose) if isinstance(pose, Pose2D) else _upright(pose)
    heights = joints[..., 1][joints[..., 1].isfinite()].sort().values
    floor = float(heights[len(heights) // 200]) - _SOLE if len(heights) else 0.0
    joints = joints - joints.new_tensor([0.0, floor, 0.0])
    stands = torch.zeros(len(motion), 2, dtype=torch.bool)
    if isinstance(pose, Pose3D) and pose.frame != "root_relative":
        up = joints.new_tensor([0.0, 1.0, 0.0])
        stands = find_contacts(pose.skeleton.joints, joints, motion.fps, up)
    figure = Figure(
        f"person {motion.person}",
        pose.skeleton,
        joints[frames],
        covariance[frames],
        motion.shown[frames],
        torch.zeros(len(frames), dtype=torch.bool),
        stands[frames],
        None,
        0,
    )
    shortened = [f"every {stride}{ordinal(stride)} of {len(motion)} frames"] if stride > 1 else []
    return Stage(
        title,
        (figure,),
        motion.fps / stride,
        first_frame=motion.first_frame,
        stride=stride,
        total_frames=len(motion),
        notes=[*note, *shortened],
    )


def _upright(pose: Pose3D) -> tuple[Tensor, Tensor, list[str]]:
    joints, covariance = pose.joints.detach().double(), pose.covariance.detach().double()
    if pose.frame == "world":
        return joints, covariance, []
    turn = WORLD_FROM_CAMERA
    note = ["joints relative to the root"] if pose.frame == "root_relative" else []
    return joints @ turn.mT, turn @ covariance @ turn.mT, note


def _flat(pose: Pose2D) -> tuple[Tensor, Tensor, list[str]]:
    """Pixels as metres in an upright plane, the person as tall as a person."""
    points = pose.keypoints.detach().double()
    span = _span(points)
    scale = _TALL / span if span > 0 else 1.0
    flat = torch.cat(
        [points * points.new_tensor([1.0, -1.0]), torch.zeros_like(points[..., :1])], -1
    )
    seen = flat.isfinite().all(-1)
    middle = flat[seen].mean(0) if bool(seen.any()) else torch.zeros(3, dtype=flat.dtype)
    placed = torch.where(seen[..., None], (flat - middle) * scale, torch.nan)
    return (
        placed,
        placed.new_full((*placed.shape, 3), torch.nan),
        ["keypoints in the picture's plane"],
    )


def _span(points: Float[Tensor, "frames joints 2"]) -> float:
    """The median height of the person, in pixels."""
    y = points[..., 1]
    low = torch.where(y.isfinite(), y, torch.inf).amin(-1)
    high = torch.where(y.isfinite(), y, -torch.inf).amax(-1)
    spans = (high - low)[(high - low).isfinite()]
    return float(spans.median()) if len(spans) else 0.0


def stage_of_mesh(mesh: BodyMesh, *, title: str = "mesh") -> Stage:
    """A mesh, or some of a batch one after the other, standing on the floor.

    A mesh does not say which way is up: one whose head is below its root is taken to be in a camera's
    frame, and is turned. Raises `InputError` where no mesh has finite vertices.
    """
    vertices = mesh.vertices.detach().reshape(-1, *mesh.vertices.shape[-2:]).double()
    joints = mesh.joints.detach().reshape(-1, *mesh.joints.shape[-2:]).double()
    good = vertices.isfinite().flatten(1).all(1).nonzero()[:, 0]
    if not len(good) or not vertices.shape[1]:
        raise InputError("expected a mesh with finite vertices to show, got none: pose it again")
    few = good[torch.linspace(0, len(good) - 1, min(len(good), _MESHES)).round().long()]
    turn = _turn(mesh, joints[few])
    vertices, joints = vertices[few] @ turn.mT, joints[few] @ turn.mT
    down = vertices.new_tensor([0.0, 1.0, 0.0]) * vertices[..., 1].min()
    glb = compact_glb(_static_glb((vertices - down).float(), mesh.faces))
    count, total = len(few), len(mesh.vertices.reshape(-1, *mesh.vertices.shape[-2:]))
    notes = [f"{count} of {total} meshes"] if count < total else []
    figures = tuple(_one_of(mesh, joints - down, number, few) for number in range(count))
    return Stage(title, figures, _A_SECOND, glb=glb, one_by_one=True, notes=notes)


def _one_of(mesh: BodyMesh, joints: Tensor, number: int, few: Tensor) -> Figure:
    """The mesh that is seen in one frame of the page, and in no other."""
    only = torch.arange(len(few)) == number
    places = torch.where(only[:, None, None], joints, torch.nan)
    return Figure(
        f"mesh {int(few[number])}",
        mesh.skeleton,
        places,
        places.new_full((*places.shape, 3), torch.nan),
        only,
        only,
        torch.zeros(len(few), 2, dtype=torch.bool),
        number,
        0,
    )


def _turn(mesh: BodyMesh, joints: Float[Tensor, "meshes joints 3"]) -> Float[Tensor, "3 3"]:
    names = mesh.skeleton.joints
    head = next((names.index(name) for name in ("head", "neck", "nose") if name in names), None)
    if head is not None and float((joints[:, head] - joints[:, 0])[:, 1].nanmedian()) < 0:
        return WORLD_FROM_CAMERA
    return torch.eye(3, dtype=torch.float64)


def _static_glb(
    vertices: Float[Tensor, "meshes vertices 3"], faces: Int[Tensor, "faces 3"]
) -> bytes:
    # The glTF library is slow to import.
    import pygltflib as gltf

    from lift3d.io.scenes.gltf_file import GltfFile

    file = GltfFile()
    indices = file.add(faces.numpy().astype(np.uint32).ravel(), gltf.SCALAR)
    for number, surface in enumerate(vertices):
        attributes: Any = gltf.Attributes(
            POSITION=file.add(surface.numpy(), gltf.VEC3, bounds=True),
            NORMAL=file.add(_normals(surface, faces.long()).numpy(), gltf.VEC3),
        )
        part = gltf.Primitive(attributes=attributes, indices=indices, material=0)
        file.gltf.meshes.append(gltf.Mesh(primitives=[part]))
        file.node(gltf.Node(name=f"mesh{number}", mesh=number))
    return file.to_bytes("")


def _normals(
    vertices: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "vertices 3"]:
    """Unit vertex normals: the mean of the triangles around, weighted by area."""
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a)
    summed = torch.zeros_like(vertices)
    for corner in range(3):
        summed.index_add_(0, faces[:, corner], across)
    return torch.nn.functional.normalize(summed, dim=-1, eps=1e-20)
