"""Layers of the lifter networks made ready to answer, and run as fast as a processor can.

Batch normalisation is folded into the layers before it, and weights lie in memory as the libraries
below like them: for many rows as oneDNN lays them out (about twice as fast as MKL on AMD's
processors), for few by columns. What comes out is what the network says, but for rounding.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.lifting import martinez, universal_net
from lift3d.lifting.universal_net import UniversalNet

__all__ = ["Dense", "Packed", "Residual", "Step", "answering", "folded", "relaid"]

_MANY: Final = 4
"""From so many rows on, laying out the input for oneDNN pays."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer with all that is folded into it, and what is done to what comes out."""

    weight: Float[Tensor, "outputs inputs"]
    bias: Float[Tensor, " outputs"]
    relu: bool = False

    def __call__(self, rows: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        out = nn.functional.linear(rows, self.weight, self.bias)
        return out.relu_() if self.relu else out


@dataclass(frozen=True, slots=True)
class Residual:
    """Layers whose result is added to what they were given."""

    steps: "tuple[Step, ...]"

    def __call__(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        return rows + _through(self.steps, rows)


Step = Dense | Residual


def folded(modules: Iterable[nn.Module]) -> tuple[Step, ...]:
    """A network's layers as they answer after training, without dropout.

    Raises `InputError` for layers that no lifter network has.
    """
    steps: list[Step] = []
    for module in modules:
        last = steps[-1] if steps else None
        if isinstance(module, nn.Linear):
            steps.append(_dense(module))
        elif isinstance(module, (universal_net.Block, martinez.Block)):
            steps.append(Residual(folded(module.layers)))
        elif isinstance(module, nn.BatchNorm1d) and isinstance(last, Dense) and not last.relu:
            steps[-1] = _normalised(last, module)
        elif isinstance(module, nn.ReLU) and isinstance(last, Dense):
            steps[-1] = replace(last, relu=True)
        elif not isinstance(module, nn.Dropout):
            raise InputError(
                f"expected layers of a lifter network, got {type(module).__name__}: use Linear, "
                "BatchNorm1d, ReLU, Dropout or Block"
            )
    return tuple(steps)


def answering(network: UniversalNet) -> tuple[Step, ...]:
    """The layers that a universal network's one answer needs: without those of the different ones."""
    both = (network.head, network.spread)
    weight = torch.cat([layer.weight.detach() for layer in both])
    bias = torch.cat([layer.bias.detach() for layer in both])
    return (*folded(network.body), Dense(weight, bias))


def relaid(steps: tuple[Step, ...], lay: Callable[[Tensor], Tensor]) -> tuple[Step, ...]:
    """The same layers with other weights and biases: those that `lay` makes of them."""
    return tuple(
        replace(step, weight=lay(step.weight), bias=lay(step.bias))
        if isinstance(step, Dense)
        else Residual(relaid(step.steps, lay))
        for step in steps
    )


class Packed:
    """Layers with the weights that they have now, for rows of float32 and without gradients."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._few = relaid(steps, _by_columns)

    @cached_property
    def _many(self) -> tuple[Step, ...]:
        return relaid(self._few, Tensor.to_mkldnn)

    @torch.no_grad()
    def __call__(self, rows: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        if len(rows) < _MANY or not _onednn():
            return _through(self._few, rows)
        return _through(self._many, rows.to_mkldnn()).to_dense()


def _onednn() -> bool:
    available: Callable[[], bool] = torch.backends.mkldnn.is_available
    return available()


def _through(steps: tuple[Step, ...], rows: Tensor) -> Tensor:
    for step in steps:
        rows = step(rows)
    return rows


def _by_columns(values: Tensor) -> Tensor:
    """A copy of a matrix with each column in one piece; of a vector, a copy."""
    return values.t().clone(memory_format=torch.contiguous_format).t()


def _dense(linear: nn.Linear) -> Dense:
    weight = linear.weight.detach()
    given = dict(linear.named_parameters()).get("bias")  # there need not be one
    return Dense(weight, weight.new_zeros(len(weight)) if given is None else given.detach())


def _normalised(dense: Dense, norm: nn.BatchNorm1d) -> Dense:
    """Both in one, worked out in double precision."""
    if norm.running_mean is None or norm.running_var is None:
        raise InputError(
            "expected batch normalisation with running statistics, got none: train first"
        )
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.detach().double() - norm.running_mean.double() * scale
    weight = dense.weight.double() * scale[:, None]
    bias = dense.bias.double() * scale + shift
    return Dense(weight.float(), bias.float())
