"""Several processes that train one network, started by `torchrun` (gloo on CPUs, nccl on GPUs).

Every process draws the same global batch and takes its slice of it; sums, counts and gradients are
added up over all, and batch normalisation sees the whole batch. So the loss is that of one process
with the same global batch, but for dropout, whose masks differ by process.
"""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

__all__ = ["Ranks", "add_up", "group_of_processes", "with_global_statistics"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates and writes files."""
        return self.rank == 0

    def rows(self, batch: slice) -> slice:
        """This process's part of the rows of a global batch, whose size it divides."""
        size = (batch.stop - batch.start) // self.count
        start = batch.start + self.rank * size
        return slice(start, start + size)

    def told_by_leader(self, value: float, device: torch.device) -> float:
        """The leader's number, in all processes."""
        if self.count == 1:
            return value
        box = torch.tensor([value], dtype=torch.float64, device=device)
        distributed.broadcast(box, 0)
        return float(box)


@contextmanager
def group_of_processes(device: torch.device) -> Generator[Ranks]:
    """The processes that `torchrun` started (or that already form a group), else this one alone."""
    if distributed.is_available() and distributed.is_initialized():
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield Ranks()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@torch.no_grad()
def add_up(tensors: Iterable[Tensor], ranks: Ranks) -> None:
    """Replace each tensor by its sum over all processes, in one message per kind of number."""
    if ranks.count == 1:
        return
    by_kind: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        by_kind.setdefault(tensor.dtype, []).append(tensor)
    for same in by_kind.values():
        flat = torch.cat([tensor.flatten() for tensor in same])
        distributed.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in same])
        for tensor, part in zip(same, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


class _Sum(torch.autograd.Function):
    """The sum over processes; each process's input gets the sum of all gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


def _summed(values: Tensor) -> Tensor:
    apply: Any = _Sum.apply  # torch leaves it without types
    total: Tensor = apply(values)
    return total


class _GlobalBatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose mean and variance are those of all processes' rows.

    torch's `SyncBatchNorm` does the same on GPUs only.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name is torch's
        if not self.training:
            return super().forward(input)
        rows = input.float()
        own = torch.cat([rows.sum(0), rows.new_tensor([float(len(rows))])])
        summed = _summed(own)
        count = summed[-1].detach()
        centred = rows - summed[:-1] / count
        variance = _summed(centred.square().sum(0)) / count
        self._follow(summed[:-1].detach() / count, variance.detach() * count / (count - 1))
        out = centred * (variance + self.eps).rsqrt() * self.weight + self.bias
        return out.to(input.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        momentum = self.momentum if self.momentum is not None else 0.1
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance, momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def with_global_statistics(network: nn.Module) -> None:
    """Make every `BatchNorm1d` in a network count the rows of all processes; weights stay."""
    for name, child in network.named_children():
        if type(child) is nn.BatchNorm1d:
            whole = _GlobalBatchNorm(child.num_features, child.eps, child.momentum)
            whole.load_state_dict(child.state_dict())
            setattr(network, name, whole.to(child.weight.device))
        else:
            with_global_statistics(child)
