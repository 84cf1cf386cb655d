"""A small network learns from a large one's heatmaps beside the annotated ones.

Zhang, Zhu and Ye, "Fast Human Pose Estimation" (FPD), CVPR 2019, arXiv:1811.05419, section 3.3: the loss
is (1 - a) of the annotation's and a of the teacher's, both squared errors of the heatmaps. What the
teacher says of unannotated joints counts, too.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks.heatmaps import Goal, Heatmaps, summed, term
from lift3d.networks.network import KeypointNetwork, Targets

__all__ = ["distilled_losses", "teacher_maps"]


@torch.no_grad()
def teacher_maps(
    teacher: KeypointNetwork[Heatmaps], pictures: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch joints rows columns"]:
    """The teacher's last heatmaps, without gradient; it should be in eval mode."""
    found: Heatmaps = teacher(pictures)
    return found.stages[-1]


def distilled_losses(
    student: KeypointNetwork[Heatmaps],
    output: Heatmaps,
    targets: Targets,
    taught: Float[Tensor, "batch joints rows columns"],
    share: float = 0.5,
) -> dict[str, Term]:
    """The student's own losses times 1 - share, and `distilled`, over all of its stages.

    `taught` are the teacher's maps of the same pictures. Raises `InputError` where the maps differ in
    shape, and for a share that is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise InputError(f"expected a share between 0 and 1, got {share}: 0.5 is the paper's")
    if any(maps.shape != taught.shape for maps in output.stages):
        raise InputError(
            f"expected a teacher's maps like the student's, {list(output.stages[-1].shape)}, got "
            f"{list(taught.shape)}: take networks of the same joints and stride"
        )
    goal = Goal(
        taught.float(), torch.ones(taught.shape[:2], dtype=torch.bool, device=taught.device)
    )
    copied = summed([term(maps, goal) for maps in output.stages])
    own = {
        name: Term((1 - share) * one.total, one.count)
        for name, one in student.losses(output, targets).items()
    }
    return own | {"distilled": Term(share * copied.total, copied.count)}
