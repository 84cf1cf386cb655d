"""The built-in detector's network as a task: painted pictures, back to what was painted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.losses import Term
from lift3d.painting.values import IGNORED
from lift3d.skeleton import Skeleton
from lift3d.surface.atlas import PART_NAMES, mirrored_part
from lift3d.surface.small_net import (
    PARTS,
    STRIDE,
    SmallNet,
    SmallNetOutput,
    chances,
    read_keypoints,
    save_small_net,
)
from lift3d.training.album import Album, PictureBatch
from lift3d.training.task import Forward, Scores

__all__ = ["PictureTask", "picture_scores"]

_SPREAD: Final = 0.8
"""Standard deviation, in cells of the maps, of what counts as right for a keypoint."""
_HIDDEN: Final = 0.5
"""How much hidden keypoints count, and those outside of the picture."""
_UV: Final = 4.0
_PARTS: Final = 1.0
_MIRRORED: Final = torch.tensor([mirrored_part(part) for part in range(PARTS + 1)] + [0] * 231)
_MIRRORED[IGNORED] = IGNORED
_TRUNK: Final = tuple(k + 1 for k, name in enumerate(PART_NAMES) if name.startswith("trunk"))


@dataclass(frozen=True, slots=True)
class PictureTask:
    """Keypoints, parts, U and V. Pictures are mirrored and recoloured a little as they are drawn."""

    network: SmallNet
    album: Album
    samples: PictureBatch
    skeleton: Skeleton

    @property
    def name(self) -> str:
        return "pictures"

    @property
    def terms(self) -> tuple[str, ...]:
        return ("keypoints", "parts", "uv")

    def draw(self, count: int, generator: Generator) -> PictureBatch:
        batch = self.album.draw(count, generator)
        return _mirrored(batch, torch.rand(count, generator=generator) < 0.5, self.skeleton)

    def part(self, batch: PictureBatch, rows: slice) -> PictureBatch:
        return batch[rows]

    def losses(self, forward: Forward, batch: PictureBatch) -> dict[str, Term]:
        """Cross entropies of places and labels, and the mean error of U and V in the true part."""
        called = cast(Callable[..., SmallNetOutput], forward)
        output = SmallNetOutput(*(maps.float() for maps in called(_as_input(batch))))
        places = _cross_entropy(output, batch)
        weights = torch.where(batch.seen == 2, 1.0, _HIDDEN)
        labels = torch.nn.functional.cross_entropy(
            output.parts, batch.parts, ignore_index=IGNORED, reduction="none"
        )
        told = batch.parts != IGNORED
        body = told & (batch.parts > 0)
        off = (_own_uv(output.uv, batch.parts) - batch.uv).abs().mean(1)
        # A body's cells are a quarter of most pictures: all cells alike would mostly learn background.
        share = torch.where(body, 1.0, 0.5) * told
        return {
            "keypoints": Term((places * weights).sum(), weights.sum()),
            "parts": Term((labels * share).sum() * _PARTS, share.sum()),
            "uv": Term((off * body).sum() * _UV, body.sum().clamp(min=1).float()),
        }

    def validate(self) -> Scores:
        """How far keypoints in view are off (pixels of a crop 256 high, cut at 40), parts, U and V."""
        values = picture_scores(self.network, self.samples)
        return Scores(values["pixels"] + 20 * (1 - values["part_miou"]), values)

    def save(self, path: Path) -> None:
        save_small_net(self.network, path)


@torch.no_grad()
def picture_scores(network: SmallNet, samples: PictureBatch) -> dict[str, float]:
    """How well the network reads pictures that it has not seen."""
    off: list[Tensor] = []
    uv: list[Tensor] = []
    table = torch.zeros(PARTS + 1, PARTS + 1)
    for start in range(0, len(samples), 64):
        batch = samples[start : start + 64]
        output = SmallNetOutput(*(maps.float() for maps in network(_as_input(batch))))
        keypoints, _ = read_keypoints(chances(output))
        away = torch.linalg.vector_norm(keypoints - batch.keypoints, dim=-1)
        off.append(away[batch.seen == 2] * 256 / batch.pictures.shape[1])
        told = batch.parts != IGNORED
        pairs = batch.parts[told] * (PARTS + 1) + output.parts.argmax(1)[told]
        table += torch.bincount(pairs, minlength=(PARTS + 1) ** 2).reshape(PARTS + 1, -1)
        body = told & (batch.parts > 0)
        uv.append((_own_uv(output.uv, batch.parts) - batch.uv).abs().mean(1)[body])
    every = torch.cat(off)
    both = table.sum(0) + table.sum(1) - table.diagonal()
    return {
        "pixels": float(every.clamp(max=40).mean()),
        "within_10px": float((every < 10).float().mean()),
        "part_miou": float((table.diagonal() / both.clamp(min=1)).mean()),
        "uv_error": float(torch.cat(uv).mean()),
    }


def _as_input(batch: PictureBatch) -> Float[Tensor, "batch 3 height width"]:
    pictures = batch.pictures.permute(0, 3, 1, 2).float() / 255
    return pictures.contiguous(memory_format=torch.channels_last)


def _cross_entropy(output: SmallNetOutput, batch: PictureBatch) -> Float[Tensor, "batch keypoints"]:
    """Of a Gaussian around the keypoint's cell where it is in the picture, else of "absent"."""
    height, width = output.beliefs.shape[2:]
    logits = torch.cat([output.beliefs.flatten(2), output.absent[..., None]], 2)
    cells = (batch.keypoints - (STRIDE - 1) / 2) / STRIDE
    x = torch.exp(-((torch.arange(width) - cells[..., :1]) ** 2) / (2 * _SPREAD**2))
    y = torch.exp(-((torch.arange(height) - cells[..., 1:]) ** 2) / (2 * _SPREAD**2))
    maps = (y[..., :, None] * x[..., None, :]).flatten(2)
    inside = (batch.seen > 0)[..., None]
    maps = torch.where(inside, maps / maps.sum(2, keepdim=True).clamp(min=1e-6), 0.0)
    target = torch.cat([maps, (~inside).float()], 2)
    return -(target * logits.log_softmax(2)).sum(2)


def _own_uv(uv: Float[Tensor, "batch 48 h w"], parts: Tensor) -> Float[Tensor, "batch 2 h w"]:
    """U and V of each cell's true part."""
    own = (parts.clamp(max=PARTS) - 1).clamp(min=0)[:, None]
    u = uv[:, :PARTS].gather(1, own)
    v = uv[:, PARTS:].gather(1, own)
    return torch.cat([u, v], 1)


def _mirrored(batch: PictureBatch, chosen: Tensor, skeleton: Skeleton) -> PictureBatch:
    """Some pictures as in a mirror: sides exchanged, U and V as the mirrored body has them."""
    rows = torch.nonzero(chosen)[:, 0]
    if not len(rows):
        return batch
    pictures, parts, uv = batch.pictures.clone(), batch.parts.clone(), batch.uv.clone()
    keypoints, seen = batch.keypoints.clone(), batch.seen.clone()
    pictures[rows] = batch.pictures[rows].flip(2)
    parts[rows] = _MIRRORED[batch.parts[rows].flip(2)]
    turned = batch.uv[rows].flip(3)
    trunk = torch.zeros_like(parts[rows], dtype=torch.bool)
    for part in _TRUNK:
        trunk |= parts[rows] == part
    turned[:, 1] = torch.where(trunk, 1 - turned[:, 1], turned[:, 1])
    uv[rows] = turned
    flip = list(skeleton.flip_permutation)
    moved = batch.keypoints[rows][:, flip]
    moved[..., 0] = batch.pictures.shape[2] - 1 - moved[..., 0]
    keypoints[rows], seen[rows] = moved, batch.seen[rows][:, flip]
    return PictureBatch(pictures, parts, uv, keypoints, seen)
