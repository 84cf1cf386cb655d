"""The compiled scanner of numbers in text: every result is the double nearest to the written number.

Most words are a whole number of up to 15 digits over a power of ten: both are exact, so one division
rounds once (W. D. Clinger, How to read floating point numbers accurately, PLDI 1990). Other words of
up to 19 digits take D. Lemire, Number parsing at a gigabyte per second (Software: Practice and
Experience 51(8), 2021), algorithm 1. What neither can tell is left over.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final, cast

import numba
import numpy as np

__all__ = ["scan"]

Kernel = Callable[..., Any]
U: Final = np.uint64  # numba takes a mixture of signed and unsigned for a float
ONE, EIGHT, NINE, TEN, ZERO = U(1), U(8), U(9), U(10), U(48)
BYTES: Final = U(0xFF)
ZEROS: Final = U(0x3030303030303030)
EXACT: Final = U(1 << 53)
UNKNOWN: Final = U(0xFFFFFFFFFFFFFFFF)
LEAST, MOST = -342, 308
"""Powers of ten outside these bounds give 0 or infinity with 19 digits."""

TENS: Final = np.outer([1.0, -1.0], 10.0 ** np.arange(16))
"""Powers of ten, and the same below 0: so a zero keeps its sign."""
WHOLE_TENS: Final = 10 ** np.arange(9, dtype=np.uint64)


def _five(power: int) -> tuple[int, int]:
    """The upper 128 bits of 5^power as two words: cut off above 0, rounded up below (section 5)."""
    five = 5 ** abs(power)
    bits = five.bit_length()
    if power >= 0:
        significand = five << 128 >> bits
    else:
        significand = (1 << (bits + 127 if power >= -27 else 2 * bits + 128)) // five + 1
        significand >>= significand.bit_length() - 128
    return significand >> 64, significand & (2**64 - 1)


FIVES: Final = np.array([_five(power) for power in range(LEAST, MOST + 1)], np.uint64)


def _compiled(function: Kernel) -> Kernel:
    """Machine code, kept on disk where a folder can be written. Tests wrap functions: unwrapped."""
    plain = inspect.unwrap(function)
    options: dict[str, Any] = {"error_model": "numpy", "boundscheck": False, "nogil": True}
    try:
        return cast(Kernel, numba.njit(cache=True, **options)(plain))
    except RuntimeError:
        return cast(Kernel, numba.njit(**options)(plain))


def _eight_digits(word: Any) -> Any:
    """Eight bytes of text, the first lowest, as a number; bytes of 0 are digits of 0."""
    word = (word & U(0x0F0F0F0F0F0F0F0F)) * U(2561) >> U(8)
    word = (word & U(0x00FF00FF00FF00FF)) * U(6553601) >> U(16)
    return (word & U(0x0000FFFF0000FFFF)) * U(42949672960001) >> U(32)


def _strange(word: Any) -> Any:
    """Not 0 where one of eight bytes is no digit."""
    return ((word + U(0x4646464646464646)) | (word - ZEROS)) & U(0x8080808080808080)


def _high(a: Any, b: Any) -> Any:
    """The upper 64 bits of a product."""
    low, half = U(0xFFFFFFFF), U(32)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    middle = a1 * b0 + ((a0 * b0) >> half)
    return a1 * b1 + (middle >> half) + (((middle & low) + a0 * b1) >> half)


def _nearest(  # noqa: C901 - compiled: calls cost as much as it
    digits: Any, power: Any, negative: Any
) -> Any:
    """The bits of the double nearest to digits 10^power, or UNKNOWN where this does not tell."""
    if digits == U(0):
        return negative << U(63)
    if power < LEAST or power > MOST:
        return UNKNOWN
    shifted, shift = digits, U(0)
    for step in (32, 16, 8, 4, 2, 1):
        if shifted >> U(64 - step) == U(0):
            shifted <<= U(step)
            shift += U(step)
    high, low = high_word(shifted, FIVES[power - LEAST, 0]), shifted * FIVES[power - LEAST, 0]
    if high & U(0x1FF) == U(0x1FF):
        more = high_word(shifted, FIVES[power - LEAST, 1])
        low += more
        if low < more:
            high += ONE
        if low == UNKNOWN:
            return UNKNOWN
    upper = high >> U(63)
    mantissa = high >> (upper + NINE)
    # 217706 / 2^16 is the binary logarithm of 10.
    exponent = ((217706 * power) >> 16) + 1086 + np.int64(upper) - np.int64(shift)
    if exponent <= 0 or exponent >= 2046:
        return UNKNOWN
    halfway = low <= ONE and -4 <= power <= 23 and mantissa & U(3) == ONE
    if halfway and mantissa << (upper + NINE) == high:
        mantissa &= ~ONE
    mantissa = (mantissa + (mantissa & ONE)) >> ONE
    if mantissa >= EXACT:
        mantissa = U(1 << 52)
        exponent += 1
    return (mantissa & ~U(1 << 52)) | (U(exponent) << U(52)) | (negative << U(63))


eight_digits, strange = _compiled(_eight_digits), _compiled(_strange)
high_word = _compiled(_high)
nearest = _compiled(_nearest)


def _scan(  # noqa: C901, PLR0912, PLR0915 - one loop, compiled
    data: Any, words: Any, begin: Any, values: Any, bits: Any, others: Any
) -> tuple[Any, Any, Any]:
    """Fill `values` with the words of `data` from `begin` on; `data` ends with white space.

    Returns how many there are, how many of them are left over, and where it ended: at the end, or where
    `values` or `others` were full. `words[i]` are eight bytes from i on, `bits` the values' bits.
    `others` gets (index, start, end) of what is left over.
    """
    count: Any = 0
    left: Any = 0
    i, size, last, room = U(begin), U(len(data)), U(len(words)), len(values)
    # Most files have equally many decimals everywhere: as many as before are read at once.
    decimals, cut, filled = U(6), U(16), ZEROS >> U(48)
    while count < room:
        while i < size and data[i] <= 32:
            i += ONE
        if i >= size:
            break
        start = i
        negative = U(data[i] == 45)
        i += negative
        mantissa, at = U(0), i
        digit = U(data[i]) - ZERO
        while digit <= NINE:
            mantissa = mantissa * TEN + digit
            i += ONE
            digit = U(data[i]) - ZERO
        digits, places = i - at, U(0)
        if data[i] == 46:
            i += ONE
            if (
                i < last
                and strange((words[i] << cut) | filled) == U(0)
                and data[i + decimals] <= 32
            ):
                mantissa = mantissa * WHOLE_TENS[decimals] + eight_digits(words[i] << cut)
                i += decimals
                if digits + decimals - ONE < U(15):
                    values[count] = np.float64(np.int64(mantissa)) / TENS[negative, decimals]
                    count += 1
                    i += ONE
                    continue
                places = decimals
            else:
                at = i
                digit = U(data[i]) - ZERO
                while digit <= NINE:
                    mantissa = mantissa * TEN + digit
                    i += ONE
                    digit = U(data[i]) - ZERO
                places = i - at
                if places - ONE < EIGHT:
                    decimals = places
                    cut = EIGHT * (EIGHT - decimals)
                    filled = (ZEROS >> EIGHT) >> (EIGHT * (decimals - ONE))
            digits += places
        if data[i] <= 32 and digits - ONE < U(15):
            values[count] = np.float64(np.int64(mantissa)) / TENS[negative, places]
            count += 1
            i += ONE
            continue
        known = digits - ONE < U(19)
        power = -np.int64(places)
        if known and data[i] | U(32) == U(101):
            i += ONE
            down = data[i] == 45
            i += U(down | (data[i] == 43))
            exponent: Any = 0
            at = i
            digit = U(data[i]) - ZERO
            while digit <= NINE:
                exponent = exponent * 10 + np.int64(digit)
                i += ONE
                digit = U(data[i]) - ZERO
            known = i - at - ONE < U(4)
            power += -exponent if down else exponent
        if known and data[i] <= 32:
            found = nearest(mantissa, power, negative)
            if found != UNKNOWN:
                bits[count] = found
                count += 1
                continue
        while data[i] > 32:
            i += ONE
        others[left, 0], others[left, 1], others[left, 2] = count, start, i
        left += 1
        count += 1
        if left == len(others):
            break
    return count, left, np.int64(min(i, size))


scan = _compiled(_scan)
