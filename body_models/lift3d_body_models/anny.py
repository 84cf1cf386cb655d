"""Anny with all its phenotypes and 104 bones, behind the `BodyModel` protocol.

Anny (Naver Labs Europe, Apache 2.0, over MakeHuman's CC0 shapes) is an extra: `pip install
"lift3d[anny]"`. Only its rest shapes are taken from the package, through its public call; posing is
linear blend skinning here, and equals the package's own.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.errors import InputError, MissingDependencyError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.geometry.skinning import linear_blend_skinning
from lift3d.skeleton import Skeleton

__all__ = ["PHENOTYPES", "AnnyBody"]

PHENOTYPES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "gender": (0.5, 0.26),
        "age": (0.72, 0.08),
        "muscle": (0.5, 0.19),
        "weight": (0.5, 0.19),
        "height": (0.385, 0.07),
        "proportions": (0.5, 0.2),
    }
)
"""Anny's phenotypes, which lie in [0, 1]: what beta 0 means, and one standard deviation of adults."""

_SMPL_JOINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pelvis": "root",
        "spine1": "spine04",
        "spine2": "spine02",
        "spine3": "spine01",
        "neck": "neck01",
        "head": "head",
    }
    | {
        f"{side}_{joint}": f"{bone}.{letter}"
        for side, letter in (("left", "L"), ("right", "R"))
        for joint, bone in (
            ("hip", "upperleg01"),
            ("knee", "lowerleg01"),
            ("ankle", "foot"),
            ("foot", "toe2-1"),
            ("collar", "clavicle"),
            ("shoulder", "upperarm01"),
            ("elbow", "lowerarm01"),
            ("wrist", "wrist"),
            ("hand", "finger3-1"),
        )
    }
)
"""Where SMPL's joints are on Anny: at the heads of these bones, as landmarks of that name."""

_CHANGE: Final = 0.3
"""One standard deviation of a local change, which lies in [-1, 1]."""
_SKIN: Final = (0.55, 0.33, 0.24)
_Y_UP: Final = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
"""Anny's z-up world, facing -y, to ours: y up, facing +z."""


class AnnyBody:
    """MakeHuman's bodies with 104 bones.

    Betas are the phenotypes `PHENOTYPES`, in their order, then the `local_changes` that were asked
    for, all in standard deviations of adults; values beyond what Anny knows are cut off. At rest the
    body stands in Anny's A-pose; rotations are axis-angle in frames that are parallel to the world at
    rest. Shapes depend on betas in a piecewise linear way: `articulation` holds the tangent at 0.
    The first construction on a machine takes about a minute, as Anny fills its cache.
    """

    name = "anny"

    def __init__(self, local_changes: Sequence[str] = ()) -> None:
        """Build the model; raises `MissingDependencyError` where the extra is not installed."""
        self._local_changes = tuple(local_changes)
        self._model = _anny(self._local_changes)
        bones: list[str] = list(self._model.bone_labels)
        self._skeleton = Skeleton("anny", tuple(bones), tuple(self._model.bone_parents))
        self._weights = _weights(self._model, len(bones))
        self._faces: Tensor = self._model.faces.long()
        self._articulation = self._tangent()

    @property
    def skeleton(self) -> Skeleton:
        """Anny's 104 bones; a joint is the head of its bone."""
        return self._skeleton

    @property
    def betas(self) -> tuple[str, ...]:
        """What each beta means."""
        return (*PHENOTYPES, *self._local_changes)

    @property
    def articulation(self) -> Articulation:
        """Rest joints and their slopes at betas 0."""
        return self._articulation

    @property
    def surface(self) -> Surface:
        """Triangles, skinning weights and texture coordinates; one colour."""
        parts = self._weights[self._faces].sum(1).argmax(-1)
        return Surface(
            faces=self._faces,
            lbs_weights=self._weights,
            colors=torch.tensor(_SKIN).expand(len(self._weights), 3).clone(),
            uv=self._model.texture_coordinates.float(),
            uv_faces=self._model.face_texture_coordinate_indices.long(),
            parts=parts,
            part_names=self._skeleton.joints,
        )

    def joints(self, params: BodyParams) -> Float[Tensor, "*batch joints 3"]:
        """Posed joints in metres; the rest shape is made all the same, since Anny ties both."""
        return self._posed(params)[1] + params.transl[..., None, :]

    def __call__(self, params: BodyParams) -> BodyMesh:
        """Posed vertices and joints in metres."""
        world, joints, vertices, rest = self._posed(params)
        weights = self._weights.to(vertices)
        batch = joints.shape[:-2]
        posed = linear_blend_skinning(
            vertices.expand(*batch, -1, 3), weights, world, joints, rest.expand(*batch, -1, 3)
        )
        move = params.transl[..., None, :]
        return BodyMesh(posed + move, joints + move, self._faces.to(posed.device), self._skeleton)

    def _posed(self, params: BodyParams) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        self._check(params)
        vertices, rest = self._shape(params.betas)
        parents = torch.tensor([max(parent, 0) for parent in self._skeleton.parents])
        offsets = torch.cat([rest[..., :1, :], (rest - rest[..., parents, :])[..., 1:, :]], -2)
        local = rotmat_from_axis_angle(params.axis_angle)
        offsets = offsets.expand(*local.shape[:-2], 3)
        world, joints = forward_kinematics(local, offsets, self._skeleton.parents)
        return world, joints, vertices, rest

    def _check(self, params: BodyParams) -> None:
        wanted = (len(self._skeleton) - 1, len(self.betas))
        given = (params.body_pose.shape[-2], params.betas.shape[-1])
        if wanted != given:
            raise InputError(
                f"expected {wanted[0]} joint rotations and {wanted[1]} betas "
                f"({', '.join(self.betas)}), got {given[0]} and {given[1]}: pad or cut them"
            )
        if not bool(params.finite.all()):
            raise InputError(
                "expected finite parameters for body 'anny', got NaN or infinity: leave such frames "
                "out, as in params[params.finite]"
            )

    def _shape(self, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Rest vertices and joints [*batch, n, 3], y up."""
        rows = betas.reshape(-1, betas.shape[-1])
        values = [
            (mean + rows[:, k] * std).clamp(0, 1)
            for k, (mean, std) in enumerate(PHENOTYPES.values())
        ]
        changes = (rows[:, len(PHENOTYPES) :] * _CHANGE).clamp(-1, 1)
        still = torch.eye(4, device=rows.device).expand(len(rows), len(self._skeleton), 4, 4)
        out: dict[str, Tensor] = self._model(
            pose_parameters=still,
            phenotype_kwargs={n: v.float() for n, v in zip(PHENOTYPES, values, strict=True)},
            local_changes_kwargs={
                n: changes[:, k].float() for k, n in enumerate(self._local_changes)
            },
        )
        turn = torch.tensor(_Y_UP, dtype=betas.dtype, device=betas.device)
        vertices, heads = (
            out[key].to(betas.dtype) @ turn.mT for key in ("rest_vertices", "rest_bone_heads")
        )
        shape = betas.shape[:-1]
        return vertices.reshape(*shape, -1, 3), heads.reshape(*shape, -1, 3)

    def _tangent(self) -> Articulation:
        """Central differences of half a standard deviation: shapes are linear between Anny's knots."""
        count = len(self.betas)
        steps = torch.cat([torch.zeros(1, count), 0.5 * torch.eye(count), -0.5 * torch.eye(count)])
        with torch.no_grad():
            heads = self._shape(steps)[1]
        slopes = (heads[1 : count + 1] - heads[count + 1 :]).permute(1, 2, 0)
        # Names that bones have as well ("head") are joints already.
        named = {n: b for n, b in _SMPL_JOINTS.items() if n not in self._skeleton.joints}
        bones = [self._skeleton.index(bone) for bone in named.values()]
        return Articulation(
            skeleton=self._skeleton,
            joints_template=heads[0],
            joints_shapedirs=slopes.contiguous(),
            landmarks=tuple(named),
            landmark_joints=tuple(bones),
            landmarks_template=heads[0, bones],
            landmarks_shapedirs=slopes[bones],
        )


def _anny(local_changes: tuple[str, ...]) -> Any:
    try:
        package = import_module("anny")
    except ImportError as error:
        raise MissingDependencyError(
            "expected the package anny for this body, got none: install it with "
            "pip install 'lift3d[anny]' (400 MB), or take the default body, which derives from it"
        ) from error
    return package.Anny(local_changes=list(local_changes))


def _weights(model: Any, bones: int) -> Float[Tensor, "vertices joints"]:
    """Dense skinning weights whose rows sum to 1."""
    weights = torch.zeros(len(model.vertex_bone_weights), bones)
    weights.scatter_add_(1, model.vertex_bone_indices.long(), model.vertex_bone_weights.float())
    return weights / weights.sum(1, keepdim=True)
