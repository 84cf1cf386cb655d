"""What can be trained: a `Task` brings network, data, losses and validation; the engine the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Generator, nn

from lift3d.losses import Term

__all__ = ["Forward", "Scores", "Task"]

BatchT = TypeVar("BatchT")

Forward = Callable[..., Any]
"""The network, as the engine wants it called (with autocast, compiled or as it is): a tensor of
numbers, or named ones."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Validation: named errors in `unit`, and the one by which the best step is chosen."""

    chosen: float
    values: Mapping[str, float]
    unit: str = "mm"


@runtime_checkable
class Task(Protocol[BatchT]):
    """Something to train. Everything lies on one device, that of the network.

    Random numbers come from the generator that `draw` gets and, for dropout, from torch's own, both
    seeded by the engine; nothing else may be random, or resuming would not end in the same weights.
    """

    @property
    def name(self) -> str:
        """Also the stem of the weights file."""
        ...

    @property
    def network(self) -> nn.Module: ...

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the losses."""
        ...

    def draw(self, count: int, generator: Generator) -> BatchT:
        """So many fresh samples, on the generator's device."""
        ...

    def part(self, batch: BatchT, rows: slice) -> BatchT:
        """Some rows of what `draw` gave."""
        ...

    def losses(self, forward: Forward, batch: BatchT) -> Mapping[str, Term]:
        """The loss terms by name, weighted; `forward` is to be called in place of the network."""
        ...

    def validate(self) -> Scores:
        """Errors of the network, which is in eval mode."""
        ...

    def save(self, path: Path) -> None:
        """Write the weights as users load them, atomically."""
        ...
