"""The hourglass, its stem, and the pyramid residual module that may stand in for its residuals.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, figures 3 and
4; Yang, Li, Ouyang, Li and Wang, "Learning Feature Pyramids for Human Pose Estimation" (PyraNet), ICCV
2017, section 3.1, module B. Written from the papers.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lift3d.networks.parts.layers import conv, normed

__all__ = ["Hourglass", "PyramidResidual", "Residual", "residual", "stem"]


class Residual(nn.Module):
    """Normalisation and ReLU before each convolution: 1 x 1 to half the width, 3 x 3, 1 x 1, and a link.

    The order of He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.layers = nn.Sequential(
            _before(inputs, half, 1), _before(half, half, 3), _before(half, outputs, 1)
        )
        self.past = _past(inputs, outputs)

    def forward(self, x: Float[Tensor, "batch _ h w"]) -> Float[Tensor, "batch _ h w"]:
        out: Tensor = self.layers(x) + self.past(x)  # [batch outputs h w]
        return out


class PyramidResidual(nn.Module):
    """A residual with a second branch that looks at several scales at once (PyraNet, eq. 2 and 3).

    Scales are 2^(-levels of c / levels), c = 1 .. levels, down to half the size: the smaller maps are
    convolved, enlarged and added up. The paper makes them by fractional max-pooling, whose regions are
    random; here they are bilinear, the same at every run and in ONNX.
    """

    def __init__(self, inputs: int, outputs: int, levels: int) -> None:
        super().__init__()
        half, narrow = outputs // 2, max(outputs // 10, 1)
        self.scales = tuple(2.0 ** (-level / levels) for level in range(1, levels + 1))
        self.own = nn.Sequential(_before(inputs, half, 1), _before(half, half, 3))
        self.shared = _before(inputs, narrow, 1)  # one for all scales: module B
        self.each = nn.ModuleList(conv(narrow, narrow, 3) for _ in self.scales)
        self.widen = _before(narrow, half, 1)
        self.merge = _before(half, outputs, 1)
        self.past = _past(inputs, outputs)

    def forward(self, x: Float[Tensor, "batch _ h w"]) -> Float[Tensor, "batch _ h w"]:
        shared: Tensor = self.shared(x)  # [batch narrow h w]
        size = (shared.shape[-2], shared.shape[-1])
        seen: list[Tensor] = []
        for scale, layer in zip(self.scales, self.each, strict=True):
            smaller = (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))
            small = interpolate(shared, smaller, mode="bilinear")  # [batch narrow h*s w*s]
            seen.append(interpolate(layer(small), size, mode="bilinear"))  # [batch narrow h w]
        pyramid: Tensor = self.widen(sum(seen[1:], seen[0]))  # [batch outputs/2 h w]
        out: Tensor = self.merge(self.own(x) + pyramid) + self.past(x)  # [batch outputs h w]
        return out


def residual(inputs: int, outputs: int, levels: int = 0) -> nn.Module:
    """A plain residual, or with levels a pyramid one."""
    return PyramidResidual(inputs, outputs, levels) if levels else Residual(inputs, outputs)


class Hourglass(nn.Module):
    """Down to a 2^-depth of the size and up again, with a link past each level (figure 3)."""

    def __init__(self, width: int, depth: int, levels: int = 0) -> None:
        super().__init__()
        self.past = residual(width, width, levels)
        self.down = nn.Sequential(nn.MaxPool2d(2), residual(width, width, levels))
        inner = Hourglass(width, depth - 1, levels) if depth > 1 else residual(width, width, levels)
        self.inner = inner
        self.up = nn.Sequential(residual(width, width, levels), nn.Upsample(scale_factor=2))

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        below: Tensor = self.up(self.inner(self.down(x)))  # [batch c h w]
        out: Tensor = self.past(x) + below
        return out


def stem(width: int, levels: int = 0) -> nn.Sequential:
    """Pictures to features at stride 4: a 7 x 7 convolution, residuals and pooling (section 3.2)."""
    return nn.Sequential(
        normed(3, max(width // 4, 1), 7, 2),  # [batch width/4 height/2 width/2]
        residual(max(width // 4, 1), width // 2, levels),
        nn.MaxPool2d(2),  # [batch width/2 height/4 width/4]
        residual(width // 2, width // 2, levels),
        residual(width // 2, width, levels),  # [batch width height/4 width/4]
    )


def _before(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, outputs, kernel))


def _past(inputs: int, outputs: int) -> nn.Module:
    return nn.Identity() if inputs == outputs else conv(inputs, outputs, 1)
