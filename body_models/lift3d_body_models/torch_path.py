"""Bodies in SMPL's format in plain torch: any dtype, any device, with gradients.

Inside, vertices lie as [3 vertices], so that every inner loop runs over contiguous vertices.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.kinematics import forward_kinematics
from lift3d_body_models.smpl_arrays import PoseShapes, SmplArrays

__all__ = ["TorchBody"]

# Bodies are posed in groups whose blended transforms take about this much memory.
_CHUNK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class TorchBody:
    """All that posing needs, in one dtype on one device; coordinates before vertices."""

    parents: tuple[int, ...]
    template: Float[Tensor, "3 vertices"]
    shapedirs: Float[Tensor, "coefficients coordinates"]
    posedirs: "_Dense | tuple[_Sparse, ...]"
    weights: Float[Tensor, "joints vertices"]
    joints_template: Float[Tensor, "joints 3"]
    joints_shapedirs: Float[Tensor, "joints 3 coefficients"]

    @classmethod
    def like(cls, arrays: SmplArrays, tensor: Tensor) -> "TorchBody":
        """The arrays in the dtype and on the device of a tensor."""

        def to(values: Tensor) -> Tensor:
            return values.to(tensor.device, tensor.dtype).contiguous()

        affected = sum(len(shape.vertices) for shape in arrays.pose_shapes)
        dense = 2 * affected > len(arrays.v_template) * len(arrays.pose_shapes)
        return cls(
            parents=arrays.parents,
            template=to(arrays.v_template.T),
            shapedirs=to(arrays.shapedirs.permute(2, 1, 0).flatten(1)),
            posedirs=_dense(arrays, tensor)
            if dense
            else tuple(_sparse(shape, tensor) for shape in arrays.pose_shapes),
            weights=to(arrays.lbs_weights.T),
            joints_template=to(arrays.joints_template),
            joints_shapedirs=to(arrays.joints_shapedirs),
        )

    def pose(
        self,
        rotmats: Float[Tensor, "*batch joints 3 3"],
        coefficients: Float[Tensor, "*#batch coefficients"],
        transl: Float[Tensor, "*batch 3"],
    ) -> tuple[Float[Tensor, "*batch joints 3 4"], Float[Tensor, "*batch joints 3"]]:
        """Maps from places at rest to posed ones, and posed joints (metres)."""
        rest = self.joints_template + torch.einsum(
            "jcb,...b->...jc", self.joints_shapedirs, coefficients
        )
        parents = torch.tensor([max(parent, 0) for parent in self.parents], device=rest.device)
        is_root = torch.tensor([parent < 0 for parent in self.parents], device=rest.device)
        offsets = torch.where(is_root[:, None], rest, rest - rest[..., parents, :])
        world, joints = forward_kinematics(
            rotmats, offsets.expand(*rotmats.shape[:-3], -1, 3), self.parents
        )
        joints = joints + transl[..., None, :]
        shift = joints - (world @ rest[..., None])[..., 0]
        return torch.cat([world, shift[..., None]], -1), joints

    def vertices(
        self,
        rotmats: Float[Tensor, "*batch joints 3 3"],
        coefficients: Float[Tensor, "*#batch coefficients"],
        maps: Float[Tensor, "*batch joints 3 4"],
    ) -> Float[Tensor, "*batch vertices 3"]:
        """Posed vertices in metres; big batches in chunks."""
        batch, vertices = rotmats.shape[:-3], self.template.shape[1]
        shaped = self._shaped(_distinct(coefficients, batch))
        local = rotmats[..., 1:, :, :] - torch.eye(3).to(rotmats)
        features = local.reshape(math.prod(batch), 9 * (len(self.parents) - 1))
        maps = maps.reshape(len(features), *maps.shape[-3:])
        step = max(1, _CHUNK_BYTES // (12 * vertices * shaped.element_size()))
        done: list[Tensor] = []
        for start in range(0, len(features), step):
            part = slice(start, start + step)
            rest = shaped if len(shaped) == 1 else shaped[part]
            done.append(self._skinned(self._displaced(rest, features[part]), maps[part]))
        flat = torch.cat(done) if done else shaped.new_zeros(0, vertices, 3)
        return flat.reshape(*batch, vertices, 3)

    def _shaped(
        self, coefficients: Float[Tensor, "bodies coefficients"]
    ) -> Float[Tensor, "bodies 3 vertices"]:
        flat = torch.addmm(self.template.reshape(1, -1), coefficients, self.shapedirs)
        return flat.reshape(len(coefficients), *self.template.shape)

    def _displaced(
        self, rest: Float[Tensor, "shapes 3 vertices"], features: Float[Tensor, "bodies features"]
    ) -> Float[Tensor, "bodies 3 vertices"]:
        """Shaped vertices plus the pose blend shapes."""
        count = len(features)
        if isinstance(self.posedirs, _Dense):
            moved = torch.addmm(rest.flatten(1), features, self.posedirs.values)
            return moved.reshape(count, *self.template.shape)
        out = rest.repeat(count, 1, 1) if len(rest) == 1 else rest.clone()
        for part in self.posedirs:
            first = 9 * (part.joint - 1)
            moved = (features[:, first : first + 9] @ part.values).reshape(count, 3, -1)
            out.index_add_(2, part.vertices, moved)
        return out

    def _skinned(
        self, rest: Float[Tensor, "bodies 3 vertices"], maps: Float[Tensor, "bodies joints 3 4"]
    ) -> Float[Tensor, "bodies vertices 3"]:
        count, joints = maps.shape[:2]
        rows = maps.permute(0, 2, 3, 1).reshape(count * 12, joints)
        blended = (rows @ self.weights).reshape(count, 3, 4, -1)
        posed = torch.addcmul(blended[:, :, 3], blended[:, :, 0], rest[:, None, 0])
        posed = torch.addcmul(posed, blended[:, :, 1], rest[:, None, 1])
        posed = torch.addcmul(posed, blended[:, :, 2], rest[:, None, 2])
        return posed.transpose(1, 2)


@dataclass(frozen=True, slots=True)
class _Dense:
    """Pose shapes of all joints on all vertices."""

    values: Float[Tensor, "features coordinates"]


@dataclass(frozen=True, slots=True)
class _Sparse:
    """Pose shapes of one joint on the vertices that it displaces."""

    joint: int
    vertices: Tensor
    values: Float[Tensor, "9 displacements"]


def _dense(arrays: SmplArrays, like: Tensor) -> _Dense:
    count = len(arrays.v_template)
    out = arrays.v_template.new_zeros(len(arrays.parents) - 1, 9, 3, count)
    for shape in arrays.pose_shapes:
        out[shape.joint - 1][..., shape.vertices] = shape.values.permute(1, 2, 0).to(out)
    return _Dense(out.reshape(-1, 3 * count).to(like.device, like.dtype))


def _sparse(shape: PoseShapes, like: Tensor) -> _Sparse:
    values = shape.values.permute(1, 2, 0).flatten(1).to(like.device, like.dtype).contiguous()
    return _Sparse(shape.joint, shape.vertices.to(like.device), values)


def _distinct(
    coefficients: Float[Tensor, "*#batch coefficients"], batch: tuple[int, ...]
) -> Float[Tensor, "bodies coefficients"]:
    """One row where all bodies share their shape, else one per body."""
    width = coefficients.shape[-1]
    rows = coefficients.reshape(math.prod(coefficients.shape[:-1]), width)
    if len(rows) == 1:
        return rows
    if len(rows) and not coefficients.requires_grad and bool((rows == rows[:1]).all()):
        return rows[:1]
    return coefficients.expand(*batch, -1).reshape(math.prod(batch), width)
