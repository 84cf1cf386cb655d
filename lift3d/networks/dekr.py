"""Whole poses regressed at people's centres, each keypoint by a branch of its own.

Geng, Sun, Xiao, Zhang and Wang, "Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression"
(DEKR), CVPR 2021, arXiv:2104.02300, section 3 and figure 3. Written from the paper; 29.6 M parameters on
HRNet-W32. Offsets point from the centre to the joints, as `decode_dekr` reads them.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, smooth_l1_loss

from lift3d.decoders import People, PoseSuppression, decode_dekr, gaussian_maps
from lift3d.losses import Term
from lift3d.networks.backbones.hrnet import HRNet, HRNetConfig
from lift3d.networks.backbones.resnet import Basic
from lift3d.networks.heatmaps import Goal, in_maps, in_picture, people_goal
from lift3d.networks.network import (
    KeypointNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
    expect_weights,
)
from lift3d.networks.parts.adaptive_conv import AdaptiveBlock
from lift3d.networks.parts.layers import conv, normed

__all__ = ["CentreMaps", "Disentangled", "DisentangledConfig"]

_STRIDE = 4
_BACKGROUND = 0.1
"""What a pixel outside all Gaussians weighs in the heatmaps' loss."""


@dataclass(frozen=True, slots=True)
class DisentangledConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: HRNetConfig = field(default_factory=HRNetConfig)
    """The network below."""
    width: int = 15
    """Channels of each keypoint's own branch."""
    offset_weight: float = 0.03
    """What the offsets' loss is multiplied with."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels; centres' are twice as wide."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, width=self.width)
        expect_sigma(self.sigma)
        expect_weights(offset_weight=self.offset_weight)

    def build(self) -> "Disentangled":
        return Disentangled(self)


class CentreMaps(NamedTuple):
    """Heatmaps of the joints and, last, of people's centres; offsets x, y in heat-map pixels."""

    heatmaps: Float[Tensor, "batch joints_and_centre height width"]
    offsets: Float[Tensor, "batch joints 2 height width"]


class Disentangled(KeypointNetwork[CentreMaps]):
    """Pictures of several people to heatmaps and offsets of a quarter of their size."""

    terms = ("heatmaps", "offsets")

    def __init__(self, config: DisentangledConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = HRNet(config.backbone)
        features, finest = sum(config.backbone.channels), config.backbone.width
        self.to_maps = nn.Sequential(
            normed(features, finest, 1), Basic(finest, finest), conv(finest, config.joints + 1, 1)
        )
        self.to_branches = normed(features, config.joints * config.width, 1)
        self.branches = nn.ModuleList(
            nn.Sequential(
                AdaptiveBlock(config.width), AdaptiveBlock(config.width), conv(config.width, 2, 1)
            )
            for _ in range(config.joints)
        )

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> CentreMaps:
        expect_pictures(pictures, 32)
        found = self.backbone(pictures)  # 4 x [batch width*2^i height/2^(i+2) width/2^(i+2)]
        size = (found[0].shape[-2], found[0].shape[-1])
        alike = [interpolate(x, size, mode="bilinear") if i else x for i, x in enumerate(found)]
        x = torch.cat(alike, 1)  # [batch 15*width height/4 width/4]
        apart: Tensor = self.to_branches(x)  # [batch joints*width height/4 width/4]
        own = torch.split(apart, self.config.width, 1)  # joints x [batch width height/4 width/4]
        offsets = [branch(one) for branch, one in zip(self.branches, own, strict=True)]
        return CentreMaps(self.to_maps(x), torch.stack(offsets, 1))  # [batch joints 2 h/4 w/4]

    def losses(self, output: CentreMaps, targets: Targets) -> dict[str, Term]:
        """Weighted squared error of the heatmaps, normalised smooth L1 of the offsets (section 3.3)."""
        goal, centres = self._goal(targets, output.heatmaps)
        weight = torch.where(goal.maps > 0.01, 1.0, _BACKGROUND)
        squares = (output.heatmaps.float() - goal.maps).square() * weight
        heatmaps = Term(squares.mean((-2, -1)).sum(), goal.known.sum().to(squares.dtype))
        offsets = self._offset_term(output.offsets.float(), targets, centres)
        return {"heatmaps": heatmaps, "offsets": offsets}

    def _goal(self, targets: Targets, like: Tensor) -> tuple[Goal, Tensor]:
        """The heatmaps wanted, and where people's centres are: the means of their visible joints."""
        points = in_maps(targets.keypoints.float(), _STRIDE)
        seen = targets.visible[..., None]
        count = seen.sum(-2)
        centres = torch.where(seen, points, 0.0).sum(-2) / count.clamp(min=1)
        centres = torch.where(count > 0, centres, torch.nan)  # [batch people 2]
        size = (like.shape[-2], like.shape[-1])
        middle = gaussian_maps(centres, size, 2 * self.config.sigma).amax(1, keepdim=True)
        maps, known = people_goal(targets, like[:, :-1], _STRIDE, self.config.sigma)
        return Goal(torch.cat([maps, middle], 1), torch.cat([known, known[:, :1]], 1)), centres

    def _offset_term(
        self,
        offsets: Float[Tensor, "batch joints 2 height width"],
        targets: Targets,
        centres: Float[Tensor, "batch people 2"],
    ) -> Term:
        """Around each centre, as far as its Gaussian's sigma, over the person's size."""
        points = in_maps(targets.keypoints.float(), _STRIDE)
        total, count = offsets.new_zeros(()), offsets.new_zeros(())
        height, width = offsets.shape[-2:]
        rows = torch.arange(height, device=offsets.device)[:, None].expand(height, width)
        columns = torch.arange(width, device=offsets.device).expand(height, width)
        pixels = torch.stack([columns, rows]).to(offsets.dtype)  # [2 h w]
        for person in range(centres.shape[1]):
            near = _near(pixels, centres[:, person], 2 * self.config.sigma)  # [batch h w]
            visible = targets.visible[:, person]  # [batch joints]
            safe = torch.where(visible[..., None], points[:, person], 0.0)
            wanted = safe[..., None, None] - pixels  # [batch joints 2 h w]
            loss = smooth_l1_loss(offsets, wanted, reduction="none", beta=1 / 9).sum(2)
            counts = near[:, None] & visible[..., None, None]  # [batch joints h w]
            size = _sizes(safe, visible)[:, None, None, None]
            total = total + torch.where(counts, loss / size, 0.0).sum()
            count = count + counts.sum()
        return Term(self.config.offset_weight * total, count)

    def people(self, output: CentreMaps) -> tuple[People, ...]:
        return self.grouped(output)

    def grouped(
        self, output: CentreMaps, options: PoseSuppression | None = None
    ) -> tuple[People, ...]:
        """The people of each picture, by options of `decode_dekr`."""
        maps, offsets = output.heatmaps.detach().float(), output.offsets.detach().float()
        size = (maps.shape[-2], maps.shape[-1])
        found = [decode_dekr(m, o, options) for m, o in zip(maps, offsets, strict=True)]
        return tuple(People(in_picture(one.keypoints, size, _STRIDE), one.scores) for one in found)


def _near(
    pixels: Float[Tensor, "2 height width"], centres: Float[Tensor, "batch 2"], reach: float
) -> Bool[Tensor, "batch height width"]:
    away = pixels - centres[..., None, None]
    return away.square().sum(1) <= reach**2  # false where there is nobody: NaN


def _sizes(
    points: Float[Tensor, "batch joints 2"], visible: Bool[Tensor, "batch joints"]
) -> Float[Tensor, " batch"]:
    """Diagonals of the boxes around visible joints, at least a pixel."""
    low = torch.where(visible[..., None], points, torch.inf).amin(1)
    high = torch.where(visible[..., None], points, -torch.inf).amax(1)
    diagonal: Tensor = torch.linalg.vector_norm((high - low).clamp(min=0), dim=-1)
    return diagonal.clamp(min=1)
