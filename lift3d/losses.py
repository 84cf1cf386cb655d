"""What training minimises. Every loss is a `Term`: a sum, and how many it is over.

A mean over parts of a batch, or over several processes, then comes out as over the whole:
add up `total` and `count` and divide once. `mask` says which joints count; the others may hold
anything, also NaN, and get no gradient. Distances have the unit of what goes in.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.geometry.projection import pixels_from_points
from lift3d.skeleton import Skeleton

__all__ = [
    "AutomaticWeighting",
    "Term",
    "bone",
    "bones_from_joints",
    "compositional",
    "gaussian_nll",
    "joint_bone",
    "joint_values",
    "joints_from_bones",
    "laplace_nll",
    "mean_of",
    "mpjpe_loss",
    "ohkm",
    "reprojection",
    "squared",
]

Norm = Literal["l1", "l2"]

_NEAR: Final = 0.05
"""Points closer to the camera plane (metres) are projected as if they lay there."""


@dataclass(frozen=True, slots=True)
class Term:
    """`total` is a sum over `count` values; the loss is `mean`, 0 where nothing counts."""

    total: Float[Tensor, ""]
    count: Float[Tensor, ""]

    @property
    def mean(self) -> Float[Tensor, ""]:
        return self.total / self.count.clamp(min=1)


def mean_of(values: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"]) -> Term:
    """The values that count; the others get no gradient, whatever they hold."""
    kept = torch.where(mask, values, torch.zeros_like(values))
    return Term(kept.sum(), mask.sum().to(values.dtype))


def joint_values(
    predicted: Float[Tensor, "*batch joints axes"],
    target: Float[Tensor, "*batch joints axes"],
    mask: Bool[Tensor, "*batch joints"],
    norm: Norm = "l2",
) -> Float[Tensor, "*batch joints"]:
    """The error of each joint: its distance ("l2") or the mean over its axes ("l1"); 0 where masked."""
    difference = _difference(predicted, target, mask)
    return _length(difference) if norm == "l2" else difference.abs().mean(-1)


def mpjpe_loss(
    predicted: Float[Tensor, "*batch joints axes"],
    target: Float[Tensor, "*batch joints axes"],
    mask: Bool[Tensor, "*batch joints"],
    norm: Norm = "l2",
) -> Term:
    """Mean per-joint position error (Ionescu et al., Human3.6M, PAMI 2014, eq. 8).

    With "l1" the mean absolute difference per axis (Sun et al., Integral Human Pose Regression,
    ECCV 2018).
    """
    return mean_of(joint_values(predicted, target, mask, norm), mask)


def squared(
    predicted: Float[Tensor, "*batch joints axes"],
    target: Float[Tensor, "*batch joints axes"],
    mask: Bool[Tensor, "*batch joints"],
) -> Term:
    """Mean squared difference per axis (Martinez et al., ICCV 2017, section 3.2)."""
    return mean_of(_difference(predicted, target, mask).square().mean(-1), mask)


def bone(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
    skeleton: Skeleton,
) -> Term:
    """Mean | |b| - |b*| | over the bones of the skeleton's tree whose two ends count."""
    return _pair_lengths(predicted, target, mask, skeleton.bones)


def joint_bone(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Term:
    """Mean over all pairs i < j of | |p_i - p_j| - |t_i - t_j| |.

    The gradient is finite everywhere; where two predicted joints coincide it is 0, as no direction
    is better than another.
    """
    return _pair_lengths(predicted, target, mask, _all_pairs(predicted.shape[-2]))


def compositional(
    predicted: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    mask: Bool[Tensor, "*batch joints"],
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Term:
    """Mean over pairs (u, v) of |(p_v - p_u) - (t_v - t_u)|_1, by default over all pairs.

    Sun, Shang, Liang and Wei, Compositional Human Pose Regression, ICCV 2017, eq. 5 and 6: the path
    between two joints is the signed sum of the bones along the tree, and that sum is the difference
    of the joints which `joints_from_bones` gives. Long paths carry the errors that add up.
    """
    first, second = _ends(pairs if pairs is not None else _all_pairs(predicted.shape[-2]))
    both = mask[..., first] & mask[..., second]
    difference = _difference(predicted, target, mask)
    path = difference[..., second, :] - difference[..., first, :]
    return mean_of(path.abs().sum(-1), both)


def bones_from_joints(
    joints: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch joints 3"]:
    """Each joint's vector from its parent (Sun et al. 2017, eq. 3); a root keeps its place."""
    parents = [max(parent, 0) for parent in skeleton.parents]
    root = torch.tensor([p < 0 for p in skeleton.parents], device=joints.device)[:, None]
    return joints - torch.where(root, torch.zeros_like(joints), joints[..., parents, :])


def joints_from_bones(
    bones: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch joints 3"]:
    """The sum of the bones from the root to each joint: the inverse of `bones_from_joints`.

    Raises `InputError` for a skeleton whose parents stand behind their children.
    """
    if not skeleton.topological:
        raise InputError(
            "expected a skeleton whose parents stand before their children, got "
            f"'{skeleton.name}': put its joints in that order"
        )
    placed: list[Tensor] = []
    for joint, parent in enumerate(skeleton.parents):
        own = bones[..., joint, :]
        placed.append(own if parent < 0 else placed[parent] + own)
    return torch.stack(placed, -2)


def ohkm(
    values: Float[Tensor, "*batch joints"], mask: Bool[Tensor, "*batch joints"], k: int
) -> Term:
    """Online hard keypoint mining: of each sample only the k largest of its joints' losses count.

    Chen et al., Cascaded Pyramid Network, CVPR 2018, section 3.2. `values` is one loss per joint, of
    joints (`joint_values`) or of heatmaps. Samples with fewer than k joints give those.

    Raises `InputError` for a k below 1 or above the number of joints.
    """
    if not 1 <= k <= values.shape[-1]:
        raise InputError(f"expected k between 1 and {values.shape[-1]} joints, got {k}: correct it")
    ranked = torch.where(mask, values, -torch.inf).detach().topk(k, dim=-1).indices
    return mean_of(values.gather(-1, ranked), mask.gather(-1, ranked))


def reprojection(
    joints: Float[Tensor, "*batch joints 3"],
    keypoints: Float[Tensor, "*batch joints 2"],
    intrinsics: Float[Tensor, "*batch 3 3"],
    mask: Bool[Tensor, "*batch joints"],
) -> Term:
    """Mean distance (pixels) between keypoints and joints (camera frame, metres) as a camera sees them.

    Each sample has its own intrinsics (pinhole). It supervises samples of which only the picture is
    known.
    """
    safe = torch.where(mask[..., None], joints, torch.ones_like(joints))
    safe = torch.cat([safe[..., :2], safe[..., 2:].clamp(min=_NEAR)], -1)
    return mpjpe_loss(pixels_from_points(safe, intrinsics), keypoints, mask)


def gaussian_nll(
    predicted: Float[Tensor, "*batch joints axes"],
    target: Float[Tensor, "*batch joints axes"],
    covariance: Float[Tensor, "*batch joints axes axes"],
    mask: Bool[Tensor, "*batch joints"],
) -> Term:
    """Negative log likelihood per joint under a normal distribution with predicted covariance.

    0.5 (r^T S^-1 r + log det S + axes log 2 pi); S must be positive definite where the mask is true.
    """
    difference = _difference(predicted, target, mask)
    axes = difference.shape[-1]
    eye = torch.eye(axes, dtype=covariance.dtype, device=covariance.device)
    factor = torch.linalg.cholesky(torch.where(mask[..., None, None], covariance, eye))
    white = torch.linalg.solve_triangular(factor, difference[..., None], upper=False)[..., 0]
    half_log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    constant = 0.5 * axes * math.log(2 * math.pi)
    return mean_of(0.5 * white.square().sum(-1) + half_log_det + constant, mask)


def laplace_nll(
    predicted: Float[Tensor, "*batch joints axes"],
    target: Float[Tensor, "*batch joints axes"],
    scale: Float[Tensor, "*batch joints axes"],
    mask: Bool[Tensor, "*batch joints"],
) -> Term:
    """Negative log likelihood per joint with an independent Laplace distribution along each axis.

    Sum over axes of |r| / b + log 2b, for a predicted scale b > 0 (its variance is 2 b^2).
    """
    difference = _difference(predicted, target, mask)
    safe = torch.where(mask[..., None], scale, torch.ones_like(scale))
    return mean_of((difference.abs() / safe + (2 * safe).log()).sum(-1), mask)


class AutomaticWeighting(nn.Module):
    """Learned weights of several losses: the sum of 0.5 / s^2 L + log(1 + s^2) over their names.

    Liebel and Koerner, Auxiliary Tasks in Multi-task Learning, 2018, eq. 2 and 3 (after Kendall, Gal
    and Cipolla, CVPR 2018); one s per loss, 1 at the start. Its parameters belong in the optimiser,
    without weight decay.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.s = nn.Parameter(torch.ones(len(self.names)))

    def forward(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """The weighted sum; each of `names` must be there, and nothing else."""
        if set(losses) != set(self.names):
            raise InputError(
                f"expected the losses {', '.join(self.names)}, got {', '.join(losses)}: give those, and "
                "no others"
            )
        stacked = torch.stack([losses[name] for name in self.names])
        variance = self.s.square()
        return (0.5 / variance * stacked + (1 + variance).log()).sum()


def _difference(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Predicted minus target, 0 and without gradient where the mask is false."""
    keep, zero = mask[..., None], torch.zeros((), dtype=predicted.dtype, device=predicted.device)
    return torch.where(keep, predicted, zero) - torch.where(keep, target, zero)


def _length(vector: Tensor) -> Tensor:
    """Length along the last axis, with gradient 0 where the vector is 0."""
    squares = vector.square().sum(-1)
    zero = squares == 0
    return torch.where(zero, 0.0, torch.where(zero, torch.ones_like(squares), squares).sqrt())


def _pair_lengths(
    predicted: Tensor, target: Tensor, mask: Tensor, pairs: Sequence[tuple[int, int]]
) -> Term:
    first, second = _ends(pairs)
    both = mask[..., first] & mask[..., second]
    lengths = [
        _length(torch.where(both[..., None], p[..., second, :] - p[..., first, :], 0.0))
        for p in (predicted, target)
    ]
    return mean_of((lengths[0] - lengths[1]).abs(), both)


def _all_pairs(joints: int) -> list[tuple[int, int]]:
    return [(i, j) for j in range(joints) for i in range(j)]


def _ends(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
