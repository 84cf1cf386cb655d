"""Surface maps and annotated surface points as evidence for fitting: where the body's skin is seen."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.capture import SurfacePoints
from lift3d.errors import InputError
from lift3d.fitting import SkinEvidence, SkinSites
from lift3d.surface.lookup import ChartPlaces, Lookup
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["places_of_points", "points_of_map", "sites_of_points", "skin_evidence_of_maps"]


def points_of_map(surface: SurfaceMap, most: int | None = None, seed: int = 0) -> SurfacePoints:
    """The cells of a map that show the person, as points in the picture.

    Of more than `most` so many are drawn, the same for the same seed.
    """
    chosen = torch.nonzero(surface.seen.flatten())[:, 0]
    if most is not None and len(chosen) > most:
        drawn = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(seed))[:most]
        chosen = chosen[drawn.sort().values]
    return SurfacePoints(
        surface.pixels.flatten(0, 1)[chosen],
        surface.part.flatten()[chosen].long(),
        surface.uv.flatten(1).T[chosen].contiguous(),
    )


def places_of_points(points: SurfacePoints, lookup: Lookup) -> ChartPlaces:
    """Triangles and barycentric weights of points on the charts.

    Raises `InputError` for parts that the body's atlas has not.
    """
    part, uv = points.part.numpy().astype(np.int64), points.uv.double().numpy()
    found = lookup.places(part, uv)
    if (found.faces < 0).any():
        raise InputError(
            f"expected parts that the body's atlas has, got {sorted(set(part[found.faces < 0]))}: use "
            "the atlas of the maps"
        )
    return found


def sites_of_points(points: SurfacePoints, lookup: Lookup) -> SkinSites:
    """The same as places on a body model's skin."""
    found = places_of_points(points, lookup)
    corners = torch.from_numpy(lookup.atlas.faces[found.faces]).long()
    return SkinSites(corners, torch.from_numpy(found.barycentric).float())


def skin_evidence_of_maps(
    maps: Sequence[SurfaceMap | None],
    lookup: Lookup,
    vertices: Float[Tensor, "vertices 3"],
    *,
    most: int = 400,
    std: float = 0.01,
) -> SkinEvidence:
    """One person's maps over a clip (None: not seen) as evidence for `fitting.fit`.

    Of each map at most `most` cells count. Where a map says how uncertain U and V are, that becomes
    metres by the size of the chart on `vertices`, the body at rest, and lowers the confidence to
    std^2 / (std^2 + own^2). `std` is how far off cells of a map that says nothing are (metres).
    Sites differ from frame to frame, so memory grows with the square of the frames: fit long clips in
    pieces. Raises `InputError` where nobody is seen in any map.
    """
    seen = [
        (frame, one) for frame, one in enumerate(maps) if one is not None and bool(one.seen.any())
    ]
    if not seen:
        raise InputError("expected a map with somebody on it, got none: check the maps' parts")
    drawn = [points_of_map(one, most) for _, one in seen]
    sites = [sites_of_points(points, lookup) for points in drawn]
    total = sum(len(points.part) for points in drawn)
    pixels = torch.full((len(maps), total, 2), torch.nan)
    confidence = torch.zeros(len(maps), total)
    begin = 0
    for (frame, one), points in zip(seen, drawn, strict=True):
        here = slice(begin, begin + len(points.part))
        pixels[frame, here] = points.pixels.float()
        confidence[frame, here] = _confidence(one, points, lookup, vertices, most, std)
        begin = here.stop
    joined = SkinSites(
        torch.cat([one.vertices for one in sites]), torch.cat([one.weights for one in sites])
    )
    return SkinEvidence(joined, pixels=pixels, confidence=confidence, std=std)


def _confidence(
    surface: SurfaceMap,
    points: SurfacePoints,
    lookup: Lookup,
    vertices: Tensor,
    most: int,
    std: float,
) -> Float[Tensor, " points"]:
    if surface.doubt is None:
        return torch.ones(len(points.part))
    doubt = surface.doubt
    variance = doubt.sigma.square() + doubt.kappa.square().sum(0) / 2  # the mean of both axes
    of_cells = SurfaceMap(
        surface.part, variance.sqrt().clamp(0, 1).expand(2, -1, -1), surface.box, surface.image_size
    )
    spread = points_of_map(of_cells, most).uv[:, 0].double().numpy()
    faces = places_of_points(points, lookup).faces
    metres = torch.from_numpy(spread * metres_per_unit(lookup, vertices)[faces]).float()
    return std**2 / (std**2 + metres.square())


def metres_per_unit(
    lookup: Lookup, vertices: Float[Tensor, "vertices 3"]
) -> Float64[ndarray, " faces"]:
    """How long a step of 1 in U or V is on each triangle: the square root of its areas' ratio."""
    atlas = lookup.atlas
    corners = vertices.detach().cpu().double().numpy()[atlas.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    along, across = (atlas.uv[:, k].astype(np.float64) - atlas.uv[:, 0] for k in (1, 2))
    flat = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    return np.asarray(np.sqrt(area / np.maximum(flat, 1e-12)))
