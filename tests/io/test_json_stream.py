"""Lists read in pieces are the lists as they are, wherever the pieces are cut; damage has a place."""

import io
import json
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints import json_stream
from lift3d.io.keypoints.json_stream import Terms, batches, members, reader_of

ANYTHING = msgspec.json.Decoder(list[Any]).decode
NUMBERS = msgspec.json.Decoder(list[dict[str, float]]).decode
leaf = st.one_of(st.none(), st.integers(-9, 9), st.text('[]{},:"\\ ab', max_size=6))
value = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("a[}", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
fast = settings(max_examples=60, deadline=None, derandomize=True)


def entries(text: bytes, block: int) -> list[Any]:
    with mock.patch.object(json_stream, "BLOCK", block):
        read = io.BytesIO(text).read
        return [e for some in batches(read, ANYTHING, "'f'", Terms("entry")) for e in some]


@fast
@given(
    document=st.lists(value, max_size=8),
    block=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
)
def test_pieces_make_the_whole(document: list[Any], block: int, indent: int | None) -> None:
    text = json.dumps(document, indent=indent).encode()
    assert entries(text, block) == document
    assert entries(b"\xef\xbb\xbf \n" + text + b" \n", max(block, 8)) == document


@fast
@given(document=st.lists(value, min_size=1, max_size=6), block=st.integers(1, 40), data=st.data())
def test_a_cut_file_is_never_read_as_a_shorter_one(
    document: list[Any], block: int, data: st.DataObject
) -> None:
    text = json.dumps(document).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(FileFormatError, match="expected"):
        entries(text[:cut], block)


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("text", [b'[{"a":1},]', b"[1,2]]", b"[1 2]", b"[,1]", b'[{"a":1}{"a":1}]'])
def test_what_is_no_list_is_refused_in_pieces_too(text: bytes, block: int) -> None:
    with pytest.raises(FileFormatError, match="whole JSON in 'f'"):
        entries(text, block)


def test_the_number_of_a_wrong_entry_counts_from_the_start_of_the_file() -> None:
    text = json.dumps([{"a": 1.0}] * 40 + [{"a": "b"}] + [{"a": 1.0}] * 40).encode()
    with (
        mock.patch.object(json_stream, "BLOCK", 64),
        pytest.raises(FileFormatError, match="'f', entry 40"),
    ):
        list(batches(io.BytesIO(text).read, NUMBERS, "'f'", Terms("entry")))


def test_damage_is_named_by_its_byte() -> None:
    text = json.dumps([{"a": 1.0}] * 99).encode()
    at = text.index(b"1.0", 700)
    broken = text[:at] + b"x" + text[at + 1 :]
    with (
        mock.patch.object(json_stream, "BLOCK", 64),
        pytest.raises(FileFormatError, match=f"at byte {at}"),
    ):
        list(batches(io.BytesIO(broken).read, NUMBERS, "'f'", Terms("entry")))


def test_a_list_within_a_document_is_read_in_pieces_without_a_copy() -> None:
    inside = members(json.dumps({"x": [1], "list": [{"a": n} for n in range(99)]}).encode(), "'f'")
    with mock.patch.object(json_stream, "BLOCK", 50):
        some = list(batches(reader_of(inside["list"]), NUMBERS, "'f'", Terms("entry")))
    assert [e["a"] for part in some for e in part] == list(range(99))
    assert len(some) > 10
