"""Hourglasses one after the other: the body of the stacked hourglass and of associative embedding.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, section 3.3 and
figure 4: each hourglass's maps are mapped back to features and added to what it was given.
"""

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks.backbones.hourglass import Hourglass, residual, stem
from lift3d.networks.parts.layers import conv, normed

__all__ = ["Stacks"]


class Stacks(nn.Module):
    """Pictures to one set of `outputs` maps for each hourglass, a quarter of the picture's size."""

    def __init__(self, stacks: int, width: int, depth: int, outputs: int, levels: int = 0) -> None:
        super().__init__()
        self.stem = stem(width, levels)
        self.hourglasses = nn.ModuleList(
            nn.Sequential(
                Hourglass(width, depth, levels),
                residual(width, width, levels),
                normed(width, width, 1),
            )
            for _ in range(stacks)
        )
        self.heads = nn.ModuleList(conv(width, outputs, 1) for _ in range(stacks))
        self.features_back = nn.ModuleList(conv(width, width, 1) for _ in range(stacks - 1))
        self.maps_back = nn.ModuleList(conv(outputs, width, 1) for _ in range(stacks - 1))

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, ...]:
        x: Tensor = self.stem(pictures)  # [batch width height/4 width/4]
        found: list[Tensor] = []
        for stack, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            features: Tensor = hourglass(x)  # [batch width height/4 width/4]
            maps: Tensor = head(features)  # [batch outputs height/4 width/4]
            found.append(maps)
            if stack < len(self.features_back):
                x = x + self.features_back[stack](features) + self.maps_back[stack](maps)
        return tuple(found)
