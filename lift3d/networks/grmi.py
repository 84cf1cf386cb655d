"""Discs around joints, and offsets within them that point at the joint: ResNet with small strides.

Papandreou, Zhu, Kanazawa, Toshev, Tompson, Bregler and Murphy, "Towards Accurate Multi-person Pose
Estimation in the Wild" (G-RMI), CVPR 2017, arXiv:1701.01779, section 3.2; PersonLab (ECCV 2018) has the
same two outputs as its keypoint heatmaps and short-range offsets. Written from the paper.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from lift3d.decoders import decode_offset_hough
from lift3d.losses import Term, mean_of
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.heatmaps import in_maps, in_picture
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
    expect_weights,
)
from lift3d.networks.parts.layers import conv

__all__ = ["DiscMaps", "DiscOffsets", "DiscOffsetsConfig"]


@dataclass(frozen=True, slots=True)
class DiscOffsetsConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=lambda: ResNetConfig(101, stride=8))
    """The network below."""
    radius: float = 3.0
    """Radius of the discs in heat-map pixels (25 of 353 pixels of the picture in the paper)."""
    heatmap_weight: float = 4.0
    """What the discs' loss is multiplied with."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints)
        expect_sigma(self.radius)
        expect_weights(heatmap_weight=self.heatmap_weight)

    def build(self) -> "DiscOffsets":
        return DiscOffsets(self)


class DiscMaps(NamedTuple):
    """Log odds of lying in each joint's disc, and offsets x, y to the joint in heat-map pixels."""

    odds: Float[Tensor, "batch joints height width"]
    offsets: Float[Tensor, "batch joints 2 height width"]


class DiscOffsets(PersonNetwork[DiscMaps]):
    """Pictures to discs and offsets, of an eighth of their size."""

    terms = ("discs", "offsets")

    def __init__(self, config: DiscOffsetsConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.head = conv(config.backbone.channels[-1], 3 * config.joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> DiscMaps:
        expect_pictures(pictures, 32)
        *_, x = self.backbone(pictures)  # [batch channels height/8 width/8]
        x = self.head(x)  # [batch 3*joints height/8 width/8]
        joints = self.config.joints
        offsets = x[:, joints:].unflatten(1, (joints, 2))  # [batch joints 2 height/8 width/8]
        return DiscMaps(x[:, :joints], self.config.radius * offsets)

    def losses(self, output: DiscMaps, targets: Targets) -> dict[str, Term]:
        """Logistic loss of the discs, Huber loss of the offsets within them (section 3.2)."""
        points, visible = targets.person(self.config.joints)
        points = in_maps(points.float(), self.config.backbone.stride)
        safe = torch.where(visible[..., None], points, 0.0)
        height, width = output.odds.shape[-2:]
        xs = torch.arange(width, dtype=safe.dtype, device=safe.device)
        ys = torch.arange(height, dtype=safe.dtype, device=safe.device)[:, None]
        right = safe[..., 0, None, None] - xs.expand(height, width)  # [batch joints h w]
        down = safe[..., 1, None, None] - ys.expand(height, width)  # [batch joints h w]
        within = right.square() + down.square() <= self.config.radius**2
        discs = binary_cross_entropy_with_logits(
            output.odds.float(), within.to(safe.dtype), reduction="none"
        ).mean((-2, -1))  # [batch joints]
        wanted = torch.stack([right, down], 2) / self.config.radius
        found = output.offsets.float() / self.config.radius
        off = smooth_l1_loss(found, wanted, reduction="none").sum(2)  # [batch joints h w]
        own = mean_of(discs, visible)
        return {
            "discs": Term(self.config.heatmap_weight * own.total, own.count),
            "offsets": mean_of(off, within & visible[..., None, None]),
        }

    def keypoints(self, output: DiscMaps) -> Float[Tensor, "batch joints 3"]:
        """By Hough voting; the confidence is the share of a full disc that votes for the place."""
        odds, offsets = output.odds.detach().float(), output.offsets.detach().float()
        found = decode_offset_hough(odds.sigmoid(), offsets, self.config.radius)
        size = (odds.shape[-2], odds.shape[-1])
        return in_picture(found, size, self.config.backbone.stride)
