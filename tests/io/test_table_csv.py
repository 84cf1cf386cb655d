"""Plain tables: one row per joint or one per frame, in any order of columns, with any usual names."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.deeplabcut import is_deeplabcut
from lift3d.io.keypoints.table_csv import is_table_csv, read_table_csv
from lift3d.skeletons import COCO_17
from tests.helpers.array_files import dlc_csv, tidy_csv, walk, wide_csv


@pytest.mark.parametrize("text_of", [tidy_csv, wide_csv])
def test_two_people_with_gaps(write, text_of) -> None:
    points = walk(5, 17, 2)
    points[1, 0], points[3, 1, 4] = np.nan, np.nan
    path = write("a.csv", text_of(points))
    assert is_table_csv(path.read_bytes()[:65536], path)
    found = read_table_csv(path)
    assert found.facts.skeleton is COCO_17
    assert sorted(zip(found.frames.tolist(), found.persons.tolist(), strict=True)) == [
        *((0, 0), (0, 1), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1)),
    ]
    row = int(np.flatnonzero((found.frames == 3) & (found.persons == 1))[0])
    np.testing.assert_array_equal(found.points[row, 5:], points[3, 1, 5:])
    assert found.points[row, 4, 2] == 0


def test_rows_of_joints_in_any_order(write) -> None:
    points = walk(3)
    header, *lines = tidy_csv(points).splitlines()
    lines.sort(key=lambda line: hash((line[::-1], 7)) % 101)
    found = read_table_csv(write("a.csv", "\n".join([header, *lines])))
    order = np.argsort(found.frames)
    np.testing.assert_array_equal(found.points[order], points[:, 0])
    assert found.facts.skeleton is COCO_17


SMALL = "frame;time;keypoint;Y;X;likelihood\n%s\n"
ROWS = "\n".join(
    f"{frame};{frame / 50};{joint};{y};{x};0.5"
    for frame in (2, 3, 5)
    for joint, x, y in (("Nose", 3, 4), ("LHip", 5, 6), ("RHip", 7, 8))
)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_line_ends_and_other_words(write, delimiter: str, end: str) -> None:
    text = (SMALL % ROWS).replace(";", delimiter).replace("\n", end)
    found = read_table_csv(write("a.csv", b"\xef\xbb\xbf" + text.encode()))
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == ("nose", "left_hip", "right_hip")
    assert found.points[0].tolist() == [[3, 4, 0.5], [5, 6, 0.5], [7, 8, 0.5]]
    assert found.frames.tolist() == [2, 3, 5]
    assert found.facts.fps == pytest.approx(50)


def test_times_in_milliseconds(write) -> None:
    lines = [line.split(";") for line in ROWS.splitlines()]
    text = "\n".join(";".join([f, str(1000 * float(t)), *rest]) for f, t, *rest in lines)
    assert read_table_csv(write("a.csv", SMALL % text)).facts.fps == pytest.approx(50)


def test_names_of_people_and_pictures(write) -> None:
    text = "image,person,joint,x,y\n" + "\n".join(
        f"shot_{frame:03d}.png,{who},{joint},{x},9"
        for frame in (7, 8)
        for who, x in (("ann", 1), ("bob", 2))
        for joint in ("nose", "left_hip", "right_hip")
    )
    found = read_table_csv(write("a.csv", text))
    assert found.frames.tolist() == [7, 7, 8, 8]
    assert found.persons.tolist() == [0, 1, 0, 1]
    assert (found.points[..., 2] == 1).all()


def test_a_table_of_a_lifted_clip(write) -> None:
    """x, y, z are metres there, and joints of space that no detector sees have rows as well."""
    text = (
        "frame,time,person,joint,x,y,z,seen,x_px,y_px,confidence\n"
        "0,0,0,nose,0.1,1.6,0.2,1,300,100,0.9\n"
        "0,0,0,head,0.1,1.7,0.2,1,310,90,0.9\n"
        "0,0,0,left_hip,0.1,0.9,0.2,1,290,400,0.9\n"
        "0,0,0,spine3,0.1,1.1,0.2,1,,,\n"
    )
    found = read_table_csv(write("a.csv", text))
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == ("nose", "head", "left_hip")
    assert found.points[0, 0].tolist() == [300, 100, 0.9]


# As SLEAP 1.3 writes it: a track, the frame, scores, and points by name.
SLEAP = """track,frame_idx,instance.score,nose.x,nose.y,nose.score,%s
track_0,0,0.9,1,2,0.5,3,4,0.6,5,6,0.7
,3,nan,7,8,0.5,,,,9,9,
""" % ",".join(f"{side}Hip.{what}" for side in "LR" for what in ("x", "y", "score"))  # noqa: UP031


def test_sleaps_csv(write) -> None:
    path = write("a.csv", SLEAP)
    assert is_table_csv(path.read_bytes(), path)
    found = read_table_csv(path)
    assert found.frames.tolist() == [0, 3]
    assert found.persons.tolist() == [0, -1]
    assert found.points[0].tolist() == [[1, 2, 0.5], [3, 4, 0.6], [5, 6, 0.7]]


def test_wide_tables_without_a_frame_count_rows(write) -> None:
    points = walk(4)
    text = re.sub(r"^\w+,\w+,", "", wide_csv(points), flags=re.MULTILINE)
    found = read_table_csv(write("a.csv", text))
    assert found.frames.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(found.points, points[:, 0])


def test_deeplabcut_is_told_apart(write) -> None:
    path = write("a.csv", dlc_csv(walk(2, 3), ("nose", "LHip", "RHip")))
    assert is_deeplabcut(path.read_bytes(), path)
    assert not is_table_csv(path.read_bytes(), path)


@pytest.mark.parametrize("head", [b"", b"{}", b"[1]", b"\x00\x01,\x02", b"a,b,c\n1,2,3", b'"a,b\n'])
def test_other_heads(head: bytes) -> None:
    assert not is_table_csv(head, Path("a.csv"))


GOOD = tidy_csv(walk(2))
WIDE = wide_csv(walk(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected columns frame"),
        ("a,b,c\n1,2,3\n", "got a, b, c"),
        ("frame,joint,x,y\n", "expected frames"),
        ("frame,joint,x,x,y\n", "got 'x' twice"),
        ("frame,joint,x,y,z\n0,nose,1,2,3\n", "joints in space"),
        ("frame,a_x,a_y,a_z,b_x,b_y,b_z,c_x,c_y,c_z\n", "joints in space"),
        (GOOD.replace("person,", "").replace(",0,", ",", 1), "line 3, got 6"),
        (GOOD + "0,0,nose,1,2,0.5\n", "one twice: add a column 'person'"),
        (GOOD + "x y,0,nose,1\n", r"line 36, got 4"),
        (GOOD.replace("1,0,nose,", "1,0,nose,abc", 1), "line 19, number 1, got 'abc"),
        (GOOD.replace("\n1,0,", "\n1.5,0,"), "frames as whole numbers from 0"),
        (GOOD.replace("\n1,0,", "\n-1,0,"), "frames as whole numbers from 0"),
        (GOOD.replace("\n1,0,", "\n999999999999,0,"), "frame numbers of one clip"),
        (WIDE.rstrip("\n")[:-30], r"line 3, (number|got)"),
        (WIDE + ",".join(["9"] * 60) + "\n", "expected 53 cells"),
        (WIDE + "9" * 4_000_001, "lines of at most 4000000"),
        (WIDE + '"' + "a" * 140_000 + '"\n', "field larger than field limit"),
        (wide_csv(np.full((2, 1, 17, 3), np.nan)), "2 frames without anybody"),
        ("frame," + ",".join(f"j{n}_x,j{n}_y" for n in range(11_000)) + "\n", "20000 columns"),
    ],
)
def test_broken_files(write, text: str, message: str) -> None:
    path = write("a.csv", text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_table_csv(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    frames=st.integers(1, 4),
    people=st.integers(1, 3),
    seed=st.integers(0, 999),
    text_of=st.sampled_from([tidy_csv, wide_csv]),
)
def test_round_trip(write, frames: int, people: int, seed: int, text_of) -> None:
    points = walk(frames, 17, people, seed)
    found = read_table_csv(write("a.csv", text_of(points)))
    np.testing.assert_array_equal(found.points, points.reshape(-1, 17, 3))
    assert found.persons.tolist() == list(range(people)) * frames
