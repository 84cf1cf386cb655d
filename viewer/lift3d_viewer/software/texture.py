"""Pictures on surfaces."""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32, Int64, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.errors import InputError
from lift3d_viewer.shading import linear_from_srgb, srgb_from_linear
from lift3d_viewer.software.scene import Outlines

__all__ = ["CURVE", "LINEAR", "Texels", "Texture", "texels_of"]

LINEAR: Final = linear_from_srgb(np.arange(256, dtype=np.float64) / 255).astype(np.float32)
"""Linear light of display values."""

CURVE: Final = (255 * srgb_from_linear(np.linspace(0, 1, 4097))).astype(np.float32)
"""Display values in [0, 255] of linear light; straight between, which errs by 0.01 at most."""


@dataclass(frozen=True, slots=True)
class Texture:
    """A picture (display RGB) and where each triangle's corners lie on it, as in a `Surface`.

    Triangle f of the mesh has the corners `uv[uv_faces[f]]`; (0, 0) is the picture's lower left, (1,
    1) its upper right corner. Beyond its border the picture's last texels go on. Raises `InputError`
    for shapes that do not fit and for corners that are not numbers of `uv`.
    """

    picture: UInt8[ndarray, "height width 3"]
    uv: Float[Tensor, "uv_vertices 2"]
    uv_faces: Int[Tensor, "faces 3"]
    texels: UInt8[ndarray, " bytes"] = field(init=False, repr=False, compare=False)
    """The picture, and smaller ones of half the size each: they keep small bodies from glittering."""
    levels: Int64[ndarray, "levels 3"] = field(init=False, repr=False, compare=False)
    """Where each of them begins, its height and its width."""

    def __post_init__(self) -> None:
        shape, uv, faces = self.picture.shape, self.uv.shape, self.uv_faces.shape
        if self.picture.dtype != np.uint8 or len(shape) != 3 or shape[2:] != (3,) or 0 in shape:
            raise InputError(
                f"expected a picture of bytes [height, width, 3], got {self.picture.dtype} "
                f"{list(shape)}: convert it to RGB"
            )
        if uv[1:] != (2,) or faces[1:] != (3,):
            raise InputError(
                f"expected uv [uv_vertices, 2] and uv_faces [faces, 3], got {list(uv)} and "
                f"{list(faces)}: give those of the body's surface"
            )
        if faces[0] and (int(self.uv_faces.min()) < 0 or int(self.uv_faces.max()) >= uv[0]):
            raise InputError(
                f"expected uv_faces from 0 to {uv[0] - 1}, got {int(self.uv_faces.min())} to "
                f"{int(self.uv_faces.max())}: give those that belong to uv"
            )
        pictures = _halved(self.picture)
        begins = np.cumsum([0, *(one.size for one in pictures)])[:-1]
        table = [[begin, *one.shape[:2]] for begin, one in zip(begins, pictures, strict=True)]
        object.__setattr__(self, "texels", np.concatenate([one.ravel() for one in pictures]))
        object.__setattr__(self, "levels", np.array(table, np.int64))


def _halved(picture: UInt8[ndarray, "height width 3"]) -> list[ndarray]:
    """The picture, half of it and so on, down to one texel."""
    out: list[ndarray] = [picture]
    while max(out[-1].shape[:2]) > 1:
        height, width = out[-1].shape[:2]
        half = (max(1, width // 2), max(1, height // 2))
        out.append(np.asarray(cv2.resize(out[-1], half, interpolation=cv2.INTER_AREA)))
    return out


@dataclass(frozen=True, slots=True)
class Texels:
    """All textures of a scene in a row: where each level begins, its height and width."""

    bytes: UInt8[ndarray, " bytes"]
    levels: Int64[ndarray, "levels 3"]
    of_faces: Int32[ndarray, " kept"]
    """For each triangle its row of `levels`, -1 where it has no texture; empty without textures."""
    uv: Float32[ndarray, "kept 3 2"]


def texels_of(textures: list[Texture | None], found: Outlines) -> Texels:
    """The textures of the triangles that may be seen, each in the level that suits its size."""
    count = len(found.faces)
    uv, of_faces = np.zeros((count, 3, 2), np.float32), np.full(count, -1, np.int32)
    used = list({id(texture): texture for texture in textures if texture is not None}.values())
    rows = np.cumsum([0, *(len(texture.levels) for texture in used)]).tolist()
    for mesh, texture in enumerate(textures):
        if texture is None:
            continue
        here = found.of_mesh(mesh)
        chosen = torch.from_numpy(found.faces[here]).long()
        corners = texture.uv_faces.detach().cpu()[chosen].long()
        uv[here] = texture.uv.detach().cpu()[corners].float().nan_to_num().numpy()
        row = next(row for row, one in zip(rows, used, strict=False) if one is texture)
        of_faces[here] = row + _level(uv[here], texture, found.planes[here])
    texels, levels = _in_a_row(used)
    return Texels(texels, levels, of_faces, uv)


def _in_a_row(used: list[Texture]) -> tuple[UInt8[ndarray, " bytes"], Int64[ndarray, "levels 3"]]:
    if len(used) == 1:
        return used[0].texels, used[0].levels
    begins = np.cumsum([0, *(len(texture.texels) for texture in used)])[:-1]
    levels = [t.levels + np.array([n, 0, 0]) for t, n in zip(used, begins, strict=True)]
    return np.concatenate([texture.texels for texture in used]), np.concatenate(levels)


def _level(
    uv: Float32[ndarray, "kept 3 2"], texture: Texture, planes: ndarray
) -> Int32[ndarray, " kept"]:
    """How often a picture is halved until a texel is about as large as a pixel."""
    along, across = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    texels = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    texels *= texture.picture.shape[0] * texture.picture.shape[1]
    pixels = _pixels(planes)
    level = 0.5 * np.log2(np.maximum(texels / pixels, 1)) + 0.25
    return np.asarray(np.minimum(level, len(texture.levels) - 1).astype(np.int32))


def _pixels(planes: Float[ndarray, "kept 13"]) -> Float[ndarray, " kept"]:
    """Twice a triangle's area in pixels; infinite where it reaches behind the eye.

    A corner is the cross product of the planes through it, divided by the volume, which is below 0
    for what is seen from outside.
    """
    p = planes[:, :9].reshape(-1, 3, 3)
    area = 1 / planes[:, 9]
    before = np.ones(len(p), dtype=np.bool_)
    for i, j in ((1, 2), (2, 0), (0, 1)):
        depth = (p[:, i, 1] * p[:, j, 0] - p[:, i, 0] * p[:, j, 1]) * planes[:, 9]
        before &= depth > 0
        area /= np.where(depth > 0, depth, 1)
    return np.where(before, area, np.inf)
