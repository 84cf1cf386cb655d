"""Body parameters, meshes, and the part of a body model that fitting needs."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["Articulation", "BodyMesh", "BodyParams", "Surface"]


@dataclass(frozen=True, slots=True)
class BodyParams:
    """SMPL's vocabulary: shape, joint rotations as axis-angle (radians), root translation (metres).

    `transl` is added to all points after posing: with `global_orient` 0 the root joint lies at its
    rest place plus `transl`. `betas` may have a batch axis of length 1, shared by all poses.
    """

    betas: Float[Tensor, "*#batch betas"]
    body_pose: Float[Tensor, "*batch rotations 3"]
    global_orient: Float[Tensor, "*batch 3"]
    transl: Float[Tensor, "*batch 3"]

    def __post_init__(self) -> None:
        batch = self.global_orient.shape[:-1]
        if self.body_pose.shape[:-2] != batch or self.transl.shape != (*batch, 3):
            raise InputError(
                "expected body_pose, global_orient and transl with the same batch axes, got "
                f"{list(self.body_pose.shape)}, {list(self.global_orient.shape)} and "
                f"{list(self.transl.shape)}"
            )
        shared = self.betas.shape[:-1]
        if len(shared) > len(batch) or any(
            have not in (1, want)
            for have, want in zip(reversed(shared), reversed(batch), strict=False)
        ):
            raise InputError(
                f"expected betas with batch axes {list(batch)} or of length 1, got "
                f"{list(self.betas.shape)}"
            )

    @property
    def axis_angle(self) -> Float[Tensor, "*batch joints 3"]:
        """All rotations, the root's first."""
        return torch.cat([self.global_orient[..., None, :], self.body_pose], -2)

    def __getitem__(self, frames: slice | Tensor) -> "BodyParams":
        """Some frames of a clip; shared betas stay shared."""
        shared = self.betas.ndim < 2 or self.betas.shape[0] == 1
        return BodyParams(
            self.betas if shared else self.betas[frames],
            self.body_pose[frames],
            self.global_orient[frames],
            self.transl[frames],
        )


@dataclass(frozen=True, slots=True)
class BodyMesh:
    """Posed bodies: vertices and joints in metres, triangles counter-clockwise seen from outside."""

    vertices: Float[Tensor, "*batch vertices 3"]
    joints: Float[Tensor, "*batch joints 3"]
    faces: Int[Tensor, "faces 3"]
    skeleton: Skeleton


@dataclass(frozen=True, slots=True)
class Articulation:
    """Joints and landmarks of a body model without its mesh: all that fitting needs.

    Rest joints are `joints_template + joints_shapedirs @ betas` (metres), with parents in
    `skeleton`. Landmarks are named points that ride on one joint each, `landmark_joints`; their rest
    places depend on betas in the same way. Pose blend shapes do not move landmarks here.
    """

    skeleton: Skeleton
    joints_template: Float[Tensor, "joints 3"]
    joints_shapedirs: Float[Tensor, "joints 3 betas"]
    landmarks: tuple[str, ...]
    landmark_joints: tuple[int, ...]
    landmarks_template: Float[Tensor, "landmarks 3"]
    landmarks_shapedirs: Float[Tensor, "landmarks 3 betas"]


@dataclass(frozen=True, slots=True)
class Surface:
    """What a renderer or an animation file needs beside the vertices, fixed for a body model.

    `colors` are linear RGB in [0, 1] per vertex. `uv` has its own vertices, since a chart's seam
    splits a surface point: triangle f has the corners `uv[uv_faces[f]]`, (0, 0) at the lower left.
    `lbs_weights` rows sum to 1. `parts[f]` is the index in `part_names` of triangle f.
    """

    faces: Int[Tensor, "faces 3"]
    lbs_weights: Float[Tensor, "vertices joints"]
    colors: Float[Tensor, "vertices 3"]
    uv: Float[Tensor, "uv_vertices 2"]
    uv_faces: Int[Tensor, "faces 3"]
    parts: Int[Tensor, " faces"]
    part_names: tuple[str, ...]
