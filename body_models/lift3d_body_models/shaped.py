"""A body in one shape, for live use: numpy in, numpy out, nothing in between."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lift3d.errors import InputError
from lift3d_body_models.compiled import CompiledBody, Shape
from lift3d_body_models.pose_input import Turns

__all__ = ["ShapedBody"]

_NO_ROOT = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class ShapedBody:
    """What `LinearBlendBody.shaped` gives: betas are folded in, and rotations come as numpy arrays.

    One body's joints take some microseconds, of which the values and devices of torch tensors would
    be half. Arrays are float32, the root's rotation first. Raises `InputError` for other shapes
    or dtypes, for NaN and infinity, and for angles beyond 1000 radians.
    """

    name: str
    joint_count: int
    compiled: CompiledBody
    shape: Shape

    def joints(
        self,
        axis_angle: Float32[ndarray, "*batch joints 3"],
        transl: Float32[ndarray, "*batch 3"],
    ) -> Float32[ndarray, "*batch joints 3"]:
        """Posed joints in metres."""
        found = self.compiled.joints(self.shape, self._turns(axis_angle, transl))
        if found is None:
            raise self._bad()
        return found.reshape(axis_angle.shape)

    def vertices(
        self,
        axis_angle: Float32[ndarray, "*batch joints 3"],
        transl: Float32[ndarray, "*batch 3"],
    ) -> Float32[ndarray, "*batch vertices 3"]:
        """Posed vertices in metres."""
        found = self.compiled.vertices(self.shape, self._turns(axis_angle, transl))
        if found is None:
            raise self._bad()
        return found[0].reshape(*transl.shape[:-1], len(self.shape.vertices) // 3, 3)

    def _turns(self, axis_angle: ndarray, transl: ndarray) -> Turns:
        values = 3 * self.joint_count
        if (
            axis_angle.shape != (*transl.shape[:-1], self.joint_count, 3)
            or transl.shape[-1] != 3
            or axis_angle.dtype != np.float32
            or transl.dtype != np.float32
        ):
            raise InputError(
                f"expected float32 axis_angle [*batch {self.joint_count} 3] and transl [*batch 3] "
                f"for body '{self.name}', got {axis_angle.dtype} {list(axis_angle.shape)} and "
                f"{transl.dtype} {list(transl.shape)}: convert them"
            )
        pose = np.ascontiguousarray(axis_angle).reshape(axis_angle.size // values, values)
        move = np.ascontiguousarray(transl).reshape(transl.size // 3, 3)
        return Turns(_NO_ROOT, pose, move)

    def _bad(self) -> InputError:
        return InputError(
            f"expected finite rotations within 1000 radians for body '{self.name}', got others: "
            "leave such frames out"
        )
