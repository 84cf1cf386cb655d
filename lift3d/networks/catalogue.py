"""The networks by name, for command lines and files of weights."""

from collections.abc import Mapping
from dataclasses import asdict
from inspect import signature
from os import PathLike
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from lift3d.errors import InputError
from lift3d.io.files.weights_file import load_network, save_network
from lift3d.networks.associative import AssociativeConfig
from lift3d.networks.cpm import PoseMachineConfig
from lift3d.networks.cpn import CascadedPyramidConfig
from lift3d.networks.deeppose import DeepPoseConfig
from lift3d.networks.dekr import DisentangledConfig
from lift3d.networks.fastpose import FastPoseConfig
from lift3d.networks.grmi import DiscOffsetsConfig
from lift3d.networks.hrnet import HighResolutionConfig
from lift3d.networks.integral import IntegralRegressionConfig
from lift3d.networks.mspn import MultiStageConfig
from lift3d.networks.network import KeypointNetwork, NetworkConfig
from lift3d.networks.paf import AffinityFieldsConfig
from lift3d.networks.simple_baseline import SimpleBaselineConfig
from lift3d.networks.stacked_hourglass import StackedHourglassConfig
from lift3d.networks.transformer import PoseTransformerConfig
from lift3d.skeleton import Skeleton

__all__ = [
    "NETWORKS",
    "NetworkName",
    "configured",
    "load_keypoint_network",
    "save_keypoint_network",
]

NetworkName = Literal[
    "associative",
    "cpm",
    "cpn",
    "deeppose",
    "dekr",
    "fastpose",
    "grmi",
    "hrnet",
    "integral",
    "mspn",
    "paf",
    "simple_baseline",
    "stacked_hourglass",
    "transformer",
]

NETWORKS: Final[Mapping[NetworkName, type[NetworkConfig]]] = MappingProxyType(
    {
        "associative": AssociativeConfig,
        "cpm": PoseMachineConfig,
        "cpn": CascadedPyramidConfig,
        "deeppose": DeepPoseConfig,
        "dekr": DisentangledConfig,
        "fastpose": FastPoseConfig,
        "grmi": DiscOffsetsConfig,
        "hrnet": HighResolutionConfig,
        "integral": IntegralRegressionConfig,
        "mspn": MultiStageConfig,
        "paf": AffinityFieldsConfig,
        "simple_baseline": SimpleBaselineConfig,
        "stacked_hourglass": StackedHourglassConfig,
        "transformer": PoseTransformerConfig,
    }
)
_FORMAT: Final = "lift3d keypoints 1"


def configured(
    name: NetworkName,
    skeleton: Skeleton,
    size: tuple[int, int],
    shape: Mapping[str, Any] | None = None,
) -> NetworkConfig:
    """A network's configuration for a skeleton and pictures of (height, width).

    `shape` holds fields that differ from the paper's, as in JSON: {"backbone": {"depth": 18}}. Raises
    `InputError` for names and fields that are not known, and for values that cannot be.
    """
    if name not in NETWORKS:
        raise InputError(
            f"expected a network of {', '.join(NETWORKS)}, got '{name}': name one of them"
        )
    kind = NETWORKS[name]
    own = set(signature(kind).parameters)
    given: dict[str, Any] = {"joints": len(skeleton), "size": size, "skeleton": asdict(skeleton)}
    values = {key: value for key, value in given.items() if key in own} | dict(shape or {})
    unknown = sorted(set(values) - own)
    if unknown:
        raise InputError(
            f"expected fields of the network {name} ({', '.join(sorted(own))}), got "
            f"{', '.join(unknown)}: correct them"
        )
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise InputError(
            f"expected a shape of the network {name}, got {error}: correct it"
        ) from error


def save_keypoint_network(network: KeypointNetwork[Any], path: str | PathLike[str]) -> None:
    """Write a network of `NETWORKS` with its configuration; nothing in the file can run code."""
    config: Any = network.config
    name = next((name for name, kind in NETWORKS.items() if type(config) is kind), None)
    if name is None:
        raise InputError(
            f"expected a network of {', '.join(NETWORKS)}, got {type(network).__name__}: save its "
            "state_dict yourself"
        )
    about = {"network": name, "config": msgspec.to_builtins(config)}
    save_network(path, _FORMAT, about, network.state_dict())


def load_keypoint_network(path: str | PathLike[str]) -> KeypointNetwork[Any]:
    """A network ready to predict; `FileFormatError` where the file is not one of ours."""
    advice = "train one with 'lift3d train keypoints'"
    return load_network(path, _FORMAT, _built, advice, "a keypoint network")


def _built(about: dict[str, Any]) -> KeypointNetwork[Any]:
    try:
        return msgspec.convert(about["config"], NETWORKS[about["network"]]).build()
    except (msgspec.ValidationError, InputError) as error:
        raise ValueError(str(error)) from error
