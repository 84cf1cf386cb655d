"""A network's layers for one or two rows at a time, again and again, as live sessions need them.

For so few rows a matrix product is reading the weights once; the libraries below torch do it at a
third of the speed that memory allows, this loop at nearly all of it.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import float32
from torch import Tensor

from lift3d.lifting.packed import Dense, Step

__all__ = ["FewRows"]

# Sums may be reordered and fused, which vector units need; numbers that are not finite stay so.
_FASTMATH: Final = {"reassoc", "contract", "arcp", "nsz"}


class FewRows:
    """Layers with the weights that they have now, for few rows of float32 at a time.

    The first one takes a second: it loads numba and, the very first time, compiles.
    """

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = tuple(_prepared(step) for step in steps)

    def __call__(self, rows: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        values = rows.contiguous().numpy()
        for step in self._steps:
            values = step(values)
        return torch.from_numpy(values)


def _prepared(step: Step) -> Callable[[Any], Any]:
    if isinstance(step, Dense):
        return _dense(step)
    inner = [_prepared(layer) for layer in step.steps]

    def residual(values: Any) -> Any:
        out = values
        for layer in inner:
            out = layer(out)
        return values + out

    return residual


def _dense(step: Dense) -> Callable[[Any], Any]:
    weight, bias = (np.array(values.numpy(), order="C") for values in (step.weight, step.bias))
    kernel, relu = _kernel(), step.relu

    def dense(values: Any) -> Any:
        out = np.empty((len(values), len(bias)), float32)
        kernel(weight, bias, relu, values, out)
        return out

    return dense


@cache
def _kernel() -> Callable[..., None]:
    import numba

    compiler: Any = numba.njit
    function = inspect.unwrap(_fill)  # tests wrap functions to check their arguments
    options: dict[str, Any] = {"fastmath": _FASTMATH, "error_model": "numpy", "nogil": True}
    try:
        compiled: Callable[..., None] = compiler(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        compiled = compiler(**options)(function)
    return compiled


def _fill(weight: Any, bias: Any, relu: bool, rows: Any, out: Any) -> None:
    """One layer into `out`: two rows at a time, so that each weight is read once for both."""
    outputs, inputs = weight.shape
    least = float32(0) if relu else float32(-np.inf)
    for first in range(0, len(rows), 2):
        other = min(first + 1, len(rows) - 1)
        for at in range(outputs):
            one = two = float32(0)
            for k in range(inputs):
                one += weight[at, k] * rows[first, k]
                two += weight[at, k] * rows[other, k]
            out[first, at] = max(one + bias[at], least)
            out[other, at] = max(two + bias[at], least)
