"""Body parameters, meshes, and the part of a body model that fitting needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.rotations import (
    axis_angle_from_quat_wxyz,
    axis_angle_from_rotmat,
    rotmat_from_rot6d,
)
from lift3d.notebook import html_of
from lift3d.skeleton import Skeleton

__all__ = ["Articulation", "BodyMesh", "BodyParams", "RotationKind", "Surface"]

RotationKind = Literal["axis_angle", "quat_wxyz", "rot6d", "rotmat"]
"""How rotations are written; the functions of `lift3d.geometry.rotations` say what each means."""


@dataclass(frozen=True, slots=True)
class BodyParams:
    """SMPL's vocabulary: shape, joint rotations as axis-angle (radians), root translation (metres).

    `transl` is added to all points after posing: with `global_orient` 0 the root joint lies at its
    rest place plus `transl`. `betas` and `expression` may have a batch axis of length 1, shared by all
    poses. No expression coefficients mean a neutral face, also for a body that has some.
    """

    betas: Float[Tensor, "*#batch betas"]
    body_pose: Float[Tensor, "*batch rotations 3"]
    global_orient: Float[Tensor, "*batch 3"]
    transl: Float[Tensor, "*batch 3"]
    expression: Float[Tensor, "*#batch expressions"] = field(default_factory=lambda: torch.zeros(0))

    def __post_init__(self) -> None:
        for name in ("betas", "body_pose", "global_orient", "transl", "expression"):
            if not isinstance(getattr(self, name), Tensor):
                raise InputError(
                    f"expected tensors as body parameters, got a {type(getattr(self, name)).__name__} "
                    f"for {name}: convert it, with torch.as_tensor say"
                )
        batch = self.global_orient.shape[:-1]
        if (
            self.body_pose.shape[:-2] != batch
            or self.transl.shape != (*batch, 3)
            or self.global_orient.shape[-1:] != (3,)
            or self.body_pose.shape[-1:] != (3,)
        ):
            raise InputError(
                "expected body_pose [*batch rotations 3], global_orient [*batch 3] and transl "
                "[*batch 3] with the same batch axes, got "
                f"{list(self.body_pose.shape)}, {list(self.global_orient.shape)} and "
                f"{list(self.transl.shape)}: repeat what is shared by all"
            )
        for name, values in (("betas", self.betas), ("expression", self.expression)):
            shared = values.shape[:-1]
            if (
                not values.ndim
                or len(shared) > len(batch)
                or any(
                    have not in (1, want)
                    for have, want in zip(reversed(shared), reversed(batch), strict=False)
                )
            ):
                raise InputError(
                    f"expected {name} with batch axes {list(batch)} or of length 1, got "
                    f"{list(values.shape)}: give one row, or one for each body"
                )

    @classmethod
    def from_rotations(
        cls,
        rotations: Float[Tensor, "..."],
        betas: Float[Tensor, "*#batch betas"],
        transl: Float[Tensor, "*batch 3"],
        kind: RotationKind,
        expression: Float[Tensor, "*#batch expressions"] | None = None,
    ) -> "BodyParams":
        """Parameters from rotations of any kind for all joints, the root's first.

        They become axis-angle, of an angle up to pi. Where gradients with respect to matrices (or
        6D) count, give matrices to a body's `mesh_from_rotmats` instead. Raises `InputError` for an
        unknown kind and for rotations of another shape than the kind's.
        """
        axis_angle = _as_axis_angle(rotations, kind)
        none = transl.new_zeros(0)
        return cls(
            betas,
            axis_angle[..., 1:, :],
            axis_angle[..., 0, :],
            transl,
            none if expression is None else expression,
        )

    @property
    def axis_angle(self) -> Float[Tensor, "*batch joints 3"]:
        """All rotations, the root's first."""
        return torch.cat([self.global_orient[..., None, :], self.body_pose], -2)

    @property
    def finite(self) -> Bool[Tensor, "*batch"]:
        """Where all parameters are finite: fits leave NaN in frames in which nobody was seen."""
        good = self.axis_angle.isfinite().all(-1).all(-1) & self.transl.isfinite().all(-1)
        return good & self.betas.isfinite().all(-1) & self.expression.isfinite().all(-1)

    def __getitem__(self, frames: slice | Tensor) -> "BodyParams":
        """Some frames of a clip; shared betas stay shared."""
        return BodyParams(
            _some(self.betas, frames),
            self.body_pose[frames],
            self.global_orient[frames],
            self.transl[frames],
            _some(self.expression, frames),
        )


_FORMS: Final[dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]]] = {
    "axis_angle": ((3,), lambda turns: turns),
    "quat_wxyz": (
        (4,),
        lambda turns: axis_angle_from_quat_wxyz(torch.nn.functional.normalize(turns, dim=-1)),
    ),
    "rot6d": ((6,), lambda turns: axis_angle_from_rotmat(rotmat_from_rot6d(turns))),
    "rotmat": ((3, 3), axis_angle_from_rotmat),
}


def _as_axis_angle(rotations: Tensor, kind: str) -> Tensor:
    if kind not in _FORMS:
        raise InputError(
            f"expected a kind of rotations out of {', '.join(_FORMS)}, got '{kind}': name one of them"
        )
    form, converted = _FORMS[kind]
    if rotations.shape[-len(form) :] != form or rotations.ndim <= len(form):
        raise InputError(
            f"expected rotations [*batch joints {' '.join(map(str, form))}] of the kind '{kind}', "
            f"got {list(rotations.shape)}: bring them into that shape, or name their kind"
        )
    return converted(rotations)


def _some(values: Tensor, frames: slice | Tensor) -> Tensor:
    shared = values.ndim < 2 or values.shape[0] == 1
    return values if shared else values[frames]


@dataclass(frozen=True, slots=True)
class BodyMesh:
    """Posed bodies: vertices and joints in metres, triangles counter-clockwise seen from outside."""

    vertices: Float[Tensor, "*batch vertices 3"]
    joints: Float[Tensor, "*batch joints 3"]
    faces: Int[Tensor, "faces 3"]
    skeleton: Skeleton

    def _repr_html_(self) -> str | None:
        """The value as a page, for notebooks."""
        return html_of(self)


@dataclass(frozen=True, slots=True, eq=False)  # one is itself alone: tensors do not compare
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
