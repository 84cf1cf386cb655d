"""Any network of `lift3d.networks` as a task: pictures drawn at random, turned, resized and mirrored."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks import KeypointNetwork, Targets
from lift3d.networks.catalogue import save_keypoint_network
from lift3d.training.person_pictures import PersonPictures
from lift3d.training.task import Forward, Scores

__all__ = ["KeypointBatch", "KeypointTask", "PictureChanges", "keypoint_error"]

_CHUNK: Final = 32


@dataclass(frozen=True, slots=True)
class PictureChanges:
    """How each picture is changed before it is learned from."""

    degrees: float = 30.0
    """Turned by a random angle with this standard deviation, twice that at most."""
    scale: float = 0.2
    """Standard deviation of the logarithm of the size, twice that at most."""
    shift: float = 0.05
    """Standard deviation of the movement, in parts of the picture."""
    mirror: float = 0.5
    """Share that is mirrored, left and right joints exchanged."""
    light: float = 0.2
    """Colours are multiplied by a factor of this spread each."""

    def __post_init__(self) -> None:
        values = (self.degrees, self.scale, self.shift, self.mirror, self.light)
        if not all(0 <= value < math.inf for value in values) or self.mirror > 1 or self.light >= 1:
            raise InputError(
                "expected changes of 0 or more, a mirrored share of at most 1 and light below 1, got "
                f"{self}: correct them"
            )


@dataclass(frozen=True, slots=True)
class KeypointBatch:
    """Pictures as networks get them, and who is in them."""

    pictures: Float[Tensor, "batch 3 height width"]
    targets: Targets

    def __getitem__(self, rows: slice) -> "KeypointBatch":
        return KeypointBatch(self.pictures[rows], self.targets[rows])


@dataclass(frozen=True, slots=True)
class KeypointTask:
    """Train a network on pictures; the best step is that with the smallest error on `held` ones."""

    network: KeypointNetwork[Any]
    learned: PersonPictures
    held: PersonPictures
    changes: PictureChanges = field(default_factory=PictureChanges)
    writer: Callable[[KeypointNetwork[Any], Path], None] = save_keypoint_network

    @property
    def name(self) -> str:
        return "keypoints"

    @property
    def terms(self) -> tuple[str, ...]:
        return self.network.terms

    def draw(self, count: int, generator: Generator) -> KeypointBatch:
        """So many pictures, each changed at random."""
        device = generator.device
        rows = torch.randint(len(self.learned), (count,), generator=generator, device=device)
        at = rows.to(self.learned.pictures.device)
        pictures = self.learned.pictures[at].to(device).float() / 255
        points = self.learned.targets.keypoints[at].to(device)
        visible = self.learned.targets.visible[at].to(device)
        batch = KeypointBatch(pictures, Targets(points, visible))
        return changed(batch, self.changes, self.learned.skeleton.flip_permutation, generator)

    def part(self, batch: KeypointBatch, rows: slice) -> KeypointBatch:
        return batch[rows]

    def losses(self, forward: Forward, batch: KeypointBatch) -> dict[str, Term]:
        return self.network.losses(forward(batch.pictures), batch.targets)

    def validate(self) -> Scores:
        """Mean distance of visible keypoints, in pixels of the network's input."""
        error = keypoint_error(self.network, self.held)
        return Scores(error, {"error": error}, unit="px")

    def save(self, path: Path) -> None:
        self.writer(self.network, path)


def changed(
    batch: KeypointBatch,
    changes: PictureChanges,
    mirrored: tuple[int, ...],
    generator: Generator,
) -> KeypointBatch:
    """Every picture turned, resized, moved, mirrored and lit in its own way; keypoints go along.

    A place q of the new picture shows p of the old one, q = s R M (p - c) + c + t; outside is black.
    """
    pictures, targets = batch.pictures, batch.targets
    count, (height, width) = len(pictures), pictures.shape[-2:]
    device = pictures.device
    noise = torch.randn(count, 4, generator=generator, device=device).clamp(-2, 2)
    flip = torch.rand(count, generator=generator, device=device) < changes.mirror
    angle, size = noise[:, 0] * math.radians(changes.degrees), (noise[:, 1] * changes.scale).exp()
    cos, sin = angle.cos() * size, angle.sin() * size
    sign = torch.where(flip, -1.0, 1.0)
    matrix = torch.stack(
        [torch.stack([cos * sign, -sin], -1), torch.stack([sin * sign, cos], -1)], -2
    )  # [batch 2 2]
    sides = pictures.new_tensor([width, height])
    centre, moved = (sides - 1) / 2, noise[:, 2:] * changes.shift * sides
    lit = pictures * _light(count, changes.light, generator)
    seen = _resampled(lit, torch.linalg.inv(matrix), moved)
    keypoints = targets.keypoints.to(matrix.dtype)
    points = (keypoints - centre) @ matrix.mT[:, None] + centre + moved[:, None, None]
    swapped = torch.tensor(mirrored, device=device)
    order = torch.where(flip[:, None], swapped, torch.arange(len(mirrored), device=device))
    order = order[:, None].expand(-1, points.shape[1], -1)  # [batch people joints]
    visible = targets.visible.gather(2, order)
    points = points.gather(2, order[..., None].expand(-1, -1, -1, 2))
    return KeypointBatch(seen.clamp(0, 1), Targets(points, visible))


def _light(count: int, spread: float, generator: Generator) -> Tensor:
    random = torch.rand(count, 3, 1, 1, generator=generator, device=generator.device)
    return 1 + spread * (2 * random - 1)


def _resampled(
    pictures: Float[Tensor, "batch 3 height width"],
    back: Float[Tensor, "batch 2 2"],
    moved: Float[Tensor, "batch 2"],
) -> Float[Tensor, "batch 3 height width"]:
    height, width = pictures.shape[-2:]
    ys, xs = torch.meshgrid(
        torch.arange(height, device=pictures.device, dtype=pictures.dtype),
        torch.arange(width, device=pictures.device, dtype=pictures.dtype),
        indexing="ij",
    )
    sides = pictures.new_tensor([width, height])
    pixels = torch.stack([xs, ys], -1) - (sides - 1) / 2  # [h w 2]
    away = pixels - moved[:, None, None]  # [batch h w 2]
    at = away @ back.mT[:, None]  # [batch h w 2], from the centre
    return grid_sample(pictures, at / (sides / 2), align_corners=False)


@torch.inference_mode()
def keypoint_error(network: KeypointNetwork[Any], held: PersonPictures) -> float:
    """Mean distance in pixels between visible keypoints and those of the nearest person found.

    Joints that were not found count as half the picture's diagonal. The network is in eval mode.
    """
    device = next(network.parameters()).device
    worst = math.hypot(*held.size) / 2
    errors: list[Tensor] = []
    for start in range(0, len(held), _CHUNK):
        rows = slice(start, start + _CHUNK)
        pictures = held.pictures[rows].to(device).float() / 255
        found = network.people(network(pictures))
        for one, points, visible in zip(
            found, held.targets.keypoints[rows], held.targets.visible[rows], strict=True
        ):
            errors += _errors(one.keypoints[..., :2].cpu(), points, visible, worst)
    return float(torch.cat(errors).mean()) if errors else math.nan


def _errors(found: Tensor, points: Tensor, visible: Tensor, worst: float) -> list[Tensor]:
    """Of each person with visible joints the distances of these."""
    errors: list[Tensor] = []
    for truth, seen in zip(points, visible, strict=True):
        if not bool(seen.any()):
            continue
        away = (found[:, seen] - truth[seen]).norm(dim=-1).nan_to_num(worst).clamp(max=worst)
        missing = away.new_full((1, int(seen.sum())), worst)
        each = torch.cat([away, missing])
        errors.append(each[each.mean(-1).argmin()])
    return errors
