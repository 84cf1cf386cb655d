"""Numbers from text, fast and exact: what files of motion mostly consist of.

Most numbers in such files have at most 15 digits and a small exponent: as an exact whole number
multiplied or divided by an exact power of ten they need one rounding, so the result is that of Python's
`float` to the last bit (W. D. Clinger, How to read floating point numbers accurately, PLDI 1990).
All other words go through `float` itself.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

__all__ = ["parse_numbers"]

_SMALL: Final = 200_000
"""Below so many bytes Python is faster than loading the compiled scanner."""
_TENS: Final = 10.0 ** np.arange(23)
_EXACT: Final = 1 << 53


def parse_numbers(text: bytes) -> Float64[ndarray, " numbers"]:
    """All numbers of a text, which are separated by white space; `ValueError` names a wrong word."""
    if b"_" in text:  # Python allows it between digits
        raise ValueError("could not convert string to float: a word with '_'")
    if len(text) < _SMALL:
        return _by_python(text)
    data = np.frombuffer(text, np.uint8)
    values = np.empty(len(text) // 2 + 1)
    others = np.empty((len(text) // 2 + 1, 3), np.int64)
    count, hard = _scanner()(data, values, others, _TENS)
    if 4 * hard > count:
        return _by_python(text)
    for at, start, end in others[:hard].tolist():
        values[at] = float(text[start:end])
    return values[:count].copy()


def _by_python(text: bytes) -> Float64[ndarray, " numbers"]:
    return np.array(list(map(float, text.split())), np.float64)


@cache
def _scanner() -> Callable[..., tuple[int, int]]:
    import numba

    # Tests wrap every function in a checker of types, which cannot be compiled.
    compile_ = numba.njit(cache=True, error_model="numpy")  # a power of ten is never 0
    compiled: Callable[..., tuple[int, int]] = compile_(inspect.unwrap(_scan))
    return compiled


def _scan(data: Any, values: Any, others: Any, tens: Any) -> tuple[int, int]:  # noqa: C901, PLR0912 - one loop, compiled
    """Fill `values`; `others` gets (index, start, end) of words that need more than one rounding."""
    count, hard, i, size = 0, 0, 0, len(data)
    while True:
        while i < size and data[i] <= 32:
            i += 1
        if i >= size:
            return count, hard
        start, mantissa, digits, places = i, 0, 0, 0
        negative = data[i] == 45
        if negative or data[i] == 43:
            i += 1
        point = False
        while i < size and (48 <= data[i] <= 57 or (data[i] == 46 and not point)):
            if data[i] == 46:
                point = True
            else:
                digits += 1
                if digits <= 18:
                    mantissa = mantissa * 10 + (data[i] - 48)
                if point:
                    places += 1
            i += 1
        exponent, exponent_digits, written = 0, 0, False
        if i < size and (data[i] == 101 or data[i] == 69):
            written = True
            i += 1
            down = i < size and data[i] == 45
            if i < size and (data[i] == 45 or data[i] == 43):
                i += 1
            while i < size and 48 <= data[i] <= 57:
                exponent_digits += 1
                if exponent_digits <= 4:
                    exponent = exponent * 10 + (data[i] - 48)
                i += 1
            if down:
                exponent = -exponent
        exponent -= places
        plain = i >= size or data[i] <= 32
        whole = digits > 0 and (exponent_digits > 0 or not written)
        if plain and whole and digits <= 18 and mantissa < _EXACT and -22 <= exponent <= 22:
            value = mantissa / tens[-exponent] if exponent < 0 else mantissa * tens[exponent]
            values[count] = -value if negative else value
        else:
            while i < size and data[i] > 32:
                i += 1
            others[hard, 0], others[hard, 1], others[hard, 2] = count, start, i
            hard += 1
        count += 1
