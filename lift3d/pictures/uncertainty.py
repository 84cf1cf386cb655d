"""How sure a lifter is of each joint, as ellipses around the ends of limbs."""

from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rigid import transform_points
from lift3d.pictures.draw import blended, fixed_point, side_of
from lift3d.pictures.theme import LimbColors
from lift3d.skeleton import Skeleton

__all__ = ["draw_uncertainty", "ellipse_of"]

_SHOWN: Final = ("elbow", "wrist", "knee", "ankle", "head")
_HALF: Final = 1.3863
"""Half of all normal errors in two axes have a squared Mahalanobis distance below (chi squared, 2)."""
_OPACITY: Final = 0.22
_NEAR: Final = 0.05
_MOST: Final = 1e4


def ellipse_of(
    place: Float[Tensor, "3"], covariance: Float[Tensor, "3 3"], camera: Camera
) -> tuple[Float[ndarray, "2"], Float[ndarray, "2"], float] | None:
    """Centre, half axes (pixels) and turn (degrees) of the ellipse that holds half of the errors.

    `place` (metres) and `covariance` are in the world of `camera`. The projection is taken as linear
    around the place. None where the place is behind the camera or nothing is known of it.
    """
    turn = camera.cam_from_world[:3, :3].double()
    local = transform_points(camera.cam_from_world.double(), place.double()[None])[0]
    if not bool(covariance.isfinite().all()) or not float(local[2]) > _NEAR:
        return None
    x, y, z = local.tolist()
    focal = camera.intrinsics[:2, :2].double()
    slope = torch.tensor([[1, 0, -x / z], [0, 1, -y / z]], dtype=torch.float64) / z
    jacobian = (focal @ slope @ turn).numpy()
    spread = jacobian @ covariance.double().numpy() @ jacobian.T
    values, vectors = np.linalg.eigh(spread)
    centre = (camera.intrinsics.double() @ (local / local[2]))[:2].numpy()
    axes = np.sqrt(np.clip(values[::-1], 0, None) * _HALF)
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    return centre, axes, angle


def draw_uncertainty(
    picture: UInt8[ndarray, "height width 3"],
    people: list[
        tuple[Float[Tensor, "joints 3"], Float[Tensor, "joints 3 3"], Skeleton, LimbColors]
    ],
    camera: Camera,
) -> None:
    """Paint, in place, an ellipse around each end of a limb in which it lies as likely as not."""
    for joints, covariance, skeleton, colors in people:
        for joint, name in enumerate(skeleton.joints):
            if name.split("_")[-1] not in _SHOWN or not bool(joints[joint].isfinite().all()):
                continue
            found = ellipse_of(joints[joint], covariance[joint], camera)
            if found is None or found[1].max() > _MOST:
                continue
            centre, axes, angle = found
            color = getattr(colors, side_of(name))

            def stroke(
                patch: ndarray,
                corner: ndarray,
                *,
                at: ndarray = centre,
                size: ndarray = axes,
                turn: float = angle,
                tone: tuple[int, int, int] = color,
            ) -> None:
                middle, half = fixed_point(at - corner), fixed_point(size)
                cv2.ellipse(patch, middle, half, turn, 0, 360, tone, -1, cv2.LINE_AA, 4)

            blended(picture, centre[None], float(axes.max()) + 2, _OPACITY, stroke)
