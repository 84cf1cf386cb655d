"""The few layers that every network repeats."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["conv", "deconv", "normed", "resized", "step"]


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, bias: bool = True
) -> nn.Conv2d:
    """A convolution that keeps the size, over the stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


def normed(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        conv(inputs, outputs, kernel, stride, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def resized(x: Float[Tensor, "batch c _ _"], size: tuple[int, int]) -> Tensor:
    """Bilinear, edge on edge, to (height, width)."""
    return interpolate(x, size, mode="bilinear", align_corners=False)


def deconv(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size by a transposed 4 x 4 convolution, batch normalisation, ReLU."""
    up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
    return nn.Sequential(up, nn.BatchNorm2d(outputs), nn.ReLU())


def step(inputs: int, outputs: int, kernel: int, *, norm: bool) -> nn.Sequential:
    """A convolution and ReLU, with batch normalisation between them where wanted."""
    if norm:
        return normed(inputs, outputs, kernel)
    return nn.Sequential(conv(inputs, outputs, kernel), nn.ReLU())
