"""Simple Baselines: a ResNet and three transposed convolutions.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018,
arXiv:1804.06208, section 2 and figure 1. Written from the paper; 34.0 M parameters with ResNet-50.
"""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.heatmaps import Heatmaps, person_goal, read_maps, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, deconv

__all__ = ["SimpleBaseline", "SimpleBaselineConfig"]


@dataclass(frozen=True, slots=True)
class SimpleBaselineConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below."""
    width: int = 256
    """Channels of the transposed convolutions."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, width=self.width)
        expect_sigma(self.sigma)

    def build(self) -> "SimpleBaseline":
        return SimpleBaseline(self)


class SimpleBaseline(PersonNetwork[Heatmaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("heatmaps",)

    def __init__(self, config: SimpleBaselineConfig) -> None:
        super().__init__()
        self.config = config
        self.stride = config.backbone.stride // 8
        self.backbone = ResNet(config.backbone)
        inputs = (config.backbone.channels[-1], config.width, config.width)
        self.up = nn.Sequential(*(deconv(channels, config.width) for channels in inputs))
        self.head = conv(config.width, config.joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, 32)
        *_, x = self.backbone(pictures)  # [batch channels height/32 width/32]
        x = self.up(x)  # [batch width height/4 width/4]
        return Heatmaps((self.head(x),))  # [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps (section 2)."""
        (maps,) = output.stages
        return {"heatmaps": term(maps, person_goal(targets, maps, self.stride, self.config.sigma))}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], self.stride, self.config.sigma)
