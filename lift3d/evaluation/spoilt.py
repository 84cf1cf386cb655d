"""The axes of the robustness table: what a lifter is shown at each level.

Every level of an axis is shown the same windows through the same random cameras, with the same
directions of noise and the same order in which keypoints go missing, so that curves compare.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import radians
from typing import Final

import torch
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.evaluation.clips import Window
from lift3d.evaluation.lifters import DETECTED, keeping, showing
from lift3d.evaluation.views import FOCAL, SIZE, Shot, random_shot, random_view
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import LIFT_23

__all__ = ["AXES", "Axis", "Case", "Sight", "case_of"]

_COMMON: Final = 4
"""Frame rates are compared in every fourth frame, which all of them see."""


@dataclass(frozen=True, slots=True)
class Case:
    """A window, the view of it, and the chance that all levels share."""

    window: Window
    turn: Tensor
    root: Tensor
    noise: Tensor
    order: Tensor


@dataclass(frozen=True, slots=True)
class Sight:
    """What a lifter is shown of a shot, and what it is told of the camera; every `step`-th frame."""

    shot: Shot
    keypoints: Motion[Pose2D]
    camera: Camera
    step: int = 1


def case_of(window: Window, generator: Generator) -> Case:
    """A random view of a window."""
    turn, root = random_view(generator)
    shape = window.joints.shape[:2]
    noise = torch.randn(*shape, 2, generator=generator)
    return Case(window, turn, root, noise, torch.rand(shape, generator=generator))


def _plain(case: Case) -> Sight:
    shot = random_shot(case.window, case.turn, case.root)
    return Sight(shot, keeping(shot.keypoints, DETECTED), shot.camera)


def _jittered(case: Case, millimetres: float) -> Sight:
    sight = _plain(case)
    size = millimetres / 1000 * FOCAL / sight.shot.distance[:, None, None]
    pose = sight.keypoints.pose
    return _shown(sight, pose.keypoints + case.noise * size, pose.seen)


def _thinned(case: Case, percent: float) -> Sight:
    sight = _plain(case)
    pose = sight.keypoints.pose
    return _shown(sight, pose.keypoints, pose.seen & (case.order >= percent / 100))


def _misjudged(case: Case, factor: float) -> Sight:
    sight = _plain(case)
    return Sight(sight.shot, sight.keypoints, Camera.from_intrinsics(SIZE, FOCAL * factor))


_CROPS: Final[Mapping[str, tuple[str, ...]]] = {
    "nothing": (),
    "feet": ("toe", "heel"),
    "legs": ("knee", "ankle", "toe", "heel"),
    "upper body only": ("hip", "knee", "ankle", "toe", "heel"),
    "right side": ("right",),
}


def _cropped(case: Case, kind: float) -> Sight:
    sight = _plain(case)
    lost = list(_CROPS.values())[int(kind)]
    kept = torch.tensor([not set(name.split("_")) & set(lost) for name in LIFT_23.joints])
    pose = sight.keypoints.pose
    return _shown(sight, pose.keypoints, pose.seen & kept)


def _rolled(case: Case, degrees: float) -> Sight:
    """The camera is turned about its axis, and the person's place in the picture with it."""
    roll = rotmat_from_axis_angle(torch.tensor([0.0, 0.0, radians(degrees)]))
    turned = Case(case.window, roll @ case.turn, roll @ case.root, case.noise, case.order)
    return _plain(turned)


def _slowed(case: Case, step: float) -> Sight:
    sight = _plain(case)
    return Sight(sight.shot, sight.keypoints, sight.camera, int(step))


def _shown(sight: Sight, pixels: Tensor, seen: Tensor) -> Sight:
    return Sight(sight.shot, showing(sight.keypoints, pixels, seen), sight.camera)


@dataclass(frozen=True, slots=True)
class Axis:
    """What is made worse, by which values; `words` name the values where numbers do not."""

    name: str
    unit: str
    spoil: Callable[[Case, float], Sight]
    values: tuple[float, ...]
    words: tuple[str, ...] = ()
    judge_every: int = 1

    @property
    def labels(self) -> tuple[str, ...]:
        return self.words or tuple(f"{value:g}" for value in self.values)


_ROLLS: Final = (0.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 150.0, 180.0)
AXES: Final = (
    Axis("keypoint noise", "mm at the person", _jittered, (0.0, 5.0, 10.0, 20.0, 40.0)),
    Axis("missing keypoints", "%", _thinned, (0.0, 10.0, 20.0, 33.0, 50.0)),
    Axis("focal length told", "times the true one", _misjudged, (0.5, 0.7, 1.0, 1.4, 2.0)),
    Axis("roll of the camera", "degrees", _rolled, _ROLLS),
    Axis("cut off", "", _cropped, tuple(map(float, range(len(_CROPS)))), tuple(_CROPS)),
    Axis("frame rate", "every n-th frame", _slowed, (1.0, 2.0, 4.0), judge_every=_COMMON),
)
"""In the order of the table."""
