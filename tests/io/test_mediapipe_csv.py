"""Landmarks of MediaPipe as CSV in the forms that people export, and world landmarks in JSON."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io import read_keypoints
from lift3d.io.keypoints.mediapipe import read_mediapipe_document
from lift3d.io.keypoints.mediapipe_csv import is_mediapipe_csv, read_mediapipe_csv
from lift3d.io.keypoints.table_csv import is_table_csv
from lift3d.skeletons import MEDIAPIPE_33
from tests.helpers.array_files import tidy_csv, walk, wide_csv

# MediaPipe's own words for its landmarks, in upper case as its enum has them (docs/solutions/pose.md).
WORDS = [
    {"left_mouth": "MOUTH_LEFT", "right_mouth": "MOUTH_RIGHT"}.get(name, name.upper())
    for name in MEDIAPIPE_33.joints
]


def shares(frames: int, count: int = 33, seed: int = 0) -> np.ndarray:
    """x, y, z, visibility [frames, count, 4] as shares of the picture."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, (frames, count, 4)).round(6)


def table(names: list[str], values: np.ndarray, start: str = "") -> str:
    lines = [start + ",".join(names)]
    for row, frame in enumerate(values.reshape(len(values), -1)):
        first = f"walk,{row}," if start else ""
        lines.append(first + ",".join(repr(float(value)) for value in frame))
    return "\n".join(lines) + "\n"


NUMBERED = {
    "from 0": [f"{axis}{n}" for n in range(33) for axis in "xyzv"],
    "from 1": [f"{axis}{n}" for n in range(1, 34) for axis in "xyzv"],
    "underscored": [f"x_{n} y_{n} z_{n} visibility_{n}".split() for n in range(33)],
    "landmarks": [f"landmark_{n}_{axis}" for n in range(33) for axis in "xyzv"],
    "named": [f"{word}_{axis}" for word in WORDS for axis in ("x", "y", "z", "visibility")],
}
NUMBERED["underscored"] = [name for part in NUMBERED["underscored"] for name in part]


@pytest.mark.parametrize("names", NUMBERED.values(), ids=NUMBERED)
@pytest.mark.parametrize("start", ["", "class,frame,"])
def test_one_row_per_frame(write, names: list[str], start: str) -> None:
    values = shares(4)
    path = write("pose.csv", table(names, values, start))
    assert is_mediapipe_csv(path.read_bytes()[:65536], path)
    found = read_mediapipe_csv(path)
    assert found.facts.skeleton is MEDIAPIPE_33
    assert found.facts.space == "normalised [0,1] of width and height"
    assert found.frames.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(found.points, values[..., [0, 1, 3]])


def test_holistic_landmarks_end_with_the_face(write) -> None:
    values = shares(2, 501)
    names = [f"{axis}{n}" for n in range(1, 502) for axis in "xyzv"]
    found = read_mediapipe_csv(write("coords.csv", table(names, values, "class,frame,")))
    np.testing.assert_array_equal(found.points, values[:, :33, [0, 1, 3]])


@pytest.mark.parametrize("words", [WORDS, [str(n) for n in range(33)]])
def test_one_row_per_landmark(write, words: list[str]) -> None:
    values = shares(3)
    lines = ["frame,landmark,x,y,z,visibility"]
    lines += [
        ",".join([str(frame), words[n], *map(repr, values[frame, n].tolist())])
        for frame in range(3)
        for n in reversed(range(33))
    ]
    path = write("pose.csv", "\n".join(lines))
    assert is_mediapipe_csv(path.read_bytes()[:65536], path)
    found = read_mediapipe_csv(path)
    assert found.facts.skeleton is MEDIAPIPE_33
    np.testing.assert_array_equal(found.points, values[..., [0, 1, 3]])


def test_landmarks_in_pixels_and_without_visibility(write) -> None:
    values = shares(2) * 1000
    names = [f"{axis}{n}" for n in range(33) for axis in "xy"]
    found = read_mediapipe_csv(write("pose.csv", table(names, values[..., :2])))
    assert found.facts.space == "pixels"
    assert (found.points[..., 2] == 1).all()


def test_other_tables_are_told_apart(write) -> None:
    for text in (tidy_csv(walk(2)), wide_csv(walk(2))):
        path = write("a.csv", text)
        assert not is_mediapipe_csv(path.read_bytes(), path)
        assert is_table_csv(path.read_bytes(), path)


GOOD = table(NUMBERED["from 0"], shares(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected columns x0"),
        (GOOD.replace("x32", "x35"), "expected columns x0"),
        (GOOD.replace("y7,", "w7,"), "expected columns x0"),
        (GOOD.rstrip("\n").rpartition(",")[0], "line 3, got 131"),
        (GOOD.rstrip("\n").rpartition(",")[0] + ",here", "got 'here'"),
        ("frame,landmark,x,y\n0,33,1,2\n0,1,1,2\n0,2,3,4\n", "numbers from 0 to 32"),
        ("frame,landmark,x,y\n0,0,1,2\n0,0,1,2\n", "one twice"),
        (GOOD.splitlines()[0], "expected frames"),
    ],
)
def test_broken_files(write, text: str, message: str) -> None:
    path = write("pose.csv", text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_mediapipe_csv(path)
    assert str(path) in str(caught.value)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 4), seed=st.integers(0, 999), form=st.sampled_from(sorted(NUMBERED)))
def test_round_trip(write, frames: int, seed: int, form: str) -> None:
    values = shares(frames, seed=seed)
    found = read_mediapipe_csv(write("pose.csv", table(NUMBERED[form], values)))
    np.testing.assert_array_equal(found.points, values[..., [0, 1, 3]])


# ---- world landmarks, which only JSON has ----


def landmarks(values: np.ndarray) -> list[dict[str, float]]:
    keys = ("x", "y", "z", "visibility")
    return [dict(zip(keys, point, strict=True)) for point in values.tolist()]


@pytest.mark.parametrize(
    "keys", [("landmarks", "world_landmarks"), ("poseLandmarks", "poseWorldLandmarks")]
)
def test_world_landmarks_are_kept_beside(write, keys: tuple[str, str]) -> None:
    flat, space = shares(3), shares(3, seed=1) - 0.5
    space[..., 3] += 0.5
    frames = [
        {keys[0]: landmarks(flat[0]), keys[1]: landmarks(space[0])},
        {keys[0]: landmarks(flat[1])},
        {keys[0]: [landmarks(flat[2]), landmarks(flat[0])], keys[1]: [landmarks(space[2])] * 2},
    ]
    path = write("pose.json", frames)
    found = read_mediapipe_document(frames, path)
    assert found.frames.tolist() == [0, 1, 2, 2]
    assert found.spatial is not None
    assert "metres" in found.facts.unit_3d
    np.testing.assert_array_equal(found.spatial[[0, 2, 3]], space[[0, 2, 2]])
    assert np.isnan(found.spatial[1, :, :3]).all()
    assert (found.spatial[1, :, 3] == 0).all()
    file = read_keypoints(path, image_size=(480, 640))
    assert file.people[0].pose.keypoints.shape == (3, 33, 2)


def test_without_world_landmarks_there_is_no_space(write) -> None:
    frames = [landmarks(shares(1)[0])]
    assert read_mediapipe_document(frames, write("a.json", frames)).spatial is None


def test_world_landmarks_of_somebody_else(write) -> None:
    some = landmarks(shares(1)[0])
    frames = [{"landmarks": [some, some], "world_landmarks": some}]
    with pytest.raises(FileFormatError, match=r"world landmarks of 2 people .*frame 0, got 1"):
        read_mediapipe_document(frames, write("a.json", frames))
