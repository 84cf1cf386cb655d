"""A library of poses, and how each looks through a grid of virtual cameras.

Every exemplar is the mean of captured frames of one kind (k-means over joints in space), turned so
that all face the same way. The grid's cameras go all the way round it, so the way it faced when it
was captured does not matter; its mirror image is seen too.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, Final

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from torch import Generator, Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23

__all__ = [
    "HIPS",
    "INPUT_JOINTS",
    "ExemplarLibrary",
    "ViewGrid",
    "build_library",
    "load_library",
    "save_library",
]

INPUT_JOINTS: Final = tuple(
    i for i, j in enumerate(LIFT_23.joints) if j not in ("pelvis", "spine", "thorax", "head")
)
"""Joints of `LIFT_23` that detectors give, in its order: limbs, nose, ears, big toes and heels."""
HIPS: Final = (
    INPUT_JOINTS.index(LIFT_23.index("left_hip")),
    INPUT_JOINTS.index(LIFT_23.index("right_hip")),
)
"""The hips among them."""

_FORMAT: Final = "lift3d matching 1"
_UNIT: Final = 1e-4
"""Metres per count in the file: 0.1 mm, up to 3.2 m from the root."""
_INPUT: Final = list(INPUT_JOINTS)
_CHUNK: Final = 2000
_MOST_CAMERAS: Final = 1000
_LEFT_RIGHT: Final = [
    (LIFT_23.index(f"left_{part}"), LIFT_23.index(f"right_{part}")) for part in ("hip", "shoulder")
]


@dataclass(frozen=True, slots=True)
class ViewGrid:
    """Where the virtual cameras stand; stored with the library."""

    yaws: int = 16
    """Cameras around a person, evenly."""
    pitches: tuple[float, ...] = (-0.45, -0.125, 0.2)
    """How far they look up (radians); negative is down."""
    distance: float = 5.0
    """Metres from the middle of the hips."""

    @property
    def turns(self) -> Float[Tensor, "cameras 3 3"]:
        """Rotations from the y-up world to each camera (x right, y down, z forward)."""
        pairs = [
            [[pitch + math.pi, 0.0, 0.0], [0.0, 2 * math.pi * k / self.yaws, 0.0]]
            for pitch in self.pitches
            for k in range(self.yaws)
        ]
        about_x, about_y = rotmat_from_axis_angle(torch.tensor(pairs)).unbind(1)
        return about_x @ about_y


@dataclass(frozen=True, slots=True)
class ExemplarLibrary:
    """Exemplars in a y-up world, in metres, the root at the origin, mirror images not included."""

    joints: Float[Tensor, "exemplars 23 3"]
    grid: ViewGrid = ViewGrid()

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def both_sides(self) -> Float[Tensor, "people 23 3"]:
        """The exemplars, and after them their mirror images."""
        return torch.cat([self.joints, _mirrored(self.joints)])

    def pictures(self) -> Float[Tensor, "views inputs 2"]:
        """x / z, y / z of joints `INPUT_JOINTS`, camera after camera, each of all `both_sides`."""
        hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
        people = self.both_sides
        people = (people - people[:, hips].mean(1, keepdim=True))[:, _INPUT]
        seen = people @ self.grid.turns.mT[:, None]  # [cameras people inputs 3]
        depth = (seen[..., 2:] + self.grid.distance).clamp(min=0.1)
        return (seen[..., :2] / depth).flatten(0, 1)


def build_library(
    captures: Iterable[MotionClip],
    count: int = 3000,
    *,
    grid: ViewGrid | None = None,
    every: int = 4,
    rounds: int = 6,
    seed: int = 0,
) -> ExemplarLibrary:
    """Exemplars from the clips of a training split, `count` of them or as many as there are frames.

    Of each clip every `every`-th frame is used, of clips with a `weight` below 1 accordingly fewer.
    Frames must have all joints that detectors give; other joints that are not known are completed by
    least squares from those. Raises `InputError` where no frame is left.
    """
    frames = [_frames_of(clip, every) for clip in captures]
    poses = torch.cat(frames) if frames else torch.zeros(0, len(LIFT_23), 3)
    if not len(poses) or count < 1:
        raise InputError(
            f"expected frames with all of {len(_INPUT)} joints and at least 1 exemplar, got "
            f"{len(poses)} frames and {count}: choose another split or dataset"
        )
    poses = _completed(_facing(poses))
    generator = Generator().manual_seed(seed)
    return ExemplarLibrary(_means(poses, count, rounds, generator), grid or ViewGrid())


def _frames_of(clip: MotionClip, every: int) -> Float[Tensor, "frames 23 3"]:
    pose = clip.motion.pose.require_frame("world").to(LIFT_23)
    weight = float(getattr(clip, "weight", 1.0))
    if weight <= 0:
        return pose.joints[:0].float()
    usable = clip.motion.observed & pose.joints[:, [0, *_INPUT]].isfinite().all(-1).all(-1)
    kept = pose.joints[usable][:: max(1, round(every / weight))].float()
    return kept - kept[:, :1]


def _facing(poses: Float[Tensor, "frames 23 3"]) -> Float[Tensor, "frames 23 3"]:
    """The same poses turned about the vertical so that hips and shoulders lie across x."""
    across = torch.stack([poses[:, left] - poses[:, right] for left, right in _LEFT_RIGHT]).sum(0)
    yaw = torch.atan2(across[:, 2], across[:, 0])
    turn = rotmat_from_axis_angle(yaw[:, None] * torch.tensor([0.0, 1.0, 0.0]))
    return poses @ turn.mT


def _completed(poses: Float[Tensor, "frames 23 3"]) -> Float[Tensor, "frames 23 3"]:
    """Joints that a source does not give, as linear functions of those that all give."""
    given = torch.cat([poses[:, _INPUT].flatten(1), torch.ones(len(poses), 1)], 1)
    poses = poses.clone()
    for joint in range(len(LIFT_23)):
        known = poses[:, joint].isfinite().all(-1)
        if not bool(known.all()):
            # With no frame that has the joint, it lies in the root and moves with its neighbours.
            places = poses[known, joint]
            linear = torch.linalg.lstsq(given[known], places, driver="gelsd").solution
            poses[~known, joint] = given[~known] @ linear if bool(known.any()) else 0.0
    return poses


def _means(poses: Tensor, count: int, rounds: int, generator: Generator) -> Tensor:
    """Lloyd's k-means, from random frames."""
    flat = poses.flatten(1)
    middle = flat[torch.randperm(len(flat), generator=generator)[:count]].clone()
    for _ in range(rounds):
        near = torch.cat([_nearest(part, middle) for part in torch.split(flat, _CHUNK)])
        total = torch.zeros_like(middle).index_add_(0, near, flat)
        members = torch.zeros(len(middle)).index_add_(0, near, torch.ones(len(flat)))[:, None]
        middle = torch.where(members > 0, total / members.clamp(min=1), middle)
    return middle.reshape(len(middle), len(LIFT_23), 3)


def _nearest(rows: Tensor, middle: Tensor) -> Int[Tensor, " rows"]:
    return torch.addmm((middle * middle).sum(1) / 2, rows, middle.T, alpha=-1).argmin(1)


def save_library(library: ExemplarLibrary, path: str | PathLike[str]) -> None:
    """Write a library; places are rounded to 0.1 mm."""
    joints = (library.joints / _UNIT).round().to(torch.int16).contiguous()
    with atomic_path(path) as partial:
        about = {"format": _FORMAT, "grid": json.dumps(asdict(library.grid))}
        partial.write_bytes(tensor_bytes({"joints": joints}, about))


def load_library(path: str | PathLike[str]) -> ExemplarLibrary:
    """A library that `save_library` wrote; `FileFormatError` for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            if about.get("format") != _FORMAT:
                raise ValueError(f"format {about.get('format')}")
            joints = file.get_tensor("joints")
        grid = _grid(json.loads(about["grid"]))
        if joints.dtype != torch.int16 or joints.shape[1:] != (len(LIFT_23), 3) or not len(joints):
            raise ValueError(f"joints {joints.dtype} {tuple(joints.shape)}")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"expected exemplars of the matching lifter in '{path}' ({_FORMAT}), got "
            f"{type(error).__name__}: {error}: build them with scripts/build_matching_library.py or "
            "leave the path out"
        ) from error
    return ExemplarLibrary(joints.float() * _UNIT, grid)


def _mirrored(joints: Tensor) -> Tensor:
    return joints[:, list(LIFT_23.flip_permutation)] * joints.new_tensor([-1.0, 1.0, 1.0])


def _grid(values: dict[str, Any]) -> ViewGrid:
    pitches = tuple(float(pitch) for pitch in values["pitches"])
    grid = ViewGrid(int(values["yaws"]), pitches, float(values["distance"]))
    if not (0 < grid.yaws * len(pitches) <= _MOST_CAMERAS and 1 < grid.distance < 1000):
        raise ValueError(f"a grid of {grid.yaws} x {len(pitches)} cameras at {grid.distance} m")
    return grid
