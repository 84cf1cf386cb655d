"""ResNet, and SE-ResNet by an option.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1 and figure 5;
Hu, Shen and Sun, "Squeeze-and-Excitation Networks", CVPR 2018, figure 3. In a bottleneck the stride is
at the 3 x 3 convolution (Facebook's and torchvision's variant, which Simple Baselines was trained with).
Dilated last stages, for smaller strides, are those of Yu, Koltun and Funkhouser, "Dilated Residual
Networks", CVPR 2017. Written from the papers.
"""

from dataclasses import dataclass
from typing import Final, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.networks.network import expect_numbers
from lift3d.networks.parts.layers import conv, normed

__all__ = ["Basic", "Bottleneck", "ResNet", "ResNetConfig", "SqueezeExcite", "residual_stages"]

Depth = Literal[18, 34, 50, 101, 152]

_BLOCKS: Final = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_DEEP: Final = 50
"""From this depth on blocks are bottlenecks."""


@dataclass(frozen=True, slots=True)
class ResNetConfig:
    """The shape of the backbone."""

    depth: Depth = 50
    """Layers: 18, 34, 50, 101 or 152."""
    width: int = 64
    """Channels of the first stage within its blocks; the others have 2, 4 and 8 times as many."""
    squeeze: bool = False
    """Squeeze-and-excitation in every block."""
    stride: Literal[8, 16, 32] = 32
    """Pixels of the picture for one of the last stage; below 32 its convolutions are dilated."""

    def __post_init__(self) -> None:
        expect_numbers("a width", 1, width=self.width)
        if self.depth not in _BLOCKS or self.stride not in (8, 16, 32):
            raise InputError(
                "expected a depth of 18, 34, 50, 101 or 152 and a stride of 8, 16 or 32, got "
                f"{self.depth} and {self.stride}: correct the network"
            )

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the four stages' features."""
        first = self.width * (4 if self.depth >= _DEEP else 1)
        return first, 2 * first, 4 * first, 8 * first


class SqueezeExcite(nn.Module):
    """A factor from 0 to 1 for each channel, which all pixels together decide (Hu et al., eq. 2-4)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        between = max(channels // reduction, 1)
        self.gate = nn.Sequential(
            nn.Linear(channels, between), nn.ReLU(), nn.Linear(between, channels), nn.Sigmoid()
        )

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        factors: Tensor = self.gate(x.mean((-2, -1)))  # [batch c]
        return x * factors[..., None, None]  # [batch c h w]


class Basic(nn.Module):
    """Two 3 x 3 convolutions and a link past them."""

    widening = 1

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int = 1,
        dilation: int = 1,
        *,
        squeeze: bool = False,
    ) -> None:
        super().__init__()
        second = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        layers = [normed(inputs, width, 3, stride), second, nn.BatchNorm2d(width)]
        self.layers = nn.Sequential(*layers, *([SqueezeExcite(width)] if squeeze else []))
        self.past = _past(inputs, width, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        out: Tensor = self.relu(self.layers(x) + self.past(x))  # [batch width h/stride w/stride]
        return out


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, the last with four times the width, and a link past them."""

    widening = 4

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int = 1,
        dilation: int = 1,
        *,
        squeeze: bool = False,
        widening: int = 4,
    ) -> None:
        super().__init__()
        outputs = width * widening
        middle = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.layers = nn.Sequential(
            normed(inputs, width, 1),
            nn.Sequential(middle, nn.BatchNorm2d(width), nn.ReLU()),
            conv(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            *([SqueezeExcite(outputs)] if squeeze else []),
        )
        self.past = _past(inputs, outputs, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        out: Tensor = self.relu(self.layers(x) + self.past(x))  # [batch outputs h/stride w/stride]
        return out


class ResNet(nn.Module):
    """Pictures to the features of the four stages, at strides 4, 8, 16 and 32 (or dilated)."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Sequential(normed(3, config.width, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList(residual_stages(config))

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, ...]:
        x: Tensor = self.stem(pictures)  # [batch width height/4 width/4]
        found: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)  # [batch channels_i height/2^(i+2) width/2^(i+2)]
            found.append(x)
        return tuple(found)


def residual_stages(config: ResNetConfig) -> list[nn.Sequential]:
    """The four stages, for features of `width` channels at stride 4."""
    kind = Bottleneck if config.depth >= _DEEP else Basic
    inputs, stride, dilation = config.width, 4, 1
    stages: list[nn.Sequential] = []
    for stage, count in enumerate(_BLOCKS[config.depth]):
        width = config.width * 2**stage
        step = 2 if stage else 1
        if stride * step > config.stride:
            step, dilation = 1, dilation * 2
        stride *= step
        blocks: list[nn.Module] = []
        for block in range(count):
            first = step if block == 0 else 1
            blocks.append(kind(inputs, width, first, dilation, squeeze=config.squeeze))
            inputs = width * kind.widening
        stages.append(nn.Sequential(*blocks))
    return stages


def _past(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The link: as it is where the shapes are alike, else a 1 x 1 convolution (projection, B)."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
