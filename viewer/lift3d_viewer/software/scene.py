"""Meshes as the kernels take them: in the camera's frame, bent by the lens."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64, Int32
from numpy import ndarray

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d_viewer.lens import bent
from lift3d_viewer.shading import Topology

__all__ = ["NEAR", "Outlines", "Placed", "outlines", "placed"]

NEAR: Final = 0.02
"""Metres before the eye; nothing nearer is drawn."""

_FARTHEST: Final = 1e6
"""Metres from the camera beyond which a vertex counts as unknown, as one that is NaN."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A mesh before a camera: `points` (metres) in its frame, and as homogeneous pixels `seen`.

    Vertices that are unknown are NaN in both.
    """

    topology: Topology
    points: Float64[ndarray, "vertices 3"]
    seen: Float64[ndarray, "vertices 3"]


@dataclass(frozen=True, slots=True)
class Outlines:
    """The triangles that may hold a sample, as `lift3d.geometry.raster.outline` describes them.

    Triangle n is `faces[n]` of mesh `meshes[n]`; meshes follow each other.
    """

    planes: Float64[ndarray, "kept 13"]
    boxes: Int32[ndarray, "kept 4"]
    faces: Int32[ndarray, " kept"]
    meshes: Int32[ndarray, " kept"]

    def of_mesh(self, mesh: int) -> slice:
        """The triangles of one mesh."""
        return slice(*np.searchsorted(self.meshes, [mesh, mesh + 1]).tolist())


def placed(mesh: BodyMesh, topology: Topology, camera: Camera) -> Placed:
    """The mesh as the camera has it."""
    pose = camera.cam_from_world.detach().cpu().double().numpy()
    matrix = camera.intrinsics.detach().cpu().double().numpy()
    world = mesh.vertices.detach().cpu().double().numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        points = world @ pose[:3, :3].T + pose[:3, 3]
    unknown = ~(np.abs(points) < _FARTHEST).all(1)
    if unknown.any():
        points[unknown] = np.nan
    pinhole = bent(torch.from_numpy(points), camera).numpy()
    return Placed(topology, points, np.ascontiguousarray(pinhole @ matrix.T))


def outlines(
    parts: list[Placed],
    image_size: tuple[int, int],
    shifts: Float64[ndarray, " samples"],
    *,
    both_sides: bool = False,
    near: float = NEAR,
) -> Outlines:
    """The triangles of all meshes that may be seen in a picture."""
    found = [
        _outline(part, order, image_size, shifts, both_sides, near)
        for order, part in enumerate(parts)
    ]
    if len(found) == 1:
        return found[0]
    none = Outlines(np.empty((0, 13)), np.empty((0, 4), np.int32), *2 * (np.empty(0, np.int32),))
    found.append(none)
    return Outlines(
        np.concatenate([one.planes for one in found]),
        np.concatenate([one.boxes for one in found]),
        np.concatenate([one.faces for one in found]),
        np.concatenate([one.meshes for one in found]),
    )


def _outline(
    part: Placed,
    order: int,
    image_size: tuple[int, int],
    shifts: ndarray,
    both_sides: bool,
    near: float,
) -> Outlines:
    from lift3d.geometry.raster import outline

    faces = part.topology.faces
    planes = np.empty((len(faces), 13), np.float64)
    boxes, kept = np.empty((len(faces), 4), np.int32), np.empty(len(faces), np.int32)
    found = outline(part.seen, faces, both_sides, near, *image_size, shifts, planes, boxes, kept)
    return Outlines(planes[:found], boxes[:found], kept[:found], np.full(found, order, np.int32))
