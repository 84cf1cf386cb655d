"""Make the small pictures that the viewers' tests compare with, in `tests/viewer/golden`.

    python scripts/make_golden_pictures.py

Look at what it made before it is kept. A viewer of another name is drawn by
`write(viewer, "name", SCENES)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import pi
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

import lift3d
from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.protocols import BodyModel, Viewer
from lift3d_viewer.software import SoftwareViewer, Texture

GOLDEN: Final = Path(__file__).parents[1] / "tests" / "viewer" / "golden"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a viewer is given to draw."""

    meshes: list[BodyMesh]
    colors: list[Float[Tensor, "_ 3"]]
    camera: Camera
    background: UInt8[ndarray, "height width 3"] | None = None


@cache
def body_model() -> BodyModel:
    return lift3d.body_models["default"]()


def standing(x: float, z: float, yaw: float, below: float = 0.0) -> BodyMesh:
    """The default body before a camera at the origin, its middle `below` the optical axis (metres).

    It faces the camera at yaw 0 (radians), with its arms half lowered.
    """
    pose = torch.zeros(23, 3)
    pose[15, 2], pose[16, 2], pose[17, 1] = -0.9, 0.8, -1.1
    turns = [
        rotmat_from_axis_angle(torch.tensor(axis)) for axis in ((pi, 0.0, 0.0), (0.0, yaw, 0.0))
    ]
    orient = axis_angle_from_rotmat(turns[0] @ turns[1])
    mesh = body_model()(BodyParams(torch.zeros(10), pose, orient, torch.zeros(3)))
    low, high = mesh.vertices.amin(0), mesh.vertices.amax(0)
    move = torch.tensor([x, below - float(low[1] + high[1]) / 2, z])
    return replace(mesh, vertices=mesh.vertices + move, joints=mesh.joints + move)


def _front() -> Scene:
    return Scene([standing(0, 3, 0.2)], [_colors()], Camera.from_intrinsics((256, 192), 400.0))


def _side() -> Scene:
    return Scene([standing(0, 3, 1.5)], [_colors()], Camera.from_intrinsics((256, 192), 400.0))


def _close() -> Scene:
    """Head and shoulders through a lens whose axis is off the picture's middle."""
    camera = Camera.from_intrinsics((240, 320), 300.0, (140.0, 150.0), (-0.25, 0.08, 0.002, -0.001))
    return Scene([standing(0.05, 0.9, -0.4, below=0.62)], [_colors()], camera)


def _three() -> Scene:
    """People behind each other, over a picture."""
    rows, columns = np.mgrid[:180, :320]
    behind = np.stack([90 + rows // 3, 120 + columns // 4, 200 - rows // 2], -1).astype(np.uint8)
    meshes = [standing(-0.5, 3.2, 0.5), standing(0, 3.8, -2.6), standing(0.35, 2.7, -0.9)]
    camera = Camera.from_intrinsics((180, 320), 230.0)
    return Scene(meshes, [_colors() * tint for tint in (1.0, 0.6, 1.3)], camera, behind)


def _colors() -> Float[Tensor, "vertices 3"]:
    return body_model().surface.colors.clamp(max=0.75)


SCENES: Final[Mapping[str, Callable[[], Scene]]] = {
    "front": _front,
    "side": _side,
    "close": _close,
    "three": _three,
}


def checkered() -> Texture:
    """Squares over the default body's chart, redder to the right and bluer upwards."""
    rows, columns = np.mgrid[:256, :256]
    dark = (rows // 8 + columns // 8) % 2
    picture = np.stack([columns, 200 - 150 * dark, 255 - rows], -1).astype(np.uint8)
    surface = body_model().surface
    return Texture(picture, surface.uv, surface.uv_faces)


def draw(viewer: Viewer, scene: Scene) -> UInt8[ndarray, "height width 3"]:
    return viewer.render(scene.meshes, scene.colors, scene.camera, background=scene.background)[0]


def draw_textured() -> UInt8[ndarray, "height width 3"]:
    scene = _three()
    textures = [checkered(), None, checkered()]
    with SoftwareViewer() as viewer:
        return viewer.render(scene.meshes, scene.colors, scene.camera, textures=textures)[0]


def draw_shadows() -> UInt8[ndarray, "height width 3"]:
    with SoftwareViewer(shadows=0.8) as viewer:
        return draw(viewer, _three())


SOFTWARE: Final[Mapping[str, Callable[[], UInt8[ndarray, "height width 3"]]]] = {
    "shadows": draw_shadows,
    "textured": draw_textured,
}
"""What only the software viewer draws."""


def golden(name: str, viewer: str) -> UInt8[ndarray, "height width 3"]:
    """The picture that was kept."""
    path = GOLDEN / f"{viewer}_{name}.png"
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(picture[..., ::-1])


def keep(picture: UInt8[ndarray, "height width 3"], name: str, viewer: str) -> None:
    GOLDEN.mkdir(exist_ok=True)
    path = GOLDEN / f"{viewer}_{name}.png"
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def write(viewer: Viewer, name: str, scenes: Mapping[str, Callable[[], Scene]]) -> None:
    """Draw scenes by one viewer and keep them as `name_scene.png`."""
    for scene, made in scenes.items():
        keep(draw(viewer, made()), scene, name)


def main() -> None:
    torch.set_num_threads(1)
    with SoftwareViewer() as viewer:
        write(viewer, "software", SCENES)
    for name, drawn in SOFTWARE.items():
        keep(drawn(), name, "software")


if __name__ == "__main__":
    main()
