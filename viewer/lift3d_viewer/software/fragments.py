"""The exact door: which point of which triangle the centre of each pixel shows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d_viewer.shading import Topology
from lift3d_viewer.software.checks import check_camera, check_mesh
from lift3d_viewer.software.cover import CENTRE, covered_samples, rectangle_of
from lift3d_viewer.software.scene import Placed, outlines, placed

__all__ = ["Fragments", "rasterise"]


@dataclass(frozen=True, slots=True)
class Fragments:
    """What the centre of each pixel shows: triangle `face_ids` of mesh `mesh_ids`, -1 for nothing.

    `barycentrics` are the weights of the triangle's corners, true to perspective, and sum to 1;
    `depth` is in metres along the optical axis. Both are NaN where nothing is.
    """

    mesh_ids: Int32[ndarray, "height width"]
    face_ids: Int32[ndarray, "height width"]
    barycentrics: Float32[ndarray, "height width 3"]
    depth: Float32[ndarray, "height width"]


def rasterise(meshes: list[BodyMesh], camera: Camera, *, both_sides: bool = False) -> Fragments:
    """The nearest triangle at the centre of each pixel, in float64.

    Triangles are seen from outside only, unless `both_sides`. Neighbours neither overlap nor leave
    gaps: a centre on a common edge belongs to the triangle to the right of the edge, or below it
    where the edge is level. Of triangles equally near the first counts. A lens bends vertices, not
    edges. Left out are surfaces nearer than 2 cm, and triangles with a corner that is NaN,
    infinite or a thousand kilometres away. Raises `InputError` for batches and for triangles whose
    corners are no vertices' numbers.
    """
    check_camera(camera)
    height, width = camera.image_size
    out = Fragments(
        np.full((height, width), -1, np.int32),
        np.full((height, width), -1, np.int32),
        np.full((height, width, 3), np.nan, np.float32),
        np.full((height, width), np.nan, np.float32),
    )
    found = outlines(
        [_placed(mesh, camera) for mesh in meshes], camera.image_size, CENTRE, both_sides=both_sides
    )
    if not len(found.faces):
        return out
    from lift3d.geometry.raster import locate

    where = rectangle_of(found, 1)
    size = where.height * where.width
    memory = np.empty(size, np.float64), np.empty(size, np.int32)
    drawn = covered_samples(found, CENTRE, *memory, where=where)
    locate(found.planes, drawn.owner, where.top, where.left, out.barycentrics, out.depth)
    here = drawn.owner > 0
    for ids, of in ((out.mesh_ids, found.meshes), (out.face_ids, found.faces)):
        ids[where.slices][here] = of[drawn.owner[here] - 1]
    return out


def _placed(mesh: BodyMesh, camera: Camera) -> Placed:
    check_mesh(mesh)
    topology = Topology(mesh.faces.detach().cpu().numpy(), len(mesh.vertices))
    return placed(mesh, topology, camera)
