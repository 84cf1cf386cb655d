"""The pictures of a window: people, floor, time line and help, as `lift3d.pictures` draws them."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.ground import Room
from lift3d.pictures.panels import Look
from lift3d.pictures.people import finite
from lift3d.pictures.scene import Bodies, Scene
from lift3d.pictures.skeleton3d import points_on_bones
from lift3d.pictures.theme import DARK, backdrop, quantised, text_width, write_text
from lift3d.protocols import BodyModel, Viewer
from lift3d_viewer.player import KEYS, Show, camera_for

__all__ = ["TIME_LINE", "Shot", "Stage", "with_controls"]

TIME_LINE: Final = 34
"""Pixels at the lower edge of a window that are its time line."""
_LETTERS: Final = 15
_SPREAD: Final = 0.035  # metres: what makes the shadow of a skeleton as wide as a body's


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to draw: what, and how large. Drafts are drawn at half the size, and enlarged."""

    show: Show
    size: tuple[int, int]
    draft: bool

    @property
    def key(self) -> tuple[Show, tuple[int, int], bool]:
        """Shots with equal keys look the same."""
        still = replace(
            self.show, frame=float(self.show.number), help=False, playing=False, speed=1.0
        )
        return still, self.size, self.draft


class Stage:
    """A clip ready to be seen from all around."""

    def __init__(self, clip: Clip, model: BodyModel | None, viewer: Viewer) -> None:
        if not any(bool(person.joints.observed.any()) for person in clip.people):
            raise InputError(
                "expected a clip with at least one person in one frame, got none to show: check "
                "its source"
            )
        self.clip = clip
        self._scene = Scene(clip, model, viewer, Look(theme=DARK, uncertainty=False))
        self._middle, self._radius = _ball(self._scene.space, self._scene.world)
        self._room: Room | None = None
        self._seen_from: tuple[object, ...] = ()

    def opening(self) -> Show:
        """What is shown first: bodies where there are some, playing."""
        bodies = self._scene.has_bodies
        return Show(
            frames=len(self.clip),
            fps=self.clip.fps,
            people=len(self.clip.people),
            mesh=bodies,
            skeleton=not bodies,
        )

    def picture(self, shot: Shot) -> UInt8[ndarray, "height width 3"]:
        """Display RGB of the shot's size, without time line and help."""
        height, width = shot.size
        size = (max(2, height // 2), max(2, width // 2)) if shot.draft else shot.size
        drawn = self._drawn(shot.show, size)
        if not shot.draft:
            return drawn
        return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR))

    def _drawn(self, show: Show, size: tuple[int, int]) -> UInt8[ndarray, "height width 3"]:
        scene, frame = self._scene, show.number
        camera = camera_for(show, self._middle, self._radius, scene.world, size)
        bodies: Bodies = next(iter(scene.posed([frame]))) if show.mesh else []
        bodies = [(order, mesh) for order, mesh in bodies if order not in show.hidden]
        people = self._skeletons(show, bodies)
        if show.floor:
            picture = self._room_of(show, camera).with_shadows(
                self._shadows(frame, bodies, people), spread=0.0 if bodies else _SPREAD
            )
        else:
            picture = quantised(backdrop(*size, DARK))
        picture = scene.with_bodies(picture, bodies, camera)
        return scene.with_joints(picture, frame, camera, people)

    def _skeletons(self, show: Show, bodies: Bodies) -> list[int]:
        """Who is drawn as a skeleton: everybody, or those of whom there is no body to draw."""
        drawn = set() if show.skeleton else {order for order, _ in bodies}
        return [
            order
            for order, person in enumerate(self.clip.people)
            if (show.mesh or show.skeleton)
            and order not in show.hidden | drawn
            and bool(person.joints.shown[show.number])
        ]

    def _shadows(self, frame: int, bodies: Bodies, people: list[int]) -> list[Tensor]:
        """Points that throw shadows: on bodies, and on the bones of people without one."""
        drawn = {order for order, _ in bodies}
        poses = [self.clip.people[n].joints.pose for n in people if n not in drawn]
        bones = [points_on_bones(pose.joints[frame], pose.skeleton) for pose in poses]
        return finite([*(mesh.vertices for _, mesh in bodies), *bones])

    def _room_of(self, show: Show, camera: Camera) -> Room:
        """The room, painted anew where the camera was moved."""
        place = (show.yaw, show.elevation, show.zoom, show.pan, camera.image_size)
        if self._room is None or place != self._seen_from:
            self._room, self._seen_from = Room(camera, self._scene.floor, DARK), place
        return self._room


def _ball(
    points: Float[Tensor, "points 3"], world: Float[Tensor, "3 3"]
) -> tuple[Float[Tensor, "3"], float]:
    """Middle and radius (metres) of what is to be seen; one point in two hundred may lie outside."""
    known = points[points.isfinite().all(-1)].double() @ world.double().T
    low, high = (torch.quantile(known, share, dim=0) for share in (0.005, 0.995))
    return (low + high) / 2 @ world.double(), max(0.3, float((high - low).norm()) / 2)


def with_controls(
    picture: UInt8[ndarray, "height width 3"], show: Show, clip: Clip, note: str
) -> UInt8[ndarray, "height width 3"]:
    """A picture with the time line and a line of words, and with the help where it is wanted."""
    out = picture.copy()
    _time_line(out, show)
    number = clip.first_frame + show.number
    state = "" if show.playing else "   paused"
    speed = "" if show.speed == 1 else f"   speed {show.speed:g}"
    words = f"frame {number}   {number / clip.fps:.2f} s{speed}{state}"
    _words(out, words, _LETTERS, out.shape[0] - TIME_LINE - 4)
    right = note or "H: help"
    _words(out, right, out.shape[1] - text_width(right, _LETTERS) - _LETTERS,
           out.shape[0] - TIME_LINE - 4)  # fmt: skip
    if show.help:
        _help(out)
    return out


def _words(picture: ndarray, text: str, x: int, y: int) -> None:
    write_text(picture, text, (x, y), _LETTERS, DARK.text, DARK.bottom)


def _time_line(picture: ndarray, show: Show) -> None:
    height, width = picture.shape[:2]
    y, pad = height - TIME_LINE // 2, _LETTERS
    here = pad + round((width - 2 * pad) * show.number / max(1, show.frames - 1))
    cv2.line(picture, (pad, y), (width - pad, y), DARK.edge, 6, cv2.LINE_AA)
    cv2.line(picture, (pad, y), (here, y), DARK.grid, 6, cv2.LINE_AA)
    cv2.circle(picture, (here, y), 8, DARK.text, -1, cv2.LINE_AA)


def _help(picture: ndarray) -> None:
    """All keys on a darkened part of the picture."""
    line = 2 * _LETTERS - 5
    width = max(text_width(key.words, _LETTERS) for key in KEYS) + 8 * _LETTERS
    box = picture[: min(picture.shape[0], line * len(KEYS) + 2 * _LETTERS), : width + _LETTERS]
    box[...] = (box * 0.22).astype(np.uint8)
    for row, key in enumerate(KEYS):
        y = 2 * _LETTERS + line * row
        write_text(picture, key.shown, (_LETTERS, y), _LETTERS, DARK.text, DARK.outline)
        write_text(picture, key.words, (7 * _LETTERS, y), _LETTERS, DARK.text, DARK.outline)
