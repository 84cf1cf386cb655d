"""The body regressor as a task: posed bodies, as a lifter sees them, back to what poses them."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.fitting.points import PointTable, place_points, point_table
from lift3d.fitting.skin import SkinSites, SkinTable, place_skin, skin_table
from lift3d.geometry.rays import root_from_rays
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_quat_wxyz
from lift3d.lifting.universal_net import UniversalNet, predict
from lift3d.losses import Term
from lift3d.protocols import BodyModel
from lift3d.regressing.posture_net import (
    Posture,
    PostureNet,
    SeenPerson,
    load_posture,
    save_posture,
    trunk_frame,
)
from lift3d.training.people import PosedPeople
from lift3d.training.posed_bodies import PosedBodies
from lift3d.training.shown import MIN_KEYPOINTS, ShownConfig, show
from lift3d.training.task import Forward, Scores
from lift3d.training.trainer import half_precision
from lift3d.training.universal_task import distances

__all__ = ["PostureBatch", "PostureTask", "Teacher", "posture_samples"]

_SITES: Final = 96
_BONES: Final = 0.02
"""How much a turned bone counts beside skin: the skin of thin bones hardly tells how they are turned."""
_JOINTS: Final = 1.0
_SHAPE: Final = 0.002
_SPREAD: Final = 0.003
_TAILS: Final = 4.0
"""Degrees of freedom of the errors' t distribution."""


@dataclass(frozen=True, slots=True)
class PostureBatch:
    """What the network reads, and the body that it should find.

    `rotmats` are local, the root's in the virtual camera; `skin` and `points` are relative to the
    pelvis joint (metres). `weights` are 0 where too little was seen.
    """

    features: Float[Tensor, "batch features"]
    frame: Float[Tensor, "batch 3 3"]
    rotmats: Float[Tensor, "batch joints 3 3"]
    betas: Float[Tensor, "batch betas"]
    skin: Float[Tensor, "batch sites 3"]
    points: Float[Tensor, "batch points 3"]
    weights: Float[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: slice | Tensor) -> "PostureBatch":
        return PostureBatch(*(getattr(self, name)[rows] for name in self.__slots__))

    def to(self, device: torch.device) -> "PostureBatch":
        """The same on a device."""
        return PostureBatch(*(getattr(self, name).to(device) for name in self.__slots__))


class Teacher:
    """What turns parameters into places: the body's points, and some of its skin, without its mesh."""

    def __init__(self, body: BodyModel, sites: int = _SITES) -> None:
        count = len(body.surface.lbs_weights)
        chosen = torch.randperm(count, generator=Generator().manual_seed(0))[:sites].sort().values
        self.table: PointTable = point_table(body.articulation, torch.float32)
        self.skin: SkinTable = skin_table(body, SkinSites.at_vertices(chosen), torch.float32)

    def to(self, device: torch.device) -> "Teacher":
        """The same on a device."""
        other = copy(self)
        table, skin = self.table, self.skin
        other.table = replace(
            table,
            carrier=table.carrier.to(device),
            turned_by=table.turned_by.to(device),
            template=table.template.to(device),
            shapedirs=table.shapedirs.to(device),
        )
        other.skin = SkinTable(*(getattr(skin, f.name).to(device) for f in fields(skin)))
        return other

    def places(
        self, rotmats: Float[Tensor, "batch joints 3 3"], betas: Float[Tensor, "batch betas"]
    ) -> tuple[Float[Tensor, "batch points 3"], Float[Tensor, "batch sites 3"]]:
        """Joints and landmarks, and skin, relative to the pelvis joint (metres)."""
        points = place_points(self.table, rotmats, rotmats.new_zeros(len(rotmats), 3), betas)
        skin, _ = place_skin(self.table, self.skin, points, betas)
        pelvis = points.places[:, :1]
        return points.places - pelvis, skin - pelvis


@dataclass(frozen=True, slots=True)
class PostureTask:
    """Skin, joints and rotations of bodies that a lifter has lifted; `samples` by subject.

    The `teacher` makes bodies on the CPU, the `judge` is the same on the network's device.
    """

    network: PostureNet
    people: PosedPeople
    lifter: UniversalNet
    teacher: Teacher
    judge: Teacher
    samples: Mapping[str, PostureBatch]
    config: ShownConfig

    @property
    def name(self) -> str:
        return "posture"

    @property
    def terms(self) -> tuple[str, ...]:
        return ("skin", "joints", "bones", "shape", "spread")

    def draw(self, count: int, generator: Generator) -> PostureBatch:
        """Fresh bodies before random cameras, in anybody's layout, lifted."""
        device = generator.device
        host = Generator().manual_seed(
            int(torch.randint(2**62, (), generator=generator, device=device))
        )
        bodies = self.people.factory.bodies(count, 1, host)
        return seen_bodies(self, bodies, self.config, host).to(device)

    def part(self, batch: PostureBatch, rows: slice) -> PostureBatch:
        return batch[rows]

    def losses(self, forward: Forward, batch: PostureBatch) -> dict[str, Term]:
        """Mean distances of skin and joints (metres), of bones' axes, of betas, and likelihoods."""
        said = self.network.posture(forward(batch.features).float(), batch.frame)
        points, skin = self.judge.places(said.rotmats, said.betas)
        weights, total = batch.weights, batch.weights.sum()
        off_skin = distances(skin, batch.skin).mean(1)
        off_joints = distances(points, batch.points).mean(1)
        bones = distances(said.rotmats.mT, batch.rotmats.mT).mean((1, 2))
        shape = (said.betas - batch.betas).square().mean(1)
        return {
            "skin": Term((off_skin * weights).sum(), total),
            "joints": Term((off_joints * weights).sum() * _JOINTS, total),
            "bones": Term((bones * weights).sum() * _BONES, total),
            "shape": Term((shape * weights).sum() * _SHAPE, total),
            "spread": Term((_unlikely(said, batch, off_skin) * weights).sum() * _SPREAD, total),
        }

    @torch.no_grad()
    def validate(self) -> Scores:
        values = {name: self._error_mm(batch) for name, batch in self.samples.items()}
        return Scores(sum(values.values()) / len(values), values)

    def _error_mm(self, batch: PostureBatch) -> float:
        said = self.network.posture(self.network(batch.features), batch.frame)
        _, skin = self.judge.places(said.rotmats, said.betas)
        off = distances(skin, batch.skin).mean(1)
        return float((off * batch.weights).sum() / batch.weights.sum()) * 1000

    def save(self, path: Path) -> None:
        save_posture(self.network, path)

    def finish(self, weights: Path) -> Scores:
        """Make the best network's spreads say what they are on validation bodies; its scores."""
        best = load_posture(weights).to(next(self.network.parameters()).device)
        with torch.no_grad():
            best.calibration.copy_(_calibration(best, list(self.samples.values())))
        save_posture(best, weights)
        return replace(self, network=best).validate()


def seen_bodies(
    task: PostureTask, bodies: PosedBodies, config: ShownConfig, generator: Generator
) -> PostureBatch:
    """Bodies of single frames through cameras and a detector, and what a lifter makes of them."""
    shown = show(task.people.people_of(bodies, generator), config, generator)
    half = torch.autocast(
        "cpu", torch.bfloat16, enabled=half_precision(torch.device("cpu"), "auto")
    )
    with torch.no_grad():
        with half:
            answer = predict(task.lifter, shown.view, flip=False, forward=_in_float(task.lifter))
        root = root_from_rays(answer.joints, shown.view.rays, shown.view.seen.float())
        straight = torch.eye(3).expand(len(root), 3, 3)
        person = SeenPerson(answer.joints, answer.covariance, shown.view.seen, root, straight)
        features, frame = person.features, trunk_frame(person.joints)
        rotmats = rotmat_from_quat_wxyz(bodies.quats[:, 0])
        rotmats = torch.cat([(shown.turn @ rotmats[:, 0])[:, None], rotmats[:, 1:]], 1)
        points, skin = task.teacher.places(rotmats, bodies.betas)
    enough = (shown.view.seen.sum(-1) >= MIN_KEYPOINTS) & (root[:, 2] > 0)
    enough &= features.isfinite().all(-1)
    columns = (features.nan_to_num(), frame, rotmats, bodies.betas, skin, points, enough.float())
    return PostureBatch(*(column.clone() for column in columns))


def _in_float(network: UniversalNet) -> Callable[[Tensor], Tensor]:
    """The network whose layers may run in half precision and whose numbers never are."""
    return lambda features: network(features).float()


def posture_samples(
    task: PostureTask, subjects: Mapping[str, PosedBodies], seed: int
) -> dict[str, PostureBatch]:
    """Per subject the same bodies without and with noise, from cameras that depend on the seed."""
    noise = replace(task.config.noise, definition=0.0)
    kinds = {
        "clean": replace(task.config, noise=replace(noise, clean=1.0), scarce=0.0, layout="found"),
        "noisy": replace(task.config, noise=replace(noise, clean=0.0), scarce=0.0, layout="found"),
    }
    return {
        f"{kind}/{name}": seen_bodies(task, subjects[name], how, Generator().manual_seed(seed + i))
        for kind, how in kinds.items()
        for i, name in enumerate(sorted(subjects))
    }


def _angles(said: Posture, batch: PostureBatch) -> Float[Tensor, "batch joints"]:
    """How far rotations are off (radians): small where the true one is reached."""
    away = axis_angle_from_rotmat(said.rotmats.detach().mT @ batch.rotmats)
    return away.square().sum(-1).clamp(min=1e-8).sqrt()


def _unlikely(
    said: Posture, batch: PostureBatch, off_skin: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Negative log likelihood of the errors; it teaches spreads only."""
    angle = _angles(said, batch) / said.turn_std
    turns = 3 * said.turn_std.log() + (_TAILS + 3) / 2 * (angle.square() / _TAILS).log1p()
    betas = (said.betas.detach() - batch.betas) / said.betas_std
    shape = said.betas_std.log() + (_TAILS + 1) / 2 * (betas.square() / _TAILS).log1p()
    error = (off_skin.detach().log() - said.error.log()).abs()
    return turns.mean(1) + shape.mean(1) + error


def _calibration(network: PostureNet, batches: list[PostureBatch]) -> Float[Tensor, " joints"]:
    """Factors by which spreads hold 68 % of the turns about each axis, both sides alike."""
    parts: list[Tensor] = []
    for batch in batches:
        said = network.posture(network(batch.features), batch.frame)
        parts.append((_angles(said, batch) / said.turn_std)[batch.weights > 0])
    return network.calibration * torch.cat(parts).median(0).values / _MEDIAN


_MEDIAN: Final = 1.538
"""The median length of a vector of three standard normal numbers (chi with 3 degrees of freedom)."""
