"""Networks made ready to run fast say what they said before, for any number of rows."""

import pytest
import torch
from torch import nn

from lift3d.errors import InputError
from lift3d.lifting import martinez
from lift3d.lifting.few_rows import FewRows
from lift3d.lifting.packed import Dense, Packed, Residual, answering, folded
from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.temporal_net import TemporalConfig, TemporalNet
from lift3d.lifting.universal_net import UniversalConfig, UniversalNet, predict
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import VOCABULARY


def lived(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    network.eval().requires_grad_(False)


@pytest.fixture
def network() -> UniversalNet:
    made = UniversalNet(UniversalConfig(width=48, blocks=2))
    lived(made)
    return made


def test_batch_normalisation_folds_into_the_layer_before() -> None:
    """By hand: 3 x - 1, less its mean 2, over its deviation 4, times 8, plus 5: 6 x - 1."""
    linear, norm = nn.Linear(1, 1), nn.BatchNorm1d(1, eps=0.0)
    values = ((linear.weight, 3.0), (linear.bias, -1.0), (norm.weight, 8.0), (norm.bias, 5.0))
    for parameter, value in values:
        nn.init.constant_(parameter, value)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(2.0)
    norm.running_var.fill_(16.0)
    (step,) = folded((linear, norm, nn.ReLU(), nn.Dropout(0.5)))
    assert isinstance(step, Dense)
    assert (step.weight.item(), step.bias.item(), step.relu) == (6.0, -1.0, True)
    assert step(torch.tensor([[1.0], [-1.0]])).tolist() == [[5.0], [0.0]]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 64])
def test_all_ways_say_what_the_network_says(network: UniversalNet, rows: int) -> None:
    features = torch.randn(rows, 3 * len(VOCABULARY) + 1)
    steps = answering(network)
    assert any(isinstance(step, Residual) for step in steps)
    true = network(features)
    for ready in (Packed(steps), FewRows(steps)):
        found = ready(features)
        assert torch.allclose(found, true[:, : found.shape[1]], atol=1e-5)


def test_the_baseline_folds_too() -> None:
    network = martinez.MartinezNet(martinez.MartinezConfig(width=32))
    lived(network)
    standard = torch.randn(7, 32)
    assert torch.allclose(Packed(folded(network.body))(standard), network(standard), atol=1e-4)


def test_a_packed_network_stands_in_where_people_are_predicted(network: UniversalNet) -> None:
    seen = torch.rand(9, len(VOCABULARY)) < 0.7
    points = torch.randn(*seen.shape, 2) * 0.1 * seen[..., None]
    view = View(points, seen, torch.eye(3).expand(9, 3, 3))
    true = predict(network, view, flip=True)
    found = predict(network, view, flip=True, forward=Packed(answering(network)))
    assert torch.allclose(found.joints, true.joints, atol=1e-5)
    assert torch.allclose(found.covariance, true.covariance, atol=1e-5)


@pytest.mark.parametrize("latency", [0, 4, 40])
def test_clips_say_what_the_temporal_network_says(latency: int) -> None:
    single = UniversalConfig(width=32, blocks=1)
    network = TemporalNet(TemporalConfig(width=24, latency=latency, single=single))
    lived(network)
    nn.init.normal_(network.head.weight, std=0.1)
    features = torch.randn(2, 30, 403)  # places 121, joints 120, depths 40, features 121, enough
    found = PackedTemporal(network)(features)
    assert torch.allclose(found, network(features), atol=1e-4)


def test_weights_are_those_of_the_moment(network: UniversalNet) -> None:
    features = torch.randn(40, 3 * len(VOCABULARY) + 1)
    ways = [ready(folded((*network.body, network.head))) for ready in (Packed, FewRows)]
    before = [way(features) for way in ways]
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.5)
    for way, said in zip(ways, before, strict=True):
        assert torch.equal(way(features), said)
        assert (network(features)[:, : said.shape[1]] - said).abs().max() > 0.1


def test_what_is_not_finite_stays_so(network: UniversalNet) -> None:
    nothing = torch.full((2, 3 * len(VOCABULARY) + 1), torch.nan)
    for ready in (Packed(answering(network)), FewRows(answering(network))):
        assert ready(nothing).isnan().all()


def test_other_layers_are_refused() -> None:
    with pytest.raises(InputError, match="got Tanh"):
        folded((nn.Linear(2, 2), nn.Tanh()))
    with pytest.raises(InputError, match="got BatchNorm1d"):
        folded((nn.BatchNorm1d(2),))
    with pytest.raises(InputError, match="running statistics"):
        folded((nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)))
