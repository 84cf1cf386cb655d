"""Places on the skin: vertices, points of triangles, or any weighted vertices; and how bones move them.

Skinning is linear: a point whose rest place is x and whose bones k have weights w_k lies at
sum w_k (G_k (x - J_k) + P_k). Pose blend shapes, and what else a body model does to its skin, enter as
a `shift` of the point, taken anew from the model as the pose changes, without a derivative.
"""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.fitting.points import BodyPoints, PointTable, joint_trails, rest_places
from lift3d.geometry.rotations import skew
from lift3d.protocols import BodyModel

__all__ = ["SkinSites", "SkinTable", "place_skin", "skin_jacobian", "skin_table"]

_MOST_BONES: Final = 4


@dataclass(frozen=True, slots=True)
class SkinSites:
    """Places on a body model's skin: each the weighted mean of some vertices (weights sum to 1)."""

    vertices: Int[Tensor, "sites corners"]
    weights: Float[Tensor, "sites corners"]

    @classmethod
    def at_vertices(cls, vertices: Int[Tensor, " sites"]) -> "SkinSites":
        """The vertices themselves."""
        return cls(vertices[:, None], torch.ones(len(vertices), 1))

    @classmethod
    def on_triangles(
        cls,
        faces: Int[Tensor, "faces 3"],
        triangles: Int[Tensor, " sites"],
        barycentric: Float[Tensor, "sites 3"],
    ) -> "SkinSites":
        """Points of triangles, given by the triangles' indices and barycentric coordinates."""
        return cls(faces[triangles], barycentric)

    def __post_init__(self) -> None:
        if self.vertices.is_floating_point():
            raise InputError(
                f"expected whole numbers as vertices of sites, got {self.vertices.dtype}: give indices"
            )
        off = (self.weights.sum(-1) - 1).abs()
        if self.vertices.shape != self.weights.shape or not bool((off <= 1e-3).all()):
            raise InputError(
                f"expected weights that sum to 1 for sites of shape {list(self.vertices.shape)}, got "
                f"shape {list(self.weights.shape)}: normalise them"
            )

    def of(self, vertices: Float[Tensor, "*batch vertices 3"]) -> Float[Tensor, "*batch sites 3"]:
        """Where the sites are on a mesh."""
        corners = vertices[..., self.vertices, :]
        return (corners * self.weights.to(vertices)[..., None]).sum(-2)


@dataclass(frozen=True, slots=True)
class SkinTable:
    """Constants of some places on the skin; bones of no weight fill up the rows."""

    bones: Int[Tensor, "sites bones"]
    weights: Float[Tensor, "sites bones"]
    template: Float[Tensor, "sites 3"]
    shapedirs: Float[Tensor, "sites 3 betas"]


def skin_table(body: BodyModel, sites: SkinSites, dtype: torch.dtype) -> SkinTable:
    """The sites' rest places, shape directions and bones.

    Rest places come from the posed model itself, so this works for any body whose shape is linear
    in its betas. Raises `InputError` for vertices that the body has not.
    """
    surface = body.surface
    count, betas = len(surface.lbs_weights), body.articulation.joints_shapedirs.shape[-1]
    if bool((sites.vertices < 0).any() | (sites.vertices >= count).any()):
        raise InputError(
            f"expected vertices from 0 to {count - 1} of body '{body.name}', got up to "
            f"{int(sites.vertices.max())}: use this body's own vertices"
        )
    rest = sites.of(_rest_meshes(body, betas)).to(dtype)
    corners = surface.lbs_weights[sites.vertices].to(dtype)
    weights = (corners * sites.weights.to(dtype)[..., None]).sum(1)
    weights, bones = weights.topk(min(_MOST_BONES, weights.shape[1]), dim=1)
    weights = weights / weights.sum(1, keepdim=True)
    return SkinTable(bones, weights, rest[0], (rest[1:] - rest[0]).permute(1, 2, 0))


def _rest_meshes(body: BodyModel, betas: int) -> Float[Tensor, "bodies vertices 3"]:
    """The mean body at rest, then one with each of the betas at 1."""
    shapes = torch.cat([torch.zeros(1, betas), torch.eye(betas)])
    still = torch.zeros(len(shapes), len(body.skeleton), 3)
    with torch.no_grad():
        return body(BodyParams(shapes, still[:, 1:], still[:, 0], still[:, 0])).vertices


def place_skin(
    table: PointTable,
    skin: SkinTable,
    points: BodyPoints,
    betas: Float[Tensor, "people betas"],
) -> tuple[Float[Tensor, "frames sites 3"], Float[Tensor, "frames sites bones 3"]]:
    """Where the sites are, and where each of their bones alone would take them (metres)."""
    joints = len(table.parents)
    template, dirs = rest_places(table)
    rest = template[:joints] + torch.einsum("jcb,pb->pjc", dirs[:joints], betas)
    on_skin = skin.template + torch.einsum("scb,pb->psc", skin.shapedirs, betas)
    arm = on_skin[:, :, None] - rest[:, skin.bones]
    by_bone = points.places[:, skin.bones] + (points.world[:, skin.bones] @ arm[..., None])[..., 0]
    return (by_bone * skin.weights[..., None]).sum(2), by_bone


def skin_jacobian(
    table: PointTable, skin: SkinTable, points: BodyPoints, by_bone: Tensor
) -> tuple[Float[Tensor, "frames sites 3 unknowns"], Float[Tensor, "frames sites 3 betas"]]:
    """Derivatives of the sites' places by pose unknowns and by betas, as of `point_jacobian`.

    A joint moves a site by the share of the bones below it.
    """
    joints = len(table.parents)
    below = table.turned_by[:joints] | torch.eye(joints, dtype=torch.bool)
    share = skin.weights[..., None] * below[skin.bones]
    arm = torch.einsum("skj,fskc->fsjc", share, by_bone)
    arm = arm - share.sum(1)[..., None] * points.places[:, None, :joints]
    turn = (-skew(arm) @ points.world[:, None]).transpose(2, 3).flatten(3)
    eye = torch.eye(3, dtype=turn.dtype).expand(*turn.shape[:2], 3, 3)
    _, dirs = rest_places(table)
    along = joint_trails(table, points.world)[:, skin.bones]
    own = skin.shapedirs[:, None] - dirs[:joints][skin.bones]
    by_betas = along + points.world[:, skin.bones] @ own
    by_betas = (by_betas * skin.weights[..., None, None]).sum(2)
    return torch.cat([turn, eye], -1), by_betas
