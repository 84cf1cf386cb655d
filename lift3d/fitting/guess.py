"""Poses that somebody guessed before the evidence is looked at: where to start, and what to believe."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.fitting.problem import FitState, Near, Problem
from lift3d.fitting.start import first_guess
from lift3d.geometry.rotations import rotmat_from_axis_angle

__all__ = ["PoseGuess"]

_NO_IDEA = 10.0
"""Radians: says nothing about a rotation."""


@dataclass(frozen=True, slots=True)
class PoseGuess:
    """Body parameters of each frame (NaN: no idea), and how far each rotation may be off.

    `turn_std` are standard deviations in radians, about each axis of each joint.
    """

    params: BodyParams
    turn_std: Float[Tensor, "frames joints"]

    def into(
        self, problem: Problem, seen: Int[Tensor, " seen"], frames: int
    ) -> tuple[Problem, FitState]:
        """The problem of some of the frames with this belief, and the state to start from.

        Frames without a guess start from the evidence. Raises `InputError` for a guess of other
        frames, joints or betas.
        """
        joints, betas = len(problem.table.parents), problem.table.shapedirs.shape[-1]
        turns = self.params.axis_angle
        if (
            turns.shape[-2] != joints
            or self.params.betas.shape[-1] != betas
            or self.turn_std.shape != turns.shape[:-1]
            or len(turns) != frames
        ):
            raise InputError(
                f"expected a guess of {joints} rotations and {betas} betas in the evidence's frames, "
                f"got {list(turns.shape)} rotations, {list(self.params.betas.shape)} betas and "
                f"{list(self.turn_std.shape)} spreads: guess with the same body and frames"
            )
        like = problem.evidence.places
        chosen = self.params[seen]
        known = chosen.finite
        state = FitState(
            rotmat_from_axis_angle(chosen.axis_angle.to(like)),
            chosen.transl.to(like),
            self._betas(problem, known),
        )
        std = self.turn_std[seen].to(like)
        if not bool(known.all()):
            rows = torch.nonzero(~known)[:, 0]
            found = first_guess(problem[rows])
            state.rotmats[rows], state.transl[rows] = found.rotmats, found.transl
            std[rows] = _NO_IDEA
        return replace(problem, near=Near(state, std)), state

    def _betas(self, problem: Problem, known: Tensor) -> Float[Tensor, "people betas"]:
        betas = self.params.betas.to(problem.evidence.places).reshape(
            -1, self.params.betas.shape[-1]
        )
        if len(betas) == 1 and problem.options.one_shape:
            return betas.nan_to_num()
        betas = betas.expand(len(known), -1).nan_to_num()
        return (
            betas[known].mean(0, keepdim=True).nan_to_num() if problem.options.one_shape else betas
        )
