"""What UV heads learn by: labels, U and V of the true part, and how sure they say they are.

A person's pixels count, the background counts for labels only. R. A. Gueler, N. Neverova, I. Kokkinos:
DensePose, CVPR 2018, section 3: a classification into 24 parts and background, and in each part a
regression of U and V by a smooth L1 loss. With doubt the regression is the likelihood of N. Neverova, D.
Novotny, A. Vedaldi: Correlated uncertainty for learning dense correspondences from noisy labels,
NeurIPS 2019: a Gaussian of covariance sigma^2 I + kappa kappa^T.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks.network import Targets
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["SurfaceTargets", "doubt_term", "label_term", "of_true_part", "uv_term"]

_SMOOTH: float = 0.05
"""Misses of U and V below this count by their square."""


@dataclass(frozen=True, slots=True)
class SurfaceTargets(Targets):
    """Keypoints, and what each picture shows: part (0 nobody) and U, V on the head's grid."""

    part: Int[Tensor, "batch side side"]
    uv: Float[Tensor, "batch 2 side side"]

    def __post_init__(self) -> None:
        Targets.__post_init__(self)
        if self.uv.shape != (len(self.part), 2, *self.part.shape[1:]):
            raise InputError(
                f"expected U and V on the grid of the parts {list(self.part.shape)}, got "
                f"{list(self.uv.shape)}: give both on one grid"
            )

    def __getitem__(self, rows: slice) -> "SurfaceTargets":
        return SurfaceTargets(
            self.keypoints[rows], self.visible[rows], self.part[rows], self.uv[rows]
        )

    @classmethod
    def of_maps(cls, maps: list[SurfaceMap], persons: Targets, side: int) -> "SurfaceTargets":
        """Maps of whole pictures, taken at the middles of the grid's cells."""
        picked: list[Tensor] = []
        for one in maps:
            rows, columns = one.part.shape
            y = ((torch.arange(side) + 0.5) * rows / side).long()
            x = ((torch.arange(side) + 0.5) * columns / side).long()
            picked.append(torch.cat([one.part[None].float(), one.uv])[:, y[:, None], x[None]])
        grid = torch.stack(picked)
        return cls(persons.keypoints, persons.visible, grid[:, 0].long(), grid[:, 1:])


def label_term(
    logits: Float[Tensor, "batch labels side side"], part: Int[Tensor, "batch side side"]
) -> Term:
    """Cross-entropy of the parts, background among them."""
    total = functional.cross_entropy(logits, part, reduction="sum")
    return Term(total, total.new_tensor(float(part.numel())))


def uv_term(
    u: Float[Tensor, "batch parts side side"],
    v: Float[Tensor, "batch parts side side"],
    part: Int[Tensor, "batch side side"],
    uv: Float[Tensor, "batch 2 side side"],
) -> Term:
    """Smooth L1 of U and V in the part that each pixel truly shows."""
    found = torch.stack([of_true_part(u, part), of_true_part(v, part)], 1)
    seen = (part > 0)[:, None].expand_as(found)
    miss = functional.smooth_l1_loss(found, uv, reduction="none", beta=_SMOOTH) / _SMOOTH
    total = torch.where(seen, miss, 0).sum()
    return Term(total, seen.sum().to(total) / 2)


def doubt_term(
    miss: Float[Tensor, "2 *shape"],
    sigma: Float[Tensor, "*shape"],
    kappa: Float[Tensor, "2 *shape"],
) -> Float[Tensor, "*shape"]:
    """-log N(miss; 0, sigma^2 I + kappa kappa^T).

    The determinant is sigma^2 (sigma^2 + |kappa|^2), and the inverse that of J. Sherman and W. J.
    Morrison (1950).
    """
    variance, along = sigma.square(), kappa.square().sum(0)
    squares = miss.square().sum(0) - (miss * kappa).sum(0).square() / (variance + along)
    spread = variance.log() + (variance + along).log()
    return math.log(2 * math.pi) + spread / 2 + squares / variance / 2


def of_true_part(
    values: Float[Tensor, "batch parts side side"], part: Int[Tensor, "batch side side"]
) -> Float[Tensor, "batch side side"]:
    """Of a number for each of 24 parts that of the part at each pixel (part 1 in the background)."""
    return values.gather(1, (part - 1).clamp(min=0)[:, None])[:, 0]
