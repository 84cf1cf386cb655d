"""Plain arrays: mapped, not loaded, and believed only where the file's size agrees."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError, SkeletonError
from lift3d.io.keypoints.layout import choose_skeleton
from lift3d.io.keypoints.mediapipe_npy import is_mediapipe_npy, read_mediapipe_npy
from lift3d.io.keypoints.npy_keypoints import is_npy_keypoints, read_npy_keypoints
from lift3d.skeletons import CROWDPOSE_14, MEDIAPIPE_33
from tests.helpers.array_files import npy, walk


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i4", "<u2", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_one_person_of_any_type(write, kind: str, order) -> None:
    points = np.asarray(walk(4)[:, 0, :, :2].round(), kind, order=order)
    path = write("a.npy", npy(points))
    assert is_npy_keypoints(path.read_bytes()[:65536], path)
    found = read_npy_keypoints(path)
    np.testing.assert_array_equal(found.points[..., :2], points.astype(float))
    assert (found.points[..., 2] == 1).all()
    assert found.persons.tolist() == [0] * 4
    assert found.facts.skeleton is None


def test_several_people_of_whom_some_are_missing(write) -> None:
    points = walk(3, 17, 2)
    points[1, 0], points[2, 1, 4] = 0, np.nan
    found = read_npy_keypoints(write("a.npy", npy(points)))
    assert found.frames.tolist() == [0, 0, 1, 2, 2]
    assert found.persons.tolist() == [-1] * 5
    assert found.points[4, 4, 2] == 0


def test_more_frames_than_one_block(write) -> None:
    points = walk(30_000, 17).astype(np.float32)
    points[10_000:20_000] = np.nan
    found = read_npy_keypoints(write("a.npy", npy(points[:, 0])))
    assert len(found.frames) == 20_000
    np.testing.assert_array_equal(found.points[-1], points[-1, 0])
    assert found.frames[10_000] == 20_000


def test_nameless_keypoints_ask_for_their_skeleton(write) -> None:
    path = write("a.npy", npy(walk(3, 14)))
    found = read_npy_keypoints(path)
    with pytest.raises(SkeletonError, match=r"crowdpose_14.*\(--skeleton\)"):
        choose_skeleton(found, None, f"'{path}'")
    assert choose_skeleton(found, CROWDPOSE_14, "x").skeleton is CROWDPOSE_14


@pytest.mark.parametrize("columns", [4, 5])
def test_landmarks_of_mediapipe_are_told_apart(write, columns: int) -> None:
    array = np.full((3, 33, columns), 0.25)
    array[1] = np.nan
    path = write("a.npy", npy(array))
    head = path.read_bytes()[:65536]
    assert is_mediapipe_npy(head, path)
    assert not is_npy_keypoints(head, path)
    found = read_mediapipe_npy(path)
    assert found.frames.tolist() == [0, 2]
    assert found.facts.skeleton is MEDIAPIPE_33
    assert found.facts.space == "normalised [0,1] of width and height"
    assert (found.points == 0.25).all()
    with pytest.raises(FileFormatError, match=r"\(frames, 33, 4 or 5\)"):
        read_mediapipe_npy(write("b.npy", npy(walk(3))))


def header(text: str, data: int = 8) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(data)


CLAIM = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.zeros((3, 17, 4))), r"got \[3, 17, 4\]"),
        (npy(np.zeros(5)), r"got \[5\]"),
        (npy(np.zeros((3, 17, 3))), "3 frames without anybody"),
        (npy(np.zeros((0, 17, 3))), "expected frames"),
        (npy(np.full((3, 17, 2), "a")), "values of type <U1"),
        (npy(np.full((3, 17, 2), True)), "values of type bool"),
        (npy(np.full((1,), {}), allow_pickle=True), r"values of type object \(objects\)"),
        (npy(-walk(3)), "look like 3D joints"),
        (npy(walk(3))[:-9], "bytes of data for shape"),
        (npy(walk(3)) + b"x", "bytes of data for shape"),
        (npy(walk(3))[:40], "expected a plain numpy array"),
        (header(CLAIM % "1000000000000, 17, 3"), "at most 60000000 numbers"),
        (header(CLAIM % "100000, 17, 3"), "bytes of data for shape"),
        (header(CLAIM % "-1, 17, 3"), "expected"),
        (header("(" * 3000), "expected a plain numpy array"),
        (b"\x93NUMPY\x09\x00", "version"),
        (npy(np.ones((1, 5000, 17, 3))), "at most 1000 people"),
        (b"", "expected a plain numpy array"),
    ],
)
def test_broken_files(write, content: bytes, message: str) -> None:
    path = write("a.npy", content)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_npy_keypoints(path)
    assert str(path) in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="got nothing there"):
        read_npy_keypoints(tmp_path / "a.npy")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 6), people=st.integers(1, 3), joints=st.integers(1, 40))
def test_round_trip(write, frames: int, people: int, joints: int) -> None:
    points = walk(frames, joints, people, joints)
    found = read_npy_keypoints(write("a.npy", npy(points)))
    np.testing.assert_array_equal(found.points, points.reshape(-1, joints, 3))
    assert found.frames.tolist() == [frame for frame in range(frames) for _ in range(people)]
