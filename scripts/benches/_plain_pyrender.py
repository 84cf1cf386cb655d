"""How pictures of bodies are commonly made with pyrender: what our viewers are compared with.

A `trimesh.Trimesh` for each frame (`process=False`), `pyrender.Mesh.from_trimesh`, three lights,
and the picture laid over a background. `PerFrame` makes a new `OffscreenRenderer` for each frame, as
many scripts do; `Persistent` keeps one.
"""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d_viewer.gl import import_pyrender

__all__ = ["PerFrame", "Persistent"]

Picture = UInt8[ndarray, "height width 3"]


class Persistent:
    """One renderer for all frames."""

    def __init__(self) -> None:
        self._pyrender = import_pyrender()
        self._renderer: Any = None

    def renderer(self, height: int, width: int) -> Any:
        if self._renderer is None:
            self._renderer = self._pyrender.OffscreenRenderer(width, height)
            self._renderer.delete = lambda: None  # it would end everybody's display
        self._renderer.viewport_height, self._renderer.viewport_width = height, width
        return self._renderer

    def done(self, _renderer: Any) -> None:
        """Called after each picture."""

    def render(self, mesh: BodyMesh, colors: ndarray, camera: Camera, behind: Picture) -> Picture:
        pyrender, (height, width) = self._pyrender, camera.image_size
        rgba, _ = self._drawn(pyrender, mesh, colors, camera, height, width)
        alpha = rgba[..., 3:].astype(np.float32) / 255
        return np.asarray((rgba[..., :3] * alpha + behind * (1 - alpha)).astype(np.uint8))

    def _drawn(self, pyrender: Any, mesh: BodyMesh, colors: ndarray, camera: Camera,
               height: int, width: int) -> Any:  # fmt: skip
        import trimesh

        renderer = self.renderer(height, width)
        body = trimesh.Trimesh(
            mesh.vertices.numpy() * [1, -1, -1], mesh.faces.numpy(), process=False,
            vertex_colors=(255 * colors).astype(np.uint8),
        )  # fmt: skip
        scene = pyrender.Scene(bg_color=[0, 0, 0, 0], ambient_light=[0.3, 0.3, 0.3])
        scene.add(pyrender.Mesh.from_trimesh(body))
        matrix = camera.intrinsics.numpy()
        lens = pyrender.IntrinsicsCamera(matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
        scene.add(lens)
        for x, y in ((0.0, -1.0), (-1.0, 1.0), (1.0, 1.0)):
            pose = np.eye(4)
            pose[:3, 3] = x, y, 2
            scene.add(pyrender.DirectionalLight(color=[1, 1, 1], intensity=1.0), pose=pose)
        drawn = renderer.render(scene, flags=pyrender.RenderFlags.RGBA)
        self.done(renderer)
        return drawn


class PerFrame(Persistent):
    """A new renderer for each frame.

    pyrender ends the display of the whole process when one renderer is deleted, ours included. Here
    only the context is destroyed, which is less work than the scripts that are measured do.
    """

    def renderer(self, height: int, width: int) -> Any:
        return self._pyrender.OffscreenRenderer(width, height)

    def done(self, renderer: Any) -> None:
        from OpenGL import EGL

        platform = renderer._platform
        platform.make_current()
        renderer._renderer.delete()
        display, context = platform._egl_display, platform._egl_context
        EGL.eglMakeCurrent(display, EGL.EGL_NO_SURFACE, EGL.EGL_NO_SURFACE, EGL.EGL_NO_CONTEXT)
        EGL.eglDestroyContext(display, context)
        platform._egl_display = platform._egl_context = None
        renderer.delete = lambda: None
