"""One optimiser step, and everything that it touches: network, optimiser, averages, precision."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.losses import AutomaticWeighting, Term
from lift3d.training.dropout import with_quick_dropout
from lift3d.training.parallel import Ranks, add_up, with_global_statistics
from lift3d.training.schedule import Schedule, factor
from lift3d.training.task import Forward, Task

__all__ = ["EngineConfig", "Precision", "Trainer", "device_named", "half_precision"]

Precision = Literal["auto", "float32", "bfloat16"]

_SEED_STRIDE: Final = 1_000_003


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How a task is trained."""

    steps: int = 45_000
    """Optimiser steps."""
    batch: int = 512
    """Samples per step, of all processes together."""
    learning_rate: float = 4e-3
    """Highest learning rate, after the warm-up."""
    schedule: Schedule = "cosine"
    """How the learning rate falls."""
    final: float = 0.01
    """What is left of it at the end of an exponential schedule."""
    warmup: int = 200
    """Steps over which the learning rate rises."""
    weight_decay: float = 0.01
    """AdamW's weight decay on matrices; with 0 it is Adam."""
    max_norm: float = 0.0
    """Longest weight vector of a neuron (Srivastava et al., JMLR 2014); 0 for no limit."""
    clip: float = 0.0
    """Longest gradient, over all parameters; 0 for no limit."""
    average: float = 0.0
    """Decay of the moving average of the weights that is validated and saved; 0 for none."""
    weighting: Literal["sum", "automatic"] = "sum"
    """Whether the weights of several losses are learned."""
    precision: Precision = "auto"
    """Number format of matrix products; "auto" takes bfloat16 where the processor has it."""
    compile: Literal["no", "default", "graphs"] = "no"
    """On a GPU: compile the network, or replay it as CUDA graphs."""
    draws: int = 8
    """Batches drawn and augmented at once: random numbers come cheaper by the thousand."""
    validate_every: int = 2000
    """Steps between validations and checkpoints."""
    patience: int = 0
    """Stop after so many validations without a better one; 0 to go on."""
    seed: int = 0
    """Seed of weights, data order, augmentation and dropout."""


def device_named(name: str) -> torch.device:
    """A device by name; "auto" is a GPU where there is one, of several processes each its own."""
    if name == "auto":
        own = int(os.environ.get("LOCAL_RANK", "0"))
        return torch.device("cuda", own) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"expected a device of this machine (auto, cpu, cuda), got '{name}': choose another"
        ) from error
    return device


def half_precision(device: torch.device, precision: Precision) -> bool:
    """Whether matrix products are to run in bfloat16.

    Where a processor has instructions for it, a training step of the paper's network was about twice
    as fast at every batch from 64 to 4096; without them it would be slower.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and _cpu_has_bfloat16()


def _cpu_has_bfloat16() -> bool:
    known: Callable[[], Mapping[str, Any]] | None = getattr(torch.cpu, "get_capabilities", None)
    if known is not None:
        able = known()
        return any(bool(able.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))
    return torch.backends.cpu.get_cpu_capability() in ("AVX512", "AVX512_BF16", "AMX")


class Trainer:
    """Steps of a task on this process's share of each batch."""

    def __init__(self, task: Task[Any], config: EngineConfig, ranks: Ranks) -> None:
        self.task, self.config, self.ranks = task, config, ranks
        network = task.network
        if ranks.count > 1:
            with_global_statistics(network)
        self.device = next(network.parameters()).device
        if self.device.type == "cpu":
            with_quick_dropout(network)
        self.half = half_precision(self.device, config.precision)
        self.weighting = AutomaticWeighting(task.terms).to(self.device)
        self.optimizer = _optimizer(network, self.weighting, config)
        self.average = deepcopy(network).requires_grad_(False) if config.average else None
        self.learned = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.matrices = [m.weight for m in network.modules() if isinstance(m, nn.Linear)]
        self.called: Forward = _compiled(network, self.device, config)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds."""
        found: dict[str, nn.Module] = {"net": self.task.network}
        if self.config.weighting == "automatic":
            found["weighting"] = self.weighting
        if self.average is not None:
            found["average"] = self.average
        return found

    def train(self, step: int, count: int) -> dict[str, float]:
        """`count` steps on one draw; the mean of each loss. All follows from seed and step."""
        config, size = self.config, self.config.batch
        seed = config.seed * _SEED_STRIDE + step
        generator = torch.Generator(self.device).manual_seed(seed)
        batch = self.task.draw(size * count, generator)
        torch.manual_seed(seed * self.ranks.count + self.ranks.rank)  # dropout
        self.task.network.train()
        seen: list[Tensor] = []
        for index in range(count):
            rows = self.ranks.rows(slice(index * size, (index + 1) * size))
            self._set_rate(step + index)
            seen.append(self.step(self.task.part(batch, rows)))
        self.limit()
        means = torch.stack(seen)
        add_up([means], self.ranks)
        return dict(zip(self.task.terms, means.mean(0).tolist(), strict=True))

    def step(self, batch: Any) -> Tensor:
        """Forward, backward and update; the loss terms of this process's share, detached."""
        terms = self.task.losses(self._forward, batch)
        shares = self._shares(terms)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._loss(shares))
        add_up([p.grad for p in self.learned if p.grad is not None], self.ranks)
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.learned, self.config.clip)
        self.optimizer.step()
        self._follow()
        return torch.stack([shares[name].detach() for name in self.task.terms])

    @torch.no_grad()
    def limit(self) -> None:
        """Shorten each neuron's incoming weights to the bound, where they are longer.

        Done once per draw: in so few steps they hardly grow, and at each step it would cost a tenth.
        """
        if not self.config.max_norm:
            return
        for weight in self.matrices:
            norm = torch.linalg.vector_norm(weight, dim=1, keepdim=True)
            weight.mul_((self.config.max_norm / norm).clamp(max=1))

    @contextmanager
    def validated_network(self) -> Generator[None]:
        """Within, the task's network has the averaged weights, where there are any."""
        network = self.task.network
        network.eval()
        if self.average is None:
            yield
            return
        trained = deepcopy(network.state_dict())
        network.load_state_dict(self.average.state_dict())
        try:
            yield
        finally:
            network.load_state_dict(trained)

    def _forward(self, *inputs: Any) -> Any:
        if not self.half:
            return self.called(*inputs)
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.called(*inputs)

    def _shares(self, terms: Mapping[str, Term]) -> dict[str, Tensor]:
        """Each term's mean over all processes; what comes back adds up to it over them."""
        if self.ranks.count == 1:
            return {name: term.mean for name, term in terms.items()}
        counts = {name: term.count.detach().clone() for name, term in terms.items()}
        add_up(counts.values(), self.ranks)
        return {name: term.total / counts[name].clamp(min=1) for name, term in terms.items()}

    def _loss(self, shares: Mapping[str, Tensor]) -> Tensor:
        if self.config.weighting == "sum":
            return torch.stack(list(shares.values())).sum()
        loss: Tensor = self.weighting(shares)
        if self.ranks.count > 1:  # what does not depend on data counts once, not once per process
            nothing = {name: torch.zeros_like(share) for name, share in shares.items()}
            constant: Tensor = self.weighting(nothing)
            loss = loss - constant * (1 - 1 / self.ranks.count)
        return loss

    def _set_rate(self, step: int) -> None:
        c = self.config
        rate = c.learning_rate * factor(step, c.steps, c.warmup, c.schedule, c.final)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights, statistics too: they belong together."""
        if self.average is None:
            return
        network = self.task.network
        pairs = zip(self.average.parameters(), network.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - self.config.average)
        for kept, now in zip(self.average.buffers(), network.buffers(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, 1 - self.config.average)
            else:
                kept.copy_(now)


def _optimizer(
    network: nn.Module, weighting: nn.Module, config: EngineConfig
) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.ndim > 1 and p.requires_grad]
    others = [p for p in network.parameters() if p.ndim <= 1 and p.requires_grad]
    if config.weighting == "automatic":
        others += list(weighting.parameters())
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _compiled(network: nn.Module, device: torch.device, config: EngineConfig) -> Forward:
    if config.compile == "no" or device.type != "cuda":  # on a CPU it was slower, not faster
        return network
    mode = "reduce-overhead" if config.compile == "graphs" else "default"
    return torch.compile(network, mode=mode)
