"""The body that augmentations move: sides, chains and frames of `LIFT_23`, and poses with flags."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.skeletons import LIFT_23

__all__ = [
    "CHAINS",
    "HEAD",
    "SIDES",
    "UPPER_BODY",
    "Poses",
    "indices",
    "lower_frame",
    "upper_frame",
]

SIDES: Final = ("left", "right")


def indices(*names: str) -> list[int]:
    """Positions in `LIFT_23`."""
    return [LIFT_23.index(name) for name in names]


def _chain(side: str, *parts: str) -> list[int]:
    return indices(*(f"{side}_{part}" for part in parts))


CHAINS: Final = {
    (side, limb): _chain(side, *parts)
    for side in SIDES
    for limb, parts in (
        ("arm", ("shoulder", "elbow", "wrist")),
        ("leg", ("hip", "knee", "ankle", "big_toe", "heel")),
    )
}
"""Per side and limb: the joint it hangs on, then what hangs on that."""

HEAD: Final = indices("head", "nose", "left_ear", "right_ear")
_ARMS: Final = CHAINS["left", "arm"] + CHAINS["right", "arm"]
UPPER_BODY: Final = indices("spine", "thorax") + HEAD + _ARMS

_HIPS: Final = indices("left_hip", "right_hip")
_SHOULDERS: Final = indices("left_shoulder", "right_shoulder")


@dataclass(frozen=True, slots=True)
class Poses:
    """Root-relative joints (metres, y up), 0 where `valid` is false.

    The layout is `LIFT_23` wherever nothing else is said.
    """

    joints: Float[Tensor, "batch joints 3"]
    valid: Bool[Tensor, "batch joints"]

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, rows: Tensor) -> "Poses":
        return Poses(self.joints[rows], self.valid[rows])

    def to(self, device: torch.device) -> "Poses":
        """The same poses on a device."""
        return Poses(self.joints.to(device), self.valid.to(device))


def lower_frame(joints: Float[Tensor, "batch 23 3"]) -> Float[Tensor, "batch 3 3"]:
    """Axes of the pelvis as columns: left, up along the trunk, forward."""
    return _frame(joints[:, _HIPS[0]] - joints[:, _HIPS[1]], _trunk(joints))


def upper_frame(joints: Float[Tensor, "batch 23 3"]) -> Float[Tensor, "batch 3 3"]:
    """Axes of the chest as columns: left, up along the trunk, forward."""
    return _frame(joints[:, _SHOULDERS[0]] - joints[:, _SHOULDERS[1]], _trunk(joints))


def _trunk(joints: Tensor) -> Tensor:
    return joints[:, _SHOULDERS].mean(1) - joints[:, 0]


def _frame(left: Tensor, up: Tensor) -> Tensor:
    y = torch.nn.functional.normalize(up, dim=-1)
    z = torch.nn.functional.normalize(torch.linalg.cross(left, y), dim=-1)
    return torch.stack([torch.linalg.cross(y, z), y, z], -1)
