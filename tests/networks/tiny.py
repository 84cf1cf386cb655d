"""Every network in a size that learns twenty pictures in seconds, and how long it takes."""

from typing import Any, NamedTuple

from lift3d.networks import (
    AffinityFieldsConfig,
    AssociativeConfig,
    CascadedPyramidConfig,
    DeepPoseConfig,
    DiscOffsetsConfig,
    DisentangledConfig,
    FastPoseConfig,
    HighResolutionConfig,
    IntegralRegressionConfig,
    MultiStageConfig,
    PoseMachineConfig,
    PoseTransformerConfig,
    SimpleBaselineConfig,
    StackedHourglassConfig,
)
from lift3d.networks.backbones.hrnet import HRNetConfig
from lift3d.networks.backbones.resnet import ResNetConfig
from tests.networks.scenes import BLOBS

_JOINTS = len(BLOBS)
_RESNET = ResNetConfig(18, 8)


class Tiny(NamedTuple):
    config: Any
    steps: int
    rate: float
    within: float
    """Pixels of the picture: the mean error of what it learned; maps of stride 8 are 8 x 8 pixels."""


TINY = {
    "associative": Tiny(
        AssociativeConfig(_JOINTS, 1, 16, 3, tag_weight=0.02, sigma=1.5), 150, 2e-2, 2.0
    ),
    "cpm": Tiny(PoseMachineConfig(_JOINTS, 2, 8, norm=True), 100, 2e-2, 3.0),
    "cpn": Tiny(CascadedPyramidConfig(_JOINTS, _RESNET, 16, 3, 1.5), 90, 1e-2, 2.0),
    "deeppose": Tiny(DeepPoseConfig(_JOINTS, (64, 64), _RESNET), 120, 1e-2, 1.0),
    "dekr": Tiny(
        DisentangledConfig(
            _JOINTS, HRNetConfig(8, 8, (1, 1, 1), 1), 4, offset_weight=0.1, sigma=1.5
        ),
        *(75, 1.5e-2, 2.0),
    ),
    "fastpose": Tiny(
        FastPoseConfig(_JOINTS, ResNetConfig(18, 8, squeeze=True), (16, 16, 16), 1.5),
        120,
        1e-2,
        2.0,
    ),
    "grmi": Tiny(DiscOffsetsConfig(_JOINTS, ResNetConfig(18, 8, stride=8), 1.5), 80, 1e-2, 1.0),
    "hrnet": Tiny(
        HighResolutionConfig(_JOINTS, HRNetConfig(8, 16, (1, 1, 1), 1), 1.5), 120, 2e-2, 2.0
    ),
    "integral": Tiny(IntegralRegressionConfig(_JOINTS, _RESNET, 16), 120, 1e-2, 1.0),
    "mspn": Tiny(MultiStageConfig(_JOINTS, 2, _RESNET, 16, 3, 2.5, 1.5), 90, 1e-2, 2.0),
    "paf": Tiny(AffinityFieldsConfig(BLOBS, 1, 16, norm=True, sigma=0.8, limb=0.7), 100, 1e-2, 3.0),
    "pyramid": Tiny(StackedHourglassConfig(_JOINTS, 1, 16, 2, 2, 1.5), 80, 1e-2, 2.0),
    "simple_baseline": Tiny(SimpleBaselineConfig(_JOINTS, _RESNET, 32, 1.5), 150, 5e-3, 2.0),
    "stacked_hourglass": Tiny(StackedHourglassConfig(_JOINTS, 2, 16, 2, 0, 1.5), 80, 1e-2, 2.0),
    "transformer": Tiny(
        PoseTransformerConfig(_JOINTS, (64, 64), 2, 16, 32, 2, 8, 1.5), 120, 1e-2, 2.0
    ),
}
