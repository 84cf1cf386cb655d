"""SE-ResNet with dense upsampling: the single-person network of the AlphaPose paper.

Fang, Li, Tang, Xu, Zhu, Xiu, Li and Lu, "AlphaPose: Whole-Body Regional Multi-Person Pose Estimation and
Tracking in Real-Time", PAMI 2022, arXiv:2211.03375, section 3.3 (FastPose): a ResNet, three upsampling
modules and one convolution. Upsampling is Wang et al.'s, "Understanding Convolution for Semantic
Segmentation" (DUC), WACV 2018, section 3.1: a convolution to four times the channels, which become the
four pixels of a pixel twice as fine. Written from the papers alone.
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
from lift3d.networks.parts.layers import conv, normed

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


class FastPose(PersonNetwork[Heatmaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("heatmaps",)

    def __init__(self, config: FastPoseConfig) -> None:
        super().__init__()
        self.config = config
        self.stride = config.backbone.stride // 8
        self.backbone = ResNet(config.backbone)
        inputs = (config.backbone.channels[-1], *config.widths)
        self.up = nn.Sequential(
            *(
                nn.Sequential(normed(below, 4 * above), nn.PixelShuffle(2))
                for below, above in zip(inputs, config.widths, strict=False)
            )
        )
        self.head = conv(config.widths[-1], config.joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, 32)
        *_, x = self.backbone(pictures)  # [batch channels height/32 width/32]
        x = self.up(x)  # [batch widths[-1] height/4 width/4]
        return Heatmaps((self.head(x),))  # [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps."""
        (maps,) = output.stages
        return {"heatmaps": term(maps, person_goal(targets, maps, self.stride, self.config.sigma))}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], self.stride, self.config.sigma)
