"""The arrays of a body in SMPL's format, as both ways of posing it take them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Landmark", "PoseShapes", "SmplArrays", "pose_shapes_from_dense"]


@dataclass(frozen=True, slots=True)
class PoseShapes:
    """How much the rotation of one joint displaces some vertices, in metres.

    `values[i]` belongs to vertex `vertices[i]` (each named once): its displacement is the sum over
    the nine entries, row after row, of the joint's rotation matrix minus the identity.
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
class SmplArrays:
    """What posing needs. Coefficients are betas, then expressions, where a body has some."""

    parents: tuple[int, ...]
    v_template: Float[Tensor, "vertices 3"]
    shapedirs: Float[Tensor, "vertices 3 coefficients"]
    pose_shapes: tuple[PoseShapes, ...]
    lbs_weights: Float[Tensor, "vertices joints"]
    joints_template: Float[Tensor, "joints 3"]
    joints_shapedirs: Float[Tensor, "joints 3 coefficients"]
    faces: Int[Tensor, "faces 3"]


def pose_shapes_from_dense(
    posedirs: Float[Tensor, "vertices 3 features"],
) -> tuple[PoseShapes, ...]:
    """Pose shapes from nine features a joint but the root, without the vertices that stay at rest."""
    joints = posedirs.shape[2] // 9
    blocks = posedirs.reshape(*posedirs.shape[:2], joints, 9).permute(2, 0, 3, 1)
    shapes = (_used(joint, block) for joint, block in enumerate(blocks, start=1))
    return tuple(shape for shape in shapes if len(shape.vertices))


def _used(joint: int, block: Float[Tensor, "vertices 9 3"]) -> PoseShapes:
    vertices = torch.nonzero(block.flatten(1).any(dim=1))[:, 0]
    return PoseShapes(joint, vertices, block[vertices])
