"""VideoPose3D's, Detectron's, rtmlib's and plain archives."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io import read_keypoints, write_clip
from lift3d.io.keypoints.npz_keypoints import is_npz_keypoints, read_npz_keypoints
from lift3d.skeletons import COCO_17, COCO_WHOLEBODY_133, H36M_17, HALPE_26
from tests.helpers.array_files import BODY, JOINTS, detectron, listed, npz, videopose3d, walk
from tests.helpers.world_clip import random_clip


def test_videopose3d_of_one_video(write) -> None:
    points = walk(7)[:, 0, :, :2]
    points[3, 5] = np.nan
    path = write("data_2d_custom_me.npz", videopose3d({"clip.mp4": points}))
    assert is_npz_keypoints(path.read_bytes()[:65536], path)
    found = read_npz_keypoints(path)
    assert found.facts.skeleton is COCO_17
    assert found.facts.image_size == (1080, 1920)
    np.testing.assert_array_equal(found.points[..., :2], points)
    assert found.points[3, 5, 2] == 0
    assert found.points[3, 6, 2] == 1


def test_videopose3d_of_human36m(write) -> None:
    path = write("a.npz", videopose3d({"S1": walk(3)[:, 0, :, :2]}, layout="h36m"))
    assert read_npz_keypoints(path).facts.skeleton is H36M_17


def test_a_data_set_is_no_clip(write) -> None:
    path = write("a.npz", videopose3d({name: walk(2)[:, 0, :, :2] for name in ("a", "b")}))
    with pytest.raises(FileFormatError, match=r"expected one video .* got 2 \(a/custom, b/custom"):
        read_npz_keypoints(path)


def test_a_lifted_clip_is_told_apart(tmp_path: Path) -> None:
    write_clip(tmp_path / "walk.npz", random_clip())
    with pytest.raises(FileFormatError, match="got a lifted clip: give it to lift3d render"):
        read_keypoints(tmp_path / "walk.npz")


def test_detectron(write) -> None:
    """Rows x, y, logit, probability; frames of two, none and one person."""
    frames = [walk(1, 17, 2)[0], np.empty((0, 17, 3)), walk(1, 17, 1, 1)[0]]
    path = write("clip.mp4.npz", detectron(frames, {"w": 1280, "h": 720}))
    assert is_npz_keypoints(path.read_bytes()[:65536], path)
    found = read_npz_keypoints(path)
    assert found.frames.tolist() == [0, 0, 2]
    assert found.persons.tolist() == [-1, -1, -1]
    assert (found.facts.skeleton, found.facts.image_size) == (COCO_17, (720, 1280))
    np.testing.assert_allclose(found.points[:2], frames[0], rtol=1e-6)
    np.testing.assert_allclose(found.points[2], frames[2][0], rtol=1e-6)


def test_detectron_with_one_person_everywhere(write) -> None:
    frames = list(walk(4, 17, 1))
    found = read_npz_keypoints(write("a.npz", detectron(frames, {"w": 1280, "h": 720})))
    np.testing.assert_allclose(found.points, np.concatenate(frames), rtol=1e-6)


@pytest.mark.parametrize(
    ("joints", "layout"), [(17, COCO_17), (26, HALPE_26), (133, COCO_WHOLEBODY_133), (21, None)]
)
def test_rtmlib_of_one_picture(write, joints: int, layout) -> None:
    points = walk(1, joints, 3)[0]
    found = read_npz_keypoints(
        write("a.npz", npz(keypoints=points[..., :2], scores=points[..., 2]))
    )
    assert found.frames.tolist() == [0, 0, 0]
    assert found.facts.skeleton is layout
    np.testing.assert_array_equal(found.points, points)


def test_rtmlib_of_a_video(write) -> None:
    frames = [walk(1, 17, people, people)[0] for people in (2, 1, 0, 3)]
    entries = {
        "keypoints": listed([frame[..., :2] for frame in frames]),
        "scores": listed([frame[..., 2] for frame in frames]),
    }
    found = read_npz_keypoints(write("a.npz", npz(**entries)))
    assert found.frames.tolist() == [0, 0, 1, 3, 3, 3]
    assert found.last_frame == 3
    np.testing.assert_array_equal(found.points, np.concatenate(frames))


def test_plain_arrays_with_names(write) -> None:
    points = walk(4, 5)[:, 0]
    entries: dict[str, Any] = {
        "keypoints": points[..., :2],
        "confidence": points[..., 2],
        "names": np.array(BODY),
        "fps": 25.0,
        "image_size": [480, 640],
    }
    found = read_npz_keypoints(write("a.npz", npz(**entries)))
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == JOINTS
    assert (found.facts.fps, found.facts.image_size) == (25.0, (480, 640))
    assert found.persons.tolist() == [0] * 4
    np.testing.assert_array_equal(found.points, points)


def test_plain_arrays_with_a_layout(write) -> None:
    found = read_npz_keypoints(write("a.npz", npz(keypoints=walk(4, 26, 2), skeleton="halpe_26")))
    assert found.facts.skeleton is HALPE_26
    assert found.persons.tolist() == [-1] * 8


def test_shares_of_the_picture(write) -> None:
    points = walk(4)
    points[..., :2] /= 1000
    found = read_npz_keypoints(write("a.npz", npz(keypoints=points)))
    assert found.facts.space == "normalised [0,1] of width and height"
    points[..., :2] = 2 * points[..., :2] - 1
    found = read_npz_keypoints(write("a.npz", npz(keypoints=points)))
    assert found.facts.space == "normalised [-1,1]"


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("/tmp/never-made-by-a-keypoint-file"),)  # noqa: S108


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"other": np.ones(3)}, "expected an entry 'keypoints'"),
        ({"keypoints": np.ones(3)}, r"got \[3\]"),
        ({"keypoints": np.ones((3, 17, 4))}, r"got \[3, 17, 4\]"),
        ({"keypoints": np.ones((3, 17, 2)), "scores": np.ones((3, 16))}, r"and scores \[3, 16\]"),
        ({"keypoints": np.full((3, 17, 2), "a")}, "expected numbers"),
        ({"keypoints": np.zeros((3, 17, 3))}, "3 frames without anybody"),
        ({"keypoints": np.empty((0, 17, 3))}, "expected frames"),
        ({"keypoints": -walk(3)}, "look like 3D joints"),
        ({"keypoints": walk(3), "names": ["a", "b"]}, "expected 17 names"),
        ({"keypoints": walk(3), "skeleton": "coco17"}, "did you mean 'coco_17'"),
        ({"keypoints": walk(3), "skeleton": "halpe_26"}, "expected 26 keypoints"),
        ({"keypoints": walk(3), "fps": 0}, "frames per second above 0"),
        ({"keypoints": walk(3), "fps": "x"}, "expected numbers"),
        ({"keypoints": walk(3), "image_size": [0, 3]}, "image_size as"),
        ({"keypoints": walk(3), "image_size": [3]}, "image_size as"),
        ({"keypoints": listed([1, "a"])}, "frame 0"),
        ({"keypoints": listed([walk(1)[0], "a"])}, "expected numbers in .*frame 1"),
        ({"keypoints": listed([Bomb()])}, r"touch|getattr"),
        ({"positions_2d": np.array({}, dtype=object)}, "subjects, actions and cameras"),
        ({"positions_2d": np.array({"a": {"b": [walk(2)]}}, dtype=object)}, r"got \[2, 1, 17, 3\]"),
        ({"boxes": np.ones(3), "keypoints": np.ones((3, 2, 2))}, r"\[people, 4, 17\]"),
        ({"boxes": np.ones(3), "keypoints": np.array(5)}, "each frame"),
    ],
)
def test_broken_files(write, entries: dict[str, Any], message: str) -> None:
    path = write("a.npz", npz(**entries))
    with pytest.raises(FileFormatError, match=message) as caught:
        read_npz_keypoints(path)
    assert "a.npz" in str(caught.value)


def test_files_that_are_no_archives(write) -> None:
    for content in (b"PK\x03\x04 broken", b"", pickle.dumps({}), npz(keypoints=walk(3))[:200]):
        path = write("a.npz", content)
        assert not is_npz_keypoints(content[:65536], path)
        with pytest.raises(FileFormatError, match=r"a\.npz"):
            read_npz_keypoints(path)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 5), people=st.integers(1, 3), seed=st.integers(0, 999))
def test_round_trip(write, frames: int, people: int, seed: int) -> None:
    points = walk(frames, 17, people, seed)
    found = read_npz_keypoints(write("a.npz", npz(keypoints=points, skeleton="coco_17")))
    np.testing.assert_array_equal(found.points, points.reshape(-1, 17, 3))
    assert found.facts.skeleton is COCO_17
