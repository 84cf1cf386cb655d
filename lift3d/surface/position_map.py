"""A body as a picture: each texel of the charts holds the place of its point of the skin.

P. Yao, Z. Fang, F. Wu, Y. Feng, J. Li: DenseBody: directly regressing dense 3D human pose and shape from
a single color image, arXiv:1903.10153, 2019: a convolutional network gives such a map (x, y, z) of the
whole body, hidden parts as well, and vertices are read off it. There the layout is SMPL's texture;
here it is our 6 by 4 tiles of charts. Written from the paper; parity with its figures is not claimed.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.network import expect_numbers, expect_pictures
from lift3d.networks.parts.layers import conv, deconv
from lift3d.surface.atlas_picture import (
    COLUMNS,
    ROWS,
    atlas_positions,
    spread_in_tiles,
    texel_points,
)
from lift3d.surface.lookup import Lookup

__all__ = ["PositionLayout", "PositionNetwork", "PositionNetworkConfig", "position_term"]

_SMOOTHNESS = 0.1


@dataclass(frozen=True, slots=True)
class PositionLayout:
    """Where texels lie on a body, and where its vertices are in the map."""

    tile: int
    corners: Int[Tensor, "texels 3"]
    weights: Float[Tensor, "texels 3"]
    on_chart: Bool[Tensor, "height width"]
    vertices: Int[Tensor, " entries"]
    """A vertex for each corner of each triangle; one on several charts is read off all of them."""
    places: Float[Tensor, "entries 2"]
    """Where that corner is, as `grid_sample` has it."""

    @classmethod
    def of(cls, lookup: Lookup, tile: int) -> "PositionLayout":
        """The layout of a body's charts on tiles of so many texels."""
        atlas = lookup.atlas
        part, uv = texel_points(tile)
        found = lookup.places(part, uv, beside=False)
        numbers = np.repeat(atlas.part.astype(np.int64), 3)
        at = atlas_positions(numbers, atlas.uv.reshape(-1, 2).astype(np.float64), tile)
        size = np.array([COLUMNS * tile, ROWS * tile])
        return cls(
            tile,
            torch.from_numpy(atlas.faces[found.faces]).long(),
            torch.from_numpy(found.barycentric).float(),
            torch.from_numpy(found.faces >= 0).reshape(ROWS * tile, COLUMNS * tile),
            torch.from_numpy(atlas.faces.reshape(-1)).long(),
            torch.from_numpy((at + 0.5) / size * 2 - 1).float(),
        )

    def map_of(
        self, vertices: Float[Tensor, "batch vertices 3"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The map of bodies (metres); texels beside a chart repeat the nearest one on it."""
        at = (vertices[:, self.corners] * self.weights[..., None]).sum(2)  # [batch texels 3]
        grids = at.reshape(len(at), *self.on_chart.shape, 3).detach().cpu().numpy()
        known = self.on_chart.numpy()
        whole = np.stack([spread_in_tiles(one, known) for one in grids])
        return torch.from_numpy(whole).permute(0, 3, 1, 2).contiguous()

    def vertices_of(
        self, maps: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch vertices 3"]:
        """The vertices (metres) read off maps: means over the charts that a vertex is on."""
        grid = self.places[None, None].expand(len(maps), 1, -1, -1)
        read = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
        entries = read[:, :, 0].transpose(1, 2)  # [batch entries 3]
        count = int(self.vertices.max()) + 1
        total = entries.new_zeros(len(maps), count, 3).index_add(1, self.vertices, entries)
        share = entries.new_zeros(count).index_add(
            0, self.vertices, entries.new_ones(len(self.vertices))
        )
        return total / share.clamp(min=1)[:, None]


@dataclass(frozen=True, slots=True)
class PositionNetworkConfig:
    """The shape of the network."""

    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below."""
    width: int = 256
    """Channels of the decoder."""
    tile: int = 32
    """Texels along the side of a tile."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, width=self.width, tile=self.tile)


class PositionNetwork(nn.Module):
    """Pictures of one person to the map of the body, in metres about the pelvis."""

    def __init__(self, config: PositionNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        inputs = (config.backbone.channels[-1], config.width, config.width, config.width)
        self.up = nn.Sequential(*(deconv(channels, config.width) for channels in inputs))
        self.head = conv(config.width, 3)

    def forward(
        self, pictures: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 rows columns"]:
        expect_pictures(pictures, 32)
        *_, x = self.backbone(pictures)  # [batch channels height/32 width/32]
        x = self.up(x)  # [batch width height/2 width/2]
        size = (ROWS * self.config.tile, COLUMNS * self.config.tile)
        x = functional.interpolate(x, size, mode="bilinear", align_corners=False)
        out: Tensor = self.head(x)  # [batch 3 6*tile 4*tile]
        return out


def position_term(
    found: Float[Tensor, "batch 3 height width"],
    true: Float[Tensor, "batch 3 height width"],
    layout: PositionLayout,
) -> Term:
    """The paper's losses: L1 on the charts, and a little of how misses of neighbours differ."""
    on = layout.on_chart
    miss = (found - true) * on
    total = miss.abs().sum()
    rough = (miss[..., 1:, :] - miss[..., :-1, :]).abs().sum()
    rough = rough + (miss[..., 1:] - miss[..., :-1]).abs().sum()
    return Term(total + _SMOOTHNESS * rough, on.sum().to(total) * len(found))
