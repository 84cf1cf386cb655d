"""Numbers from text are those of Python's float to the last bit, in every spelling and length."""

import math
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lift3d.io.files.numbers import parse_numbers

LONG = b"1.5 " * 60_000
"""Enough for the compiled scanner to be taken."""

doubles = st.builds(
    lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0], st.integers(0, 2**64 - 1)
).filter(lambda x: not math.isnan(x))
spelled = st.one_of(
    doubles.map(repr),
    doubles.map("{:.17e}".format),
    st.floats(-1e6, 1e6).map("{:.6f}".format),
    st.floats(-1e6, 1e6).map("{:.4g}".format),
    st.floats(-1e3, 1e3).map("{:+.8f}".format),
    st.from_regex(
        r"[+-]?([0-9]{1,22}\.?[0-9]{0,24}|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?", fullmatch=True
    ),
)
spaces = st.text(" \t\r\n\f\v", min_size=1, max_size=20)


def bits(values: np.ndarray) -> list[int]:
    return values.view(np.uint64).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(spelled, min_size=1, max_size=40), spaces)
@example(["-0", "-0.0", "0e0", "-0e-400", "5.", "-.5", "9007199254740993", "8.5", "0.1"], " ")
@example(["1e22", "1e23", "9007199254740992.5", "123456789012345678", "4.35", "0.3", "1e-22"], "\n")
@example(
    ["2.2250738585072011e-308", "5e-324", "1.7976931348623157e308", "1e400", "inf", "-nan"], " "
)
@example(["0." + "0" * 30 + "1", "1" * 19, "9" * 19, "18446744073709551616", "1e0001"], "\t")
def test_every_word_is_python_s(words, space):
    text = space.join(words).encode()
    wanted = np.array([float(word) for word in words])
    for tail in (b"", b" "):
        got = parse_numbers(LONG + text + tail)
        assert bits(got[60_000:]) == bits(wanted)
        assert bits(parse_numbers(text + tail)) == bits(wanted)


def test_numbers_half_way_between_doubles():
    """Ties go to the even double: whole numbers just above 2^53, and products with powers of five."""
    words = [str(2**53 + i) for i in range(1, 200)]
    words += [f"{(2**52 + i) * 5**j * 10 + 5 * 5**j}e-{j + 1}" for i in range(20) for j in range(4)]
    words += [f"{m}e{p}" for m in (1, 3, 7, 123456789) for p in range(-330, 309, 7)]
    got = parse_numbers(LONG + " ".join(words).encode())
    assert bits(got[60_000:]) == bits(np.array([float(word) for word in words]))


@pytest.mark.parametrize("decimals", [1, 3, 6, 8, 9, 12])
def test_columns_of_any_number_of_decimals(decimals):
    draw = np.random.default_rng(decimals)
    words = [f"{x:.{decimals}f}" for x in draw.normal(0, 100, 60_000)]
    words[:0] = ["7", "-12", "0"]
    got = parse_numbers("\n".join(words).encode())
    assert bits(got) == bits(np.array([float(word) for word in words]))


def test_a_text_of_words_that_are_all_left_over():
    words = ["nan", "1" * 25, "+3"] * 20_000
    got = parse_numbers(" ".join(words).encode())
    np.testing.assert_array_equal(got, np.array([float(word) for word in words]))


@pytest.mark.parametrize("place", [0, 30_000, 60_000])
def test_a_wrong_word_is_named_wherever_it_stands(place):
    words = ["1.25"] * 60_000
    words.insert(place, "1.2.3")
    with pytest.raises(ValueError, match=r"1\.2\.3"):
        parse_numbers(" ".join(words).encode())


def test_nothing_but_space():
    assert len(parse_numbers(b" \n" * 150_000)) == 0
    assert len(parse_numbers(b"")) == 0
