"""SE-ResNet with dense upsampling: the single-person network of the AlphaPose paper.

Fang, Li, Tang, Xu, Zhu, Xiu, Li and Lu, "AlphaPose: Whole-Body Regional Multi-Person Pose Estimation and
Tracking in Real-Time", PAMI 2022, arXiv:2211.03375, section 3.3 (FastPose): a ResNet, three upsampling
modules and one convolution. Upsampling is Wang et al.'s, "Understanding Convolution for Semantic
Segmentation" (DUC), WACV 2018, section 3.1: a convolution to four times the channels, which become the
four pixels of a pixel twice as fine. Written from the papers alone.
"""

from dataclasses import dataclass, field

from torch import nn

from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.network import expect_numbers, expect_sigma
from lift3d.networks.parts.layers import normed
from lift3d.networks.upsampled import UpsampledResNet

__all__ = ["FastPose", "FastPoseConfig"]


@dataclass(frozen=True, slots=True)
class FastPoseConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=lambda: ResNetConfig(squeeze=True))
    """The network below, with squeeze-and-excitation."""
    widths: tuple[int, int, int] = (256, 256, 128)
    """Channels after each upsampling."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        named = {f"widths[{place}]": width for place, width in enumerate(self.widths)}
        expect_numbers("numbers", 1, joints=self.joints, **named)
        expect_sigma(self.sigma)

    def build(self) -> "FastPose":
        return FastPose(self)


class FastPose(UpsampledResNet):
    """Pictures to heatmaps of a quarter of their size."""

    def __init__(self, config: FastPoseConfig) -> None:
        inputs = (config.backbone.channels[-1], *config.widths)
        up = nn.Sequential(
            *(
                nn.Sequential(normed(below, 4 * above), nn.PixelShuffle(2))
                for below, above in zip(inputs, config.widths, strict=False)
            )
        )
        super().__init__(config.backbone, up, config.widths[-1], config.joints, config.sigma)
        self.config = config
