"""Drawing and reading only the rectangle that bodies may cover, with depth in metres.

pyrender clears, resolves, reads and converts whole pictures, which takes longer than drawing a body.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lift3d.camera import Camera

__all__ = ["Reader", "Rectangle", "canvas_of", "rectangle_of"]

_MARGIN: Final = (
    4  # pixels, an even number, that rounding and smooth edges may reach beyond the vertices
)
_STEP: Final = 64


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a picture: columns from `left`, rows from `top`."""

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def canvas_of(there: Rectangle) -> tuple[int, int]:
    """(height, width) to draw a rectangle in: sizes repeat, so that GL's buffers can stay."""
    height, width = (max(1, -(-side // _STEP)) * _STEP for side in (there.height, there.width))
    return height, width


def rectangle_of(
    bodies: list[Float[ndarray, "vertices 3"]], camera: Camera, near: float
) -> Rectangle:
    """What bodies cover at most, seen by the camera's pinhole; their points in its frame (OpenCV).

    All of the picture where a body reaches behind the plane `near` (metres).
    """
    height, width = camera.image_size
    if not bodies:
        return Rectangle(0, 0, 0, 0)
    if min(float(points[:, 2].min()) for points in bodies) < near:
        return Rectangle(0, 0, width, height)
    matrix = camera.intrinsics.detach().cpu().double().numpy()
    flat = np.concatenate([points[:, :2] / points[:, 2:] for points in bodies])
    pixels = flat * matrix.diagonal()[:2] + matrix[:2, 2]
    # Even, so that what is worked out at half size does not depend on where the rectangle begins.
    low = np.clip(2 * np.floor(pixels.min(0) / 2) - _MARGIN, 0, (width, height)).astype(int)
    high = np.clip(2 * np.ceil(pixels.max(0) / 2) + _MARGIN, 0, (width, height)).astype(int)
    left, top = low.tolist()
    across, down = np.maximum(high - low, 0).tolist()
    return Rectangle(left, top, across, down) if across and down else Rectangle(0, 0, 0, 0)


class Reader:
    """Stands in for a pyrender renderer's way to read its framebuffer."""

    def __init__(self, renderer: Any) -> None:
        self._renderer = renderer
        self.with_depth = True
        renderer._read_main_framebuffer = self._read

    def _read(
        self, scene: Any, _flags: int
    ) -> tuple[UInt8[ndarray, "height width 4"], Float[ndarray, "height width"]]:
        """RGBA and depth (metres along the optical axis, 0 where nothing is)."""
        from OpenGL import GL  # pyright: ignore[reportMissingTypeStubs]

        width, height = self._renderer._main_fb_dims
        box = (0, 0, width, height)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._renderer._main_fb_ms)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, self._renderer._main_fb)
        GL.glBlitFramebuffer(*box, *box, GL.GL_COLOR_BUFFER_BIT, GL.GL_LINEAR)
        if self.with_depth:
            GL.glBlitFramebuffer(*box, *box, GL.GL_DEPTH_BUFFER_BIT, GL.GL_NEAREST)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._renderer._main_fb)
        data: Any = GL.glReadPixels(*box, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
        rgba = np.asarray(cv2.flip(np.frombuffer(data, np.uint8).reshape(height, width, 4), 0))
        if not self.with_depth:
            return rgba, np.zeros((height, width), np.float32)
        data = GL.glReadPixels(*box, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT)
        window = np.asarray(cv2.flip(np.frombuffer(data, np.float32).reshape(height, width), 0))
        lens = scene.main_camera_node.camera
        return rgba, _metres(window, lens.znear, lens.zfar)


def _metres(
    window: Float[ndarray, "height width"], near: float, far: float
) -> Float[ndarray, "height width"]:
    """Depth from what a perspective depth buffer holds in [0, 1]; 1 is where nothing was drawn."""
    depth = np.float32(near * far) / (np.float32(far) - window * np.float32(far - near))
    depth[window == 1] = 0
    return np.asarray(depth)
