"""A body of SMPL's format: linear shape, linear pose shapes, linear blend skinning.

M. Loper, N. Mahmood, J. Romero, G. Pons-Moll and M. J. Black, SMPL: a skinned multi-person linear
model, ACM Transactions on Graphics 34(6), 2015. Only the published equations are used here.

Inside, vertices lie as [3 vertices], so that every inner loop runs over contiguous vertices.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.errors import InputError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.skeleton import Skeleton

__all__ = ["Landmark", "LinearBlendBody", "PoseShapes"]

# Bodies are posed in groups whose blended transforms take about this much memory.
_CHUNK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class PoseShapes:
    """How much the rotation of one joint displaces some vertices, in metres.

    `values[i]` belongs to vertex `vertices[i]`: its displacement is the sum over the nine entries,
    row after row, of the joint's rotation matrix minus the identity.
    """

    joint: int
    vertices: Int[Tensor, " affected"]
    values: Float[Tensor, "affected 9 3"]


@dataclass(frozen=True, slots=True)
class Landmark:
    """A named place on the skin: weighted vertices (weights sum to 1), and the joint it rides on."""

    joint: int
    vertices: Int[Tensor, " sites"]
    weights: Float[Tensor, " sites"]


@dataclass(frozen=True, slots=True)
class _Arrays:
    """All that posing needs, in one dtype on one device; coordinates before vertices."""

    template: Float[Tensor, "3 vertices"]
    shapedirs: Float[Tensor, "betas 3*vertices"]
    pose_vertices: tuple[Tensor, ...]
    pose_values: tuple[Tensor, ...]
    weights: Float[Tensor, "joints vertices"]
    joints_template: Float[Tensor, "joints 3"]
    joints_shapedirs: Float[Tensor, "joints 3 betas"]
    faces: Int[Tensor, "faces 3"]

    def to(self, like: Tensor) -> "_Arrays":
        """The same arrays in the dtype and on the device of a tensor."""
        device, dtype = like.device, like.dtype
        return _Arrays(
            self.template.to(device, dtype),
            self.shapedirs.to(device, dtype),
            tuple(vertices.to(device) for vertices in self.pose_vertices),
            tuple(values.to(device, dtype) for values in self.pose_values),
            self.weights.to(device, dtype),
            self.joints_template.to(device, dtype),
            self.joints_shapedirs.to(device, dtype),
            self.faces.to(device),
        )


class LinearBlendBody:
    """A body model over arrays in SMPL's format; the `BodyModel` protocol.

    It owns no pose and no batch size, and computes in the dtype and on the device of the parameters
    it is given. Betas that are shared over a clip are folded into the template once. Only the
    joints are computed when only they are asked for.
    """

    def __init__(
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
    ) -> None:
        """Take the arrays; skinning weights and triangles are those of `surface`."""
        if len(skeleton) != len(j_regressor) or not skeleton.topological:
            raise InputError(
                f"expected a skeleton of {len(j_regressor)} joints with parents before children, "
                f"got '{skeleton.name}' with {len(skeleton)}"
            )
        self._name = name
        self._skeleton = skeleton
        self._surface = surface
        self._arrays = _Arrays(
            template=v_template.T.contiguous(),
            shapedirs=shapedirs.permute(2, 1, 0).flatten(1).contiguous(),
            pose_vertices=tuple(shape.vertices for shape in pose_shapes),
            pose_values=tuple(_coordinate_major(shape.values) for shape in pose_shapes),
            weights=surface.lbs_weights.T.contiguous(),
            joints_template=j_regressor @ v_template,
            joints_shapedirs=torch.einsum("jv,vcb->jcb", j_regressor, shapedirs),
            faces=surface.faces,
        )
        self._pose_joints = tuple(shape.joint for shape in pose_shapes)
        self._converted: dict[tuple[torch.dtype, torch.device], _Arrays] = {}
        self._articulation = _articulation(skeleton, self._arrays, v_template, shapedirs, landmarks)

    @classmethod
    def from_smpl_arrays(
        cls,
        name: str,
        skeleton: Skeleton,
        *,
        v_template: Float[Tensor, "vertices 3"],
        shapedirs: Float[Tensor, "vertices 3 betas"],
        posedirs: Float[Tensor, "vertices 3 features"],
        j_regressor: Float[Tensor, "joints vertices"],
        surface: Surface,
    ) -> "LinearBlendBody":
        """A body from dense arrays as SMPL's files hold them, 9 pose features a joint but the root."""
        joints = posedirs.shape[2] // 9
        blocks = posedirs.reshape(*posedirs.shape[:2], joints, 9).permute(2, 0, 3, 1)
        return cls(
            name,
            skeleton,
            v_template=v_template,
            shapedirs=shapedirs,
            pose_shapes=tuple(_used(joint + 1, block) for joint, block in enumerate(blocks)),
            j_regressor=j_regressor,
            surface=surface,
            landmarks={},
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
        self._check(params)
        _, _, joints = _pose(self._like(params.transl), self._skeleton, params)
        return joints

    def __call__(self, params: BodyParams) -> BodyMesh:
        """Posed vertices and joints in metres; big batches are posed in chunks."""
        self._check(params)
        arrays = self._like(params.transl)
        local, transforms, joints = _pose(arrays, self._skeleton, params)
        batch = joints.shape[:-2]
        shaped = _shaped(arrays, _distinct(params.betas, batch))
        features = (local[..., 1:, :, :] - torch.eye(3).to(local)).reshape(
            math.prod(batch), len(self._skeleton) - 1, 9
        )
        transforms = transforms.reshape(len(features), *transforms.shape[-3:])
        posed = self._skinned(arrays, shaped, features, transforms)
        return BodyMesh(
            vertices=posed.reshape(*batch, *posed.shape[1:]),
            joints=joints,
            faces=arrays.faces,
            skeleton=self._skeleton,
        )

    def _check(self, params: BodyParams) -> None:
        wanted = (len(self._skeleton) - 1, self._arrays.joints_shapedirs.shape[-1])
        given = (params.body_pose.shape[-2], params.betas.shape[-1])
        if wanted != given:
            raise InputError(
                f"expected {wanted[0]} joint rotations and {wanted[1]} betas for body "
                f"'{self._name}', got {given[0]} and {given[1]}: pad or cut them"
            )

    def _like(self, tensor: Tensor) -> _Arrays:
        """The arrays in the dtype and on the device of a tensor, converted at the first use."""
        key = (tensor.dtype, tensor.device)
        if key not in self._converted:
            # Kept for later calls, which may want gradients: never as inference tensors.
            with torch.inference_mode(False):
                self._converted[key] = self._arrays.to(tensor)
        return self._converted[key]

    def _skinned(
        self, arrays: _Arrays, shaped: Tensor, features: Tensor, transforms: Tensor
    ) -> Float[Tensor, "bodies vertices 3"]:
        vertices = shaped.shape[-1]
        step = max(1, _CHUNK_BYTES // (12 * vertices * shaped.element_size()))
        done: list[Tensor] = []
        for start in range(0, len(features), step):
            part = slice(start, start + step)
            rest = shaped if len(shaped) == 1 else shaped[part]
            rest = self._pose_shaped(arrays, rest, features[part])
            done.append(_linear_blend(rest, arrays.weights, transforms[part]))
        return torch.cat(done) if done else shaped.new_zeros(0, vertices, 3)

    def _pose_shaped(self, arrays: _Arrays, rest: Tensor, features: Tensor) -> Tensor:
        count = len(features)
        out = rest.repeat(count, 1, 1) if len(rest) == 1 else rest.clone()
        for joint, vertices, values in zip(
            self._pose_joints, arrays.pose_vertices, arrays.pose_values, strict=True
        ):
            moved = (features[:, joint - 1] @ values).reshape(count, 3, -1)
            out.index_add_(2, vertices, moved)
        return out


def _pose(arrays: _Arrays, skeleton: Skeleton, params: BodyParams) -> tuple[Tensor, Tensor, Tensor]:
    """Local rotations [*batch J 3 3], skinning transforms [*batch J 3 4], joints [*batch J 3]."""
    local = rotmat_from_axis_angle(params.axis_angle)
    rest = arrays.joints_template + torch.einsum(
        "jcb,...b->...jc", arrays.joints_shapedirs, params.betas
    )
    parents = torch.tensor([max(parent, 0) for parent in skeleton.parents], device=rest.device)
    is_root = torch.tensor([parent < 0 for parent in skeleton.parents], device=rest.device)
    offsets = torch.where(is_root[:, None], rest, rest - rest[..., parents, :])
    world, joints = forward_kinematics(
        local, offsets.expand(*local.shape[:-3], -1, 3), skeleton.parents
    )
    joints = joints + params.transl[..., None, :]
    shift = joints - (world @ rest[..., None])[..., 0]
    return local, torch.cat([world, shift[..., None]], -1), joints


def _distinct(betas: Tensor, batch: tuple[int, ...]) -> Tensor:
    """The betas as [1 betas] where all bodies share them, else as [bodies betas]."""
    rows = betas.reshape(-1, betas.shape[-1])
    if len(rows) == 1:
        return rows
    if not betas.requires_grad and bool((rows == rows[:1]).all()):
        return rows[:1]
    return betas.expand(*batch, -1).reshape(-1, betas.shape[-1])


def _shaped(arrays: _Arrays, betas: Tensor) -> Float[Tensor, "bodies 3 vertices"]:
    flat = torch.addmm(arrays.template.reshape(1, -1), betas, arrays.shapedirs)
    return flat.reshape(len(betas), *arrays.template.shape)


def _linear_blend(rest: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    """Skin [bodies 3 vertices] with [joints vertices] weights and [bodies joints 3 4] transforms."""
    count, joints = transforms.shape[:2]
    rows = transforms.permute(0, 2, 3, 1).reshape(count * 12, joints)
    blended = (rows @ weights).reshape(count, 3, 4, -1)
    posed = torch.addcmul(blended[:, :, 3], blended[:, :, 0], rest[:, None, 0])
    posed = torch.addcmul(posed, blended[:, :, 1], rest[:, None, 1])
    posed = torch.addcmul(posed, blended[:, :, 2], rest[:, None, 2])
    return posed.transpose(1, 2)


def _coordinate_major(values: Float[Tensor, "affected 9 3"]) -> Float[Tensor, "9 3*affected"]:
    return values.permute(1, 2, 0).flatten(1).contiguous()


def _used(joint: int, block: Float[Tensor, "vertices 9 3"]) -> PoseShapes:
    vertices = block.flatten(1).any(dim=1).nonzero()[:, 0]
    return PoseShapes(joint, vertices, block[vertices])


def _articulation(
    skeleton: Skeleton,
    arrays: _Arrays,
    v_template: Tensor,
    shapedirs: Tensor,
    landmarks: Mapping[str, Landmark],
) -> Articulation:
    places = [site.weights @ v_template[site.vertices] for site in landmarks.values()]
    moves = [
        torch.einsum("v,vcb->cb", site.weights, shapedirs[site.vertices])
        for site in landmarks.values()
    ]
    betas = shapedirs.shape[-1]
    return Articulation(
        skeleton=skeleton,
        joints_template=arrays.joints_template,
        joints_shapedirs=arrays.joints_shapedirs,
        landmarks=tuple(landmarks),
        landmark_joints=tuple(site.joint for site in landmarks.values()),
        landmarks_template=torch.stack(places) if places else v_template.new_zeros(0, 3),
        landmarks_shapedirs=torch.stack(moves) if moves else v_template.new_zeros(0, 3, betas),
    )
