"""A body's texture on DensePose's 24 charts: a square tile for each, four beside each other.

Tiles go down the columns: part k is at column (k - 1) // 6, row (k - 1) % 6, which is how textures for
DensePose are commonly handed round. U runs to the right in a tile, V upwards; 0 and 1 are the centres of
the first and the last texel, so that nothing of the next tile shows.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64, UInt8
from numpy import ndarray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from lift3d.body import Surface
from lift3d.errors import InputError
from lift3d.surface.atlas import Atlas
from lift3d.surface.lookup import lookup_of
from lift3d.surface.surface_map import PARTS

__all__ = [
    "COLUMNS",
    "ROWS",
    "BodyTexture",
    "atlas_positions",
    "rebaked",
    "spread_in_tiles",
    "texel_points",
    "texture_corners",
]

COLUMNS: Final = 4
ROWS: Final = 6


@dataclass(frozen=True, slots=True)
class BodyTexture:
    """Display RGB of 6 by 4 tiles, and how many pixels of pictures each texel was seen in (0: none)."""

    colors: Float32[ndarray, "height width 3"]
    weight: Float32[ndarray, "height width"]

    def __post_init__(self) -> None:
        height, width = self.weight.shape
        if self.colors.shape != (height, width, 3) or height * COLUMNS != width * ROWS:
            raise InputError(
                f"expected a texture of {ROWS} by {COLUMNS} square tiles, got {self.colors.shape} and "
                f"{self.weight.shape}: resize it"
            )

    @property
    def tile(self) -> int:
        """Texels along the side of a tile."""
        return int(self.weight.shape[1]) // COLUMNS

    @property
    def picture(self) -> UInt8[ndarray, "height width 3"]:
        """The texture in bytes, as PNG files and viewers take it."""
        return np.asarray(np.clip(np.rint(self.colors), 0, 255), np.uint8)


def atlas_positions(
    part: Int64[ndarray, " points"], uv: Float64[ndarray, "points 2"], tile: int
) -> Float64[ndarray, "points 2"]:
    """Column and row of points of the charts in the texture, whole numbers being texels' centres."""
    column, row = (part - 1) // ROWS, (part - 1) % ROWS
    x = column * tile + uv[:, 0] * (tile - 1)
    y = row * tile + (1 - uv[:, 1]) * (tile - 1)
    return np.stack([x, y], -1)


def texel_points(tile: int) -> tuple[Int64[ndarray, " texels"], Float64[ndarray, "texels 2"]]:
    """Part, and U and V, of each texel, row by row."""
    rows, columns = np.divmod(np.arange(ROWS * tile * COLUMNS * tile), COLUMNS * tile)
    part = columns // tile * ROWS + rows // tile + 1
    uv = np.stack([columns % tile, tile - 1 - rows % tile], -1) / max(tile - 1, 1)
    return part.astype(np.int64), uv


def spread_in_tiles(
    values: Float32[ndarray, "height width channels"], known: Bool[ndarray, "height width"]
) -> Float32[ndarray, "height width channels"]:
    """Each texel that is not known as the nearest one of its tile that is, where there is any."""
    tile = known.shape[1] // COLUMNS
    out = values.copy()
    for part in range(1, PARTS + 1):
        here = tile_of(part, tile)
        if known[here].any():
            out[here] = spread(values[here], known[here])
    return out


def spread(
    values: Float32[ndarray, "height width channels"], known: Bool[ndarray, "height width"]
) -> Float32[ndarray, "height width channels"]:
    """Each texel that is not known as the nearest one that is."""
    rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[rows, columns])


def texture_corners(
    atlas: Atlas, tile: int
) -> tuple[Float[Tensor, "uv_vertices 2"], Int[Tensor, "faces 3"]]:
    """Where triangles have their corners, as a `Surface` says it: (0, 0) is the lower left."""
    part = np.repeat(atlas.part.astype(np.int64), 3)
    at = atlas_positions(part, atlas.uv.reshape(-1, 2).astype(np.float64), tile)
    size = np.array([COLUMNS * tile, ROWS * tile])
    uv = (at + 0.5) / size
    uv[:, 1] = 1 - uv[:, 1]
    return torch.from_numpy(uv).float(), torch.arange(len(part)).reshape(-1, 3)


def rebaked(
    texture: BodyTexture, atlas: Atlas, surface: Surface, side: int = 1024
) -> UInt8[ndarray, "side side 3"]:
    """The texture in the body's own layout (`surface.uv`), as other programs load it.

    Texels beside the layout's pieces go on as the nearest piece ends. Raises `InputError` for an atlas
    whose triangles are not the body's, in its order.
    """
    if not np.array_equal(atlas.faces, surface.faces.numpy()):
        raise InputError(
            "expected charts on the body's own triangles, got others: bake with our own atlas"
        )
    corners = surface.uv.detach().float()[surface.uv_faces].clamp(0, 1).numpy()
    layout = Atlas(np.ones(len(corners), np.int32), corners, atlas.faces)
    rows, columns = np.divmod(np.arange(side * side), side)
    uv = np.stack([(columns + 0.5) / side, 1 - (rows + 0.5) / side], -1)
    found = lookup_of(layout).places(np.ones(side * side, np.int64), uv, beside=False)
    chart = (atlas.uv[found.faces].astype(np.float64) * found.barycentric[..., None]).sum(1)
    at = atlas_positions(atlas.part[found.faces].astype(np.int64), chart, texture.tile)
    where = at.astype(np.float32).reshape(side, side, 2)
    colors = cv2.remap(texture.colors, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    colors = spread(np.asarray(colors), found.faces.reshape(side, side) >= 0)
    return np.clip(np.rint(colors), 0, 255).astype(np.uint8)


def tile_of(part: int, tile: int) -> tuple[slice, slice]:
    """Rows and columns of a part's tile in the texture. Raises `InputError` for parts that are none."""
    if not 1 <= part <= PARTS:
        raise InputError(
            f"expected a part from 1 to {PARTS}, got {part}: number it as DensePose does"
        )
    column, row = divmod(part - 1, ROWS)
    return slice(row * tile, (row + 1) * tile), slice(column * tile, (column + 1) * tile)
