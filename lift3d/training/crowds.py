"""Whom a lifter learns from: captured people, and bodies posed like them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from lift3d.fitting.detector_points import with_skin_points
from lift3d.plugins import body_models
from lift3d.training.bank import PoseBank
from lift3d.training.people import CapturedPeople, Crowd, MixedPeople, PosedPeople
from lift3d.training.pose_bank import read_rotations
from lift3d.training.posed_bodies import BodyFactory, PosedConfig
from lift3d.training.recombine import RecombineConfig

__all__ = ["CrowdConfig", "crowd_of", "posed_people"]


@dataclass(frozen=True, slots=True)
class CrowdConfig:
    """How people are made up."""

    captured: float = 0.7
    """Share of captured people where there are posed bodies too."""
    recombine: RecombineConfig = field(default_factory=RecombineConfig)
    """How captured poses are changed."""
    posed: PosedConfig = field(default_factory=PosedConfig)
    """How bodies are posed."""


def crowd_of(
    bank: PoseBank, bodies: Path | None, held_out: Collection[str], config: CrowdConfig
) -> Crowd:
    """Captured people and, where there is a file of rotations, posed bodies without those held out."""
    captured = CapturedPeople(bank, config.recombine)
    if bodies is None:
        return captured
    return MixedPeople(captured, posed_people(bodies, held_out, config.posed), config.captured)


def posed_people(bodies: Path, held_out: Collection[str], config: PosedConfig) -> PosedPeople:
    """The default body in poses of a file that `scripts/retarget_mocap.py` wrote."""
    rotations = read_rotations(bodies).without(held_out)
    body = with_skin_points(body_models["default"]())
    return PosedPeople(BodyFactory(rotations, body, config))
