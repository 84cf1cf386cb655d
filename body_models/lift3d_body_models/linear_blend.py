"""A body of SMPL's format: linear shape, linear pose shapes, linear blend skinning.

M. Loper, N. Mahmood, J. Romero, G. Pons-Moll and M. J. Black, SMPL: a skinned multi-person linear
model, ACM Transactions on Graphics 34(6), 2015. Only the published equations are used here.

There are two ways to pose it: compiled kernels for float32 on a CPU without gradients, and plain
torch for all else. Their results agree to 0.01 mm.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton
from lift3d_body_models.pose_input import PoseInput
from lift3d_body_models.smpl_arrays import (
    Landmark,
    PoseShapes,
    SmplArrays,
    pose_shapes_from_dense,
)
from lift3d_body_models.torch_path import TorchBody

if TYPE_CHECKING:  # numba is slow to import: only when a body is first posed
    from lift3d_body_models.compiled import CompiledBody
    from lift3d_body_models.shaped import ShapedBody

__all__ = ["Landmark", "LinearBlendBody", "PoseShapes"]


class LinearBlendBody:
    """A body model over arrays in SMPL's format; the `BodyModel` protocol.

    It owns no pose and no batch size, and computes in the dtype and on the device of the parameters
    it is given. Betas that are shared over a clip are folded into the template once. Only the
    joints are computed when only they are asked for. Parameters with NaN or infinity are refused.
    """

    def __init__(  # noqa: PLR0913 - a body's arrays, by keyword
        self,
        name: str,
        skeleton: Skeleton,
        *,
        v_template: Float[Tensor, "vertices 3"],
        shapedirs: Float[Tensor, "vertices 3 betas"],
        pose_shapes: tuple[PoseShapes, ...],
        j_regressor: Float[Tensor, "joints vertices"],
        surface: Surface,
        landmarks: Mapping[str, Landmark],
        expressiondirs: Float[Tensor, "vertices 3 expressions"] | None = None,
        half_pose_shapes: bool = False,
    ) -> None:
        """Take the arrays; skinning weights and triangles are those of `surface`.

        With `half_pose_shapes` the compiled way keeps pose shapes in 16 bits: less memory, and
        faster on CPUs that multiply bfloat16 matrices. Errors grow with what pose shapes displace:
        up to 0.25 mm on the default body in calm poses, 0.6 mm with half turns in all joints.
        """
        if len(skeleton) != len(j_regressor) or not skeleton.topological:
            raise InputError(
                f"expected a skeleton of {len(j_regressor)} joints with parents before children, "
                f"got '{skeleton.name}' with {len(skeleton)}: give the one that the regressor is for"
            )
        self._name = name
        self._skeleton = skeleton
        self._surface = surface
        self._betas = shapedirs.shape[-1]
        self._half = half_pose_shapes
        dirs = shapedirs if expressiondirs is None else torch.cat([shapedirs, expressiondirs], -1)
        self._arrays = SmplArrays(
            parents=skeleton.parents,
            v_template=v_template,
            shapedirs=dirs,
            pose_shapes=pose_shapes,
            lbs_weights=surface.lbs_weights,
            joints_template=j_regressor @ v_template,
            joints_shapedirs=torch.einsum("jv,vcb->jcb", j_regressor, dirs),
            faces=surface.faces,
        )
        self._converted: dict[tuple[torch.dtype, torch.device], TorchBody] = {}
        self._articulation = _articulation(skeleton, self._arrays, self._betas, landmarks)

    @classmethod
    def from_smpl_arrays(  # noqa: PLR0913 - a body's arrays, by keyword
        cls,
        name: str,
        skeleton: Skeleton,
        *,
        v_template: Float[Tensor, "vertices 3"],
        shapedirs: Float[Tensor, "vertices 3 betas"],
        posedirs: Float[Tensor, "vertices 3 features"] | None = None,
        j_regressor: Float[Tensor, "joints vertices"],
        surface: Surface,
        expressiondirs: Float[Tensor, "vertices 3 expressions"] | None = None,
        landmarks: Mapping[str, Landmark] | None = None,
        half_pose_shapes: bool = False,
    ) -> "LinearBlendBody":
        """A body from dense arrays as SMPL's files hold them, 9 pose features a joint but the root.

        Bodies without pose blend shapes leave `posedirs` out. Raises `InputError` for another number
        of features, or arrays of different numbers of vertices.
        """
        _check_arrays(name, skeleton, v_template, shapedirs, posedirs, expressiondirs)
        return cls(
            name,
            skeleton,
            v_template=v_template,
            shapedirs=shapedirs,
            pose_shapes=() if posedirs is None else pose_shapes_from_dense(posedirs),
            j_regressor=j_regressor,
            surface=surface,
            landmarks=landmarks or {},
            expressiondirs=expressiondirs,
            half_pose_shapes=half_pose_shapes,
        )

    @property
    def name(self) -> str:
        """The body's name in messages and files."""
        return self._name

    @property
    def skeleton(self) -> Skeleton:
        """Names and parents of the joints."""
        return self._skeleton

    @property
    def articulation(self) -> Articulation:
        """Rest joints and landmarks as functions of betas (float32): what fitting needs."""
        return self._articulation

    @property
    def surface(self) -> Surface:
        """Triangles, skinning weights, colours and texture coordinates."""
        return self._surface

    def joints(self, params: BodyParams) -> Float[Tensor, "*batch joints 3"]:
        """Posed joints in metres, without touching a vertex."""
        return self._joints(PoseInput.of(params))

    def __call__(self, params: BodyParams) -> BodyMesh:
        """Posed vertices and joints in metres; big batches are posed in chunks."""
        return self._mesh(PoseInput.of(params))

    def joints_from_rotmats(
        self,
        rotmats: Float[Tensor, "*batch joints 3 3"],
        betas: Float[Tensor, "*#batch betas"],
        transl: Float[Tensor, "*batch 3"],
        expression: Float[Tensor, "*#batch expressions"] | None = None,
    ) -> Float[Tensor, "*batch joints 3"]:
        """`joints` by rotation matrices (the root's first), as networks and fits have them.

        Nothing goes through axis-angle, so gradients with respect to matrices are exact.
        """
        return self._joints(PoseInput.of_rotmats(rotmats, betas, transl, expression))

    def mesh_from_rotmats(
        self,
        rotmats: Float[Tensor, "*batch joints 3 3"],
        betas: Float[Tensor, "*#batch betas"],
        transl: Float[Tensor, "*batch 3"],
        expression: Float[Tensor, "*#batch expressions"] | None = None,
    ) -> BodyMesh:
        """Posed vertices and joints by rotation matrices, as `joints_from_rotmats`."""
        return self._mesh(PoseInput.of_rotmats(rotmats, betas, transl, expression))

    def shaped(
        self,
        betas: Float[Tensor, " betas"],
        expression: Float[Tensor, " expressions"] | None = None,
    ) -> "ShapedBody":
        """This body in one shape, posed by numpy arrays: the shortest way, for live use."""
        from lift3d_body_models.shaped import ShapedBody

        rotmats = torch.eye(3).expand(len(self._skeleton), 3, 3)
        rest = PoseInput.of_rotmats(rotmats, betas, torch.zeros(3), expression)
        self._check(rest)
        rest.check(self._name)
        row = self._coefficients(rest).detach().to("cpu", torch.float32).reshape(1, -1).numpy()
        shape = self._compiled.fold(self._compiled.shape(row))
        return ShapedBody(self._name, len(self._skeleton), self._compiled, shape)

    def _joints(self, motion: PoseInput) -> Tensor:
        self._check(motion)
        if motion.compilable and (turns := motion.turns()) is not None:
            shape = self._compiled.shape(self._coefficient_rows(motion))
            joints = self._compiled.joints(shape, turns)
            if joints is not None:
                return torch.from_numpy(joints).reshape(*motion.batch, len(self._skeleton), 3)
        motion.check(self._name)
        body = self._torch_body(motion.transl)
        return body.pose(motion.rotmats(), self._coefficients(motion), motion.transl)[1]

    def _mesh(self, motion: PoseInput) -> BodyMesh:
        self._check(motion)
        found = self._compiled_points(motion) or self._torch_points(motion)
        faces = self._arrays.faces.to(motion.transl.device)
        return BodyMesh(*found, faces=faces, skeleton=self._skeleton)

    def _compiled_points(self, motion: PoseInput) -> tuple[Tensor, Tensor] | None:
        """Vertices and joints, or None where plain torch has to find them (or what is wrong)."""
        if not motion.compilable or (turns := motion.turns()) is None:
            return None
        shape = self._compiled.shape(self._coefficient_rows(motion))
        found = self._compiled.vertices(shape, turns)
        if found is None:
            return None
        vertices, joints = (torch.from_numpy(points) for points in found)
        return (
            vertices.reshape(*motion.batch, len(self._arrays.v_template), 3),
            joints.reshape(*motion.batch, len(self._skeleton), 3),
        )

    def _torch_points(self, motion: PoseInput) -> tuple[Tensor, Tensor]:
        motion.check(self._name)
        body = self._torch_body(motion.transl)
        rotmats, coefficients = motion.rotmats(), self._coefficients(motion)
        maps, joints = body.pose(rotmats, coefficients, motion.transl)
        return body.vertices(rotmats, coefficients, maps), joints

    def _check(self, motion: PoseInput) -> None:
        wanted, given = (len(self._skeleton), self._betas), motion.sizes
        if wanted != given:
            raise InputError(
                f"expected {wanted[0] - 1} joint rotations and {wanted[1]} betas for body "
                f"'{self._name}', got {given[0] - 1} and {given[1]}: pad or cut them"
            )
        expressions = self._arrays.shapedirs.shape[-1] - self._betas
        if motion.expression is not None and motion.expression.shape[-1] not in (0, expressions):
            raise InputError(
                f"expected {expressions} expression coefficients or none for body '{self._name}', "
                f"got {motion.expression.shape[-1]}: pad or cut them"
            )

    def _coefficients(self, motion: PoseInput) -> Float[Tensor, "*#batch coefficients"]:
        """Betas, then expression coefficients; 0 for a body's expressions that were not given."""
        missing = self._arrays.shapedirs.shape[-1] - self._betas
        if missing == 0:
            return motion.betas
        expression = motion.expression
        if expression is None or expression.shape[-1] == 0:
            expression = motion.betas.new_zeros(missing)
        batch = np.broadcast_shapes(motion.betas.shape[:-1], expression.shape[:-1])
        return torch.cat([motion.betas.expand(*batch, -1), expression.expand(*batch, -1)], -1)

    def _coefficient_rows(self, motion: PoseInput) -> Float32[ndarray, "shapes coefficients"]:
        """One row where all bodies share their shape, else one per body."""
        coefficients = self._coefficients(motion)
        width = coefficients.shape[-1]
        count = math.prod(coefficients.shape[:-1])
        if count > 1:
            coefficients = coefficients.expand(*motion.batch, width)
        # Counted, since a body without shapes has no values to tell the number of rows by.
        rows = coefficients.detach().contiguous().numpy()
        rows = rows.reshape(math.prod(coefficients.shape[:-1]), width)
        same = count > 1 and len(rows) > 0 and bool((rows == rows[0]).all())
        return rows[:1] if same else rows

    def _torch_body(self, like: Tensor) -> TorchBody:
        """The arrays in the dtype and on the device of a tensor, converted at the first use."""
        key = (like.dtype, like.device)
        if key not in self._converted:
            # Kept for later calls, which may want gradients: never as inference tensors.
            with torch.inference_mode(False):
                self._converted[key] = TorchBody.like(self._arrays, like)
        return self._converted[key]

    @cached_property
    def _compiled(self) -> "CompiledBody":
        from lift3d_body_models.compiled import CompiledBody

        return CompiledBody(self._arrays, half_pose_shapes=self._half)


def _check_arrays(
    name: str,
    skeleton: Skeleton,
    v_template: Tensor,
    shapedirs: Tensor,
    posedirs: Tensor | None,
    expressiondirs: Tensor | None,
) -> None:
    features = 9 * (len(skeleton) - 1)
    if posedirs is not None and posedirs.shape[-1] != features:
        raise InputError(
            f"expected {features} pose features for the {len(skeleton)} joints of body '{name}', "
            f"got {posedirs.shape[-1]}: leave posedirs out for a body without pose blend shapes"
        )
    for label, dirs in (
        ("shapedirs", shapedirs),
        ("posedirs", posedirs),
        ("expressiondirs", expressiondirs),
    ):
        if dirs is not None and dirs.shape[:-1] != v_template.shape:
            raise InputError(
                f"expected {label} over {len(v_template)} vertices for body '{name}', got "
                f"{list(dirs.shape)}: give [vertices, 3, components]"
            )


def _articulation(
    skeleton: Skeleton, arrays: SmplArrays, betas: int, landmarks: Mapping[str, Landmark]
) -> Articulation:
    v_template, shapedirs = arrays.v_template, arrays.shapedirs[..., :betas]
    places = [site.weights @ v_template[site.vertices] for site in landmarks.values()]
    moves = [
        torch.einsum("v,vcb->cb", site.weights, shapedirs[site.vertices])
        for site in landmarks.values()
    ]
    return Articulation(
        skeleton=skeleton,
        joints_template=arrays.joints_template,
        joints_shapedirs=arrays.joints_shapedirs[..., :betas],
        landmarks=tuple(landmarks),
        landmark_joints=tuple(site.joint for site in landmarks.values()),
        landmarks_template=torch.stack(places) if places else v_template.new_zeros(0, 3),
        landmarks_shapedirs=torch.stack(moves) if moves else v_template.new_zeros(0, 3, betas),
    )
