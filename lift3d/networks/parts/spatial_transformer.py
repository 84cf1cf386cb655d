"""Pictures moved, turned and resized by six numbers that a network says, and maps put back.

Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks" (STN), NIPS 2015, section
3; Fang, Xie, Tai and Lu, "RMPE: Regional Multi-Person Pose Estimation", ICCV 2017, section 3.1 (STN
before a single-person network and its inverse, SDTN, after it). Written from the papers.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from lift3d.errors import InputError
from lift3d.networks.parts.layers import normed

__all__ = ["SpatialTransformer", "inverse_affine", "resampled", "transformed_points"]


def resampled(
    maps: Float[Tensor, "batch channels height width"],
    affine: Float[Tensor, "batch 2 3"],
    size: tuple[int, int],
) -> Float[Tensor, "batch channels rows columns"]:
    """Maps of (height, width) that show at q what the given ones show at A q + t.

    Both count from -1 to 1 between the edges of the first and last pixels; outside is 0. With
    `inverse_affine` it undoes itself where nothing left the picture (RMPE, eq. 1 and 2).
    """
    rows, columns = size
    xs = (2 * torch.arange(columns, dtype=maps.dtype, device=maps.device) + 1) / columns - 1
    ys = (2 * torch.arange(rows, dtype=maps.dtype, device=maps.device) + 1) / rows - 1
    ys = ys[:, None]
    a, b, right, c, d, down = (
        affine[:, i // 3, i % 3, None, None] for i in range(6)
    )  # [batch 1 1]
    grid = torch.stack([a * xs + b * ys + right, c * xs + d * ys + down], -1)  # [batch h w 2]
    return grid_sample(maps, grid, align_corners=False)


def inverse_affine(affine: Float[Tensor, "batch 2 3"]) -> Float[Tensor, "batch 2 3"]:
    """A^-1 and -A^-1 t (RMPE, eq. 3 and 4); `InputError` where A has no inverse."""
    a, b, right, c, d, down = (affine[:, i // 3, i % 3] for i in range(6))
    area = a * d - b * c
    if bool((area.abs() < 1e-12).any()):
        raise InputError("expected affine maps with an inverse, got one of area 0: bound the scale")
    rows = [[d, -b, b * down - d * right], [-c, a, c * right - a * down]]
    stacked = torch.stack([torch.stack(row, -1) for row in rows], -2)
    return stacked / area[:, None, None]


def transformed_points(
    points: Float[Tensor, "batch joints 2"],
    affine: Float[Tensor, "batch 2 3"],
    size: tuple[int, int],
    source: tuple[int, int],
) -> Float[Tensor, "batch joints 2"]:
    """Pixels of what `resampled` gave, of (height, width) `size`, as pixels of the `source`."""
    to = points.new_tensor([size[1], size[0]])
    back = points.new_tensor([source[1], source[0]])
    shares = (2 * points + 1) / to - 1
    placed = shares @ affine[..., :2].mT + affine[:, None, :, 2]
    moved: Tensor = ((placed + 1) * back - 1) / 2
    return moved


class SpatialTransformer(nn.Module):
    """A small network that looks at pictures and says how to cut them; it starts with the whole.

    `scale` bounds how much is cut: A's diagonal stays above it.
    """

    def __init__(self, width: int = 16, scale: float = 0.25) -> None:
        super().__init__()
        self.scale = scale
        self.look = nn.Sequential(
            normed(3, width, 5, 2), normed(width, width, 3, 2), normed(width, 2 * width, 3, 2)
        )
        self.say = nn.Linear(2 * width, 6)
        nn.init.zeros_(self.say.weight)
        nn.init.zeros_(self.say.bias)

    def forward(
        self, pictures: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 2 3"]:
        features: Tensor = self.look(pictures)  # [batch 2*width height/8 width/8]
        said = self.say(features.mean((-2, -1)))  # [batch 6]
        # Bounded, so that nothing is turned inside out: the diagonal from `scale` to 2 - `scale`.
        room = 1 - self.scale
        wide, tall = 1 + room * said[:, 0].tanh(), 1 + room * said[:, 1].tanh()
        turn = [0.5 * self.scale * said[:, i].tanh() for i in (2, 3)]
        move = [said[:, i].tanh() for i in (4, 5)]
        rows = [
            torch.stack([wide, turn[0], move[0]], -1),
            torch.stack([turn[1], tall, move[1]], -1),
        ]
        return torch.stack(rows, -2)  # [batch 2 3]
