"""Bodies from surface maps alone: a pose read off the skin, then a fit to where the skin is seen."""

from collections.abc import Sequence

import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.fitting import BodyFit, FitOptions, fit
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import atlas_of
from lift3d.surface.body_points import skin_evidence_of_maps
from lift3d.surface.bone_poses import guess_of_maps
from lift3d.surface.lookup import Lookup, lookup_of
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["fit_maps"]

_STEPS = 30


def fit_maps(
    body: BodyModel,
    maps: Sequence[SurfaceMap | None],
    camera: Camera,
    *,
    lookup: Lookup | None = None,
    options: FitOptions | None = None,
    most: int = 400,
    std: float = 0.015,
) -> BodyFit:
    """Fit one person's body to the maps of a clip, None where nobody was seen.

    `lookup` is that of the maps' atlas, by default our own charts on this body. `std` is how far off
    the cells of a map are (metres), `most` how many of each map count. How far away one picture's
    person is, and how large, is told apart by perspective only: expect some centimetres along the
    line of sight. Raises `InputError` where nobody is seen.
    """
    lookup = lookup or lookup_of(atlas_of(body))
    still = torch.zeros(len(body.skeleton), 3)
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    rest = body(BodyParams(betas, still[1:], still[0], still[0])).vertices
    evidence = skin_evidence_of_maps(maps, lookup, rest, most=most, std=std)
    return fit(
        body,
        camera=camera,
        options=options or FitOptions(iterations=_STEPS),
        skin=evidence,
        guess=guess_of_maps(maps, lookup, body, camera),
    )
