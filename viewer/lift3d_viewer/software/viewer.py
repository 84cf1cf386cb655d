"""Pictures of meshes by compiled kernels: no GL, no display, any thread, any process."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d_viewer.shading import Topology
from lift3d_viewer.software.checks import check_camera, check_scene
from lift3d_viewer.software.cover import Scratch
from lift3d_viewer.software.layer import Layer, drawn_layer
from lift3d_viewer.software.scene import placed
from lift3d_viewer.software.texture import Texture

__all__ = ["SoftwareViewer", "probe"]


def probe() -> str:
    """One line on whether pictures can be drawn here and with what; never raises."""
    try:
        import numba
    except ImportError as error:
        return f"does not work: {error}"
    return f"works: numba {numba.__version__}, one thread"


class SoftwareViewer:
    """Draws meshes exactly where `camera.project` puts them, lens distortion included.

    `background` is the display RGB in [0, 255] behind the bodies; `crevices` in [0, 1] is how much
    surfaces darken where something nearer stands beside them; `shadows` in [0, 1] how dark the
    shadows are that bodies cast on themselves and each other, 0 for none. The same input gives the
    same picture, bit for bit. Threads may draw at once, with one viewer or several, and so may
    forked processes.
    """

    texture = Texture
    """What `textures` of `render` holds, for those who know the viewer by its name only."""

    def __init__(
        self,
        background: tuple[int, int, int] = (34, 36, 42),
        crevices: float = 0.5,
        shadows: float = 0.0,
    ) -> None:
        self.background = background
        self.crevices = crevices
        self.shadows = shadows
        self._topologies: list[Topology] = []
        self._scratch = Scratch()
        self._closed = False

    probe = staticmethod(probe)

    def render(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "_ 3"]],
        camera: Camera,
        background: UInt8[ndarray, "height width 3"] | None = None,
        *,
        textures: list[Texture | None] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
        """The bodies as display RGB, and which pixels have their centre on one.

        `meshes` are single bodies (no batch axes) in the world of `camera`, `colors` linear RGB in
        [0, 1]. `background` is a picture of the camera's size to draw over; the viewer's own colour
        where it is None. A mesh with one of the `textures` has that in place of its colours.
        Triangles with a corner that is NaN, infinite or a thousand kilometres away are left out.
        Raises `InputError` for a closed viewer and for shapes that do not fit.
        """
        if background is not None and background.shape != (*camera.image_size, 3):
            raise InputError(
                f"expected a background of shape {[*camera.image_size, 3]}, got "
                f"{list(background.shape)}: resize it or the camera"
            )
        layer = self._layer(meshes, colors, camera, textures)
        if background is None:
            picture = np.empty((*camera.image_size, 3), dtype=np.uint8)
            picture[:] = np.tile(
                np.array(self.background, dtype=np.uint8), (camera.image_size[1], 1)
            )
        else:
            picture = np.array(background, dtype=np.uint8, order="C")
        if layer.where.height:
            from lift3d_viewer.kernels.picture import lay

            lay(layer.rgba, layer.factor, picture[layer.where.slices])
        return picture, layer.covered

    def render_rgba(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "_ 3"]],
        camera: Camera,
        *,
        textures: list[Texture | None] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 4"], Bool[ndarray, "height width"]]:
        """The same over nothing: RGBA whose colours are not multiplied by alpha, as PNG has it."""
        layer = self._layer(meshes, colors, camera, textures)
        picture = np.zeros((*camera.image_size, 4), dtype=np.uint8)
        alpha = layer.rgba[..., 3:].astype(np.float32)
        straight = layer.rgba[..., :3] * (layer.factor[..., None] * 255 / np.maximum(alpha, 1))
        picture[layer.where.slices] = np.concatenate([np.minimum(straight + 0.5, 255), alpha], -1)
        return picture, layer.covered

    def close(self) -> None:
        """Forget cached triangles and free memory; drawing afterwards raises `InputError`."""
        self._topologies = []
        self._scratch.clear()
        self._closed = True

    def __enter__(self) -> "SoftwareViewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _layer(
        self,
        meshes: list[BodyMesh],
        colors: list[Tensor],
        camera: Camera,
        textures: list[Texture | None] | None,
    ) -> Layer:
        if self._closed:
            raise InputError("expected an open viewer, got one after close(): make a new one")
        check_camera(camera)
        check_scene(meshes, colors, textures)
        parts = [placed(mesh, self._topology(mesh), camera) for mesh in meshes]
        return drawn_layer(
            parts,
            [color.detach().cpu().float().numpy() for color in colors],
            textures or [None] * len(meshes),
            camera.image_size,
            crevices=self.crevices,
            shadows=self.shadows,
            scratch=self._scratch,
        )

    def _topology(self, mesh: BodyMesh) -> Topology:
        faces, vertices = mesh.faces.detach().cpu().numpy(), len(mesh.vertices)
        for known in self._topologies:
            if known.matches(faces, vertices):
                return known
        self._topologies = [Topology(faces, vertices), *self._topologies[:7]]
        return self._topologies[0]
