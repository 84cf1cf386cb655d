"""The cascaded pyramid network: GlobalNet finds the easy keypoints, RefineNet mines the hard ones.

Chen, Wang, Peng, Zhang, Yu and Sun, "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR
2018, arXiv:1711.07319, sections 3.1 and 3.2, figure 1. Written from the paper; 27.0 M parameters with
ResNet-50 (as HRNet's table 1 counts them).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.losses import Term
from lift3d.networks.backbones.resnet import Bottleneck, ResNet, ResNetConfig
from lift3d.networks.heatmaps import hard_term, person_goal, read_maps, summed, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, normed, resized

__all__ = ["CascadedPyramid", "CascadedPyramidConfig", "PyramidMaps"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class CascadedPyramidConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below."""
    width: int = 256
    """Channels of the pyramid."""
    hardest: int = 8
    """Keypoints of each picture that RefineNet is taught by: those with the largest loss."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, hardest=self.hardest)
        expect_numbers("a width", 2, width=self.width)
        expect_sigma(self.sigma)

    def build(self) -> "CascadedPyramid":
        return CascadedPyramid(self)


class PyramidMaps(NamedTuple):
    """Heatmaps of GlobalNet's levels, the coarsest first, and RefineNet's, all of one size."""

    levels: tuple[Tensor, ...]
    refined: Float[Tensor, "batch joints height width"]


class CascadedPyramid(PersonNetwork[PyramidMaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("global", "refined")

    def __init__(self, config: CascadedPyramidConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.pyramid = FeaturePyramid(config.backbone.channels, config.width)
        width, joints = config.width, config.joints
        self.heads = nn.ModuleList(
            nn.Sequential(normed(width, width, 1), conv(width, joints, 3)) for _ in range(4)
        )
        # More bottlenecks on coarser levels (figure 1): 3, 2, 1 and none.
        self.deepen = nn.ModuleList(
            nn.Sequential(*(Bottleneck(width, width // 2, widening=2) for _ in range(count)))
            for count in (3, 2, 1, 0)
        )
        last = Bottleneck(4 * width, width // 2, widening=2)
        self.refine = nn.Sequential(last, conv(width, joints, 3))

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> PyramidMaps:
        expect_pictures(pictures, 32)
        size = (pictures.shape[-2] // _STRIDE, pictures.shape[-1] // _STRIDE)
        features = self.pyramid(
            self.backbone(pictures)
        )  # 4 x [batch width h_i w_i], coarsest first
        levels = tuple(
            resized(head(x), size)  # [batch joints height/4 width/4]
            for head, x in zip(self.heads, features, strict=True)
        )
        deep = [resized(layer(x), size) for layer, x in zip(self.deepen, features, strict=True)]
        x = torch.cat(deep, 1)  # [batch 4*width height/4 width/4]
        return PyramidMaps(levels, self.refine(x))  # [batch joints height/4 width/4]

    def losses(self, output: PyramidMaps, targets: Targets) -> dict[str, Term]:
        """Squared error of all of GlobalNet's maps, and of the hardest of RefineNet's (OHKM)."""
        goal = person_goal(targets, output.refined, _STRIDE, self.config.sigma)
        return {
            "global": summed([term(maps, goal) for maps in output.levels]),
            "refined": hard_term(output.refined, goal, self.config.hardest),
        }

    def keypoints(self, output: PyramidMaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.refined, _STRIDE, self.config.sigma)


class FeaturePyramid(nn.Module):
    """From the coarsest level down, each level is its own features plus the enlarged level above.

    As in Lin et al., "Feature Pyramid Networks", CVPR 2017; what is enlarged passes a 1 x 1 convolution.
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.sides = nn.ModuleList(normed(inputs, width, 1) for inputs in reversed(channels))
        self.ups = nn.ModuleList(
            nn.Sequential(conv(width, width, 1, bias=False), nn.BatchNorm2d(width))
            for _ in channels[1:]
        )

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        for level, (side, own) in enumerate(zip(self.sides, reversed(features), strict=True)):
            x: Tensor = side(own)  # [batch width h_i w_i]
            if found:
                above = resized(found[-1], (x.shape[-2], x.shape[-1]))
                x = x + self.ups[level - 1](above)  # [batch width h_i w_i]
            found.append(x)
        return tuple(found)
