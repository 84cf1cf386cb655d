"""A body as a regressor gives it: parameters, and how far to trust them."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.motion import Motion
from lift3d.pose import Pose3D

__all__ = ["BodyEstimate"]


@dataclass(frozen=True, slots=True)
class BodyEstimate:
    """One person's body over a clip, in the camera frame (metres; NaN where nobody was seen).

    `joints` are the lifted points that it was read from. `turn_std` is how far each rotation may be
    off about each axis (radians), `betas_std` the same of the shape that all frames share (NaN where the
    shape is not known and the betas are 0), `error` the
    mean distance of the skin that is to be expected in each frame (metres). `converged` is false in
    frames that were refined and had not come to rest, and `doubtful` marks those whose body was fitted
    from the joints alone, since the regressor did not trust itself.
    """

    params: BodyParams
    joints: Motion[Pose3D]
    turn_std: Float[Tensor, "frames rotations"]
    betas_std: Float[Tensor, " betas"]
    error: Float[Tensor, " frames"]
    converged: Bool[Tensor, " frames"]
    doubtful: Bool[Tensor, " frames"]
