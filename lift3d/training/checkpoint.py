"""Where a training run stands, on disk: tensors in safetensors, the rest in its metadata.

Learning rate, data order, augmentation and dropout follow from the seed and the step alone, so the
step stands for the state of the schedule and of all random numbers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lift3d.errors import FileFormatError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.tensor_file import tensor_bytes

__all__ = ["Progress", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: optimiser steps done, the best validation score so far, and its step.

    `stale` counts the validations since then. The lower score is the better one.
    """

    step: int = 0
    best: float = float("inf")
    best_step: int = 0
    stale: int = 0


def save_checkpoint(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    config: str,
) -> None:
    """Everything that resuming needs, atomically. `config` (JSON) is compared on the way back."""
    tensors = {
        f"{prefix}.{key}": value.contiguous()
        for prefix, module in modules.items()
        for key, value in module.state_dict().items()
    }
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    for index, entries in state.items():
        tensors |= {f"opt.{index}.{key}": value.contiguous() for key, value in entries.items()}
    about = {
        "config": config,
        "step": str(progress.step),
        "best": repr(progress.best),
        "best_step": str(progress.best_step),
        "stale": str(progress.stale),
    }
    with atomic_path(path) as partial:
        partial.write_bytes(tensor_bytes(tensors, about))


def load_checkpoint(
    path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, config: str
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
        for prefix, module in modules.items():
            module.load_state_dict(_part(tensors, f"{prefix}."))
        whole: dict[str, Any] = optimizer.state_dict()
        whole["state"] = _optimizer_state(_part(tensors, "opt."))
        optimizer.load_state_dict(whole)
        best_step, stale = int(about["best_step"]), int(about["stale"])
        return Progress(int(about["step"]), float(about["best"]), best_step, stale)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"expected a checkpoint in '{path}', got {type(error).__name__}: {error}: "
            "delete it to start again"
        ) from error


def _expect_same(stored: str, asked: str, path: Path) -> None:
    was, now = json.loads(stored), json.loads(asked)
    if was != now:
        changed = ", ".join(sorted(key for key in {*was, *now} if was.get(key) != now.get(key)))
        raise FileFormatError(
            f"expected '{path}' to come from the same configuration, got another one ({changed}): "
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
