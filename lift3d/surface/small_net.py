"""The small network of the built-in detector: keypoints, body parts, U and V from one crop.

A residual encoder (K. He et al., 2016) down to a 32nd of the picture, a decoder that adds its stages
back (T.-Y. Lin et al., Feature Pyramid Networks, 2017) up to a fourth, and one linear layer for
everything: a belief map for each keypoint, 25 part labels, and U and V for each of 24 parts, as
DensePose has them (R. A. Gueler et al., 2018). Beliefs of a keypoint are logits of one choice out of
all places and "not in the picture", so that after a softmax they are probabilities.

Written for this library; MIT like the rest of it.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, Final, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lift3d.errors import InputError
from lift3d.io.files.weights_file import load_network, save_network

__all__ = [
    "PARTS",
    "STRIDE",
    "SmallNet",
    "SmallNetConfig",
    "SmallNetOutput",
    "chances",
    "folded",
    "load_small_net",
    "read_keypoints",
    "save_small_net",
]

_KIND: Final = "lift3d-small-net-1"
_REACH: Final = 2
"""Cells around the likeliest one that a keypoint's place and confidence are read from."""

PARTS: Final = 24
STRIDE: Final = 4
"""Pixels of the picture for one of the maps."""


@dataclass(frozen=True, slots=True)
class SmallNetConfig:
    """Sizes; the shipped weights have the defaults."""

    keypoints: int = 26
    stem: int = 16
    widths: tuple[int, int, int, int] = (40, 80, 160, 240)
    """Channels at a 4th, 8th, 16th and 32nd of the picture."""
    blocks: tuple[int, int, int, int] = (1, 2, 3, 2)
    decoder: int = 64

    def __post_init__(self) -> None:
        if min(self.keypoints, self.stem, *self.widths, *self.blocks, self.decoder) < 1:
            raise InputError(f"expected sizes of at least 1, got {self}: correct them")


class SmallNetOutput(NamedTuple):
    """Maps at a fourth of the picture: `beliefs` and `absent` are logits, `uv` is in [0, 1]."""

    beliefs: Float[Tensor, "batch keypoints h w"]
    absent: Float[Tensor, "batch keypoints"]
    parts: Float[Tensor, "batch 25 h w"]
    uv: Float[Tensor, "batch 48 h w"]


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inside, outside, 3, stride)
        self.second = _convolution(outside, outside, 3)
        straight = inside == outside and stride == 1
        self.short = nn.Identity() if straight else _convolution(inside, outside, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.second(torch.relu(self.first(x)))
        return torch.relu(out + self.short(x))


def _convolution(inside: int, outside: int, size: int, stride: int = 1) -> nn.Module:
    layer = nn.Conv2d(inside, outside, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outside))


class SmallNet(nn.Module):
    """RGB crops in [0, 1] -> maps. Height and width must be multiples of 32."""

    def __init__(self, config: SmallNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or SmallNetConfig()
        sizes, width = self.config, self.config.decoder
        self.stem = _convolution(3, sizes.stem, 3, 2)
        stages, inside = [], sizes.stem
        for outside, count in zip(sizes.widths, sizes.blocks, strict=True):
            blocks = [_Block(inside, outside, 2)]
            blocks += [_Block(outside, outside, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inside = outside
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList([_convolution(c, width, 1) for c in sizes.widths])
        self.smooth = nn.ModuleList([_Block(width, width, 1) for _ in range(2)])
        self.last = _convolution(width, width, 3)
        self.heads = nn.Conv2d(width, sizes.keypoints + PARTS + 1 + 2 * PARTS, 1)
        self.absent = nn.Linear(sizes.widths[-1], sizes.keypoints)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> SmallNetOutput:
        x = (pictures - 0.45) / 0.25  # [B, 3, H, W]
        x = torch.relu(self.stem(x))  # [B, stem, H/2, W/2]
        seen = []
        for stage in self.stages:
            x = stage(x)  # [B, width, H/4 ... H/32, W/4 ... W/32]
            seen.append(x)
        absent = self.absent(x.mean((2, 3)))  # [B, K]
        x = self.lateral[3](seen[3])  # [B, D, H/32, W/32]
        for level in (2, 1, 0):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = torch.relu(x + self.lateral[level](seen[level]))  # [B, D, H/16 ... H/4]
            if level:
                x = self.smooth[2 - level](x)
        maps = self.heads(torch.relu(self.last(x)))  # [B, K + 25 + 48, H/4, W/4]
        k = self.config.keypoints
        beliefs, parts, uv = maps[:, :k], maps[:, k : k + PARTS + 1], maps[:, k + PARTS + 1 :]
        return SmallNetOutput(beliefs, absent, parts, uv.sigmoid())


def chances(output: SmallNetOutput) -> Float[Tensor, "batch keypoints h w"]:
    """The probability that a keypoint is in each cell; the rest to 1 is that it is in none."""
    logits = torch.cat([output.beliefs.flatten(2), output.absent[..., None]], 2).float()
    return logits.softmax(2)[..., :-1].reshape(output.beliefs.shape)


def read_keypoints(
    chance: Float[Tensor, "batch keypoints h w"],
) -> tuple[Float[Tensor, "batch keypoints 2"], Float[Tensor, "batch keypoints"]]:
    """Keypoints in pixels of the crop (pixel centres are whole numbers), and how sure the network is.

    The place is the mean over the likeliest cell and those around it; the confidence is the
    probability that the keypoint is there, and not elsewhere or outside of the crop.
    """
    height, width = chance.shape[2:]
    best = chance.flatten(2).argmax(2)
    rows, columns = best // width, best % width
    ys = torch.arange(height, device=best.device)
    xs = torch.arange(width, device=best.device)
    near = ((ys[:, None] - rows[..., None, None]).abs() <= _REACH) & (
        (xs - columns[..., None, None]).abs() <= _REACH
    )  # [B, K, h, w]
    around = chance * near
    mass = around.sum((2, 3)).clamp(min=1e-9)
    x = (around.sum(2) * xs).sum(2) / mass
    y = (around.sum(3) * ys).sum(2) / mass
    places = torch.stack([x, y], -1) * STRIDE + (STRIDE - 1) / 2
    return places, mass.clamp(max=1)


def folded(network: SmallNet) -> SmallNet:
    """A copy for prediction only, each normalisation put into the convolution before it."""
    copy = deepcopy(network).eval()
    for module in list(copy.modules()):
        if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.BatchNorm2d):
            convolution, norm = module[0], module[1]
            module[0] = fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, norm))
            module[1] = nn.Identity()
    return cast(SmallNet, cast(Any, copy).to(memory_format=torch.channels_last)).requires_grad_(
        False
    )


def save_small_net(network: SmallNet, path: str | PathLike[str]) -> None:
    """Write the weights in half precision, which is all that they need."""
    tensors = {
        key: value.half() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    save_network(path, _KIND, asdict(network.config), tensors)


def load_small_net(path: str | PathLike[str]) -> SmallNet:
    """The network in eval mode. Raises `FileFormatError` for any other file."""
    return load_network(
        path, _KIND, _built, "train one, or use the shipped weights", "the small network"
    )


def _built(config: Mapping[str, Any]) -> SmallNet:
    numbers: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    return SmallNet(SmallNetConfig(**numbers))
