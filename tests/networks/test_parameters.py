"""Sizes that the papers state, in millions of parameters, with the papers' configurations."""

import pytest
import torch

from lift3d.networks import (
    CascadedPyramidConfig,
    DisentangledConfig,
    HighResolutionConfig,
    NetworkConfig,
    PoseMachineConfig,
    PoseTransformerConfig,
    SimpleBaselineConfig,
    StackedHourglassConfig,
)
from lift3d.networks.backbones.hrnet import HRNetConfig
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig


def millions(config: NetworkConfig) -> float:
    with torch.device("meta"):
        network = config.build()
    return sum(each.numel() for each in network.parameters()) / 1e6


@pytest.mark.parametrize(
    ("config", "stated"),
    [
        (SimpleBaselineConfig(), 34.0),
        (SimpleBaselineConfig(backbone=ResNetConfig(101)), 53.0),
        (SimpleBaselineConfig(backbone=ResNetConfig(152)), 68.6),
        (HighResolutionConfig(), 28.5),
        (HighResolutionConfig(backbone=HRNetConfig(48)), 63.6),
        (CascadedPyramidConfig(), 27.0),  # as HRNet's table 1 counts it
        (PoseTransformerConfig(), 6.0),
        (PoseTransformerConfig(layers=3), 5.2),
        (DisentangledConfig(), 29.6),
        (DisentangledConfig(backbone=HRNetConfig(48)), 65.7),
    ],
)
def test_as_many_parameters_as_the_paper_states(config: NetworkConfig, stated: float) -> None:
    assert millions(config) == pytest.approx(stated, abs=0.06)


def test_about_as_many_where_papers_count_differently() -> None:
    # Eight hourglasses are 25.1 M in HRNet's table 1, six stages of CPM 31 M in FPD's table 2.
    assert millions(StackedHourglassConfig()) == pytest.approx(25.1, rel=0.02)
    assert millions(PoseMachineConfig()) == pytest.approx(31, rel=0.02)


def test_resnet_and_its_squeezes_are_as_large_as_published() -> None:
    def backbone(depth: int, *, squeeze: bool) -> float:
        with torch.device("meta"):
            network = ResNet(ResNetConfig(depth, squeeze=squeeze))  # type: ignore[arg-type]
        return sum(each.numel() for each in network.parameters()) / 1e6

    # Torchvision's ResNet-50 has 25,557,032 parameters, of which 2,049,000 are its classifier's.
    assert backbone(50, squeeze=False) == pytest.approx(23.508032, abs=1e-9)
    # "a ~10% increase", about 2.5 M (Hu et al. 2018, section 4).
    assert backbone(50, squeeze=True) - backbone(50, squeeze=False) == pytest.approx(2.5, abs=0.05)
