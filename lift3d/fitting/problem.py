"""What is asked of the solver, how, and the state that it moves."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import PointTable
from lift3d.fitting.prior import PosePrior

__all__ = ["FitOptions", "FitState", "Problem"]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit. The defaults suit lifted joints and detected keypoints.

    `outlier` is the number of standard deviations from which a keypoint loses its pull
    (Geman-McClure). `beta_std` is the spread of betas, 1 by the definition of a body model's PCA; it
    counts once per frame with evidence, since the frames of a clip err in the same direction and
    more of them do not make an unlikely body likelier. Raises `InputError` for values out of range.
    """

    iterations: int = 12
    prior_weight: float = 1.0
    beta_std: float = 1.0
    outlier: float = 4.0
    damping: float = 1e-2
    fit_betas: bool = True

    def __post_init__(self) -> None:
        for name in ("beta_std", "outlier"):
            if not getattr(self, name) > 0:
                raise InputError(f"expected {name} above 0, got {getattr(self, name)}")
        for name in ("iterations", "prior_weight", "damping"):
            if not getattr(self, name) >= 0:
                raise InputError(f"expected {name} of at least 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class FitState:
    """A pose per frame and the betas that they share."""

    rotmats: Float[Tensor, "frames joints 3 3"]
    transl: Float[Tensor, "frames 3"]
    betas: Float[Tensor, " betas"]

    def __getitem__(self, frames: slice | Tensor) -> "FitState":
        return FitState(self.rotmats[frames], self.transl[frames], self.betas)


@dataclass(frozen=True, slots=True)
class Problem:
    """All that stays fixed while solving.

    `near` is a state that the answer should stay close to, for instance that of a first pass after
    smoothing over time: rotations within `near_std` radians, the root within `near_reach` metres.
    """

    table: PointTable
    prior: PosePrior
    evidence: Evidence
    options: FitOptions
    near: FitState | None = None
    near_std: float = 0.03
    near_reach: float = 0.005
