"""Motions out of thin air: plausible movements of the default body, without any file.

For trials, tests and as a floor for comparisons. People walk, squat, reach, or move all joints
smoothly and at random within the limits below. Feet stand on the floor (y = 0), and the foot that
carries the body does not slide. Movements are made by formulas of our own; nothing is measured.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.body import BodyParams
from lift3d.capture import Capture, Finding
from lift3d.errors import InputError
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton
from lift3d_datasets.folders import checked_split
from lift3d_datasets.posed import posed_motion

__all__ = ["ACTIONS", "LIMITS", "Synthetic"]

SPLITS: Final = ("train", "val", "test")
_MOST_FRAMES: Final = 100_000

_DEGREE: Final = math.pi / 180
_ARM_DOWN: Final = 72 * _DEGREE
"""From the rest pose, a T, to arms that hang beside the body."""

LIMITS: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "hip": ((-100, 15), (-25, 25), (-10, 35)),
    "knee": ((0, 130), (0, 0), (0, 0)),
    "ankle": ((-25, 30), (-10, 10), (-10, 10)),
    "spine1": ((-5, 25), (-12, 12), (-10, 10)),
    "spine2": ((-5, 15), (-12, 12), (-8, 8)),
    "spine3": ((-5, 10), (-12, 12), (-8, 8)),
    "neck": ((-10, 15), (-25, 25), (-10, 10)),
    "head": ((-15, 15), (-25, 25), (-10, 10)),
    "shoulder": ((-40, 40), (-80, 15), (-75, 60)),
    "elbow": ((0, 0), (-130, 0), (0, 0)),
    "wrist": ((-20, 20), (-15, 15), (-30, 30)),
}
"""Degrees about x, y and z of the rest pose, for the left side; the right one mirrors y and z."""

Number = float | int
Angles = dict[str, Float[Tensor, "frames 3"]]


class Synthetic:
    """Clips of walking, squatting, reaching and random movement, the same ones for the same seed.

    Each split has `count` clips of `frames` frames; the people (betas) and movements of one split are
    not in another. `body` is any body model with SMPL's joint names, by default the free one.
    """

    def __init__(
        self,
        *,
        count: int = 64,
        frames: int = 120,
        fps: float = 30.0,
        seed: int = 0,
        body: BodyModel | None = None,
    ) -> None:
        if count < 1 or not 2 <= frames <= _MOST_FRAMES or not 0 < fps < math.inf:
            raise InputError(
                f"expected at least 1 clip, 2 to {_MOST_FRAMES} frames and fps above 0, got {count}, "
                f"{frames}, {fps}: correct them"
            )
        self.count, self.frames, self.fps, self.seed = count, frames, fps, seed
        self.body = body or body_models["default"]()

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split; actions take turns."""
        checked_split(split, SPLITS)
        for number in range(self.count):
            yield self._clip(split, number)

    def _clip(self, split: str, number: int) -> Capture:
        start = (self.seed * 1_000_003 + SPLITS.index(split)) * 1_000_003 + number
        generator = Generator().manual_seed(start)
        action = list(ACTIONS)[number % len(ACTIONS)]
        time = torch.arange(self.frames, dtype=torch.float64) / self.fps
        angles = ACTIONS[action](time, generator)
        articulation = self.body.articulation
        count = articulation.joints_shapedirs.shape[-1]
        betas = torch.randn(count, generator=generator, dtype=torch.float64).clamp(-2, 2)
        heading = torch.tensor([0.0, _uniform(generator, -180, 180), 0.0], dtype=torch.float64)
        turns = _turns(angles, self.body.skeleton, self.frames)
        turns[:, 0] = rotmat_from_axis_angle(heading * _DEGREE) @ turns[:, 0]
        flat = axis_angle_from_rotmat(turns)
        still = BodyParams(betas, flat[:, 1:], flat[:, 0], torch.zeros(self.frames, 3).double())
        observed = torch.ones(self.frames, dtype=torch.bool)
        loose = posed_motion(articulation, still, self.fps, observed)
        path = _grounded(loose.pose.joints.double(), loose.pose.skeleton)
        bodies = BodyParams(betas.float(), flat[:, 1:].float(), flat[:, 0].float(), path.float())
        motion = posed_motion(articulation, bodies, self.fps, observed)
        name, subject = f"{split}_{number:05d}_{action}", f"{split}_{number:05d}"
        return Capture(
            name, subject, action, motion, bodies=bodies, body_format=self.body.name, measured=False
        )

    @staticmethod
    def examine(root: str | PathLike[str] = "") -> Iterator[Finding]:
        """Nothing is needed."""
        yield Finding(
            "files", True, f"none needed, '{root}' is not read" if root else "none needed"
        )


def _uniform(generator: Generator, low: Number, high: Number) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def _wave(time: Tensor, rate: Number, phase: Number) -> Tensor:
    return torch.sin(2 * math.pi * (rate * time + phase))


def _about(x: Tensor | Number, y: Tensor | Number, z: Tensor | Number, time: Tensor) -> Tensor:
    """Angles about x, y and z in degrees, each a number or a path, as [frames, 3]."""
    return torch.stack([torch.zeros_like(time) + value for value in (x, y, z)], -1)


def _walking(time: Tensor, generator: Generator) -> Angles:
    """A gait of two sinusoids per leg: knees bend most when the leg swings forwards."""
    rate = _uniform(generator, 0.7, 1.1)
    swing = _uniform(generator, 18, 28)
    phase, arms = _uniform(generator, 0, 1), _uniform(generator, 0.6, 1.2)
    out: Angles = {}
    for side, half in (("left", 0.0), ("right", 0.5)):
        leg = _wave(time, rate, phase + half)
        lifted = _wave(time, rate, phase + half + 0.33).clamp(min=0)
        hip, knee = swing * leg + 8, 5 + 52 * lifted**2
        out[f"{side}_hip"] = _about(-hip, 0, 2, time)
        out[f"{side}_knee"] = _about(knee, 0, 0, time)
        out[f"{side}_ankle"] = _about(hip - 0.6 * knee, 0, 0, time) * 0.6
        out[f"{side}_shoulder"] = _about(arms * swing * leg, 0, -_ARM_DOWN / _DEGREE, time)
        out[f"{side}_elbow"] = _about(0, -18 + 10 * leg, 0, time)
    twist = 5 * _wave(time, rate, phase)
    out["pelvis"] = _about(2, twist, 0, time)
    out["spine2"] = _about(1, -2 * twist, 0, time)
    return out


def _squats(time: Tensor, generator: Generator) -> Angles:
    """Down and up again on flat feet, with the arms stretched forwards for balance."""
    depth = _uniform(generator, 55, 100)
    down = (1 - torch.cos(2 * math.pi * _uniform(generator, 0.25, 0.5) * time)) / 2
    out: Angles = {}
    for side in ("left", "right"):
        out[f"{side}_hip"] = _about(-depth * down, 0, 0, time)
        out[f"{side}_knee"] = _about(1.15 * depth * down, 0, 0, time)
        out[f"{side}_ankle"] = _about(-0.4 * depth * down, 0, 0, time)
        out[f"{side}_shoulder"] = _about(-70 * down, 0, -_ARM_DOWN / _DEGREE, time)
        out[f"{side}_elbow"] = _about(0, -10, 0, time)
    out["pelvis"] = _about(0.25 * depth * down, 0, 0, time)
    out["spine1"] = _about(10 * down, 0, 0, time)
    out["head"] = _about(-12 * down, 0, 0, time)
    return out


def _reaching(time: Tensor, generator: Generator) -> Angles:
    """One arm goes to a place before the body and back; the trunk follows."""
    side = "left" if _uniform(generator, 0, 1) < 0.5 else "right"
    sign = 1.0 if side == "left" else -1.0
    there = (1 - torch.cos(2 * math.pi * _uniform(generator, 0.3, 0.6) * time)) / 2
    up, across = _uniform(generator, 40, 140), _uniform(generator, -25, 30)
    out: Angles = {}
    for arm in ("left", "right"):
        share = there if arm == side else torch.zeros_like(time)
        out[f"{arm}_shoulder"] = _about(-up * share, -across * share, -_ARM_DOWN / _DEGREE, time)
        out[f"{arm}_elbow"] = _about(0, -25 + 15 * share, 0, time)
        out[f"{arm}_hip"] = _about(-6 * there, 0, 5, time)
        out[f"{arm}_knee"] = _about(12 * there, 0, 0, time)
        out[f"{arm}_ankle"] = _about(-6 * there, 0, -5, time)
    lean = _uniform(generator, 5, 25)
    out["spine1"] = _about(lean * there, -sign * 8 * there, 0, time)
    out["spine2"] = _about(0.5 * lean * there, -sign * 8 * there, 0, time)
    out["head"] = _about(-0.4 * lean * there, sign * 10 * there, 0, time)
    return out


def _random(time: Tensor, generator: Generator) -> Angles:
    """Every joint wanders between its limits, by three sinusoids of random rate and phase."""
    out: Angles = {}
    for joint, limits in LIMITS.items():
        paired = joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        for name in (f"left_{joint}", f"right_{joint}") if paired else (joint,):
            paths = [_wandering(time, low, high, generator) for low, high in limits]
            out[name] = torch.stack(paths, -1)
    return out


def _wandering(time: Tensor, low: Number, high: Number, generator: Generator) -> Tensor:
    waves = [
        _wave(time, _uniform(generator, 0.05, 0.5), _uniform(generator, 0, 1)) for _ in range(3)
    ]
    share = torch.sigmoid(2 * torch.stack(waves).sum(0) + _uniform(generator, -1.5, 1.5))
    return low + (high - low) * share


ACTIONS: Final[Mapping[str, Callable[[Tensor, Generator], Angles]]] = {
    "walking": _walking,
    "squats": _squats,
    "reaching": _reaching,
    "random": _random,
}


def _turns(angles: Angles, skeleton: Skeleton, frames: int) -> Float[Tensor, "frames joints 3 3"]:
    """Local rotations Rx Ry Rz of all joints from angles that the left side's signs are given for."""
    out = torch.eye(3, dtype=torch.float64).repeat(frames, len(skeleton), 1, 1)
    eye = torch.eye(3, dtype=torch.float64)
    for joint, degrees in angles.items():
        mirror = torch.tensor([1.0, -1.0, -1.0] if joint.startswith("right_") else [1.0] * 3)
        radians = degrees * mirror.double() * _DEGREE
        for axis in range(3):
            turn = rotmat_from_axis_angle(radians[:, axis, None] * eye[axis])
            out[:, skeleton.index(joint)] = out[:, skeleton.index(joint)] @ turn
    return out


def _grounded(
    joints: Float[Tensor, "frames points 3"], skeleton: Skeleton
) -> Float[Tensor, "frames 3"]:
    """The root's path that puts the lowest point of the feet on the floor, and lets it stay there.

    From one frame to the next the lower foot carries the body: it moves neither forwards nor sideways.
    """
    feet = [f"{side}_{part}" for part in ("heel", "big_toe") for side in ("left", "right")]
    known = [name for name in feet if name in skeleton.joints] or ["left_ankle", "right_ankle"]
    points = joints[:, [skeleton.index(name) for name in known]]
    lowest = points[..., 1].argmin(-1)[:-1]
    steps = points[1:] - points[:-1]
    carried = -steps[torch.arange(len(steps)), lowest]
    path = torch.cat([torch.zeros(1, 3, dtype=joints.dtype), carried.cumsum(0)])
    path[:, 1] = -joints[..., 1].amin(-1)
    return path
