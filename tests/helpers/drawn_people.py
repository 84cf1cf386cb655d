"""People before a camera, drawn exactly, with the map of what is seen."""

from dataclasses import dataclass

import torch

from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import Atlas
from lift3d.surface.drawn_map import map_of_fragments
from lift3d.surface.surface_map import SurfaceMap
from lift3d_viewer.software import rasterise

CAMERA = Camera.from_intrinsics((480, 360), 450.0)


@dataclass(frozen=True)
class Drawn:
    """A person, and the exact map of the picture that `CAMERA` takes."""

    mesh: BodyMesh
    map: SurfaceMap


def at_rest(body: BodyModel) -> torch.Tensor:
    """The vertices of the mean body at rest."""
    count = len(body.skeleton)
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    still = BodyParams(betas, torch.zeros(count - 1, 3), torch.zeros(3), torch.zeros(3))
    return body(still).vertices


def people(spread: float, turn: float, frames: int = 1) -> BodyParams:
    """Upright people of one random shape, arms down, 3.2 m before the camera, turned about."""
    pose = spread * torch.randn(frames, 23, 3)
    pose[:, [15, 16], 2] = torch.tensor([-0.9, 0.9])
    upright = torch.tensor([torch.pi, turn, 0.0]).repeat(frames, 1)
    betas = 3 * spread * torch.randn(1, 10)
    return BodyParams(betas, pose, upright, torch.tensor([[0.0, 0.0, 3.2]]).repeat(frames, 1))


def drawn(
    body: BodyModel, atlas: Atlas, params: BodyParams, camera: Camera = CAMERA
) -> list[Drawn]:
    """Each person of a batch, alone in a picture."""
    mesh = body(params)
    out: list[Drawn] = []
    for vertices, joints in zip(mesh.vertices, mesh.joints, strict=True):
        one = BodyMesh(vertices, joints, mesh.faces, mesh.skeleton)
        seen = rasterise([one], camera)
        out.append(Drawn(one, map_of_fragments(seen.face_ids, seen.barycentrics, atlas)))
    return out
