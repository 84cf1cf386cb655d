"""What can be drawn, and the errors that say why something cannot."""

from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d_viewer.software.texture import Texture

__all__ = ["check_camera", "check_mesh", "check_scene"]


def check_camera(camera: Camera) -> None:
    """Raises `InputError` for a batch of cameras and for one whose place is unknown."""
    if (
        camera.intrinsics.ndim != 2
        or camera.cam_from_world.ndim != 2
        or camera.distortion.ndim != 1
    ):
        raise InputError(
            "expected one camera, got a batch with intrinsics "
            f"{list(camera.intrinsics.shape)} and cam_from_world "
            f"{list(camera.cam_from_world.shape)}: draw its cameras one by one"
        )
    if not bool(camera.cam_from_world.isfinite().all()):
        raise InputError(
            "expected a camera whose place is known, got NaN or infinity in cam_from_world: set it"
        )


def check_mesh(mesh: BodyMesh) -> None:
    """Raises `InputError` for bodies in a batch."""
    if mesh.vertices.ndim != 2 or mesh.vertices.shape[-1] != 3 or mesh.faces.shape[1:] != (3,):
        raise InputError(
            "expected vertices [vertices, 3] and faces [faces, 3], got "
            f"{list(mesh.vertices.shape)} and {list(mesh.faces.shape)}: pass bodies one by one"
        )


def check_scene(
    meshes: list[BodyMesh], colors: list[Tensor], textures: list[Texture | None] | None
) -> None:
    """Raises `InputError` where meshes, colours and textures do not belong together."""
    if len(meshes) != len(colors):
        raise InputError(
            f"expected one array of colours per mesh, got {len(meshes)} meshes and "
            f"{len(colors)} arrays: give one for each"
        )
    for mesh, color in zip(meshes, colors, strict=True):
        check_mesh(mesh)
        if mesh.vertices.shape != color.shape:
            raise InputError(
                "expected vertices and colours of shape [vertices, 3], got "
                f"{list(mesh.vertices.shape)} and {list(color.shape)}: pass bodies one by one"
            )
    if textures is not None:
        _check_textures(meshes, textures)


def _check_textures(meshes: list[BodyMesh], textures: list[Texture | None]) -> None:
    if len(meshes) != len(textures):
        raise InputError(
            f"expected one texture or None per mesh, got {len(meshes)} meshes and "
            f"{len(textures)} textures: give one for each"
        )
    for mesh, texture in zip(meshes, textures, strict=True):
        if texture is not None and len(texture.uv_faces) != len(mesh.faces):
            raise InputError(
                f"expected uv_faces for {len(mesh.faces)} triangles, got "
                f"{len(texture.uv_faces)}: give the body's own surface.uv_faces"
            )
