"""Where feet stand: found once for a clip, drawn as rings on the floor."""

from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.geometry.contacts import find_contacts, soles
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import transform_points
from lift3d.pictures.draw import blended
from lift3d.pictures.ground import Floor
from lift3d.pictures.theme import RGB, LimbColors
from lift3d.protocols import BodyModel

__all__ = ["Footing", "draw_marks", "footing_of"]

_RING: Final = 0.17  # metres: as long as half a foot and a little more
_CORNERS: Final = 48
_OPACITY: Final = 0.75
_ALONG: Final = 0.3  # how much of the motion along the line of sight counts: cameras tell it badly
_AROUND: Final = 2.0  # seconds
_SHIFT: Final = 4

Footing = tuple[Float[Tensor, "frames 2 3"], Bool[Tensor, "frames 2"]]
"""Where a person's left and right sole are (metres, camera frame), and when they stand."""


def footing_of(
    clip: Clip, person: Person, model: BodyModel | None, up: Float[Tensor, "3"]
) -> Footing:
    """When a person's feet stand, told by the body's joints, or by the lifted ones without a body."""
    names, places = person.joints.pose.skeleton.joints, person.joints.pose.joints.double()
    if person.body is not None and model is not None:
        names, places = (
            model.skeleton.joints,
            torch.full((len(clip), len(model.skeleton), 3), torch.nan),
        )
        good = person.body.finite & person.joints.shown
        with torch.no_grad():
            places[good] = model.joints(person.body[good]).float()
        places = places.double()
    standing = find_contacts(names, places, clip.fps, up, around=_AROUND, along=_ALONG)
    return soles(names, places), standing


def draw_marks(
    picture: UInt8[ndarray, "height width 3"],
    people: list[tuple[Footing, LimbColors]],
    frame: int,
    floor: Floor,
    camera: Camera,
) -> None:
    """Paint, in place, a ring on the floor around each foot that stands, in its side's colour."""
    for (places, standing), colors in people:
        for foot, color in enumerate((colors.left, colors.right)):
            if bool(standing[frame, foot]):
                _ring(picture, places[frame, foot], color, floor, camera)


def _ring(picture: ndarray, place: Tensor, color: RGB, floor: Floor, camera: Camera) -> None:
    down = (place - floor.origin) @ floor.up
    middle = place - down * floor.up
    angle = torch.arange(_CORNERS, dtype=torch.float64) * (2 * torch.pi / _CORNERS)
    round_about = torch.stack([angle.cos(), angle.sin()], -1) @ floor.axes
    outer, inner = (_pixels(middle + _RING * s * round_about, camera) for s in (1.0, 0.72))
    if outer is None or inner is None:
        return

    def stroke(patch: ndarray, corner: ndarray) -> None:
        lines = [_fixed(outer - corner), _fixed(inner - corner)]
        cv2.fillPoly(patch, lines, color, cv2.LINE_AA, _SHIFT)

    blended(picture, outer, 2.0, _OPACITY, stroke)


def _pixels(points: Tensor, camera: Camera) -> ndarray | None:
    """Where points appear, or None where some are not before the camera."""
    local = transform_points(camera.cam_from_world.double(), points)
    if not bool((local[:, 2] > 0.05).all()):
        return None
    lens = camera.distortion.double()
    return pixels_from_points(local, camera.intrinsics.double(), lens, camera.lens).numpy()


def _fixed(points: ndarray) -> ndarray:
    return np.clip(np.round(points * 2**_SHIFT), -(2**26), 2**26).astype(np.int32)
