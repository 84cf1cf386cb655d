"""How far a predicted body surface is from the true one. Both have the same vertices."""

from jaxtyping import Float
from torch import Tensor

from lift3d.metrics.positions import mpjpe, pa_mpjpe

__all__ = ["pa_pve", "pve"]


def pve(
    predicted: Float[Tensor, "*batch vertices 3"],
    target: Float[Tensor, "*batch vertices 3"],
    predicted_root: Float[Tensor, "*batch 3"],
    target_root: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch"]:
    """Mean per-vertex error in metres with the roots (pelvis joints) laid on each other.

    Also MPVE, MPVPE or PVE (Pavlakos et al., CVPR 2018). Vertices that are NaN on either side do not
    count.
    """
    a = predicted - predicted_root[..., None, :]
    b = target - target_root[..., None, :]
    return mpjpe(a, b, (a + b).isfinite().all(-1))


def pa_pve(
    predicted: Float[Tensor, "*batch vertices 3"], target: Float[Tensor, "*batch vertices 3"]
) -> Float[Tensor, "*batch"]:
    """Mean per-vertex error in metres after the best similarity transform over all vertices."""
    return pa_mpjpe(predicted, target, (predicted + target).isfinite().all(-1))
