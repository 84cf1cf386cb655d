"""A 3 x 3 convolution whose nine places are turned, stretched and moved at each pixel.

Geng, Sun, Xiao, Zhang and Wang, "Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression"
(DEKR), CVPR 2021, arXiv:2104.02300, section 3.1: a small convolution says a 2 x 2 matrix A and a
translation t for each pixel, and the convolution looks at q + A g + t for the nine g of its kernel.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from lift3d.networks.parts.layers import conv

__all__ = ["AdaptiveBlock", "AdaptiveConv"]

_KERNEL: Final = tuple((x, y) for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0))


class AdaptiveConv(nn.Module):
    """From as many channels to as many; it starts as a plain 3 x 3 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.affine = conv(width, 6, 3)
        nn.init.zeros_(self.affine.weight)
        self.affine.bias = nn.Parameter(torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]))
        self.taps = nn.Conv2d(9 * width, width, 1, bias=False)  # a 3 x 3 kernel, tap by tap
        self.register_buffer("kernel", torch.tensor(_KERNEL), persistent=False)

    kernel: Tensor

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        height, width = x.shape[-2:]
        affine: Tensor = self.affine(x)  # [batch 6 h w]
        a, b, c, d, right, down = (affine[:, i, None] for i in range(6))  # each [batch 1 h w]
        gx, gy = self.kernel[:, 0, None, None], self.kernel[:, 1, None, None]  # [9 1 1]
        columns = torch.arange(width, dtype=x.dtype, device=x.device)  # [w]
        rows = torch.arange(height, dtype=x.dtype, device=x.device)[:, None]  # [h 1]
        at_x = columns + a * gx + b * gy + right  # [batch 9 h w]
        at_y = rows + c * gx + d * gy + down  # [batch 9 h w]
        grid = torch.stack([(2 * at_x + 1) / width - 1, (2 * at_y + 1) / height - 1], -1)
        seen = grid_sample(x, grid.flatten(1, 2), align_corners=False)  # [batch c 9*h w]
        seen = torch.unflatten(seen, 2, (9, height)).flatten(1, 2)  # [batch c*9 h w]
        out: Tensor = self.taps(seen)  # [batch c h w]
        return out


class AdaptiveBlock(nn.Module):
    """Two convolutions, the second adaptive, and a link past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            conv(width, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.second = nn.Sequential(AdaptiveConv(width), nn.BatchNorm2d(width))
        self.relu = nn.ReLU()

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        out: Tensor = self.relu(x + self.second(self.first(x)))  # [batch c h w]
        return out
