"""What a body is posed by, however its rotations came."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["PoseInput", "Turns"]


class Turns(NamedTuple):
    """Rotations of all joints, `root` before `pose`: three values (axis-angle) or nine (rotmat) each."""

    root: Float32[ndarray, "bodies root_values"]
    pose: Float32[ndarray, "bodies pose_values"]
    transl: Float32[ndarray, "bodies 3"]


@dataclass(frozen=True, slots=True)
class PoseInput:
    """Rotations of all joints, shape and place: `BodyParams`, or rotation matrices in their stead.

    `rotations` are (global_orient, body_pose) as axis-angle, or (rotmats,). Use `of` and
    `of_rotmats`, which check the shapes.
    """

    rotations: tuple[Tensor, ...]
    betas: Float[Tensor, "*#batch betas"]
    transl: Float[Tensor, "*batch 3"]
    expression: Float[Tensor, "*#batch expressions"] | None

    @classmethod
    def of(cls, params: BodyParams) -> "PoseInput":
        """By body parameters, which have checked themselves."""
        rotations = (params.global_orient, params.body_pose)
        return cls(rotations, params.betas, params.transl, params.expression)

    @classmethod
    def of_rotmats(
        cls,
        rotmats: Float[Tensor, "*batch joints 3 3"],
        betas: Float[Tensor, "*#batch betas"],
        transl: Float[Tensor, "*batch 3"],
        expression: Float[Tensor, "*#batch expressions"] | None,
    ) -> "PoseInput":
        """By rotation matrices, the root's first; raises `InputError` for shapes that do not fit."""
        batch = transl.shape[:-1]
        if rotmats.shape[:-3] != batch or rotmats.shape[-2:] != (3, 3) or transl.shape[-1:] != (3,):
            raise InputError(
                "expected rotmats [*batch joints 3 3] and transl [*batch 3], got "
                f"{list(rotmats.shape)} and {list(transl.shape)}: give the same batch to both"
            )
        return cls((rotmats,), betas, transl, expression)

    @property
    def batch(self) -> tuple[int, ...]:
        """The axes before the coordinates."""
        return self.transl.shape[:-1]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many joints and betas were given."""
        if len(self.rotations) == 1:
            return self.rotations[0].shape[-3], self.betas.shape[-1]
        return self.rotations[1].shape[-2] + 1, self.betas.shape[-1]

    @property
    def compilable(self) -> bool:
        """Whether the kernels can do it: float32 on a CPU, no gradients wanted, nothing traced."""
        tensors = (*self.rotations, self.betas, self.transl)
        wanted = torch.is_grad_enabled()
        for tensor in tensors if self.expression is None else (*tensors, self.expression):
            if tensor.dtype != torch.float32 or not tensor.is_cpu:
                return False
            if wanted and tensor.requires_grad:
                return False
        return not torch.compiler.is_compiling()

    def turns(self) -> Turns | None:
        """Rotations as the kernels take them; None inside `torch.func`, where tensors hold no data."""
        try:
            transl = _rows(self.transl, 3)
            if len(self.rotations) == 1:
                rotmats = self.rotations[0]
                none = np.empty((len(transl), 0), np.float32)
                return Turns(none, _rows(rotmats, 9 * rotmats.shape[-3]), transl)
            root, pose = self.rotations
            return Turns(_rows(root, 3), _rows(pose, 3 * pose.shape[-2]), transl)
        except RuntimeError:
            return None

    def rotmats(self) -> Float[Tensor, "*batch joints 3 3"]:
        """Rotation matrices of all joints, the root's first."""
        if len(self.rotations) == 1:
            return self.rotations[0]
        root, pose = self.rotations
        return rotmat_from_axis_angle(torch.cat([root[..., None, :], pose], -2))

    def check(self, body: str) -> None:
        """Raise `InputError` for what cannot be posed, by the name of the field."""
        self._check_alike(body)
        self._check_finite(body)

    def _check_alike(self, body: str) -> None:
        dtype, device = self.transl.dtype, self.transl.device
        for name, values, _ in self._fields():
            if not values.numel():
                continue
            if (values.dtype, values.device) != (dtype, device) or not dtype.is_floating_point:
                raise InputError(
                    f"expected parameters of one floating dtype, on one device, for body '{body}', "
                    f"got {name} in {values.dtype} on {values.device} and transl in {dtype} on "
                    f"{device}: convert them"
                )

    def _check_finite(self, body: str) -> None:
        """Name the first NaN or infinity's field and place in the batch."""
        for name, values, axes in self._fields():
            if bool(values.isfinite().all()):
                continue
            good = values.isfinite().flatten(values.ndim - axes).all(-1)
            first = torch.nonzero(~good)[0].tolist()
            where = f" of frame {', '.join(map(str, first))}" if first else ""
            raise InputError(
                f"expected finite parameters for body '{body}', got NaN or infinity in "
                f"{name}{where}: leave such frames out, as in params[params.finite]"
            )

    def _fields(self) -> Iterator[tuple[str, Tensor, int]]:
        """Name, values, and number of axes that are not the batch's."""
        if len(self.rotations) == 1:
            yield "rotmats", self.rotations[0], 3
        else:
            yield "global_orient", self.rotations[0], 1
            yield "body_pose", self.rotations[1], 2
        yield "transl", self.transl, 1
        yield "betas", self.betas, 1
        if self.expression is not None:
            yield "expression", self.expression, 1


def _rows(values: Tensor, width: int) -> Float32[ndarray, "bodies width"]:
    flat: ndarray = np.ascontiguousarray(values.detach().numpy())
    return flat.reshape(flat.size // width if width else math.prod(flat.shape[:-2]), width)
