"""Whatever JSON or bytes come in, only a `Lift3dError` comes out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import Lift3dError
from lift3d.io import KeypointFile, read_keypoints

number = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
)
words = st.sampled_from(
    [
        "people",
        "bodies",
        "joints",
        "pose_keypoints_2d",
        "pose_keypoints",
        "person_id",
        "annotations",
        "images",
        "id",
        "image_id",
        "keypoints",
        "num_keypoints",
        "width",
        "height",
        "idx",
        "track_id",
        "frames",
        "frame",
        "landmarks",
        "pose_landmarks",
        "x",
        "y",
        "visibility",
        "fps",
        "image_size",
        "1.jpg",
    ]
)
document = st.recursive(
    number,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=15,
)
coordinate = st.one_of(st.none(), st.floats(-1e3, 4e3), st.integers(-(2**63), 2**63))


@st.composite
def almost_right(draw: st.DrawFn) -> Any:
    """Documents whose outline is right and whose values are not."""
    count = draw(st.sampled_from([1, 17, 18, 25, 26, 33, 136]))
    flat = st.lists(coordinate, min_size=3 * count, max_size=3 * count)
    bodies = st.lists(st.one_of(flat, document), max_size=3)
    ids = st.one_of(number, st.lists(number, max_size=2))
    people = [{"pose_keypoints_2d": b, "person_id": draw(ids)} for b in draw(bodies)]
    rows = [{"image_id": draw(ids), "keypoints": b, "idx": draw(ids)} for b in draw(bodies)]
    landmark = st.lists(coordinate, min_size=4, max_size=4)
    frame = st.one_of(st.lists(landmark, min_size=33, max_size=33), document)
    frames = [{"frame": draw(number), "landmarks": draw(frame)}]
    return draw(
        st.sampled_from(
            [
                {"people": people},
                rows,
                {"annotations": rows, "images": draw(document)},
                {"1.jpg": {"people": people}, "x": {"bodies": people}},
                {"frames": frames, "fps": draw(number), "image_size": draw(document)},
                [draw(frame)],
            ]
        )
    )


def _reads_or_refuses(content: bytes, folder: Path) -> None:
    path = folder / "1.json"
    path.write_bytes(content)
    try:
        file = read_keypoints(path, image_size=(480, 640))
    except Lift3dError as error:
        assert str(error).startswith("expected")  # noqa: PT017
    else:
        assert isinstance(file, KeypointFile)
        assert file.people
        assert str(file.report)


fuzz = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


@fuzz
@given(content=document)
def test_any_json(content: Any, tmp_path: Path) -> None:
    _reads_or_refuses(json.dumps(content).encode(), tmp_path)


@fuzz
@given(content=almost_right())
def test_almost_right_json(content: Any, tmp_path: Path) -> None:
    _reads_or_refuses(json.dumps(content).encode(), tmp_path)


@fuzz
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"{", b"[", b"\x93NUMPY\x01\0"]))
def test_any_bytes(content: bytes, start: bytes, tmp_path: Path) -> None:
    _reads_or_refuses(start + content, tmp_path)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_any_truncation(cut: int, tmp_path: Path) -> None:
    flat = [float(n) for n in range(51)]
    whole = json.dumps([{"image_id": 1, "keypoints": flat}] * 2).encode()
    _reads_or_refuses(whole[:cut], tmp_path)
