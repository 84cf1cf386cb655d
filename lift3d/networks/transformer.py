"""A small transformer on the first half of a ResNet: every pixel of a feature map is a token.

Yang, Quan, Nie and Yang, "TransPose: Keypoint Localization via Transformer", ICCV 2021,
arXiv:2012.14214, section 3.1 (TransPose-R). Written from the paper; 6.0 M parameters with four layers,
5.2 M with three.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNetConfig, residual_stages
from lift3d.networks.heatmaps import Heatmaps, person_goal, read_maps, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, deconv, normed

__all__ = ["PoseTransformer", "PoseTransformerConfig"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class PoseTransformerConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    size: tuple[int, int] = (256, 192)
    """Height and width of the pictures, multiples of 8."""
    layers: int = 4
    """Encoder layers."""
    width: int = 256
    """Numbers of a token."""
    hidden: int = 1024
    """Neurons between the two layers that each token passes alone."""
    heads: int = 8
    """Attention heads; they share the width."""
    stem: int = 64
    """Channels of the ResNet's first stage."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        named = {"hidden": self.hidden, "heads": self.heads, "stem": self.stem}
        expect_numbers("numbers", 1, joints=self.joints, layers=self.layers, **named)
        expect_sigma(self.sigma)
        if self.width < 4 or self.width % 4 or self.width % self.heads:
            raise InputError(
                f"expected a width that 4 and the {self.heads} heads divide, got {self.width}: correct "
                "the network"
            )
        if min(self.size) < 8 or self.size[0] % 8 or self.size[1] % 8:
            raise InputError(
                f"expected pictures with sides that are multiples of 8, got {self.size}: correct the "
                "network"
            )

    def build(self) -> "PoseTransformer":
        return PoseTransformer(self)


class PoseTransformer(PersonNetwork[Heatmaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("heatmaps",)

    def __init__(self, config: PoseTransformerConfig) -> None:
        super().__init__()
        self.config = config
        backbone = ResNetConfig(50, config.stem)
        self.stem = nn.Sequential(normed(3, config.stem, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.Sequential(*residual_stages(backbone)[:2])
        self.narrow = conv(backbone.channels[1], config.width, 1, bias=False)
        height, width = config.size
        self.place = nn.Parameter(sine_places(height // 8, width // 8, config.width))
        self.encoder = nn.Sequential(
            *(EncoderLayer(config.width, config.hidden, config.heads) for _ in range(config.layers))
        )
        self.up = deconv(config.width, config.width)
        self.head = conv(config.width, config.joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, 8, self.config.size)
        x: Tensor = self.stages(self.stem(pictures))  # [batch 8*stem height/8 width/8]
        x = self.narrow(x)  # [batch width height/8 width/8]
        rows, columns = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2) + self.place  # [batch tokens width]
        tokens = self.encoder(tokens)  # [batch tokens width]
        x = tokens.transpose(1, 2).unflatten(2, (rows, columns))  # [batch width height/8 width/8]
        return Heatmaps((self.head(self.up(x)),))  # [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps."""
        (maps,) = output.stages
        return {"heatmaps": term(maps, person_goal(targets, maps, _STRIDE, self.config.sigma))}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], _STRIDE, self.config.sigma)


class EncoderLayer(nn.Module):
    """Attention among the tokens, then two layers for each; normalised after each sum.

    Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3 and eq. 1.
    """

    def __init__(self, width: int, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.merge = nn.Linear(width, width), nn.Linear(width, width)
        self.alone = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(
        self, x: Float[Tensor, "batch tokens width"]
    ) -> Float[Tensor, "batch tokens width"]:
        x = self.norms[0](x + self._attended(x))  # [batch tokens width]
        out: Tensor = self.norms[1](x + self.alone(x))  # [batch tokens width]
        return out

    def _attended(self, x: Tensor) -> Tensor:
        split = (self.heads, -1)
        query = (
            self.query(x).unflatten(2, split).transpose(1, 2)
        )  # [batch heads tokens width/heads]
        key = (
            self.key(x).unflatten(2, split).permute(0, 2, 3, 1)
        )  # [batch heads width/heads tokens]
        value = (
            self.value(x).unflatten(2, split).transpose(1, 2)
        )  # [batch heads tokens width/heads]
        weights = (query @ key / math.sqrt(key.shape[2])).softmax(-1)  # [batch heads tokens tokens]
        merged: Tensor = self.merge((weights @ value).transpose(1, 2).flatten(2))
        return merged  # [batch tokens width]


def sine_places(height: int, width: int, numbers: int) -> Float[Tensor, "places numbers"]:
    """Sines and cosines of each place's row and column, half the numbers for each (section 3.1)."""
    quarter = numbers // 4
    frequency = 10000 ** (-torch.arange(quarter) / quarter)
    angles = [
        torch.arange(side)[:, None] / side * (2 * math.pi) * frequency for side in (height, width)
    ]
    rows, columns = (torch.cat([a.sin(), a.cos()], -1) for a in angles)
    both = [rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)]
    return torch.cat(both, -1).flatten(0, 1)
