"""Trainable 2D keypoint networks, one readable file each; `docs/networks.md` says which is which.

All take pictures [batch, 3, height, width] (red, green, blue from 0 to 1), return named tensors, and say
their losses for `Targets` and the people they found. Bodies (`backbones`) and pieces (`parts`) are
shared. Nothing is downloaded.
"""

from lift3d.networks.associative import Associative, AssociativeConfig
from lift3d.networks.cpm import PoseMachine, PoseMachineConfig
from lift3d.networks.cpn import CascadedPyramid, CascadedPyramidConfig
from lift3d.networks.deeppose import DeepPose, DeepPoseConfig
from lift3d.networks.dekr import Disentangled, DisentangledConfig
from lift3d.networks.fastpose import FastPose, FastPoseConfig
from lift3d.networks.grmi import DiscOffsets, DiscOffsetsConfig
from lift3d.networks.hrnet import HighResolution, HighResolutionConfig
from lift3d.networks.integral import IntegralRegression, IntegralRegressionConfig
from lift3d.networks.mspn import MultiStage, MultiStageConfig
from lift3d.networks.network import KeypointNetwork, NetworkConfig, PersonNetwork, Targets
from lift3d.networks.onnx_export import export_network
from lift3d.networks.paf import AffinityFields, AffinityFieldsConfig
from lift3d.networks.simple_baseline import SimpleBaseline, SimpleBaselineConfig
from lift3d.networks.stacked_hourglass import StackedHourglass, StackedHourglassConfig
from lift3d.networks.transformer import PoseTransformer, PoseTransformerConfig

__all__ = [
    "AffinityFields",
    "AffinityFieldsConfig",
    "Associative",
    "AssociativeConfig",
    "CascadedPyramid",
    "CascadedPyramidConfig",
    "DeepPose",
    "DeepPoseConfig",
    "DiscOffsets",
    "DiscOffsetsConfig",
    "Disentangled",
    "DisentangledConfig",
    "FastPose",
    "FastPoseConfig",
    "HighResolution",
    "HighResolutionConfig",
    "IntegralRegression",
    "IntegralRegressionConfig",
    "KeypointNetwork",
    "MultiStage",
    "MultiStageConfig",
    "NetworkConfig",
    "PersonNetwork",
    "PoseMachine",
    "PoseMachineConfig",
    "PoseTransformer",
    "PoseTransformerConfig",
    "SimpleBaseline",
    "SimpleBaselineConfig",
    "StackedHourglass",
    "StackedHourglassConfig",
    "Targets",
    "export_network",
]
