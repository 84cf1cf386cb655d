"""Bodies as pictures of places, and back."""

import torch

from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.protocols import BodyModel
from lift3d.surface.lookup import Lookup
from lift3d.surface.position_map import (
    PositionLayout,
    PositionNetwork,
    PositionNetworkConfig,
    position_term,
)
from tests.helpers.drawn_people import people


def test_vertices_come_back(body: BodyModel, lookup: Lookup) -> None:
    vertices = body(people(0.3, 0.2, 2)).vertices
    means = []
    for tile in (16, 32, 64):
        layout = PositionLayout.of(lookup, tile)
        maps = layout.map_of(vertices)
        assert maps.shape == (2, 3, 6 * tile, 4 * tile)
        back = layout.vertices_of(maps)
        assert back.shape == vertices.shape
        means.append(float((back - vertices).norm(dim=-1).mean()))
    assert means == sorted(means, reverse=True)
    assert means[0] < 0.01
    assert means[2] < 0.002


def test_the_network_learns_a_body(body: BodyModel, lookup: Lookup) -> None:
    torch.manual_seed(1)
    config = PositionNetworkConfig(ResNetConfig(18, 8), width=16, tile=16)
    layout = PositionLayout.of(lookup, config.tile)
    mesh = body(people(0.3, 0.2, 2))
    true = layout.map_of(mesh.vertices - mesh.joints[:, :1])
    pictures = torch.rand(2, 3, 64, 64)
    network = PositionNetwork(config)
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    first = None
    for _ in range(60):
        optimiser.zero_grad()
        loss = position_term(network(pictures), true, layout).mean
        loss.backward()
        optimiser.step()
        first = float(loss.detach()) if first is None else first
    assert first is not None
    assert float(loss.detach()) < 0.4 * first
    assert network(pictures).shape == true.shape
