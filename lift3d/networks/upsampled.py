"""What networks share that bring a ResNet's coarsest output back to a quarter of the picture."""

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.heatmaps import Heatmaps, person_goal, read_maps, term
from lift3d.networks.network import PersonNetwork, Targets, expect_pictures
from lift3d.networks.parts.layers import conv, deconv

__all__ = ["UpsampledResNet", "transposed"]


def transposed(inputs: int, width: int) -> nn.Sequential:
    """Three transposed convolutions, each twice as fine."""
    return nn.Sequential(*(deconv(below, width) for below in (inputs, width, width)))


class UpsampledResNet(PersonNetwork[Heatmaps]):
    """A ResNet, the layers `up` that make its output eight times as fine, and a convolution to maps.

    `up` ends in `width` channels. `sigma` is the width of the targets' Gaussians in heat-map pixels.
    """

    terms: tuple[str, ...] = ("heatmaps",)

    def __init__(
        self, backbone: ResNetConfig, up: nn.Module, width: int, joints: int, sigma: float
    ) -> None:
        super().__init__()
        self.stride = backbone.stride // 8
        self.sigma = sigma
        self.backbone = ResNet(backbone)
        self.up = up
        self.head = conv(width, joints, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, 32)
        *_, x = self.backbone(pictures)  # [batch channels height/32 width/32]
        x = self.up(x)  # [batch width height/4 width/4]
        return Heatmaps((self.head(x),))  # [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps."""
        (maps,) = output.stages
        return {"heatmaps": term(maps, person_goal(targets, maps, self.stride, self.sigma))}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], self.stride, self.sigma)
