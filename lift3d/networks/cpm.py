"""Convolutional pose machines: stages that see the picture and what the stage before believed.

Wei, Ramakrishna, Kanade and Sheikh, "Convolutional Pose Machines", CVPR 2016, arXiv:1602.00134,
section 3 and figure 2. Written from the paper; 31 M parameters with six stages. The map of the person's
centre, which the paper feeds in beside, is left out: the person is cut out by a box here.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.decoders import decode_beliefs
from lift3d.losses import Term
from lift3d.networks.heatmaps import Goal, Heatmaps, in_picture, person_goal, summed, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, step

__all__ = ["PoseMachine", "PoseMachineConfig"]

_STRIDE = 8


@dataclass(frozen=True, slots=True)
class PoseMachineConfig:
    """The shape of the network."""

    joints: int = 14
    """Keypoints of a person."""
    stages: int = 6
    """Stages, each with a loss of its own."""
    width: int = 128
    """Channels of the convolutions."""
    norm: bool = False
    """Batch normalisation after the convolutions, which the paper had not: learns faster."""
    sigma: float = 1.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, stages=self.stages)
        expect_numbers("a width", 4, width=self.width)
        expect_sigma(self.sigma)

    def build(self) -> "PoseMachine":
        return PoseMachine(self)


class PoseMachine(PersonNetwork[Heatmaps]):
    """Pictures to belief maps of an eighth of their size, of each stage; the last map is background."""

    terms = ("beliefs",)

    def __init__(self, config: PoseMachineConfig) -> None:
        super().__init__()
        self.config = config
        width, beliefs, narrow = config.width, config.joints + 1, config.width // 4
        self.first_features = _features(config)
        self.first = nn.Sequential(
            step(narrow, 4 * width, 9, norm=config.norm),
            step(4 * width, 4 * width, 1, norm=config.norm),
        )
        self.first_head = conv(4 * width, beliefs, 1)
        self.features = _features(config)  # one for all later stages (figure 2)
        self.later = nn.ModuleList(
            nn.Sequential(
                step(narrow + beliefs, width, 11, norm=config.norm),
                step(width, width, 11, norm=config.norm),
                step(width, width, 11, norm=config.norm),
                step(width, width, 1, norm=config.norm),
                conv(width, beliefs, 1),
            )
            for _ in range(config.stages - 1)
        )

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, _STRIDE)
        x: Tensor = self.first(self.first_features(pictures))  # [batch 4*width height/8 width/8]
        found: list[Tensor] = [self.first_head(x)]  # [batch joints+1 height/8 width/8]
        seen: Tensor = self.features(pictures) if len(self.later) else x  # [batch width/4 h/8 w/8]
        for stage in self.later:
            both = torch.cat([seen, found[-1]], 1)  # [batch width/4+joints+1 height/8 width/8]
            found.append(stage(both))  # [batch joints+1 height/8 width/8]
        return Heatmaps(tuple(found))

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of every stage's belief maps (eq. 4 and 5)."""
        last = output.stages[-1][:, :-1]
        maps, known = person_goal(targets, last, _STRIDE, self.config.sigma)
        background = 1 - torch.where(known[..., None, None], maps, 0.0).amax(1, keepdim=True)
        every = known.all(1, keepdim=True)  # what hides an unknown joint is unknown, too
        goal = Goal(torch.cat([maps, background], 1), torch.cat([known, every], 1))
        return {"beliefs": summed([term(beliefs, goal) for beliefs in output.stages])}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        beliefs = output.stages[-1].detach().float()
        found = decode_beliefs(beliefs, self.config.joints)
        return in_picture(found, (beliefs.shape[-2], beliefs.shape[-1]), _STRIDE)


def _features(config: PoseMachineConfig) -> nn.Sequential:
    """Three 9 x 9 convolutions with pooling, and a narrow 5 x 5 one: width / 4 channels at stride 8."""
    layers: list[nn.Module] = []
    for inputs in (3, config.width, config.width):
        layers += [step(inputs, config.width, 9, norm=config.norm), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, step(config.width, config.width // 4, 5, norm=config.norm))
