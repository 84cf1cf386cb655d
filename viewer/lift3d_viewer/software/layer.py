"""Bodies as a layer to lay over a picture: lit, smooth at the edges, darker in creases."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray

from lift3d_viewer.shading import displayed, light
from lift3d_viewer.software.cover import (
    FIVE,
    Covered,
    Rectangle,
    Scratch,
    covered_samples,
    rectangle_of,
)
from lift3d_viewer.software.crevices import brightness
from lift3d_viewer.software.scene import Outlines, Placed, outlines
from lift3d_viewer.software.shadows import reached_by_key
from lift3d_viewer.software.texture import CURVE, LINEAR, Texels, Texture, texels_of

__all__ = ["Layer", "drawn_layer"]

_NOTHING: Final = Texels(
    np.zeros(0, np.uint8),
    np.zeros((0, 3), np.int64),
    np.zeros(0, np.int32),
    np.zeros((0, 3, 2), np.float32),
)


@dataclass(frozen=True, slots=True)
class Layer:
    """Premultiplied display RGBA inside a rectangle, and what its colours are yet to be multiplied by.

    `covered` are the picture's pixels whose centre lies on a body.
    """

    where: Rectangle
    rgba: UInt8[ndarray, "h w 4"]
    factor: Float32[ndarray, "h w"]
    covered: Bool[ndarray, "height width"]


def drawn_layer(
    parts: list[Placed],
    colors: list[Float32[ndarray, "_ 3"]],
    textures: list[Texture | None],
    image_size: tuple[int, int],
    *,
    crevices: float,
    shadows: float,
    scratch: Scratch,
) -> Layer:
    """Draw meshes with linear RGB at their vertices, or a texture in its place."""
    covered = np.zeros(image_size, dtype=np.bool_)
    found = outlines(parts, image_size, FIVE)
    if not len(found.faces):
        nothing = np.zeros((0, 0, 4), np.uint8), np.zeros((0, 0), np.float32)
        return Layer(Rectangle(0, 0, 0, 0), *nothing, covered)
    where = rectangle_of(found, len(FIVE))
    corners, texels = _corners(parts, colors, textures, found, shadows, scratch)
    pair = scratch.take(len(FIVE) * where.height * where.width)
    drawn = covered_samples(found, FIVE, *pair, where=where)
    rgba = _blended(found, corners, texels, drawn)
    factor = brightness(drawn, crevices, max(image_size))
    covered[where.slices] = drawn.owner[2 :: len(FIVE)] > 0
    scratch.give_back(pair)
    return Layer(where, rgba, factor, covered)


def _blended(
    found: Outlines, corners: Float32[ndarray, "kept 3 values"], texels: Texels, drawn: Covered
) -> UInt8[ndarray, "h w 4"]:
    from lift3d_viewer.kernels.picture import blend

    where = drawn.where
    rgba = np.empty((where.height, where.width, 4), np.uint8)
    textures = (texels.of_faces, texels.levels, texels.bytes, LINEAR, CURVE)
    samples = (drawn.owner, FIVE, where.top, where.left)
    blend(found.planes, corners, *textures, *samples, rgba)
    return rgba


def _corners(
    parts: list[Placed],
    colors: list[Float32[ndarray, "_ 3"]],
    textures: list[Texture | None],
    found: Outlines,
    shadows: float,
    scratch: Scratch,
) -> tuple[Float32[ndarray, "kept 3 values"], Texels]:
    """What `kernels.picture.blend` takes for the triangles' corners, and the textures."""
    from lift3d_viewer.kernels.picture import corners_of

    lights = _lights(parts, shadows, scratch)
    textured = any(texture is not None for texture in textures)
    corners = np.empty((len(found.faces), 3, 11 if textured else 3), np.float32)
    for mesh, part in enumerate(parts):
        here = found.of_mesh(mesh)
        faces, kept, out = part.topology.faces, found.faces[here], corners[here]
        corners_of(255 * displayed(colors[mesh], lights[mesh]), faces, kept, 0, out)
        if textured:
            corners_of(lights[mesh], faces, kept, 3, out)
    if not textured:
        return corners, _NOTHING
    texels = texels_of(textures, found)
    corners[..., 9:] = texels.uv
    return corners, texels


def _lights(parts: list[Placed], shadows: float, scratch: Scratch) -> list[Float32[ndarray, "_ 6"]]:
    places = [part.points.astype(np.float32) for part in parts]
    normals = [part.topology.normals(place) for part, place in zip(parts, places, strict=True)]
    if shadows <= 0:
        return [light(place, normal) for place, normal in zip(places, normals, strict=True)]
    shares = reached_by_key(parts, normals, scratch)
    keys = [1 - np.float32(shadows) * (1 - share) for share in shares]
    return [light(*lit) for lit in zip(places, normals, keys, strict=True)]
