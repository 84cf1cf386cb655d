"""How far fitted or regressed bodies are from true ones: `evaluate_body` compares body parameters."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyMesh, BodyParams
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotation_angle, rotmat_from_axis_angle
from lift3d.metrics import mpjpe, pa_mpjpe, pa_pve, pve
from lift3d.protocols import BodyModel

__all__ = ["BODY_PROTOCOL", "BodyEvaluation", "evaluate_body"]

BODY_PROTOCOL: Final = (
    "Vertices and joints of the body model for predicted and true parameters, pelvis joints laid on "
    "each other; mean over frames of the mean over all vertices or all joints, the root's 0 "
    "included; pa_: after Procrustes with scale, over vertices or over joints by themselves. "
    "rotation: mean angle between local joint rotations, the root's included, in degrees."
)

_CHUNK: Final = 64
"""Frames at a time: 64 meshes of 6,890 vertices with their blend shapes stay below 100 MB."""


@dataclass(frozen=True, slots=True)
class BodyEvaluation:
    """Means over frames, and the vertex error of each frame (millimetres); `transl_mm` is absolute."""

    pve_mm: float
    pa_pve_mm: float
    mpjpe_mm: float
    pa_mpjpe_mm: float
    rotation_degrees: float
    transl_mm: float
    per_frame_pve_mm: Float[Tensor, " frames"]
    protocol: str = BODY_PROTOCOL

    @property
    def frames(self) -> int:
        return len(self.per_frame_pve_mm)


def evaluate_body(
    model: BodyModel,
    predicted: BodyParams,
    true: BodyParams,
    *,
    true_model: BodyModel | None = None,
) -> BodyEvaluation:
    """Compare parameters of one clip, frames first. Both in the same frame, the camera's or the world's.

    `true_model` is given where the truth belongs to another model of the same surface, a gendered
    one for instance. Raises `InputError` where frames or surfaces differ.
    """
    other = true_model if true_model is not None else model
    _expect_comparable(model, predicted, other, true)
    frames = torch.arange(len(true.transl))
    parts = [
        _chunk(model, predicted[some], other, true[some]) for some in torch.split(frames, _CHUNK)
    ]
    errors = torch.cat(parts, 1) * 1000
    means = [round(float(values.nanmean()), 3) for values in errors]
    return BodyEvaluation(
        means[0], means[1], means[2], means[3], round(_rotation(predicted, true), 3), means[4],
        errors[0],
    )  # fmt: skip


def _expect_comparable(
    model: BodyModel, predicted: BodyParams, other: BodyModel, true: BodyParams
) -> None:
    shapes = [list(params.transl.shape) for params in (predicted, true)]
    if true.transl.ndim != 2 or shapes[0] != shapes[1] or not len(true.transl):
        raise InputError(
            "expected predicted and true bodies of the same frames (one axis, at least one), got "
            f"transl of shapes {shapes[0]} and {shapes[1]}: cut both to common frames"
        )
    if model.skeleton != other.skeleton or not torch.equal(
        model.surface.faces, other.surface.faces
    ):
        raise InputError(
            f"expected the true body to have the surface of '{model.name}', got '{other.name}': "
            "convert its parameters first"
        )


@torch.no_grad()
def _chunk(
    model: BodyModel, predicted: BodyParams, other: BodyModel, true: BodyParams
) -> Float[Tensor, "errors frames"]:
    a, b = model(predicted), other(true)
    roots = a.joints[:, 0], b.joints[:, 0]
    joints = [mesh.joints - mesh.joints[:, :1] for mesh in (a, b)]
    mask = torch.ones(b.joints.shape[:2], dtype=torch.bool)
    return torch.stack(
        [
            pve(a.vertices, b.vertices, *roots),
            pa_pve(a.vertices, b.vertices),
            mpjpe(joints[0], joints[1], mask),
            pa_mpjpe(joints[0], joints[1], mask),
            _root_distance(a, b),
        ]
    )


def _root_distance(a: BodyMesh, b: BodyMesh) -> Float[Tensor, " frames"]:
    distance: Tensor = torch.linalg.vector_norm(a.joints[:, 0] - b.joints[:, 0], dim=-1)
    return distance


def _rotation(predicted: BodyParams, true: BodyParams) -> float:
    a, b = (rotmat_from_axis_angle(params.axis_angle.double()) for params in (predicted, true))
    return float(rotation_angle(a.mT @ b).rad2deg().mean())
