"""A camera: where it stands, how it projects."""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.conventions import DEFAULT_FOV, MAX_SIDE
from lift3d.errors import InputError
from lift3d.geometry.projection import LensModel, pixels_from_points
from lift3d.geometry.rays import rays_from_pixels
from lift3d.geometry.rigid import inverse_rigid, transform_points

__all__ = ["Camera"]

# What no lens and no crop has; docs/cameras.md says why these.
_FOCAL: Final = (0.05, 1000.0)  # times the picture's longer side
_SQUARE: Final = 0.1  # 2 a / (1 + a^2) of pixels whose sides are as 1 to a: 1 to 20
_ASIDE: Final = 4.0  # slope from the optical axis to the picture's nearest point
_ROTATION: Final = 0.01  # how far R R^T may be from the identity


@dataclass(frozen=True, slots=True)
class Camera:
    """Intrinsics, lens and place of one camera, or of a batch with the same picture size.

    `intrinsics` in pixels; `cam_from_world` maps world points (metres) into the camera frame
    (OpenCV: x right, y down, z forward); `distortion` is k1, k2, p1, p2, k3 of the `lens` model;
    `image_size` is (height, width).

    The upper left block of the intrinsics holds focal lengths above 0 pixels; it may also hold skew
    and a turn of the picture (`warped`). What no camera has is refused when one is made: numbers that
    are not finite, a mirrored or singular block, focal lengths of less than a 20th or more than a
    thousand times the picture's longer side, a picture that lies wholly more than 76 degrees off the
    optical axis, and a `cam_from_world` that is not rigid (NaN: where nobody knows its place).
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
                f"{list(self.intrinsics.shape)} and {list(self.cam_from_world.shape)}: give matrices"
            )
        if self.distortion.shape[-1] != 5:
            raise InputError(
                "expected five lens coefficients k1 k2 p1 p2 k3, got "
                f"{self.distortion.shape[-1]}: fill up with zeros"
            )
        if min(self.image_size) <= 0 or max(self.image_size) > MAX_SIDE:
            raise InputError(
                f"expected a positive (height, width) of at most {MAX_SIDE:,}, got "
                f"{self.image_size}: give the picture's size"
            )
        _check_numbers(self)
        _check_block(self.intrinsics, self.image_size)
        _check_centre(self.intrinsics, self.image_size)

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
            raise InputError(
                f"expected a focal length above 0 pixels, got {focal}: give it in pixels"
            )
        height, width = image_size
        x, y = centre if centre is not None else ((width - 1) / 2, (height - 1) / 2)
        intrinsics = torch.tensor([[focal, 0, x], [0, focal, y], [0, 0, 1]], dtype=dtype)
        lens = torch.zeros(5, dtype=dtype)
        lens[: len(distortion)] = torch.tensor(distortion, dtype=dtype)
        return cls(intrinsics, torch.eye(4, dtype=dtype), lens, image_size)

    @classmethod
    def default(cls, image_size: tuple[int, int], dtype: torch.dtype = torch.float32) -> "Camera":
        """What is assumed when nobody knows the camera: 53.1 degrees along the longer side."""
        return cls.from_field_of_view(image_size, DEFAULT_FOV, dtype=dtype)

    @classmethod
    def from_field_of_view(
        cls, image_size: tuple[int, int], angle: float, dtype: torch.dtype = torch.float32
    ) -> "Camera":
        """A camera that sees `angle` (radians) along the picture's longer side, from its middle."""
        if not 0 < angle < math.pi:
            raise InputError(
                f"expected a field of view above 0 and below pi radians, got {angle}: "
                "degrees times pi / 180"
            )
        focal = max(image_size) / 2 / math.tan(angle / 2)
        return cls.from_intrinsics(image_size, focal, dtype=dtype)

    @property
    def field_of_view(self) -> Float[Tensor, "*batch"]:
        """Radians along the picture's longer side, as if centred and without distortion."""
        focal = torch.linalg.det(self.intrinsics[..., :2, :2]).sqrt()
        return 2 * torch.atan(max(self.image_size) / 2 / focal)

    def warped(
        self, matrix: Float[Tensor, "2 2"], shift: Float[Tensor, "2"], image_size: tuple[int, int]
    ) -> "Camera":
        """The same camera for a picture whose pixels were moved to `matrix @ pixel + shift`.

        The rays of pixels, and so what is lifted from them, stay as they were.
        """
        move = torch.eye(3, dtype=self.intrinsics.dtype)
        move[:2, :2], move[:2, 2] = matrix.to(move), shift.to(move)
        return replace(self, intrinsics=move @ self.intrinsics, image_size=image_size)

    def cropped(self, left: float, top: float, image_size: tuple[int, int]) -> "Camera":
        """The same camera for a part of the picture, which begins at pixel (left, top)."""
        return self.warped(torch.eye(2), torch.tensor([-left, -top]), image_size)

    def zoomed(self, factor: float) -> "Camera":
        """The same camera for a picture that was made `factor` times as large."""
        height, width = self.image_size
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        # Pixel centres lie on whole numbers: the picture's corner, at -0.5, stays.
        shift = torch.full((2,), (factor - 1) / 2)
        return self.warped(torch.eye(2) * factor, shift, size)

    def turned(self, rotation: Float[Tensor, "3 3"]) -> "Camera":
        """The camera after it turned about its centre: what it saw at p it now sees at `rotation @ p`.

        Pixels move by the homography K R K^-1. A camera of unknown tilt (`cam_from_world` the identity)
        is one after the turn, too.
        """
        if not self.tilt_known:
            return self
        turn = torch.eye(4).to(self.cam_from_world)
        turn[:3, :3] = rotation.to(turn)
        return replace(self, cam_from_world=turn @ self.cam_from_world)

    @property
    def tilt_known(self) -> bool:
        """Whether `cam_from_world` says how the camera is tilted: the identity says nothing."""
        level = torch.eye(4).to(self.cam_from_world)
        return not torch.equal(self.cam_from_world, level.expand_as(self.cam_from_world))

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


def _check_numbers(camera: Camera) -> None:
    for name in ("intrinsics", "distortion"):
        if not bool(getattr(camera, name).isfinite().all()):
            raise InputError(
                f"expected numbers in a camera's {name}, got NaN or infinity: correct it"
            )
    turn = camera.cam_from_world[..., :3, :3].double()
    turn = turn[turn.isfinite().all(-1).all(-1)]
    off = (turn @ turn.mT - torch.eye(3, dtype=turn.dtype)).abs() > _ROTATION
    if bool(off.any()) or not bool((torch.linalg.det(turn) > 0).all()):
        raise InputError(
            "expected a rotation and a shift in cam_from_world, got a matrix that also scales, shears "
            "or mirrors: leave only the rotation in its upper left block"
        )


def _check_block(intrinsics: Float[Tensor, "*batch 3 3"], image_size: tuple[int, int]) -> None:
    """Focal lengths: above 0, of about one size, and in pixels."""
    block = intrinsics[..., :2, :2].double()
    diagonal = block.diagonal(dim1=-2, dim2=-1)
    size = block.square().sum((-2, -1))
    area = torch.linalg.det(block)
    # Exactly half a turn of the picture cannot be told from negative focal lengths.
    unturned = (block[..., 0, 1] == 0) & (block[..., 1, 0] == 0)
    upside_down = unturned & (diagonal < 0).all(-1)
    if not bool(((area > _SQUARE * size / 2) & ~upside_down).all()):
        raise InputError(
            "expected intrinsics with two focal lengths above 0 pixels of about one size, got "
            f"{_first(block)}: give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
        )
    last = torch.tensor([0.0, 0.0, 1.0]).to(intrinsics)
    if not bool((intrinsics[..., 2, :] == last).all()):
        raise InputError(
            f"expected (0, 0, 1) as the last row of the intrinsics, got "
            f"{_first(intrinsics[..., 2, :])}: transpose or divide them"
        )
    side = max(image_size)
    focal = area.sqrt() / side
    if not bool(((focal > _FOCAL[0]) & (focal < _FOCAL[1])).all()):
        raise InputError(
            f"expected a focal length of {_FOCAL[0] * side:g} to {_FOCAL[1] * side:g} pixels for a "
            f"picture of {side}, got {float((focal * side).flatten()[0]):g}: give it in pixels, not "
            "in millimetres"
        )


def _check_centre(intrinsics: Float[Tensor, "*batch 3 3"], image_size: tuple[int, int]) -> None:
    """Some of the picture lies before the camera, not at its side."""
    height, width = image_size
    centre = intrinsics[..., :2, 2].double()
    corner = torch.tensor([width - 1.0, height - 1.0], dtype=torch.float64)
    nearest = torch.minimum(centre.clamp(min=0), corner)
    focal = torch.linalg.det(intrinsics[..., :2, :2].double()).sqrt()
    aside = (nearest - centre).norm(dim=-1) / focal
    if not bool((aside < _ASIDE).all()):
        raise InputError(
            f"expected a principal point near the picture, got {_first(centre)} for a (height, width) "
            f"of {image_size}: all of it would lie more than 76 degrees off the optical axis"
        )


def _first(values: Tensor) -> str:
    """The first of a batch of vectors or matrices, for messages."""
    single = values.reshape(-1, *values.shape[-2:])[0] if values.ndim > 2 else values
    return str([round(number, 3) for number in single.flatten().tolist()][:4])
