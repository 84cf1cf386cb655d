"""How kernels are compiled: at the first call, then kept on disk."""

import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba

__all__ = ["exact", "fast"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_OPTIONS: Final = {"error_model": "numpy", "boundscheck": False, "nogil": True}
# Fused multiply-add, yes; nothing that reorders sums or takes NaN for impossible.
_FUSED: Final = {"contract", "nsz", "arcp"}


def exact(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function compiled with every rounding as it is written.

    Two triangles then see their shared edge alike: a b - c d is the opposite of c d - a b only
    where neither product is fused with the difference.
    """
    return _compiled(function, {})


def fast(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function compiled with fused multiply-add."""
    return _compiled(function, {"fastmath": _FUSED})


def _compiled(function: Callable[_P, _R], more: dict[str, object]) -> Callable[_P, _R]:
    bare = inspect.unwrap(function)  # tests wrap functions to check their arguments
    njit: Any = numba.njit
    try:
        compiled = njit(cache=True, **_OPTIONS, **more)(bare)
    except RuntimeError:  # no folder for the cache can be written
        compiled = njit(**_OPTIONS, **more)(bare)
    return cast(Callable[_P, _R], compiled)
