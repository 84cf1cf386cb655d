"""What a window shows, as a value, and what keys, mouse and time make of it. No display is needed."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from

__all__ = [
    "KEYS",
    "Key",
    "Show",
    "camera_for",
    "dragged",
    "passed",
    "pressed",
    "scrolled",
    "scrubbed",
]

_SPEEDS: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_STEEPEST: Final = math.radians(88)
_ZOOM: Final = (0.2, 20.0)
_PER_STEP: Final = 1.12
_LENS: Final = 3.2
"""Radii of what is seen from its middle to the camera: a long lens, since short ones distort bodies."""


@dataclass(frozen=True, slots=True)
class Show:
    """What a window shows: a moment of a clip, from where, and who.

    `frame` counts from 0 and has a fraction while playing; `yaw` and `elevation` in radians walk
    around the people from the real camera's side; `pan` moves the picture by shares of its height.
    """

    frames: int
    fps: float
    people: int = 1
    frame: float = 0.0
    playing: bool = True
    speed: float = 1.0
    yaw: float = 0.0
    elevation: float = math.radians(8)
    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)
    mesh: bool = True
    skeleton: bool = False
    floor: bool = True
    help: bool = False
    hidden: frozenset[int] = frozenset()

    @property
    def number(self) -> int:
        """The frame that is seen."""
        return min(self.frames - 1, int(self.frame))


@dataclass(frozen=True, slots=True)
class Key:
    """A key by pyglet's names, what it does, and what the help says of it.

    Keys without `act` are the window's own: what they do is more than another picture.
    """

    names: tuple[str, ...]
    shown: str
    words: str
    act: Callable[[Show], Show] | None


def passed(show: Show, seconds: float) -> Show:
    """After some time: the clip begins anew when it is over."""
    if not show.playing:
        return show
    return replace(show, frame=(show.frame + seconds * show.fps * show.speed) % show.frames)


def pressed(show: Show, name: str) -> Show:
    """After a key; unknown ones change nothing."""
    if name.startswith("_") and name[1:].isdigit():  # pyglet's names for digits
        return _toggled(show, int(name[1:]) - 1)
    for key in KEYS:
        if name in key.names and key.act is not None:
            return key.act(show)
    return show


def dragged(show: Show, across: float, up: float, *, pan: bool = False) -> Show:
    """After the mouse was dragged by shares of the window's height."""
    if pan:
        return replace(show, pan=(show.pan[0] + across, show.pan[1] - up))
    steep = max(-_STEEPEST, min(_STEEPEST, show.elevation - math.pi * up))
    return replace(show, yaw=_wrapped(show.yaw - math.pi * across), elevation=steep)


def scrolled(show: Show, steps: float) -> Show:
    """After the mouse wheel was turned: nearer for positive steps."""
    zoom = show.zoom * _PER_STEP ** max(-50.0, min(50.0, steps))
    return replace(show, zoom=max(_ZOOM[0], min(_ZOOM[1], zoom)))


def scrubbed(show: Show, share: float) -> Show:
    """After a place of the time line was pointed at, from 0 to 1: there, and waiting."""
    return _at(show, min(1.0, max(0.0, share)) * (show.frames - 1) + 0.5)


def camera_for(
    show: Show,
    middle: Float[Tensor, "3"],
    radius: float,
    world: Float[Tensor, "3 3"],
    size: tuple[int, int],
) -> Camera:
    """The camera that sees nearly all of a ball (metres, in the clip's axes), in a picture of `size`.

    `world` turns the clip's axes to a y-up world.
    """
    sy, cy = math.sin(show.yaw), math.cos(show.yaw)
    se, ce = math.sin(show.elevation), math.cos(show.elevation)
    forward = torch.tensor([-sy * ce, -se, -cy * ce], dtype=torch.float64)
    right = torch.tensor([cy, 0.0, -sy], dtype=torch.float64)
    turned = torch.stack([right, torch.linalg.cross(forward, right), forward]) @ world.double()
    distance = _LENS * radius
    place = torch.tensor([0.0, 0.0, distance], dtype=torch.float64) - turned @ middle.double()
    height, width = size
    focal = 1.1 * show.zoom * min(height, width) / 2 * math.sqrt(_LENS**2 - 1)
    centre = ((width - 1) / 2 + show.pan[0] * height, (height - 1) / 2 + show.pan[1] * height)
    lens = Camera.from_intrinsics(size, focal, centre)
    return replace(lens, cam_from_world=rigid_from(turned, place).float())


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _at(show: Show, frame: float) -> Show:
    return replace(show, frame=min(max(frame, 0.0), show.frames - 0.5), playing=False)


def _stepped(frames: int) -> Callable[[Show], Show]:
    return lambda show: _at(show, show.number + frames + 0.5)


def _second(direction: int) -> Callable[[Show], Show]:
    return lambda show: _at(show, show.number + direction * max(1, round(show.fps)) + 0.5)


def _faster(direction: int) -> Callable[[Show], Show]:
    def act(show: Show) -> Show:
        place = _SPEEDS.index(show.speed) + direction
        return replace(show, speed=_SPEEDS[min(len(_SPEEDS) - 1, max(0, place))])

    return act


def _view(yaw: float, elevation: float) -> Callable[[Show], Show]:
    return lambda show: replace(show, yaw=yaw, elevation=elevation, zoom=1.0, pan=(0.0, 0.0))


def _toggled(show: Show, person: int) -> Show:
    """A person gone or back; 0 brings everybody back."""
    if person < 0:
        return replace(show, hidden=frozenset())
    return replace(show, hidden=show.hidden ^ {person}) if person < show.people else show


KEYS: Final = (
    Key(("SPACE",), "space", "play or pause", lambda s: replace(s, playing=not s.playing)),
    Key(("LEFT",), "left", "one frame back", _stepped(-1)),
    Key(("RIGHT",), "right", "one frame on", _stepped(1)),
    Key(("PAGEUP", "MOTION_PREVIOUS_PAGE"), "page up", "one second back", _second(-1)),
    Key(("PAGEDOWN", "MOTION_NEXT_PAGE"), "page down", "one second on", _second(1)),
    Key(("HOME",), "home", "first frame", lambda s: _at(s, 0.5)),
    Key(("END",), "end", "last frame", lambda s: _at(s, s.frames - 0.5)),
    Key(("UP",), "up", "faster", _faster(1)),
    Key(("DOWN",), "down", "slower", _faster(-1)),
    Key(("M",), "M", "bodies on or off", lambda s: replace(s, mesh=not s.mesh)),
    Key(("K",), "K", "skeletons on or off", lambda s: replace(s, skeleton=not s.skeleton)),
    Key(("F",), "F", "floor on or off", lambda s: replace(s, floor=not s.floor)),
    Key((), "1 to 9", "one person on or off, 0 for all", None),
    Key(("C",), "C", "the camera's side", _view(0.0, math.radians(8))),
    Key(("V",), "V", "from the side", _view(math.radians(90), math.radians(8))),
    Key(("T",), "T", "from above", _view(0.0, _STEEPEST)),
    Key((), "drag", "walk around; with shift or the right button: move", None),
    Key((), "wheel", "nearer or farther", None),
    Key((), "line below", "drag to a moment", None),
    Key(("S",), "S", "save the picture", None),
    Key(("H", "QUESTION", "F1"), "H", "this help", lambda s: replace(s, help=not s.help)),
    Key(("Q", "ESCAPE"), "Q", "close", None),
)
