"""Multi-stage pose network: small pyramids in a row, each taught finer targets than the one before.

Li, Wang, Yin, Peng, Du, Xiao, Yu, Lu, Wei and Sun, "Rethinking on Multi-Stage Networks for Human Pose
Estimation", 2019, arXiv:1901.00148, section 3: single-stage module, aggregation across stages (figure
3), coarse-to-fine supervision. Written from the paper.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNetConfig, residual_stages
from lift3d.networks.heatmaps import coarse_to_fine, hard_term, person_goal, read_maps, summed, term
from lift3d.networks.network import (
    PersonNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, normed, resized

__all__ = ["MultiStage", "MultiStageConfig", "StageMaps"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class MultiStageConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    stages: int = 4
    """Pyramids, one after the other."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The downward half of each pyramid."""
    width: int = 256
    """Channels of the upward half."""
    hardest: int = 8
    """Keypoints of each picture that the last maps are taught by: those with the largest loss."""
    coarse: float = 3.5
    """Width of the first stage's Gaussians in heat-map pixels."""
    fine: float = 2.0
    """Width of the last stage's Gaussians."""

    def __post_init__(self) -> None:
        named = {"joints": self.joints, "stages": self.stages, "hardest": self.hardest}
        expect_numbers("numbers", 1, width=self.width, **named)
        for sigma in (self.coarse, self.fine):
            expect_sigma(sigma)

    def build(self) -> "MultiStage":
        return MultiStage(self)


class StageMaps(NamedTuple):
    """Heatmaps of each stage at each of its levels, the coarsest first, all of one size."""

    stages: tuple[tuple[Tensor, ...], ...]


class MultiStage(PersonNetwork[StageMaps]):
    """Pictures to heatmaps of a quarter of their size."""

    terms = ("heatmaps", "hardest")

    def __init__(self, config: MultiStageConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Sequential(normed(3, config.backbone.width, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList(
            Stage(config, last=at == config.stages - 1) for at in range(config.stages)
        )

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> StageMaps:
        expect_pictures(pictures, 32)
        x: Tensor = self.stem(pictures)  # [batch channels height/4 width/4]
        skips: tuple[Tensor, ...] = ()
        found: list[tuple[Tensor, ...]] = []
        for stage in self.stages:
            maps, skips, x = stage(x, skips)
            found.append(maps)  # 4 x [batch joints height/4 width/4]
        return StageMaps(tuple(found))

    def losses(self, output: StageMaps, targets: Targets) -> dict[str, Term]:
        """Squared error at all levels of all stages, each with its sigma; OHKM for the last maps."""
        sigmas = coarse_to_fine(len(output.stages), self.config.coarse, self.config.fine)
        each: list[Term] = []
        for stage, (levels, sigma) in enumerate(zip(output.stages, sigmas, strict=True)):
            last = stage == len(sigmas) - 1
            goal = person_goal(targets, levels[-1], _STRIDE, sigma)
            each += [term(maps, goal) for maps in (levels[:-1] if last else levels)]
        answer = output.stages[-1][-1]
        goal = person_goal(targets, answer, _STRIDE, self.config.fine)
        hardest = hard_term(answer, goal, self.config.hardest)
        return {"heatmaps": summed(each), "hardest": hardest}

    def keypoints(self, output: StageMaps) -> Float[Tensor, "batch joints 3"]:
        return read_maps(output.stages[-1][-1], _STRIDE, self.config.fine)


class Stage(nn.Module):
    """A ResNet down, lean layers up, heatmaps at each level, and what the next stage is given."""

    def __init__(self, config: MultiStageConfig, *, last: bool) -> None:
        super().__init__()
        channels, width = config.backbone.channels, config.width
        self.down = nn.ModuleList(residual_stages(config.backbone))
        self.sides = nn.ModuleList(
            nn.Sequential(conv(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
            for inputs in reversed(channels)
        )
        self.ups = nn.ModuleList(
            nn.Sequential(conv(width, width, 1, bias=False), nn.BatchNorm2d(width))
            for _ in range(3)
        )
        self.relu = nn.ReLU()
        self.heads = nn.ModuleList(
            nn.Sequential(normed(width, width, 1), conv(width, config.joints, 3)) for _ in range(4)
        )
        self.from_down, self.from_up = nn.ModuleList(), nn.ModuleList()
        self.onward: nn.Module | None = None
        if not last:
            self.from_down.extend(normed(inputs, inputs, 1) for inputs in channels)
            self.from_up.extend(normed(width, inputs, 1) for inputs in channels)
            self.onward = normed(width, config.backbone.width, 1)

    def forward(
        self, x: Float[Tensor, "batch _ h w"], skips: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
        """Maps of the levels; what is added to the next stage's features; and its input."""
        size = (x.shape[-2], x.shape[-1])
        down: list[Tensor] = []
        for level, layers in enumerate(self.down):
            x = layers(x)  # [batch channels_i h_i w_i]
            x = x + skips[level] if skips else x
            down.append(x)
        up = self._up(down)  # 4 x [batch width h_i w_i], coarsest first
        maps = tuple(resized(head(x), size) for head, x in zip(self.heads, up, strict=True))
        if self.onward is None:
            return maps, (), up[-1]
        given = tuple(
            own(below) + other(above)  # [batch channels_i h_i w_i]
            for own, other, below, above in zip(
                self.from_down, self.from_up, down, reversed(up), strict=True
            )
        )
        onward: Tensor = self.onward(up[-1])  # [batch channels h w]
        return maps, given, onward

    def _up(self, down: list[Tensor]) -> list[Tensor]:
        up: list[Tensor] = []
        for level, (side, own) in enumerate(zip(self.sides, reversed(down), strict=True)):
            x: Tensor = side(own)  # [batch width h_i w_i]
            if up:
                above = resized(up[-1], (x.shape[-2], x.shape[-1]))
                x = x + self.ups[level - 1](above)
            up.append(self.relu(x))
        return up
