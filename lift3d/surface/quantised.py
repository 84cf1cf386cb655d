"""Maps in one byte a number, as DensePose-COCO's evaluation and DensePose v1's pictures keep them.

A layer of parts, then U and V times 255. detectron2 cuts the fraction off when it writes; here it is
rounded, which errs half as much.
"""

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.surface.surface_map import PARTS, SurfaceMap

__all__ = ["bytes_of_map", "map_of_bytes"]


def bytes_of_map(surface: SurfaceMap) -> UInt8[ndarray, "3 height width"]:
    """Part, and U and V in 1 / 255; all 0 where nobody is."""
    uv = (surface.uv.detach().cpu() * 255).round().nan_to_num().clamp(0, 255)
    layers = torch.cat([surface.part.detach().cpu()[None].to(uv), uv])
    return (layers * surface.seen.cpu()).to(torch.uint8).numpy()


def map_of_bytes(
    layers: UInt8[ndarray, "3 height width"],
    where: str,
    box: tuple[float, float, float, float] | None = None,
    image_size: tuple[int, int] | None = None,
    score: float = 1.0,
) -> SurfaceMap:
    """The map of such layers; without a box they cover the picture.

    Raises `FileFormatError`, which names `where`, for parts above 24.
    """
    if layers.ndim != 3 or len(layers) != 3 or 0 in layers.shape or layers.dtype != np.uint8:
        raise FileFormatError(
            f"expected part, U and V as bytes [3 height width] in {where}, got {layers.dtype} of "
            f"shape {layers.shape}: write it again"
        )
    if layers[0].max() > PARTS:
        raise FileFormatError(
            f"expected parts from 0 to {PARTS} in {where}, got {layers[0].max()}: its channels may be "
            "in another order than I, U, V"
        )
    part = torch.from_numpy(layers[0].astype(np.int64))
    uv = torch.from_numpy(layers[1:].astype(np.float32) / 255)
    if box is None:
        return SurfaceMap.over_picture(part, uv)
    return SurfaceMap(part, uv, torch.tensor(box), image_size, score)
