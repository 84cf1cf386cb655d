"""Where a training run stands, on disk: tensors in safetensors, the rest in its metadata."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lift3d.errors import FileFormatError
from lift3d.io.atomic import atomic_path

__all__ = ["Progress", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: optimiser steps done, and the best validation score (metres) so far."""

    step: int = 0
    best: float = float("inf")
    best_step: int = 0


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    config: str,
) -> None:
    """Everything that resuming needs. `config` is compared when the run is resumed."""
    tensors = {f"net.{key}": value.contiguous() for key, value in network.state_dict().items()}
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    for index, entries in state.items():
        tensors |= {f"opt.{index}.{key}": value.contiguous() for key, value in entries.items()}
    about = {
        "config": config,
        "step": str(progress.step),
        "best": repr(progress.best),
        "best_step": str(progress.best_step),
    }
    with atomic_path(path) as partial:
        partial.write_bytes(save(tensors, metadata=about))


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, config: str
) -> Progress:
    """Put a run back where it stood; a fresh start where there is no checkpoint.

    Raises `FileFormatError` where the file is broken or belongs to another configuration.
    """
    if not path.exists():
        return Progress()
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        _expect_same(about["config"], config, path)
        network.load_state_dict(_part(tensors, "net."))
        whole: dict[str, Any] = optimizer.state_dict()
        whole["state"] = _optimizer_state(_part(tensors, "opt."))
        optimizer.load_state_dict(whole)
        return Progress(int(about["step"]), float(about["best"]), int(about["best_step"]))
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"expected a checkpoint in '{path}', got {type(error).__name__}: {error}: "
            "delete it to start again"
        ) from error


def _expect_same(stored: str, asked: str, path: Path) -> None:
    if json.loads(stored) != json.loads(asked):
        raise FileFormatError(
            f"expected '{path}' to come from the same configuration, got another one: "
            "give the old configuration or another output folder"
        )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _optimizer_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    return state
