"""The floor: a grid that fades into the room, and soft shadows on it. Drawn without GL."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.pictures.theme import Theme, backdrop, quantised

__all__ = ["Floor", "Room", "floor_under"]

_CELL = 0.5  # metres between the lines of the grid
_TEXELS = 192
_BEYOND = 3.0  # metres past the lit floor, on which shadows no longer show


@dataclass(frozen=True, slots=True)
class Floor:
    """A plane: `origin` below the people (metres), unit `axes` along it and `up`, one frame."""

    origin: Float[Tensor, "3"]
    axes: Float[Tensor, "2 3"]
    up: Float[Tensor, "3"]
    reach: float


def floor_under(
    points: Float[Tensor, "points 3"], world_from_clip: Float[Tensor, "3 3"], height: float
) -> Floor:
    """The floor at a height (metres, along the world's up) below the middle of the points."""
    level = points[points.isfinite().all(-1)].double() @ world_from_clip.transpose(0, 1)
    middle = (level.amin(0) + level.amax(0)) / 2
    middle[1] = height
    spread = (level.amax(0) - level.amin(0))[[0, 2]].norm() / 2
    return Floor(
        middle @ world_from_clip,
        world_from_clip[[0, 2]],
        world_from_clip[1],
        float(spread) + 1.6,
    )


class Room:
    """The backdrop and floor as one camera sees them, painted once, and shadows for each frame."""

    def __init__(self, camera: Camera, floor: Floor, theme: Theme) -> None:
        self._camera, self._floor, self._theme = camera, floor, theme
        u, v, near = self._coordinates()
        pool = _smooth(1 - np.hypot(u, v) / floor.reach) * near
        self._lit = _smooth(pool * 3)
        height, width = camera.image_size
        ink = 0.55 * np.maximum(_lines(u), _lines(v)) * pool
        picture = backdrop(height, width, theme)
        picture = _mix(picture, theme.floor, 0.75 * pool)
        self._picture = _mix(picture, theme.grid, ink)
        self._empty = quantised(self._picture)

    @property
    def camera(self) -> Camera:
        """The camera that sees the room."""
        return self._camera

    def empty(self) -> UInt8[ndarray, "height width 3"]:
        """The room without anybody."""
        return self._empty.copy()

    def with_shadows(
        self, bodies: list[Float[Tensor, "points 3"]], spread: float = 0.0
    ) -> UInt8[ndarray, "height width 3"]:
        """The room with soft shadows under points (metres) spread over the bodies' surfaces.

        `spread` (metres) makes points of a thin skeleton as wide as a body.
        """
        if not bodies:
            return self.empty()
        picture = self._empty.copy()
        dark = self._shadow(torch.cat(bodies), spread) * self._lit * self._theme.shadow
        x, y, w, h = cv2.boundingRect((dark > 0.004).astype(np.uint8))
        here = (slice(y, y + h), slice(x, x + w))
        picture[here] = quantised(self._picture[here] * (1 - dark[here][..., None]))
        return picture

    def _coordinates(self) -> tuple[ndarray, ndarray, ndarray]:
        """Where each pixel's ray meets the floor (metres along its axes), and whether it does."""
        height, width = self._camera.image_size
        rotation = self._camera.cam_from_world[:3, :3].double()
        eye = -rotation.transpose(0, 1) @ self._camera.cam_from_world[:3, 3].double()
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        pixels = torch.stack([columns, rows, torch.ones_like(rows)], -1).double()
        rays = pixels @ torch.linalg.inv(self._camera.intrinsics.double()).transpose(0, 1)
        rays = rays @ rotation
        down = rays @ self._floor.up
        above = (eye - self._floor.origin) @ self._floor.up
        meets = (above > 0) & (down < -1e-6)
        reach = torch.where(meets, -above / torch.where(meets, down, 1), 0)
        hit = eye + rays * reach[..., None] - self._floor.origin
        u, v = (hit @ self._floor.axes.transpose(0, 1)).float().unbind(-1)
        return u.numpy(), v.numpy(), meets.float().numpy()

    def _shadow(self, points: Tensor, spread: float) -> Float[ndarray, "height width"]:
        """Darkness in [0, 1]: tight where something touches the floor, wide below the rest."""
        local = points[points.isfinite().all(-1)].double() - self._floor.origin
        local = local[local.norm(dim=-1) < self._floor.reach + _BEYOND]
        if not len(local):
            return np.zeros(self._camera.image_size, dtype=np.float32)
        plane = (local @ self._floor.axes.transpose(0, 1)).numpy()
        height = np.maximum((local @ self._floor.up).numpy(), 0)
        low, high = plane.min(0) - 0.45, plane.max(0) + 0.45
        cell = float((high - low).max()) / _TEXELS
        index = ((plane - low) / cell).astype(np.int64)
        grow = 3 + 2 * round(spread / cell)
        contact = _splat(index, np.exp(-height / 0.05), grow, 0.02 / cell)
        wide = _splat(index, 0.62 * np.exp(-height / 0.9), grow, 0.09 / cell)
        texture = np.minimum(1, 1 - (1 - contact) * (1 - wide))
        size = (self._camera.image_size[1], self._camera.image_size[0])
        shadow = cv2.warpPerspective(texture, self._pixels_from_texels(low, cell), size)
        return np.asarray(shadow)

    def _pixels_from_texels(self, low: ndarray, cell: float) -> Float[ndarray, "3 3"]:
        """The homography from shadow texels to pixels: the floor is a plane."""
        u, v = self._floor.axes
        start = self._floor.origin + (low[0] + cell / 2) * u + (low[1] + cell / 2) * v
        plane = torch.stack([cell * u, cell * v, start], 1)
        pose = self._camera.cam_from_world.double()
        moved = pose[:3, :3] @ plane
        moved[:, 2] += pose[:3, 3]
        return (self._camera.intrinsics.double() @ moved).numpy()


def _splat(index: ndarray, weight: ndarray, grow: int, sigma: float) -> ndarray:
    """Points as a soft cover: the strongest per texel, grown and blurred (both in texels)."""
    texture = np.zeros((_TEXELS + 2, _TEXELS + 2), dtype=np.float32)
    np.maximum.at(texture, (index[:, 1], index[:, 0]), weight.astype(np.float32))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow, grow))
    return np.asarray(cv2.GaussianBlur(cv2.dilate(texture, disc), (0, 0), max(0.6, sigma)))


def _lines(coordinate: Float[ndarray, "height width"]) -> Float[ndarray, "height width"]:
    """How much of each pixel a grid line covers, from the distance to it in pixels."""
    along_y, along_x = np.gradient(coordinate)
    step = np.maximum(np.hypot(along_x, along_y), 1e-9)
    off = np.abs(coordinate / _CELL - np.round(coordinate / _CELL)) * _CELL / step
    fade = np.clip(_CELL / step / 6, 0, 1)  # lines closer than a few pixels would shimmer
    return np.asarray(np.clip(1.15 - off, 0, 1) * fade)


def _smooth(x: ndarray) -> ndarray:
    x = np.clip(x, 0, 1).astype(np.float32)
    return np.asarray(x * x * (3 - 2 * x))


def _mix(picture: ndarray, color: tuple[int, int, int], share: ndarray) -> ndarray:
    target = np.array(color, dtype=np.float32)
    return np.asarray(picture + (target - picture) * share[..., None].astype(np.float32))
