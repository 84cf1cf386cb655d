"""Weights of a network in a file that cannot run code, with the shape of the network beside."""

import json
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lift3d.errors import FileFormatError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.io.files.zip_entries import check_regular

__all__ = ["load_network", "save_network"]

_LARGEST: Final = 4096
"""Neurons in a layer, or blocks."""

NetT = TypeVar("NetT", bound=nn.Module)


def save_network(
    path: str | PathLike[str], kind: str, config: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write tensors as they are; `kind` names the format, `config` is what builds the network."""
    whole = {key: value.contiguous() for key, value in tensors.items()}
    with atomic_path(path) as partial:
        about = {"format": kind, "config": json.dumps(config)}
        partial.write_bytes(tensor_bytes(whole, about))


def _check_size(config: object) -> None:
    """`ValueError` for numbers beyond any network's: a billion blocks are a few bytes in a file."""
    values = config.values() if isinstance(config, dict) else ()
    for value in config if isinstance(config, list) else values:
        _check_size(value)
    if isinstance(config, int | float) and not abs(config) <= _LARGEST:
        raise ValueError(f"a network of {config}")


def load_network(
    path: str | PathLike[str],
    kind: str,
    build: Callable[[dict[str, Any]], NetT],
    advice: str,
    what: str = "this lifter",
) -> NetT:
    """A network ready to predict in float32, from what `save_network` wrote.

    Raises `FileFormatError`, which ends in the advice, for any other file.
    """
    try:
        check_regular(Path(path))
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if about.get("format") != kind:
            raise ValueError(f"format {about.get('format')}")
        config: dict[str, Any] = json.loads(about["config"])
        _check_size(config)
        with torch.device("meta"):  # no random start values: they would use up the caller's
            network = build(config)
        full = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        network.load_state_dict(full, assign=True)
    except (
        OSError,
        SafetensorError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        AttributeError,
    ) as error:
        raise FileFormatError(
            f"expected weights of {what} in '{path}' ({kind}), got "
            f"{type(error).__name__}: {error}: {advice}"
        ) from error
    network.eval().requires_grad_(False)
    return network
