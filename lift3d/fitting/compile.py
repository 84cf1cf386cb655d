"""numba, loaded when the first fit needs it; what it compiles is kept on disk."""

import inspect
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["compiled", "entry", "version"]

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered and fused, which vector units need; numbers that are not finite stay what
# they are.
_FASTMATH = {"reassoc", "contract", "arcp", "nsz"}


# The stubs do not know all options.
_plain_njit = cast(Callable[..., Callable[[object], object]], numba.njit)
_njit = partial(_plain_njit, fastmath=_FASTMATH, error_model="numpy", no_cfunc_wrapper=True)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code that other compiled functions call; Python cannot."""
    return cast(Callable[P, R], _njit(no_cpython_wrapper=True)(_plain(function)))


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code that Python calls, kept on disk where a folder can be written.

    What is kept is told apart by the function's file and the values that it closes over, not by what
    it calls: let it close over `version()`.
    """
    try:
        return cast(Callable[P, R], _njit(cache=True)(_plain(function)))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast(Callable[P, R], _njit()(_plain(function)))


def version() -> str:
    """A fingerprint of all kernels' source."""
    files = sorted(Path(__file__).parent.glob("kernels_*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _plain(function: Callable[P, R]) -> Callable[P, R]:
    # Run-time type checkers wrap functions; a compiler needs what is inside.
    return cast(Callable[P, R], inspect.unwrap(function))
