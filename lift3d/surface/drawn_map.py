"""Exact maps from drawn bodies: which triangle each pixel shows becomes part, U and V."""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from lift3d.surface.atlas import Atlas
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["map_of_fragments"]


def map_of_fragments(
    face_ids: Int[ndarray, "height width"],
    barycentrics: Float[ndarray, "height width 3"],
    atlas: Atlas,
) -> SurfaceMap:
    """A map of the whole picture from the triangle that each pixel shows (-1: none) and where in it.

    Weights must be true to perspective, as those of the software viewer's `rasterise` are.
    """
    here = face_ids >= 0
    shown = face_ids[here]
    part = np.zeros(face_ids.shape, np.int64)
    part[here] = atlas.part[shown]
    uv = np.zeros((2, *face_ids.shape), np.float32)
    corners = atlas.uv[shown].astype(np.float64)
    uv[:, here] = np.clip((barycentrics[here][:, :, None] * corners).sum(1), 0, 1).T
    return SurfaceMap.over_picture(torch.from_numpy(part), torch.from_numpy(uv))
