"""What of a clip's people is shown: their keypoints in a window, their bodies in a frame."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.geometry.projection import pixels_from_points
from lift3d.pictures.theme import DARK, person_colors
from lift3d.pictures.view import Window
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel

__all__ = [
    "bodies_seen",
    "enlarged",
    "finite",
    "projected",
    "shown_keypoints",
    "telling_frame",
    "tinted",
]

_FAR: Final = 1e5  # metres: what a broken fit gives, and no camera sees


def telling_frame(clip: Clip, among: Sequence[int] | None = None) -> int:
    """The frame to show when only one is shown: limbs spread widely and detected surely.

    It has the largest area of the keypoints' rectangles, weighed by their confidence, of all frames or
    of those named.
    """
    score = _tellings(clip)
    if among is None:
        return int(score.argmax())
    return among[int(score[list(among)].argmax())]


def _tellings(clip: Clip) -> Float[Tensor, " frames"]:
    score = torch.zeros(len(clip), dtype=torch.float64)
    for person in clip.people:
        pose = person.keypoints.pose
        if not len(pose.skeleton):
            continue
        points = pose.keypoints.double()
        low = points.nan_to_num(nan=math.inf).amin(1)
        high = points.nan_to_num(nan=-math.inf).amax(1)
        area = (high - low).clamp(min=0).prod(-1) * pose.confidence.double().mean(-1)
        score += torch.where(person.keypoints.observed & area.isfinite(), area, 0)
    return score


def shown_keypoints(clip: Clip) -> Float[Tensor, "points 2"]:
    """All keypoints (pixels) that are surely there."""
    shown = [
        p.keypoints.pose.keypoints[
            (p.keypoints.pose.confidence > 0.2) & p.keypoints.observed[:, None]
        ]
        for p in clip.people
    ]
    return torch.cat(shown).double()


def projected(points: Float[Tensor, "points 3"], camera: Camera) -> Float[Tensor, "before 2"]:
    """Where the points before the camera appear in its picture; clip's points are in its frame."""
    before = points[(points[:, 2] > 0.1) & points.isfinite().all(-1)].double()
    return pixels_from_points(
        before, camera.intrinsics.double(), camera.distortion.double(), camera.lens
    )


def bodies_seen(
    clip: Clip, model: BodyModel, frames: list[int]
) -> list[list[tuple[int, BodyMesh]]]:
    """The bodies to draw in each frame, each with its person's place in the clip."""
    out: list[list[tuple[int, BodyMesh]]] = [[] for _ in frames]
    for order, person in enumerate(clip.people):
        seen = [i for i, frame in enumerate(frames) if _has_body(person, frame)]
        if person.body is None or not seen:
            continue
        with torch.no_grad():
            mesh = model(person.body[torch.tensor([frames[i] for i in seen])])
        whole = (mesh.vertices.abs() < _FAR).all(-1).all(-1).tolist()
        for row, i in enumerate(seen):
            if whole[row]:  # parameters may be numbers and yet far too large
                out[i].append((order, _single(mesh, row)))
    return out


def _has_body(person: Person, frame: int) -> bool:
    body = person.body
    return (
        body is not None
        and bool(person.joints.shown[frame])
        and bool(body[torch.tensor([frame])].finite.all())
    )


def _single(mesh: BodyMesh, row: int) -> BodyMesh:
    return BodyMesh(mesh.vertices[row], mesh.joints[row], mesh.faces, mesh.skeleton)


def tinted(colors: Float[Tensor, "vertices 3"], order: int) -> Float[Tensor, "vertices 3"]:
    """The surface's colours for the first person; others' clothes are dyed in a colour of theirs.

    Warm colours are taken for skin and nearly kept.
    """
    if order == 0:
        return colors
    dye = (torch.tensor(person_colors(order, DARK).right, dtype=colors.dtype) / 255) ** 2.2
    cold = (0.45 + 3 * (colors[:, 2:] - colors[:, :1])).clamp(0.04, 0.9)
    bright = colors.mean(-1, keepdim=True) / dye.mean()
    return (colors * (1 - cold) + dye * bright * cold).clamp(max=1)


def finite(bodies: list[Tensor]) -> list[Tensor]:
    """The points of each body that have a place; bodies without any are left out."""
    kept = [body[body.isfinite().all(-1)] for body in bodies]
    return [body for body in kept if len(body)]


def enlarged(pose: Pose2D, frame: int, window: Window) -> Pose2D:
    """One frame's keypoints, in a picture twice the window's size."""
    points = window.through(pose.keypoints[frame].double())
    return Pose2D(2 * points + 0.5, pose.confidence[frame], pose.skeleton, None)
