"""DeepLabCut's CSV: three and four header rows, labels without likelihood, paths of pictures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.deeplabcut import is_deeplabcut, read_deeplabcut
from tests.helpers.array_files import BODY, JOINTS, dlc_csv, walk

# As DeepLabCut writes labels of people: no likelihood, a path for each row, a missing part.
LABELS = """scorer,me,me,me,me,me,me
bodyparts,Nose,Nose,LWrist,LWrist,tail,tail
coords,x,y,x,y,x,y
labeled-data/clip/img010.png,1,2,3,4,5,6
labeled-data/clip/img012.png,7,8,,,9,10
labeled-data/clip/img013.png,,,,,,
"""


def test_one_animal(write) -> None:
    points = walk(6, 5)
    points[2, 0, 1] = np.nan
    path = write("a.csv", dlc_csv(points, BODY))
    assert is_deeplabcut(path.read_bytes(), path)
    found = read_deeplabcut(path)
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == JOINTS
    assert found.facts.space == "pixels"
    assert found.persons.tolist() == [0] * 6
    np.testing.assert_array_equal(found.points[0], points[0, 0])
    assert found.points[2, 1, 2] == 0
    assert np.isnan(found.points[2, 1, :2]).all()


def test_several_animals_keep_their_names_as_people(write) -> None:
    points = walk(4, 5, 3)
    points[1, 2] = np.nan
    found = read_deeplabcut(write("a.csv", dlc_csv(points, BODY, ("ann", "bob", "cy"))))
    assert found.frames.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert found.persons.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(found.points[4], points[1, 1])


@pytest.mark.parametrize("cut", [False, True])
def test_labels_of_pictures(write, cut: bool) -> None:
    text = LABELS
    if cut:  # newer versions write the path in three cells
        text = text.replace("labeled-data/clip/", "labeled-data,clip,")
        for name in ("scorer", "bodyparts", "coords"):
            text = text.replace(f"{name},", f"{name},,,")
    text = text.replace("tail", "RHip")
    found = read_deeplabcut(write("labels.csv", text))
    assert found.frames.tolist() == [10, 12]
    assert (found.first_frame, found.last_frame) == (10, 13)
    assert found.points[0].tolist() == [[1, 2, 1], [3, 4, 1], [5, 6, 1]]
    assert found.points[1, 1, 2] == 0


def test_parts_that_are_nobodys_are_left_out(write) -> None:
    text = dlc_csv(walk(2, 5, 2), BODY, ("a", "single"))
    found = read_deeplabcut(write("a.csv", text))
    assert found.persons.tolist() == [0, 0]
    assert any("'single'" in note for note in found.facts.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scorer,a\nbodyparts,nose\n", "expected rows scorer"),
        ("scorer,a,a\nbodyparts,nose\ncoords,x,y\n0,1,2\n", "of one length"),
        ("scorer,a\ncoords,x\n0,1\n", "expected rows scorer"),
        (LABELS.replace("9,10", "9"), "line 5, got 6"),
        (LABELS.replace("9,10", "9,ten"), "number 6, got 'ten'"),
        (LABELS.replace("9,10", "9,1_0"), "number 6, got '1_0'"),
        (LABELS.replace("coords,x,y,x", "coords,x,y,z"), "got 'z' of 'LWrist'"),
        (LABELS.replace("LWrist", "Nose"), "one twice"),
        (LABELS[: LABELS.index("labeled")], "expected frames"),
        ("scorer\nbodyparts\ncoords\n0\n", "no columns"),
        (dlc_csv(np.full((3, 1, 5, 3), np.nan), BODY), "3 frames without anybody"),
    ],
)
def test_broken_files(write, text: str, message: str) -> None:
    path = write("a.csv", text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_deeplabcut(path)
    assert str(path) in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="got nothing there"):
        read_deeplabcut(tmp_path / "none.csv")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 5), people=st.integers(1, 3), seed=st.integers(0, 999))
def test_round_trip(write, frames: int, people: int, seed: int) -> None:
    points = walk(frames, 5, people, seed)
    names = ("a", "b", "c")[:people] if people > 1 else ()
    found = read_deeplabcut(write("a.csv", dlc_csv(points, BODY, names)))
    np.testing.assert_array_equal(found.points, points.reshape(-1, 5, 3))
    assert found.frames.tolist() == [frame for frame in range(frames) for _ in range(people)]
