"""How kernels are compiled: at the first call, then kept on disk."""

import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba

__all__ = ["jit"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Fused multiply-add, yes; nothing that reorders sums or takes NaN for impossible.
_OPTIONS: Final = {
    "fastmath": {"contract", "nsz", "arcp"},
    "error_model": "numpy",
    "boundscheck": False,
    "nogil": True,
}


def jit(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function compiled by numba; without the cache where no folder for it can be written."""
    bare = inspect.unwrap(function)  # tests wrap functions to check their arguments
    njit: Any = numba.njit
    try:
        compiled = njit(cache=True, **_OPTIONS)(bare)
    except RuntimeError:
        compiled = njit(**_OPTIONS)(bare)
    return cast(Callable[_P, _R], compiled)
