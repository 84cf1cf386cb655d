"""The reference implementation of SMPL's family behind our protocol: the package `smplx`.

Its licence allows no commercial use, so it comes as an extra, and nothing of it is copied here: its
`smplx.lbs.lbs`, which all of its models compute with, is called on our arrays.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.errors import InputError, MissingDependencyError
from lift3d.skeleton import Skeleton
from lift3d_body_models.linear_blend import LinearBlendBody
from lift3d_body_models.model_arrays import ModelArrays

__all__ = ["SmplxPackageBody"]


class SmplxPackageBody:
    """A body model whose poses the package `smplx` computes; obeys `lift3d.protocols.BodyModel`.

    All that does not depend on a pose is shared with `ours`. Raises `MissingDependencyError` where the
    package is not installed.
    """

    def __init__(
        self, ours: LinearBlendBody, arrays: ModelArrays, betas: int, expressions: int
    ) -> None:
        try:
            import smplx.lbs
        except ImportError as error:
            raise MissingDependencyError(
                "expected the package smplx for backend='smplx', got none: install lift3d[smplx] "
                "(its licence allows no commercial use), or use backend='lift3d'"
            ) from error
        self._lbs: Any = smplx.lbs.lbs
        self._ours = ours
        self._betas = betas
        self._arrays = arrays
        self._shapes = torch.cat(
            [arrays.shapedirs[..., :betas], arrays.expressiondirs[..., :expressions]], -1
        )

    @property
    def name(self) -> str:
        """The body's name in messages and files."""
        return self._ours.name

    @property
    def skeleton(self) -> Skeleton:
        """Names and parents of the joints."""
        return self._ours.skeleton

    @property
    def articulation(self) -> Articulation:
        """Rest joints and landmarks as functions of betas."""
        return self._ours.articulation

    @property
    def surface(self) -> Surface:
        """Triangles and skinning weights."""
        return self._ours.surface

    def joints(self, params: BodyParams) -> Float[Tensor, "*batch joints 3"]:
        """Posed joints in metres; the package computes the vertices as well."""
        return self(params).joints

    def __call__(self, params: BodyParams) -> BodyMesh:
        """Posed vertices and joints in metres."""
        batch = params.global_orient.shape[:-1]
        pose = params.axis_angle.reshape(-1, 3 * params.axis_angle.shape[-2])
        arrays, like = self._arrays, params.transl
        count = len(arrays.v_template)
        vertices, joints = self._lbs(
            self._coefficients(params).reshape(len(pose), -1),
            pose,
            arrays.v_template.to(like),
            self._shapes.to(like),
            arrays.posedirs.reshape(3 * count, -1).T.to(like),
            arrays.j_regressor.to(like),
            torch.tensor(self.skeleton.parents, device=like.device),
            arrays.lbs_weights.to(like),
        )
        shift = params.transl[..., None, :]
        return BodyMesh(
            vertices.reshape(*batch, -1, 3) + shift,
            joints.reshape(*batch, -1, 3) + shift,
            arrays.faces.to(like.device),
            self.skeleton,
        )

    def _coefficients(self, params: BodyParams) -> Tensor:
        """Betas and expressions as one; no expressions mean a neutral face."""
        expressions = self._shapes.shape[-1] - self._betas
        given = params.expression
        if given.shape[-1] == 0 < expressions:
            given = params.betas.new_zeros(*params.betas.shape[:-1], expressions)
        have = (params.body_pose.shape[-2], params.betas.shape[-1], given.shape[-1])
        wanted = (len(self.skeleton) - 1, self._betas, expressions)
        if have != wanted:
            raise InputError(
                f"expected {wanted[0]} joint rotations, {wanted[1]} betas and {wanted[2]} expressions "
                f"for body '{self.name}', got {have[0]}, {have[1]} and {have[2]}: pad or cut them"
            )
        batch = params.global_orient.shape[:-1]
        return torch.cat(
            [params.betas.expand(*batch, -1), given.to(params.betas).expand(*batch, -1)], -1
        )
