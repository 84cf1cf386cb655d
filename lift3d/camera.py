"""A camera: where it stands, how it projects."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.conventions import DEFAULT_FOV
from lift3d.errors import InputError
from lift3d.geometry.projection import LensModel, pixels_from_points
from lift3d.geometry.rays import rays_from_pixels
from lift3d.geometry.rigid import inverse_rigid, transform_points

__all__ = ["Camera"]


@dataclass(frozen=True, slots=True)
class Camera:
    """Intrinsics, lens and place of one camera, or of a batch with the same picture size.

    `intrinsics` in pixels; `cam_from_world` maps world points (metres) into the camera frame
    (OpenCV: x right, y down, z forward); `distortion` is k1, k2, p1, p2, k3 of the `lens` model;
    `image_size` is (height, width).
    """

    intrinsics: Float[Tensor, "*batch 3 3"]
    cam_from_world: Float[Tensor, "*batch 4 4"]
    distortion: Float[Tensor, "*batch 5"]
    image_size: tuple[int, int]
    lens: LensModel = "brown_conrady"

    def __post_init__(self) -> None:
        if self.intrinsics.shape[-2:] != (3, 3) or self.cam_from_world.shape[-2:] != (4, 4):
            raise InputError(
                "expected intrinsics [..., 3, 3] and cam_from_world [..., 4, 4], got "
                f"{list(self.intrinsics.shape)} and {list(self.cam_from_world.shape)}"
            )
        if self.distortion.shape[-1] != 5:
            raise InputError(
                "expected five lens coefficients k1 k2 p1 p2 k3, got "
                f"{self.distortion.shape[-1]}: fill up with zeros"
            )
        if min(self.image_size) <= 0:
            raise InputError(f"expected a positive (height, width), got {self.image_size}")

    @classmethod
    def from_intrinsics(
        cls,
        image_size: tuple[int, int],
        focal: float,
        centre: tuple[float, float] | None = None,
        distortion: tuple[float, ...] = (),
        dtype: torch.dtype = torch.float32,
    ) -> "Camera":
        """A camera at the world's origin with square pixels; `focal` and `centre` (x, y) in pixels."""
        if len(distortion) > 5:
            raise InputError(
                f"expected at most five lens coefficients k1 k2 p1 p2 k3, got {len(distortion)}: "
                "lenses of higher order are not supported"
            )
        if not 0 < focal < math.inf:
            raise InputError(f"expected a focal length above 0 pixels, got {focal}")
        height, width = image_size
        x, y = centre if centre is not None else ((width - 1) / 2, (height - 1) / 2)
        intrinsics = torch.tensor([[focal, 0, x], [0, focal, y], [0, 0, 1]], dtype=dtype)
        lens = torch.zeros(5, dtype=dtype)
        lens[: len(distortion)] = torch.tensor(distortion, dtype=dtype)
        return cls(intrinsics, torch.eye(4, dtype=dtype), lens, image_size)

    @classmethod
    def default(cls, image_size: tuple[int, int], dtype: torch.dtype = torch.float32) -> "Camera":
        """What is assumed when nobody knows the camera: 53.1 degrees along the longer side."""
        focal = max(image_size) / 2 / math.tan(DEFAULT_FOV / 2)
        return cls.from_intrinsics(image_size, focal, dtype=dtype)

    def project(
        self, points: Float[Tensor, "*#batch points 3"]
    ) -> Float[Tensor, "*#batch points 2"]:
        """World points (metres) to pixels."""
        local = transform_points(self.cam_from_world, points)
        return pixels_from_points(local, self.intrinsics, self.distortion, self.lens)

    def rays(self, pixels: Float[Tensor, "*#batch points 2"]) -> Float[Tensor, "*#batch points 3"]:
        """Unit viewing rays of pixels, in the camera frame."""
        return rays_from_pixels(pixels, self.intrinsics, self.distortion, self.lens)

    def unproject(
        self, pixels: Float[Tensor, "*#batch points 2"], depth: Float[Tensor, "*#batch points"]
    ) -> Float[Tensor, "*#batch points 3"]:
        """World points (metres) at pixels with a given depth z along the optical axis."""
        rays = self.rays(pixels)
        local = rays * (depth[..., None] / rays[..., 2:])
        return transform_points(inverse_rigid(self.cam_from_world), local)
