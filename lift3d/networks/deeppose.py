"""DeepPose: joints as coordinates, without heatmaps.

Toshev and Szegedy, "DeepPose: Human Pose Estimation via Deep Neural Networks", CVPR 2014,
arXiv:1312.4659, sections 3.1 (coordinates relative to the box, squared error). Written from the paper.
Its AlexNet is a ResNet here, whose features are averaged before the last layer; its cascade of further
networks that look closer at each joint is left out.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d import losses
from lift3d.decoders import decode_regression
from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.network import PersonNetwork, Targets, expect_numbers, expect_pictures

__all__ = ["Coordinates", "DeepPose", "DeepPoseConfig"]


@dataclass(frozen=True, slots=True)
class DeepPoseConfig:
    """The shape of the network."""

    joints: int = 14
    """Keypoints of a person."""
    size: tuple[int, int] = (256, 192)
    """Height and width of the pictures."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below."""

    def __post_init__(self) -> None:
        height, width = self.size
        expect_numbers("numbers", 1, joints=self.joints, height=height, width=width)

    def build(self) -> "DeepPose":
        return DeepPose(self)


class Coordinates(NamedTuple):
    """x and y relative to the picture's centre, over its width and height."""

    joints: Float[Tensor, "batch joints 2"]


class DeepPose(PersonNetwork[Coordinates]):
    """Pictures to coordinates from -1/2 to 1/2."""

    terms = ("coordinates",)

    def __init__(self, config: DeepPoseConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.head = nn.Linear(config.backbone.channels[-1], 2 * config.joints)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Coordinates:
        expect_pictures(pictures, 1, self.config.size)
        *_, x = self.backbone(pictures)  # [batch channels height/32 width/32]
        x = self.head(x.mean((-2, -1)))  # [batch joints*2]
        return Coordinates(torch.unflatten(x, -1, (-1, 2)))  # [batch joints 2]

    def losses(self, output: Coordinates, targets: Targets) -> dict[str, Term]:
        """Squared error of the coordinates (eq. 4)."""
        points, visible = targets.person(self.config.joints)
        height, width = self.config.size
        goal = (points.float() + 0.5) / points.new_tensor([width, height]) - 0.5
        return {"coordinates": losses.squared(output.joints.float(), goal, visible)}

    def keypoints(self, output: Coordinates) -> Float[Tensor, "batch joints 3"]:
        height, width = self.config.size
        found = output.joints.detach().float()
        return decode_regression(found, found.new_tensor([0.0, 0.0, width, height]))
