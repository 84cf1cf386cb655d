"""HRNet for heatmaps: the finest branch of the backbone and one convolution.

Sun, Xiao, Liu and Wang, "Deep High-Resolution Representation Learning for Human Pose Estimation",
CVPR 2019, arXiv:1902.09212. Written from the paper; 28.5 M parameters as W32, 63.6 M as W48.
"""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from lift3d.losses import Term
from lift3d.networks.backbones.hrnet import HRNet, HRNetConfig
from lift3d.networks.heatmaps import Heatmaps, person_goal, read_maps, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv

__all__ = ["HighResolution", "HighResolutionConfig"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class HighResolutionConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: HRNetConfig = field(default_factory=HRNetConfig)
    """The network below."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints)
        expect_sigma(self.sigma)

    def build(self) -> "HighResolution":
        return HighResolution(self)


class HighResolution(PersonNetwork[Heatmaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("heatmaps",)

    def __init__(self, config: HighResolutionConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = HRNet(config.backbone, finest=True)
        self.head = conv(config.backbone.width, config.joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, 32)
        (x,) = self.backbone(pictures)  # [batch width height/4 width/4]
        return Heatmaps((self.head(x),))  # [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps (section 3)."""
        (maps,) = output.stages
        return {"heatmaps": term(maps, person_goal(targets, maps, _STRIDE, self.config.sigma))}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], _STRIDE, self.config.sigma)
