"""From the parameters of one body to those of another: through matched surfaces and a fit.

Two bodies share neither vertices nor betas, and their rest poses may differ. So each body is first
brought to the other's rest pose by the joints that both name, places on one skin are matched with the
nearest places on the other, and the fit is repeated on the skin until both lie upon each other. After
that a posed body is handed over as so many places in space, to which the other body is fitted.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyMesh, BodyParams
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.fitting.body import fit
from lift3d.fitting.evidence import SkinEvidence
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.problem import FitOptions
from lift3d.fitting.skin import SkinSites
from lift3d.geometry.closest import closest_on_mesh
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton

__all__ = ["Conversion", "SurfaceMatch", "convert_body", "convert_clip", "match_surfaces"]

_SITES: Final = 1200
"""Places that are matched: some forty for each bone of SMPL."""
_ROUNDS: Final = 3
_FARTHEST: Final = 0.05
"""Places further apart than this (metres) after the last round have no counterpart."""
_FRAMES: Final = 64
"""Meshes made at once while a clip is converted."""
_MATCHING: Final = FitOptions(iterations=20, prior_weight=0.05, beta_std=3.0)
_CONVERTING: Final = FitOptions(iterations=20, prior_weight=0.05, beta_std=3.0)


@dataclass(frozen=True, slots=True)
class SurfaceMatch:
    """Places on one body's skin and the same places on another's.

    `distance` is how far apart they were (metres) when both bodies stood alike.
    """

    source: SkinSites
    target: SkinSites
    distance: Float[Tensor, " sites"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """Parameters of the other body, and how far its skin lies from the first one's.

    `error` is the mean distance of the matched places in each frame (metres): what the target's
    shapes cannot follow, and what the fit left over.
    """

    params: BodyParams
    error: Float[Tensor, " frames"]


def convert_body(
    params: BodyParams,
    source: BodyModel,
    target: BodyModel,
    match: SurfaceMatch | None = None,
    options: FitOptions | None = None,
) -> Conversion:
    """Parameters of `target` for a clip of `source`, one set of betas where the clip shares one.

    `params` has one leading axis, the frames; frames with NaN, in which nobody was seen, stay NaN.
    `match` saves time where many clips are converted. Raises `InputError` for parameters without that
    axis or without a finite frame, and for bodies without common joints.
    """
    if params.transl.ndim != 2:
        raise InputError(
            f"expected parameters of a clip, [frames, ...], got transl {list(params.transl.shape)}: "
            "add a leading axis"
        )
    seen = params.finite
    if not bool(seen.any()):
        raise InputError(
            "expected a clip with at least one finite frame, got none: nothing to convert"
        )
    match = match if match is not None else match_surfaces(source, target)
    places, joints = _handed_over(params[seen], source, match.source)
    shared = params.betas.ndim < 2 or len(params.betas) == 1
    found = fit(
        target,
        _common(source, target, joints),
        options=replace(options if options is not None else _CONVERTING, one_shape=shared),
        skin=SkinEvidence(match.target, places=places, std=0.005),
        prior=smpl_prior(target.skeleton),
    ).params
    again, _ = _handed_over(found, target, match.target)
    error = (again - places).norm(dim=-1).mean(-1)
    return Conversion(_at_frames(found, seen, shared), _filled(error, seen))


def _at_frames(params: BodyParams, seen: Tensor, shared: bool) -> BodyParams:
    """Parameters of the frames that were seen at their places in the clip, NaN between them."""
    return BodyParams(
        params.betas if shared else _filled(params.betas, seen),
        _filled(params.body_pose, seen),
        _filled(params.global_orient, seen),
        _filled(params.transl, seen),
    )


def _filled(values: Tensor, seen: Tensor) -> Tensor:
    out = values.new_full((len(seen), *values.shape[1:]), torch.nan)
    out[seen] = values
    return out


def convert_clip(
    clip: Clip, source: BodyModel, target: BodyModel, name: str
) -> tuple[Clip, tuple[Conversion | None, ...]]:
    """Everybody of a clip in the body `target`, which plug-ins know by `name`.

    With the clip come the conversions, person by person, None for a person without a body. Raises
    `InputError` as `convert_body` does.
    """
    match = match_surfaces(source, target)
    done = tuple(
        convert_body(person.body, source, target, match) if person.body is not None else None
        for person in clip.people
    )
    people = tuple(
        replace(person, body=conversion.params if conversion is not None else None)
        for person, conversion in zip(clip.people, done, strict=True)
    )
    return replace(clip, people=people, body_model=name), done


def match_surfaces(
    source: BodyModel, target: BodyModel, *, sites: int = _SITES, rounds: int = _ROUNDS
) -> SurfaceMatch:
    """Match places that are spread over `target` with places on `source`.

    Bodies with the same triangles are matched vertex by vertex. Raises `InputError` for bodies
    without common joints.
    """
    still = _still(target)
    rest = target(still)
    chosen = _spread(rest.vertices[0], sites)
    if _same_triangles(source, target):
        return SurfaceMatch(
            SkinSites.at_vertices(chosen), SkinSites.at_vertices(chosen), torch.zeros(len(chosen))
        )
    joints = _common(target, source, _points(target, still))
    places, normals = rest.vertices[0, chosen], _normals(rest)[chosen]

    def nearest(skin: SkinEvidence | None) -> tuple[SkinSites, Tensor]:
        """Fit the source, and find the places on it that are nearest to those of the target."""
        # The learned prior takes a rest pose for an unlikely one.
        wide = smpl_prior(source.skeleton)
        posed = source(fit(source, joints, options=_MATCHING, skin=skin, prior=wide).params)
        faces = source.surface.faces
        triangle, weights, away = closest_on_mesh(places, posed.vertices[0], faces, normals)
        return SkinSites.on_triangles(faces, triangle, weights), away

    near, distance = nearest(None)
    for _ in range(rounds - 1):
        wanted = torch.where(distance[:, None] < _FARTHEST, places, torch.nan)[None]
        near, distance = nearest(SkinEvidence(near, places=wanted, std=0.01))
    kept = distance < _FARTHEST
    return SurfaceMatch(
        SkinSites(near.vertices[kept], near.weights[kept]),
        SkinSites.at_vertices(chosen[kept]),
        distance[kept],
    )


def _still(body: BodyModel) -> BodyParams:
    """One frame of the rest pose at betas 0."""
    betas = body.articulation.joints_shapedirs.shape[-1]
    rotations = torch.zeros(1, len(body.skeleton) - 1, 3)
    return BodyParams(torch.zeros(1, betas), rotations, torch.zeros(1, 3), torch.zeros(1, 3))


def _handed_over(params: BodyParams, body: BodyModel, sites: SkinSites) -> tuple[Tensor, Tensor]:
    """Places on the skin [frames sites 3] and named points [frames points 3], a few meshes at a time."""
    places: list[Tensor] = []
    points: list[Tensor] = []
    for start in range(0, len(params.transl), _FRAMES):
        part = params[start : start + _FRAMES]
        places.append(sites.of(body(part).vertices))
        points.append(_points(body, part))
    return torch.cat(places), torch.cat(points)


def _points(body: BodyModel, params: BodyParams) -> Float[Tensor, "frames points 3"]:
    """Joints, then landmarks."""
    table = point_table(body.articulation, params.transl.dtype)
    return place_points(
        table, rotmat_from_axis_angle(params.axis_angle), params.transl, params.betas
    ).places


def _common(source: BodyModel, target: BodyModel, points: Tensor) -> Motion[Pose3D]:
    """The points of `source` whose names `target` knows."""
    ours, theirs = _names(source), _names(target)
    names = tuple(name for name in ours if name in theirs)
    if len(names) < 3:
        raise InputError(
            f"expected bodies with at least three joints of the same name, got '{source.name}' and "
            f"'{target.name}': name landmarks of one after joints of the other"
        )
    tree = Skeleton("common", names, (-1, *(0 for _ in names[1:])))
    pose = Pose3D.certain(points[:, [ours.index(name) for name in names]], tree, "world")
    return Motion(pose, 30.0, 0, torch.ones(len(points), dtype=torch.bool))


def _names(body: BodyModel) -> tuple[str, ...]:
    return (*body.skeleton.joints, *body.articulation.landmarks)


def _same_triangles(source: BodyModel, target: BodyModel) -> bool:
    return torch.equal(source.surface.faces, target.surface.faces)


def _spread(points: Tensor, count: int) -> Tensor:
    """Rows by farthest-point sampling: even over the skin, and the same every time."""
    count = min(count, len(points))
    chosen = torch.zeros(count, dtype=torch.long)
    away = torch.full((len(points),), torch.inf, dtype=points.dtype)
    for row in range(1, count):
        away = torch.minimum(away, (points - points[chosen[row - 1]]).square().sum(-1))
        chosen[row] = away.argmax()
    return chosen


def _normals(mesh: BodyMesh) -> Float[Tensor, "vertices 3"]:
    """Normals per vertex, weighted by the triangles' areas; their length means nothing."""
    vertices = mesh.vertices[0]
    a, b, c = vertices[mesh.faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a)
    out = torch.zeros_like(vertices)
    return out.index_add_(0, mesh.faces.flatten(), across.repeat_interleave(3, dim=0))
