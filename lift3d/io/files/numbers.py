"""Numbers from text, fast and exact: what files of motion mostly consist of.

Every result is that of Python's `float`, to the last bit. Long texts are read by a compiled scanner;
the few words that it leaves over ("nan", more than 19 digits, below 2^-1022) go through `float` itself.
"""

import sys
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

__all__ = ["parse_numbers"]

_SMALL: Final = 200_000
"""Below so many bytes Python is faster than loading the compiled scanner."""
_USUAL: Final = 9
"""Bytes of a number and the space after it, where nobody says how many there are."""
_LEFT: Final = 4_000
"""Words that may be left over before a scan ends."""


def parse_numbers(text: bytes, expected: int = 0) -> Float64[ndarray, " numbers"]:
    """All numbers of a text, which are separated by white space; `ValueError` names a wrong word.

    Who knows how many there should be saves time by `expected`; there may be more or fewer.
    """
    if (
        len(text) < _SMALL or sys.byteorder != "little"
    ):  # the scanner takes eight bytes for a number
        return np.array([_one(word) for word in text.split()], np.float64)
    return _by_scanner(text if text[-1:].isspace() else text + b" ", expected)


def _one(word: bytes) -> float:
    if b"_" in word:  # Python allows it between digits
        raise ValueError(f"could not convert string to float: {word!r}")
    return float(word)


def _by_scanner(text: bytes, expected: int) -> Float64[ndarray, " numbers"]:
    """The numbers of a text that ends with white space."""
    # One more than expected, so that the text is read to its end.
    values = np.empty(min(expected or len(text) // _USUAL, len(text) // 2) + 1)
    done, begin = _filled(text, 0, values)
    if begin == len(text):
        return values[:done]
    more = np.empty((len(text) - begin) // 2 + 1)
    count, _ = _filled(text, begin, more)
    return np.concatenate([values[:done], more[:count]])


def _filled(text: bytes, begin: int, values: Float64[ndarray, " room"]) -> tuple[int, int]:
    """Read numbers from `begin` on until `values` are full; how many, and where the next one starts."""
    from lift3d.io.files.number_scan import scan

    data = np.frombuffer(text, np.uint8)
    words: ndarray = np.ndarray((len(text) - 7,), np.uint64, text, strides=(1,))
    bits, others = values.view(np.uint64), np.empty((_LEFT, 3), np.int64)
    done = 0
    while begin < len(text) and done < len(values):
        count, left, begin = scan(data, words, begin, values[done:], bits[done:], others)
        for at, start, end in others[:left].tolist():
            values[done + at] = _one(text[start:end])
        done += count
    return done, begin
