"""The first ten layers of VGG-19, as the networks of part affinity fields stand on them.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
table 1 (E). Cao, Simon, Wei and Sheikh, "Realtime Multi-Person 2D Pose Estimation using Part Affinity
Fields", CVPR 2017, section 2 takes those, and narrows them by two more.
"""

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks.parts.layers import step

__all__ = ["Vgg"]


class Vgg(nn.Module):
    """Pictures to features of `2 * width` channels at stride 8; the width of VGG-19 is 64."""

    def __init__(self, width: int, *, norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for level, (count, wider) in enumerate(((2, 1), (2, 2), (4, 4), (2, 8))):
            layers += [nn.MaxPool2d(2)] if level else []
            for _ in range(count):
                layers.append(step(inputs, width * wider, 3, norm=norm))
                inputs = width * wider
        narrower = (step(inputs, 4 * width, 3, norm=norm), step(4 * width, 2 * width, 3, norm=norm))
        self.layers = nn.Sequential(*layers, *narrower)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Tensor:
        out: Tensor = self.layers(pictures)  # [batch 2*width height/8 width/8]
        return out
