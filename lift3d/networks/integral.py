"""Integral regression: coordinates as the mean over a heatmap, learned end to end.

Sun, Xiao, Wei, Liang and Wei, "Integral Human Pose Regression", ECCV 2018, arXiv:1711.08229, sections 2
and 3. Written from the paper. The joints are learned by their coordinates (L1); with `heatmaps` above 0
the maps before the softmax are taught, too (the hybrid of table 1).
"""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from lift3d.decoders import decode_soft_argmax_2d
from lift3d.losses import Term, mpjpe_loss
from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.heatmaps import Heatmaps, in_maps, in_picture
from lift3d.networks.network import Targets, expect_numbers, expect_sigma, expect_weights
from lift3d.networks.upsampled import UpsampledResNet, transposed

__all__ = ["IntegralRegression", "IntegralRegressionConfig"]


@dataclass(frozen=True, slots=True)
class IntegralRegressionConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below."""
    width: int = 256
    """Channels of the transposed convolutions."""
    heatmaps: float = 0.0
    """Weight of a loss on the maps themselves; 0 for none."""
    sigma: float = 2.0
    """Width of that loss's Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, width=self.width)
        expect_weights(heatmaps=self.heatmaps)
        expect_sigma(self.sigma)

    def build(self) -> "IntegralRegression":
        return IntegralRegression(self)


class IntegralRegression(UpsampledResNet):
    """Pictures to maps whose softmax has its mean at the joint, of a quarter of their size."""

    def __init__(self, config: IntegralRegressionConfig) -> None:
        up = transposed(config.backbone.channels[-1], config.width)
        super().__init__(config.backbone, up, config.width, config.joints, config.sigma)
        self.config = config
        self.terms = ("coordinates", "heatmaps") if config.heatmaps else ("coordinates",)

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Absolute error of the coordinates, in heat-map pixels (eq. 2 and section 2.1)."""
        (maps,) = output.stages
        points, visible = targets.person(self.config.joints)
        found = decode_soft_argmax_2d(maps.float())[..., :2]
        goal = in_maps(points.float(), self.stride)
        terms = {"coordinates": mpjpe_loss(found, goal, visible, norm="l1")}
        if self.config.heatmaps:
            own = super().losses(output, targets)["heatmaps"]
            terms["heatmaps"] = Term(self.config.heatmaps * own.total, own.count)
        return terms

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        (maps,) = output.stages
        found = decode_soft_argmax_2d(maps.detach().float())
        return in_picture(found, (maps.shape[-2], maps.shape[-1]), self.stride)
