"""People to learn from, as points of the lifters' vocabulary: captured ones, and posed bodies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.fitting.detector_points import SKIN_POINTS
from lift3d.lifting.universal_net import about_hips
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.skeletons import LIFT_23
from lift3d.training.bank import PoseBank
from lift3d.training.body import Poses
from lift3d.training.posed_bodies import BodyFactory, PosedBodies
from lift3d.training.recombine import RecombineConfig, recombined

__all__ = [
    "CapturedPeople",
    "Crowd",
    "MixedPeople",
    "People",
    "PosedPeople",
    "as_people",
    "drawn_on_cpu",
]

# Where on a body lie the points that it has no joint or landmark for, from those that it has. Spine,
# thorax and head are where CMU's skeletons have them (`lift3d_datasets.rigs`), by the mean places of
# both in training poses; the others are as `lift3d.skeletons` describes them.
_MADE: Final = {
    "spine": {"pelvis": 0.36, "left_shoulder": 0.32, "right_shoulder": 0.32},
    "thorax": {"pelvis": 0.12, "left_shoulder": 0.44, "right_shoulder": 0.44},
    "head": {"neck": 0.6, "head": 0.4},
    "upper_neck": {"neck": 0.5, "head": 0.5},
    "neck_nose": {"neck": 0.25, "head": 0.25, "nose": 0.5},
}
_SKIN: Final = (-0.6, 0.8)
"""From hip joints deep inside, as CMU's lie, to those near the skin, as annotators mark them."""


@dataclass(frozen=True, slots=True)
class People:
    """Points about the middle of the hips (metres, y up; 0 where not `valid`), and the root's way."""

    joints: Float[Tensor, "people frames 40 3"]
    path: Float[Tensor, "people frames 3"]
    valid: Bool[Tensor, "people 40"]

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, rows: Tensor) -> "People":
        return People(self.joints[rows], self.path[rows], self.valid[rows])

    def to(self, device: torch.device) -> "People":
        """The same on a device."""
        return People(self.joints.to(device), self.path.to(device), self.valid.to(device))


@runtime_checkable
class Crowd(Protocol):
    """Somewhere to draw people from."""

    def __len__(self) -> int: ...

    def draw(self, count: int, frames: int, generator: Generator, *, fps: float) -> People:
        """So many people, each over so many frames at a frame rate."""
        ...


class CapturedPeople:
    """Single captured frames, recombined: the source's own definitions of all joints."""

    def __init__(self, bank: PoseBank, config: RecombineConfig) -> None:
        self.bank, self.config = bank, config

    def __len__(self) -> int:
        return len(self.bank)

    def draw(self, count: int, frames: int, generator: Generator, *, fps: float) -> People:
        """One frame each, so that a frame rate means nothing. Raises `InputError` for more frames."""
        if frames != 1:
            raise InputError(
                f"expected 1 frame of each captured pose, got {frames} at {fps:g} frames per second: "
                "draw clips from CapturedClips"
            )
        return as_people(recombined(self.bank.draw(count, generator), self.config, generator))


def drawn_on_cpu(generator: Generator, draw: Callable[[Generator], People]) -> People:
    """People who are made on the CPU, whatever device the generator is on; they follow from it."""
    if generator.device.type == "cpu":
        return draw(generator)
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return draw(Generator().manual_seed(int(seed))).to(generator.device)


def as_people(poses: Poses) -> People:
    """Poses of `LIFT_23` as people of one frame; the vocabulary's further points are not known."""
    more = len(VOCABULARY) - len(LIFT_23)
    joints = torch.nn.functional.pad(poses.joints.float(), (0, 0, 0, more))[:, None]
    valid = torch.nn.functional.pad(poses.valid, (0, more))
    return People(joints, joints.new_zeros(len(poses), 1, 3), valid)


class PosedPeople:
    """Bodies of random shapes in captured and changed poses, single ones or over time."""

    def __init__(self, factory: BodyFactory) -> None:
        self.factory = factory
        names = factory.table.names
        rows = [_MADE.get(j, {j: 1.0} if j in names else {}) for j in VOCABULARY.joints]
        self.known = torch.tensor([bool(row) for row in rows])
        self.rows = _weights(rows, names)
        self.skin = _weights(
            [{SKIN_POINTS[j]: 1.0} if SKIN_POINTS.get(j) in names else row
             for j, row in zip(VOCABULARY.joints, rows, strict=True)],
            names,
        ) - self.rows  # fmt: skip

    def __len__(self) -> int:
        return len(self.factory.bank)

    def draw(self, count: int, frames: int, generator: Generator, *, fps: float) -> People:
        """New bodies, each with hips and shoulders defined somewhere between deep inside and skin."""
        return drawn_on_cpu(generator, lambda g: self._draw(count, frames, g, fps))

    def _draw(self, count: int, frames: int, generator: Generator, fps: float) -> People:
        return self.people_of(self.factory.bodies(count, frames, generator, fps=fps), generator)

    def people_of(self, bodies: PosedBodies, generator: Generator) -> People:
        """Bodies as a lifter's points, defined somewhere between deep inside and skin."""
        places = bodies.places
        path = places[:, :, 0]
        relative = places - path[:, :, None]
        low, high = _SKIN
        share = torch.rand(len(places), 1, 1, 1, generator=generator) * (high - low) + low
        joints = about_hips(self.rows @ relative + share * (self.skin @ relative))
        return People(joints, path - path[:, :1], self.known.expand(len(places), -1))


def _weights(rows: list[dict[str, float]], names: tuple[str, ...]) -> Float[Tensor, "40 points"]:
    table = torch.zeros(len(rows), len(names))
    for at, row in enumerate(rows):
        for name, weight in row.items():
            table[at, names.index(name)] = weight
    return table


class MixedPeople:
    """Some of one crowd and the rest of another."""

    def __init__(self, first: Crowd, second: Crowd, share: float) -> None:
        self.first, self.second, self.share = first, second, share

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def draw(self, count: int, frames: int, generator: Generator, *, fps: float) -> People:
        """The first `share` of them from the first crowd."""
        some = round(count * self.share)
        parts = [
            crowd.draw(many, frames, generator, fps=fps)
            for crowd, many in ((self.first, some), (self.second, count - some))
            if many
        ]
        columns = ([getattr(part, name) for part in parts] for name in People.__slots__)
        return People(*(torch.cat(column) for column in columns))
