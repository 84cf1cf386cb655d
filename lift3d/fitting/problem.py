"""What is asked of the solver, how, and the state that it moves."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import PointTable
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.skin import SkinTable

__all__ = ["FitOptions", "FitState", "Near", "Problem", "Solution"]


Engine = Literal["auto", "compiled", "torch"]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit. The defaults suit lifted joints and detected keypoints.

    `outlier` is the number of standard deviations from which a keypoint loses its pull
    (Geman-McClure). `beta_std` is the spread of betas, 1 by the definition of a body model's PCA; it
    counts once per frame with evidence, since the frames of a clip err in the same direction and
    more of them do not make an unlikely body likelier. `one_shape` is for the frames of one person;
    without it each frame has betas of its own. A frame is left alone once a step promises to gain
    less than `tolerance`, in squared standard deviations. `engine` is "compiled" (on the processor),
    "torch", or "auto": compiled. Raises `InputError` for values out of range.
    """

    iterations: int = 12
    prior_weight: float = 1.0
    beta_std: float = 1.0
    outlier: float = 4.0
    damping: float = 1e-2
    fit_betas: bool = True
    one_shape: bool = True
    tolerance: float = 1e-2
    engine: Engine = "auto"

    def __post_init__(self) -> None:
        for name in ("beta_std", "outlier"):
            if not getattr(self, name) > 0:
                raise InputError(f"expected {name} above 0, got {getattr(self, name)}: correct it")
        for name in ("iterations", "prior_weight", "damping", "tolerance"):
            if not getattr(self, name) >= 0:
                raise InputError(
                    f"expected {name} of at least 0, got {getattr(self, name)}: correct it"
                )
        if self.engine not in get_args(Engine):
            raise InputError(
                f"expected one of {', '.join(get_args(Engine))} as engine, got '{self.engine}': "
                "choose one"
            )


@dataclass(frozen=True, slots=True)
class FitState:
    """A pose per frame, and the betas that all share or that each has."""

    rotmats: Float[Tensor, "frames joints 3 3"]
    transl: Float[Tensor, "frames 3"]
    betas: Float[Tensor, "people betas"]

    def __getitem__(self, frames: slice | Tensor) -> "FitState":
        shared = len(self.betas) != len(self.transl) or len(self.betas) == 1
        betas = self.betas if shared else self.betas[frames]
        return FitState(self.rotmats[frames], self.transl[frames], betas)


@dataclass(frozen=True, slots=True)
class Near:
    """A state that the answer should stay close to: that of a first pass, or of a regressor.

    Rotations within `turn_std` radians about each axis, the root within `reach` metres; the betas of
    the state do not count.
    """

    state: FitState
    turn_std: Float[Tensor, "frames joints"]
    reach: float = math.inf

    def __getitem__(self, frames: slice | Tensor) -> "Near":
        return Near(self.state[frames], self.turn_std[frames], self.reach)

    @classmethod
    def smoothed(cls, state: FitState) -> "Near":
        """For a second pass, which is to change little."""
        return cls(state, torch.full_like(state.rotmats[..., 0, 0], 0.03), 0.005)


@dataclass(frozen=True, slots=True)
class Problem:
    """All that stays fixed while solving.

    `near` is a state that the answer should stay close to. Points are those of the table, then those of
    the `skin`; `shift` is added to the latter.
    """

    table: PointTable
    prior: PosePrior
    evidence: Evidence
    options: FitOptions
    near: Near | None = None
    skin: SkinTable | None = None
    shift: Float[Tensor, "frames sites 3"] | None = None

    def __getitem__(self, frames: slice | Tensor) -> "Problem":
        return replace(
            self,
            evidence=self.evidence[frames],
            near=self.near[frames] if self.near is not None else None,
            shift=self.shift[frames] if self.shift is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """Where a descent ended: the state and what each frame costs, in squared standard deviations.

    A frame has `settled` when its last step, hardly damped, promised next to nothing.
    """

    state: FitState
    cost: Float[Tensor, " frames"]
    settled: Bool[Tensor, " frames"]
    iterations: int

    @staticmethod
    def joined(parts: "list[Solution]") -> "Solution":
        """Frames one after the other; betas that are shared must be the same."""
        states = [part.state for part in parts]
        shared = all(len(state.betas) == 1 for state in states)
        return Solution(
            FitState(
                torch.cat([state.rotmats for state in states]),
                torch.cat([state.transl for state in states]),
                states[0].betas if shared else torch.cat([state.betas for state in states]),
            ),
            torch.cat([part.cost for part in parts]),
            torch.cat([part.settled for part in parts]),
            max(part.iterations for part in parts),
        )
