"""What poses of a human body are likely: an independent Gaussian per joint and axis, and hinges.

Written for SMPL's 24 joints in their rest frames (x to the person's left, y up, z forward), from the
ranges of motion that anatomy gives: a knee flexes about +x and hardly turns otherwise, an elbow
flexes about y (the left about -y, the right about +y), arms hang rather than stand out. Means and
standard deviations are in radians; they are wide, so that evidence decides wherever there is some.

A `PosePrior` is what the solver knows about poses. Let v be the rotation vectors of all joints, one
after the other (3 per joint, the root's first). The prior's cost, in squared standard deviations, is

    sum ((v - mean) / std)^2                         independent, joint by joint and axis by axis
  + sum (v / hinge_std)^2 where v * hinge < 0        a hinge that is bent backwards
  + |rows @ (v - mean)|^2                            `rows` [any, 3 * joints]: what joints do together

`rows` are the whitened directions of a Gaussian: for a full covariance the transposed Cholesky factor
of its inverse, for a low-rank one its few directions over their standard deviations, beside which
`std` holds what is left over; for a covariance per joint the blocks on the diagonal. An infinite `std`
takes an axis out of the first sum. Without rows each joint stands alone and the solver is about four
times as fast. A learned prior is an object of this class and is passed as `fit_body(..., prior=...)`.
"""

from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["PosePrior", "smpl_prior"]

# joint (left side): mean (x, y, z), standard deviation (x, y, z)
_TABLE: Final[dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "hip": ((-0.15, 0.0, 0.1), (0.9, 0.45, 0.4)),
    "spine1": ((0.0, 0.0, 0.0), (0.3, 0.2, 0.2)),
    "knee": ((0.3, 0.0, 0.0), (0.9, 0.12, 0.1)),
    "spine2": ((0.0, 0.0, 0.0), (0.2, 0.2, 0.15)),
    "ankle": ((0.0, 0.0, 0.0), (0.4, 0.25, 0.2)),
    "spine3": ((0.0, 0.0, 0.0), (0.2, 0.2, 0.15)),
    "foot": ((0.0, 0.0, 0.0), (0.2, 0.05, 0.05)),
    "neck": ((0.05, 0.0, 0.0), (0.3, 0.35, 0.25)),
    "collar": ((0.0, 0.0, 0.0), (0.1, 0.15, 0.2)),
    "head": ((0.05, 0.0, 0.0), (0.25, 0.35, 0.2)),
    "shoulder": ((0.0, -0.2, -1.0), (0.6, 0.8, 0.8)),
    "elbow": ((0.0, -0.5, 0.0), (0.4, 0.9, 0.12)),
    "wrist": ((0.0, 0.0, 0.0), (0.3, 0.25, 0.35)),
    "hand": ((0.0, 0.0, 0.0), (0.1, 0.05, 0.2)),
}
# joint: the axis about which it flexes, and the sign of flexion on the left and on the right
_HINGES: Final = {"knee": (0, 1.0, 1.0), "elbow": (1, -1.0, 1.0)}


@dataclass(frozen=True, slots=True)
class PosePrior:
    """Mean and standard deviation of local rotation vectors (radians), the root left free.

    `hinge[j]` is +1 or -1 on an axis that must not turn the other way, 0 elsewhere;
    `hinge_std` is how far beyond straight a hinge may go (radians). `rows` are correlations, in units
    of 1 / radian; the file's docstring has the formula.
    """

    mean: Float[Tensor, "joints 3"]
    std: Float[Tensor, "joints 3"]
    hinge: Float[Tensor, "joints 3"]
    hinge_std: float = 0.05
    rows: Float[Tensor, "rows directions"] = field(default_factory=lambda: torch.zeros(0, 0))

    def __post_init__(self) -> None:
        if self.rows.numel() and self.rows.shape[-1] != self.mean.numel():
            raise InputError(
                f"expected prior rows over {self.mean.numel()} directions, 3 per joint, got "
                f"{list(self.rows.shape)}: cut or pad them"
            )

    def to(self, like: Tensor) -> "PosePrior":
        """The same prior in the dtype and on the device of a tensor."""
        mean, std, hinge, rows = (x.to(like) for x in (self.mean, self.std, self.hinge, self.rows))
        return PosePrior(mean, std, hinge, self.hinge_std, rows)


def smpl_prior(skeleton: Skeleton, dtype: torch.dtype = torch.float32) -> PosePrior:
    """The prior for a body with SMPL's joint names; unknown joints are kept near their rest pose."""
    mean = torch.zeros(len(skeleton), 3, dtype=dtype)
    std = torch.full((len(skeleton), 3), 0.1, dtype=dtype)
    hinge = torch.zeros(len(skeleton), 3, dtype=dtype)
    # Mirroring at the plane x = 0 keeps turns about x and reverses those about y and z.
    mirror = torch.tensor([1.0, -1.0, -1.0], dtype=dtype)
    for joint, name in enumerate(skeleton.joints):
        kind = name.removeprefix("left_").removeprefix("right_")
        right = name.startswith("right_")
        if kind in _TABLE:
            centre, spread = (torch.tensor(row, dtype=dtype) for row in _TABLE[kind])
            mean[joint] = centre * mirror if right else centre
            std[joint] = spread
        if kind in _HINGES:
            axis, on_left, on_right = _HINGES[kind]
            hinge[joint, axis] = on_right if right else on_left
    std[0] = torch.inf
    return PosePrior(mean, std, hinge)
