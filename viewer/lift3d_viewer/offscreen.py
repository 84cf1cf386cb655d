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
from lift3d.geometry.projection import distort
from lift3d.geometry.rigid import transform_points
from lift3d_viewer.gl import borrowed_renderer, import_pyrender, probe
from lift3d_viewer.shading import Topology, shade

__all__ = ["OffscreenViewer", "probe"]

_GL_FROM_CV: Final = np.array([1, -1, -1], dtype=np.float32)


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
        with borrowed_renderer():
            pass

    probe = staticmethod(probe)

    def render(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "vertices 3"]],
        camera: Camera,
        background: UInt8[ndarray, "height width 3"] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
        """The bodies as display RGB, and which pixels they cover.

        `meshes` are single bodies (no batch axes) in the world of `camera`, `colors` linear RGB in
        [0, 1]. `background` is a picture of the camera's size to draw over; the viewer's own colour
        where it is None. Raises `InputError` for a closed viewer and for shapes that do not fit.
        """
        self._check(meshes, colors, camera, background)
        height, width = camera.image_size
        parts = [
            self._primitive(mesh, color, camera) for mesh, color in zip(meshes, colors, strict=True)
        ]
        pictured, depth = _draw(parts, camera)
        # The resolved depth is that of one corner of each pixel: as a mask it lies half a pixel off.
        covered = pictured[..., 3] >= 128
        if self.crevices > 0 and (depth > 0).any():
            pictured = _darken_crevices(pictured, depth, self.crevices)
        behind = background if background is not None else self._plain(height, width)
        return _over(pictured, behind), covered

    def close(self) -> None:
        """Forget cached triangles; drawing afterwards raises `InputError`."""
        self._topologies.clear()
        self._closed = True

    def __enter__(self) -> "OffscreenViewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _plain(self, height: int, width: int) -> UInt8[ndarray, "height width 3"]:
        return np.full((height, width, 3), self.background, dtype=np.uint8)

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
                f"{len(colors)} arrays"
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
        """One body as pyrender takes it: lit, and bent as the lens would bend it."""
        pyrender = import_pyrender()
        points = transform_points(
            camera.cam_from_world.detach().cpu().double(), mesh.vertices.detach().cpu().double()
        )
        place = points.numpy().astype(np.float32)
        topology = self._topology(mesh)
        rgb = color.detach().cpu().numpy().astype(np.float32)
        lit = shade(place, topology.normals(place), rgb)
        rgba = np.concatenate([lit, np.ones_like(lit[:, :1])], 1).astype(np.float32)
        bent = _through_lens(points, camera).numpy().astype(np.float32)
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


def _through_lens(points: Tensor, camera: Camera) -> Tensor:
    """Points moved across the line of sight so that a pinhole shows them where the lens would.

    Lens polynomials mean nothing far outside the picture, where they may fold points back into it:
    there the bend at 1.2 times the picture's corner is continued.
    """
    lens = camera.distortion.detach().cpu().double()
    matrix = camera.intrinsics.detach().cpu().double()
    skew = matrix[0, 1] / matrix[0, 0]
    if not bool(lens.any()) and not bool(skew):
        return points
    depth = points[:, 2:].clamp(min=1e-3)
    xy = points[:, :2] / depth
    height, width = camera.image_size
    corner = torch.tensor([width, height], dtype=torch.float64) / matrix.diagonal()[:2]
    radius = torch.linalg.vector_norm(xy, dim=-1, keepdim=True).clamp(min=1e-9)
    known = (1.2 * corner.norm() / radius).clamp(max=1)
    xy = distort(xy * known, lens, camera.lens) / known
    xy = torch.stack([xy[:, 0] + skew * xy[:, 1], xy[:, 1]], -1)
    return torch.cat([xy * depth, points[:, 2:]], -1)


def _draw(parts: list[Any], camera: Camera) -> tuple[ndarray, ndarray]:
    """RGBA with premultiplied colours (uint8), and depth in metres, 0 where nothing is."""
    pyrender = import_pyrender()
    flags = pyrender.RenderFlags.FLAT | pyrender.RenderFlags.RGBA
    with borrowed_renderer() as (renderer, scene):
        renderer.viewport_height, renderer.viewport_width = camera.image_size
        nodes = [scene.add(_gl_camera(camera, parts))]
        try:
            nodes += [scene.add(pyrender.Mesh([part])) for part in parts]
            rgba, depth = renderer.render(scene, flags=flags)
        finally:
            for node in nodes:
                scene.remove_node(node)
    if rgba.shape[-1] == 3:  # OSMesa gives no alpha
        rgba = np.dstack([rgba, np.where(depth > 0, 255, 0).astype(np.uint8)])
    return rgba, depth


def _gl_camera(camera: Camera, parts: list[Any]) -> Any:
    """The camera's pinhole. GL counts from a picture's corner, we from the first pixel's centre."""
    matrix = camera.intrinsics.detach().cpu().double().numpy()
    depths = np.concatenate([np.ones(1), *(-part.positions[:, 2] for part in parts)])
    near = max(0.02, 0.5 * float(depths.min()))
    return import_pyrender().IntrinsicsCamera(
        fx=matrix[0, 0],
        fy=matrix[1, 1],
        cx=matrix[0, 2] + 0.5,
        cy=matrix[1, 2] + 0.5,
        znear=near,
        zfar=max(2 * near, 1.5 * float(depths.max())),
    )


def _over(rgba: UInt8[ndarray, "h w 4"], behind: UInt8[ndarray, "h w 3"]) -> ndarray:
    """A premultiplied picture laid over another; sums stay below 256 but for rounding."""
    hidden = cv2.cvtColor(cv2.bitwise_not(rgba[..., 3]), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(rgba[..., :3], cv2.multiply(behind, hidden, scale=1 / 255)))


def _darken_crevices(
    rgba: UInt8[ndarray, "height width 4"], depth: Float[ndarray, "height width"], strength: float
) -> UInt8[ndarray, "height width 4"]:
    """Darken what lies behind its surroundings (depth unsharp masking; Luft et al., 2006).

    It tells an arm from the trunk behind it, at a tenth of the price of cast shadows. Worked out at
    half size inside the bodies' rectangle, since the result is smooth.
    """
    covered = (depth > 0).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(covered)
    here = (slice(y, y + h), slice(x, x + w))
    half = (max(1, w // 2), max(1, h // 2))
    weight = cv2.resize(covered[here].astype(np.float32), half, interpolation=cv2.INTER_AREA)
    total = cv2.resize(depth[here], half, interpolation=cv2.INTER_AREA)
    sigma = 0.012 * max(depth.shape)
    around = cv2.GaussianBlur(total, (0, 0), sigma / 2) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma / 2), 1e-6
    )
    behind = np.clip((total / np.maximum(weight, 1e-6) - around) / 0.09, 0, 1)
    dark = cv2.GaussianBlur(behind * np.float32(strength), (0, 0), 1)
    factor = 1 - cv2.resize(dark, (w, h), interpolation=cv2.INTER_LINEAR)
    out = rgba.copy()
    out[here][..., :3] = (out[here][..., :3] * factor[..., None]).astype(np.uint8)
    return out
