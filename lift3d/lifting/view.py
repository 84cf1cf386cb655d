"""People as a camera sees them that looks straight at them: shifts, crops and turns are undone."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.rays import virtual_from_camera

__all__ = ["View"]

_AHEAD = 0.05
"""Least cosine-like depth of a unit ray before the virtual camera; what lies beside it is not seen."""


@dataclass(frozen=True, slots=True)
class View:
    """Keypoints in the picture of a virtual camera turned at the person.

    `points` are x / z, y / z in that camera, 0 where not `seen`; `virtual` is virtual_from_camera.
    """

    points: Float[Tensor, "batch joints 2"]
    seen: Bool[Tensor, "batch joints"]
    virtual: Float[Tensor, "batch 3 3"]

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, rows: slice | Tensor) -> "View":
        return View(self.points[rows], self.seen[rows], self.virtual[rows])

    @classmethod
    def of(
        cls,
        rays: Float[Tensor, "batch joints 3"],
        seen: Bool[Tensor, "batch joints"],
        hips: tuple[int, int],
    ) -> "View":
        """From unit rays in the camera frame; rays that were not seen may be anything.

        The virtual camera looks along the mean ray of the hips, or of all that is seen where a hip
        is missing.
        """
        rays = torch.where(seen[..., None], rays, torch.zeros_like(rays))
        both = seen[:, list(hips)].all(-1, keepdim=True)
        axis = torch.where(both, rays[:, list(hips)].sum(1), rays.sum(1))
        axis = torch.where(seen.any(-1, keepdim=True), axis, axis.new_tensor([0.0, 0.0, 1.0]))
        virtual = virtual_from_camera(axis)
        turned = rays @ virtual.transpose(-1, -2)
        seen = seen & (turned[..., 2] > _AHEAD)
        points = turned[..., :2] / turned[..., 2:].clamp(min=_AHEAD)
        return cls(torch.where(seen[..., None], points, torch.zeros_like(points)), seen, virtual)

    @property
    def rays(self) -> Float[Tensor, "batch joints 3"]:
        """Along the keypoints from the virtual camera, of depth 1."""
        return torch.cat([self.points, torch.ones_like(self.points[..., :1])], -1)

    def to(self, device: torch.device) -> "View":
        """The same on a device."""
        return View(self.points.to(device), self.seen.to(device), self.virtual.to(device))
