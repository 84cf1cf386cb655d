"""Simple Baselines: a ResNet and three transposed convolutions.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018,
arXiv:1804.06208, section 2 and figure 1. Written from the paper; 34.0 M parameters with ResNet-50.
"""

from dataclasses import dataclass, field

from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.network import expect_numbers, expect_sigma
from lift3d.networks.upsampled import UpsampledResNet, transposed

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


class SimpleBaseline(UpsampledResNet):
    """Pictures to heatmaps of a quarter of their size, taught by squared error (section 2)."""

    def __init__(self, config: SimpleBaselineConfig) -> None:
        up = transposed(config.backbone.channels[-1], config.width)
        super().__init__(config.backbone, up, config.width, config.joints, config.sigma)
        self.config = config
