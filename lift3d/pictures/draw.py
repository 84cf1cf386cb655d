"""2D keypoints on a picture: limbs coloured by the person's side, confidence as opacity."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lift3d.pictures.theme import RGB, LimbColors
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton

__all__ = ["Limb", "draw_keypoints", "enlarge", "limbs_of", "shrink"]

Side = Literal["left", "right", "centre"]
Stroke = Callable[[ndarray, ndarray], None]
_FINE = ("eye", "ear", "mouth", "pinky", "index", "thumb", "toe", "heel", "hand")
_SHIFT = 4  # OpenCV draws at fractions of a pixel given as fixed-point numbers


@dataclass(frozen=True, slots=True)
class Limb:
    """A line between the middles of two groups of joints; `fine` ones are drawn thinner."""

    start: tuple[int, ...]
    end: tuple[int, ...]
    side: Side
    fine: bool


@cache
def limbs_of(skeleton: Skeleton) -> tuple[Limb, ...]:
    """The lines to draw for a layout: its bones, made to look like a person.

    Layouts of detectors without a neck or a mid hip hang shoulders on the nose; there, girdles and
    a neck to the middle of the shoulders are drawn instead.
    """
    names = skeleton.joints
    limbs = [
        Limb((parent,), (child,), side_of(names[child]), _fine(names[child]))
        for parent, child in skeleton.bones
        if not (names[child].endswith("shoulder") and names[parent] == "nose")
    ]
    for pair in ("shoulder", "hip"):
        ends = tuple(names.index(j) for j in (f"left_{pair}", f"right_{pair}") if j in names)
        if len(ends) == 2 and not all(_on_trunk(skeleton, end) for end in ends):
            limbs.append(Limb(ends[:1], ends[1:], "centre", False))
            if pair == "shoulder" and "nose" in names:
                limbs.append(Limb(ends, (names.index("nose"),), "centre", True))
    return tuple(limbs)


def _on_trunk(skeleton: Skeleton, joint: int) -> bool:
    """Whether a shoulder or hip hangs on the spine, maybe through a collar bone."""
    above = skeleton.parents[joint]
    while above >= 0:
        name = skeleton.joints[above]
        if side_of(name) == "centre":
            return name != "nose"
        if name.endswith("shoulder"):
            return False
        above = skeleton.parents[above]
    return False


def side_of(joint: str) -> Side:
    """The person's own side on which a joint lies, told by its name."""
    if joint.startswith("left_"):
        return "left"
    return "right" if joint.startswith("right_") else "centre"


def _fine(joint: str) -> bool:
    return any(word in joint for word in _FINE)


def draw_keypoints(
    picture: UInt8[ndarray, "height width 3"],
    pose: Pose2D,
    colors: LimbColors,
    thickness: float,
    outline: RGB = (16, 17, 21),
) -> None:
    """Draw one pose (no batch axes, pixels of the picture) onto a picture, in place.

    `thickness` of a limb is in pixels. Missing keypoints and their limbs are left out.
    """
    points = pose.keypoints.detach().cpu().double().numpy()
    sure = np.where(np.isfinite(points).all(-1), pose.confidence.detach().cpu().numpy(), 0)
    for limb in limbs_of(pose.skeleton):
        opacity = float(sure[[*limb.start, *limb.end]].min())
        ends = np.stack([points[list(limb.start)].mean(0), points[list(limb.end)].mean(0)])
        width = thickness * (0.55 if limb.fine else 1.0)
        if opacity > 0:
            tones = (getattr(colors, limb.side), outline)
            blended(picture, ends, 2 * width + 2, opacity, _line(ends, width, tones))
    for joint, name in enumerate(pose.skeleton.joints):
        if sure[joint] > 0:
            radius = thickness * (0.5 if _fine(name) else 0.85)
            tones = (getattr(colors, side_of(name)), outline)
            dot = _dot(points[joint], radius, tones)
            blended(picture, points[joint][None], 2 * radius + 2, float(sure[joint]), dot)


def _line(ends: Float[ndarray, "2 2"], width: float, tones: tuple[RGB, RGB]) -> Stroke:
    """A line in the first tone with a thin edge in the second."""
    edge = max(1, round(width + max(1.0, 0.25 * width)))

    def stroke(patch: ndarray, corner: ndarray) -> None:
        a, b = (fixed_point(end - corner) for end in ends)
        cv2.line(patch, a, b, tones[1], edge, cv2.LINE_AA, _SHIFT)
        cv2.line(patch, a, b, tones[0], max(1, round(width)), cv2.LINE_AA, _SHIFT)

    return stroke


def _dot(centre: Float[ndarray, "2"], radius: float, tones: tuple[RGB, RGB]) -> Stroke:
    """A disc in the first tone with an edge in the second and a light middle."""

    def stroke(patch: ndarray, corner: ndarray) -> None:
        at = fixed_point(centre - corner)
        ring = round((radius + max(1.0, 0.3 * radius)) * 16)
        cv2.circle(patch, at, ring, tones[1], -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(patch, at, round(radius * 16), tones[0], -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(patch, at, round(radius * 7), lighter(tones[0], 0.6), -1, cv2.LINE_AA, _SHIFT)

    return stroke


def blended(
    picture: UInt8[ndarray, "height width 3"],
    points: Float[ndarray, "points 2"],
    reach: float,
    opacity: float,
    stroke: Stroke,
) -> None:
    """Paint a stroke into the part of the picture around some points, with an opacity.

    The stroke gets that part and where its first pixel lies in the picture.
    """
    height, width = picture.shape[:2]
    low = np.clip(np.floor(points.min(0) - reach), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(points.max(0) + reach) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    patch = picture[low[1] : high[1], low[0] : high[0]]
    painted = patch.copy()
    stroke(painted, low.astype(float))
    share = min(1.0, max(0.0, opacity))
    patch[...] = painted if share == 1 else cv2.addWeighted(painted, share, patch, 1 - share, 0)


def fixed_point(point: Float[ndarray, "2"]) -> tuple[int, int]:
    """A point as OpenCV's fixed-point integers, kept where its 32 bits do not overflow."""
    x, y = np.clip(np.round(point * 2**_SHIFT), -(2**26), 2**26).astype(int)
    return int(x), int(y)


def lighter(color: RGB, share: float) -> RGB:
    """A colour moved towards white."""
    r, g, b = (round(c + (255 - c) * share) for c in color)
    return r, g, b


def darker(color: RGB, share: float) -> RGB:
    """A colour moved towards black."""
    r, g, b = (round(c * (1 - share)) for c in color)
    return r, g, b


def enlarge(
    picture: UInt8[ndarray, "height width 3"], times: int
) -> UInt8[ndarray, "large_height large_width 3"]:
    """A picture with every pixel repeated, to draw on at a finer scale."""
    size = (picture.shape[1] * times, picture.shape[0] * times)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST))


def shrink(
    picture: UInt8[ndarray, "height width 3"], times: int
) -> UInt8[ndarray, "small_height small_width 3"]:
    """A picture drawn `times` larger, averaged down: smooth edges at any slope."""
    height, width = picture.shape[0] // times, picture.shape[1] // times
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
