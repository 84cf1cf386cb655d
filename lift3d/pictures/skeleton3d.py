"""A skeleton in space, drawn in perspective with OpenCV alone: near limbs are thicker, on top."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import transform_points
from lift3d.pictures.draw import blended, darker, fixed_point, lighter, limbs_of, side_of
from lift3d.pictures.theme import RGB, LimbColors
from lift3d.skeleton import Skeleton

__all__ = ["draw_skeletons", "points_on_bones"]

_LIMB, _FINE_LIMB, _JOINT = 0.021, 0.013, 0.030  # radii in metres


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stroke: a limb, or a joint where both ends coincide."""

    ends: Float[ndarray, "2 2"]
    radius: float
    depth: float
    color: RGB


def draw_skeletons(
    picture: UInt8[ndarray, "height width 3"],
    people: list[tuple[Float[Tensor, "joints 3"], Skeleton, LimbColors]],
    camera: Camera,
) -> None:
    """Draw people's joints (metres, in the world of `camera`) onto its picture, in place.

    Limbs are painted from far to near, as thick as they would be in perspective, a little darker
    the further they are. Missing joints and their limbs are left out.
    """
    pieces = [piece for joints, skeleton, colors in people
              for piece in _pieces(joints, skeleton, colors, camera)]  # fmt: skip
    pieces.sort(key=lambda piece: -piece.depth)
    if not pieces:
        return
    depths = [piece.depth for piece in pieces]
    for piece in pieces:
        far = (piece.depth - min(depths)) / max(max(depths) - min(depths), 0.5)
        _paint(picture, piece, darker(piece.color, 0.34 * far))


def _pieces(joints: Tensor, skeleton: Skeleton, colors: LimbColors, camera: Camera) -> list[_Piece]:
    local = transform_points(camera.cam_from_world.double(), joints.detach().cpu().double())
    focal = float(camera.intrinsics[0, 0])
    pieces: list[_Piece] = []
    for limb in limbs_of(skeleton):
        ends = torch.stack([local[list(limb.start)].mean(0), local[list(limb.end)].mean(0)])
        radius = _FINE_LIMB if limb.fine else _LIMB
        pieces += _piece(ends, radius, focal, getattr(colors, limb.side), camera)
    for joint, name in enumerate(skeleton.joints):
        ends = local[joint].expand(2, 3)
        near = _piece(ends, _JOINT if _is_big(name) else _LIMB, focal,
                      getattr(colors, side_of(name)), camera)  # fmt: skip
        # A joint lies on its limbs: a hand's breadth nearer in the order of painting.
        pieces += [_Piece(p.ends, p.radius, p.depth - 0.02, p.color) for p in near]
    return pieces


def _piece(ends: Tensor, radius: float, focal: float, color: RGB, camera: Camera) -> list[_Piece]:
    depth = float(ends[:, 2].mean())
    if not bool(ends.isfinite().all()) or float(ends[:, 2].min()) < 0.05:
        return []
    lens = camera.distortion.double()
    pixels = pixels_from_points(ends, camera.intrinsics.double(), lens, camera.lens)
    return [_Piece(pixels.numpy(), radius * focal / depth, depth, color)]


def _is_big(joint: str) -> bool:
    return any(word in joint for word in ("shoulder", "elbow", "hip", "knee", "pelvis", "thorax"))


def _paint(picture: ndarray, piece: _Piece, color: RGB) -> None:
    """A rod or ball with light from the upper left: dark rim, body, highlight."""
    tones = (
        (1.0, 0.0, darker(color, 0.55)),
        (0.80, 0.06, color),
        (0.30, 0.34, lighter(color, 0.45)),
    )

    def stroke(patch: ndarray, corner: ndarray) -> None:
        for width, aside, tone in tones:
            shift = corner + piece.radius * aside * np.array([0.7, 0.9])
            a, b = (fixed_point(end - shift) for end in piece.ends)
            if a == b:
                cv2.circle(patch, a, round(piece.radius * width * 16), tone, -1, cv2.LINE_AA, 4)
            else:
                thick = max(1, round(2 * piece.radius * width))
                cv2.line(patch, a, b, tone, thick, cv2.LINE_AA, 4)

    blended(picture, piece.ends, piece.radius + 2, 1.0, stroke)


def points_on_bones(
    joints: Float[Tensor, "joints 3"], skeleton: Skeleton, per_bone: int = 24
) -> Float[Tensor, "points 3"]:
    """Points evenly along all limbs (metres): what a skeleton throws its shadow with."""
    share = torch.linspace(0, 1, per_bone, dtype=joints.dtype)[:, None]
    limbs = limbs_of(skeleton)
    starts = torch.stack([joints[list(limb.start)].mean(0) for limb in limbs])
    ends = torch.stack([joints[list(limb.end)].mean(0) for limb in limbs])
    return (starts[:, None] + (ends - starts)[:, None] * share).reshape(-1, 3)
