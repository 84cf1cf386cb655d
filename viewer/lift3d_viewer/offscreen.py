"""Pictures of meshes without a display, through pyrender and whatever OpenGL the machine has."""

from typing import Any, Final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.rigid import transform_points
from lift3d_viewer.gl import borrowed_studio, import_pyrender, probe
from lift3d_viewer.lens import through_lens
from lift3d_viewer.readback import Rectangle, canvas_of, rectangle_of
from lift3d_viewer.shading import Topology, shade

__all__ = ["OffscreenViewer", "probe"]

_GL_FROM_CV: Final = np.array([1, -1, -1], dtype=np.float32)
_FARTHEST: Final = 1e6
"""Metres from the camera beyond which a vertex counts as unknown, as one that is NaN."""


class OffscreenViewer:
    """Draws meshes exactly where `camera.project` puts them, lens distortion included.

    `background` is the display RGB in [0, 255] behind the bodies; `crevices` in [0, 1] is how much
    surfaces darken where something nearer stands beside them. All viewers of a process share one
    renderer, which outlives `close`. Drawing works from any thread, but not in a forked process.
    """

    def __init__(
        self, background: tuple[int, int, int] = (34, 36, 42), crevices: float = 0.5
    ) -> None:
        self.background = background
        self.crevices = crevices
        self._topologies: list[Topology] = []
        self._closed = False
        with borrowed_studio():
            pass

    probe = staticmethod(probe)

    def render(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "_ 3"]],
        camera: Camera,
        background: UInt8[ndarray, "height width 3"] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
        """The bodies as display RGB, and which pixels they cover.

        `meshes` are single bodies (no batch axes) in the world of `camera`, `colors` linear RGB in
        [0, 1]. `background` is a picture of the camera's size to draw over; the viewer's own colour
        where it is None. Triangles with a corner that is NaN, infinite or a thousand kilometres away
        are left out. Raises `InputError` for a closed viewer, for shapes that do not fit and for
        pictures that are larger than the GL driver makes them.
        """
        self._check(meshes, colors, camera, background)
        parts = [
            part
            for mesh, color in zip(meshes, colors, strict=True)
            if (part := self._primitive(mesh, color, camera)) is not None
        ]
        there, pictured, depth = _draw(parts, camera, with_depth=self.crevices > 0)
        height, width = camera.image_size
        # The resolved depth is that of one corner of each pixel: as a mask it lies half a pixel off.
        covered = np.zeros((height, width), dtype=np.bool_)
        covered[there.slices] = pictured[..., 3] >= 128
        picture = self._plain(height, width) if background is None else np.array(background)
        if pictured[..., 3].any():
            if self.crevices > 0:
                pictured = _darken_crevices(pictured, depth, self.crevices, max(height, width))
            picture[there.slices] = _over(pictured, picture[there.slices])
        return picture, covered

    def close(self) -> None:
        """Forget cached triangles; drawing afterwards raises `InputError`."""
        self._topologies.clear()
        self._closed = True

    def __enter__(self) -> "OffscreenViewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _plain(self, height: int, width: int) -> UInt8[ndarray, "height width 3"]:
        return cv2.merge([np.full((height, width), c, np.uint8) for c in self.background])

    def _check(
        self,
        meshes: list[BodyMesh],
        colors: list[Tensor],
        camera: Camera,
        background: ndarray | None,
    ) -> None:
        if self._closed:
            raise InputError("expected an open viewer, got one after close(): make a new one")
        if len(meshes) != len(colors):
            raise InputError(
                f"expected one array of colours per mesh, got {len(meshes)} meshes and "
                f"{len(colors)} arrays: give one for each"
            )
        for mesh, color in zip(meshes, colors, strict=True):
            if mesh.vertices.ndim != 2 or mesh.vertices.shape != color.shape:
                raise InputError(
                    "expected vertices and colours of shape [vertices, 3], got "
                    f"{list(mesh.vertices.shape)} and {list(color.shape)}: pass bodies one by one"
                )
        if background is not None and background.shape != (*camera.image_size, 3):
            raise InputError(
                f"expected a background of shape {[*camera.image_size, 3]}, got "
                f"{list(background.shape)}: resize it or the camera"
            )

    def _primitive(self, mesh: BodyMesh, color: Tensor, camera: Camera) -> Any:
        """One body as pyrender takes it: lit, and bent as the lens would bend it; None if empty."""
        points = transform_points(
            camera.cam_from_world.detach().cpu().double(), mesh.vertices.detach().cpu().double()
        )
        known = (points.abs() < _FARTHEST).all(-1)
        topology = self._topology(mesh)
        if not bool(known.all()):
            whole = known.numpy()[topology.faces].all(1)
            topology = Topology(topology.faces[whole], len(points))
        if not len(topology.faces):
            return None
        points = torch.where(known[:, None], points, points[known][:1])
        place = points.numpy().astype(np.float32)
        rgb = np.nan_to_num(color.detach().cpu().numpy().astype(np.float32))
        lit = shade(place, topology.normals(place), rgb)
        rgba = np.concatenate([lit, np.ones_like(lit[:, :1])], 1).astype(np.float32)
        bent = through_lens(points, camera).numpy().astype(np.float32)
        pyrender = import_pyrender()
        return pyrender.Primitive(
            positions=bent * _GL_FROM_CV,
            color_0=rgba,
            indices=topology.faces,
            material=pyrender.MetallicRoughnessMaterial(baseColorFactor=[1.0, 1.0, 1.0, 1.0]),
            mode=4,
        )

    def _topology(self, mesh: BodyMesh) -> Topology:
        faces, vertices = mesh.faces.detach().cpu().numpy(), len(mesh.vertices)
        for known in self._topologies:
            if known.matches(faces, vertices):
                return known
        self._topologies = [Topology(faces, vertices), *self._topologies[:7]]
        return self._topologies[0]


def _draw(
    parts: list[Any], camera: Camera, with_depth: bool
) -> tuple[Rectangle, UInt8[ndarray, "h w 4"], Float[ndarray, "h w"]]:
    """Where bodies are, RGBA with premultiplied colours there, depth in metres, 0 where nothing is."""
    pyrender = import_pyrender()
    flags = pyrender.RenderFlags.FLAT | pyrender.RenderFlags.RGBA
    near, far = _range(parts)
    there = rectangle_of([part.positions * _GL_FROM_CV for part in parts], camera, near)
    if not (there.width and there.height):
        return there, np.zeros((0, 0, 4), np.uint8), np.zeros((0, 0), np.float32)
    with borrowed_studio() as studio:
        _check_size(camera.image_size, studio.largest)
        studio.renderer.viewport_height, studio.renderer.viewport_width = canvas_of(there)
        studio.reader.with_depth = with_depth
        nodes = [studio.scene.add(_gl_camera(camera, there, near, far))]
        try:
            nodes += [studio.scene.add(pyrender.Mesh([part])) for part in parts]
            rgba, depth = studio.renderer.render(studio.scene, flags=flags)
        finally:
            for node in nodes:
                studio.scene.remove_node(node)
    rgba, depth = (seen[: there.height, : there.width] for seen in (rgba, depth))
    if rgba.shape[-1] == 3:  # OSMesa gives no alpha
        rgba = np.dstack([rgba, np.where(depth > 0, 255, 0).astype(np.uint8)])
    return there, rgba, depth


def _check_size(image_size: tuple[int, int], largest: int) -> None:
    if max(image_size) > largest:
        raise InputError(
            f"expected a picture of at most {largest} pixels a side, which is what the GL driver of "
            f"this machine makes, got (height, width) {image_size}: draw a smaller one"
        )


def _range(parts: list[Any]) -> tuple[float, float]:
    """The nearest and farthest depths (metres) that are drawn."""
    depths = [-part.positions[:, 2] for part in parts]
    near = max(0.02, 0.5 * min((float(depth.min()) for depth in depths), default=1.0))
    return near, max(2 * near, 1.5 * max((float(depth.max()) for depth in depths), default=1.0))


def _gl_camera(camera: Camera, there: Rectangle, near: float, far: float) -> Any:
    """The camera's pinhole onto a part of its picture.

    GL counts from a picture's corner, we from the first pixel's centre.
    """
    matrix = camera.intrinsics.detach().cpu().double().numpy()
    return import_pyrender().IntrinsicsCamera(
        fx=matrix[0, 0],
        fy=matrix[1, 1],
        cx=matrix[0, 2] + 0.5 - there.left,
        cy=matrix[1, 2] + 0.5 - there.top,
        znear=near,
        zfar=far,
    )


def _over(rgba: UInt8[ndarray, "h w 4"], behind: UInt8[ndarray, "h w 3"]) -> ndarray:
    """A premultiplied picture laid over another; sums stay below 256 but for rounding."""
    hidden = cv2.cvtColor(cv2.bitwise_not(rgba[..., 3]), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(rgba[..., :3], cv2.multiply(behind, hidden, scale=1 / 255)))


def _darken_crevices(
    rgba: UInt8[ndarray, "height width 4"],
    depth: Float[ndarray, "height width"],
    strength: float,
    side: int,
) -> UInt8[ndarray, "height width 4"]:
    """Darken what lies behind its surroundings (depth unsharp masking; Luft et al., 2006).

    It tells an arm from the trunk behind it, at a tenth of the price of cast shadows. Worked out at
    half size, since the result is smooth.
    """
    height, width = depth.shape
    half = (max(1, width // 2), max(1, height // 2))
    covered = (depth > 0).astype(np.float32)
    weight = cv2.resize(covered, half, interpolation=cv2.INTER_AREA)
    total = cv2.resize(depth, half, interpolation=cv2.INTER_AREA)
    sigma = 0.012 * side
    around = cv2.GaussianBlur(total, (0, 0), sigma / 2) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma / 2), 1e-6
    )
    behind = np.clip((total / np.maximum(weight, 1e-6) - around) / 0.09, 0, 1)
    dark = cv2.GaussianBlur(behind * np.float32(strength), (0, 0), 1)
    # In bytes, OpenCV does the large part a dozen times as fast as NumPy in floating point.
    kept = cv2.resize(
        (255.5 - 255 * dark).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR
    )
    factor = cv2.merge([kept, kept, kept, np.full_like(kept, 255)])
    return np.asarray(cv2.multiply(rgba, factor, scale=1 / 255))
