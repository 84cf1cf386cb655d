"""Stacked hourglasses, each corrected by a loss of its own; with pyramid residuals it is PyraNet.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016,
arXiv:1603.06937, section 3; Yang et al., "Learning Feature Pyramids for Human Pose Estimation", ICCV
2017, arXiv:1708.01101. Written from the papers; about 25 M parameters with eight stacks.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lift3d.losses import Term
from lift3d.networks.heatmaps import Heatmaps, person_goal, read_maps, summed, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.stacks import Stacks

__all__ = ["StackedHourglass", "StackedHourglassConfig"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class StackedHourglassConfig:
    """The shape of the network."""

    joints: int = 16
    """Keypoints of a person."""
    stacks: int = 8
    """Hourglasses, one after the other."""
    width: int = 256
    """Channels, a multiple of 4."""
    depth: int = 4
    """How often an hourglass halves the maps."""
    pyramid: int = 0
    """Scales of the pyramid residual modules; 0 for plain residuals."""
    sigma: float = 1.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, stacks=self.stacks, depth=self.depth)
        expect_numbers("numbers", 0, pyramid=self.pyramid)
        expect_numbers("a width", 4, width=self.width)
        expect_sigma(self.sigma)

    def build(self) -> "StackedHourglass":
        return StackedHourglass(self)


class StackedHourglass(PersonNetwork[Heatmaps]):
    """Pictures to heatmaps of a quarter of their size, one set for each hourglass."""

    terms = ("heatmaps",)

    def __init__(self, config: StackedHourglassConfig) -> None:
        super().__init__()
        self.config = config
        self.body = Stacks(config.stacks, config.width, config.depth, config.joints, config.pyramid)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Heatmaps:
        expect_pictures(pictures, _STRIDE * 2**self.config.depth)
        return Heatmaps(self.body(pictures))  # stacks x [batch joints height/4 width/4]

    def losses(self, output: Heatmaps, targets: Targets) -> dict[str, Term]:
        """Squared error of every hourglass's heatmaps (section 3.3, intermediate supervision)."""
        goal = person_goal(targets, output.stages[-1], _STRIDE, self.config.sigma)
        return {"heatmaps": summed([term(maps, goal) for maps in output.stages])}

    def keypoints(self, output: Heatmaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1], _STRIDE, self.config.sigma)
