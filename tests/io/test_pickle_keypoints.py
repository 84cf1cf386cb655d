"""MotionBERT's pickles and plain ones; nothing in them is run."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.pickle_keypoints import is_pickle_keypoints, read_pickle_keypoints
from lift3d.skeletons import COCO_17, H36M_17
from tests.helpers.array_files import walk


def motionbert(points: np.ndarray, sources: list[str]) -> dict[str, Any]:
    clip = {
        "joint_2d": points[..., :2],
        "confidence": points[..., 2:],
        "joint3d_image": np.ones((len(points), 17, 3)),
        "camera_name": ["54138969"] * len(points),
        "source": sources,
    }
    return {"train": {}, "test": clip}


@pytest.mark.parametrize("protocol", range(6))
def test_motionbert(write, protocol: int) -> None:
    points = walk(5)[:, 0]
    content = pickle.dumps(motionbert(points, ["s9"] * 5), protocol)
    path = write("a.pkl", content)
    assert is_pickle_keypoints(content[:65536], path)
    found = read_pickle_keypoints(path)
    assert found.facts.skeleton is H36M_17
    np.testing.assert_array_equal(found.points, points)


def test_a_data_set_is_no_clip(write) -> None:
    content = motionbert(walk(4)[:, 0], ["a", "a", "b", "b"])
    with pytest.raises(FileFormatError, match=r"expected one clip .* got 2 \(a, b"):
        read_pickle_keypoints(write("a.pkl", pickle.dumps(content)))
    content["train"] = content["test"]
    with pytest.raises(FileFormatError, match="the splits train, test"):
        read_pickle_keypoints(write("a.pkl", pickle.dumps(content)))


def test_lists_of_a_detector(write) -> None:
    frames = [walk(1, 17, people, people)[0] for people in (1, 2, 0)]
    found = read_pickle_keypoints(write("a.pkl", pickle.dumps([f.tolist() for f in frames])))
    assert found.frames.tolist() == [0, 1, 1]
    assert found.last_frame == 2
    np.testing.assert_array_equal(found.points, np.concatenate(frames))


def test_people_first_as_mmaction2_has_them(write) -> None:
    points = walk(4, 17, 2)
    entries = {
        "frame_dir": "clip",
        "img_shape": (720, 1280),
        "total_frames": 4,
        "keypoint": points[..., :2].swapaxes(0, 1),
        "keypoint_score": points[..., 2].swapaxes(0, 1),
    }
    found = read_pickle_keypoints(write("a.pkl", pickle.dumps(entries)))
    assert found.frames.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found.facts.image_size == (720, 1280)
    np.testing.assert_array_equal(found.points, points.reshape(-1, 17, 3))


def test_nothing_is_run(write, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    code = b"cos\nsystem\n(Vtouch " + str(canary).encode() + b"\ntR."
    with pytest.raises(FileFormatError, match=r"os\.system"):
        read_pickle_keypoints(write("a.pkl", code))
    assert not canary.exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "got int"),
        ({}, "expected an entry 'keypoints', got none|expected an entry"),
        ({"train": {}, "test": {}}, "splits without any"),
        ({"test": {"joint_2d": np.ones((3, 16, 2))}}, r"got \[3, 16, 2\]"),
        ({"test": {"joint_2d": np.ones((3, 17, 2)), "confidence": np.ones(3)}}, r"got \[3\]"),
        ({"test": {"joint_2d": "x"}}, "expected numbers"),
        ({"keypoints": [[1, 2], [3]]}, r"frame 0|expected"),
        ([], "expected frames"),
        ([None, []], "2 frames without anybody"),
        ({"keypoints": walk(2).tolist(), "scores": [1]}, "scores for 2 frames"),
    ],
)
def test_broken_files(write, value: Any, message: str) -> None:
    path = write("a.pkl", pickle.dumps(value))
    with pytest.raises(FileFormatError, match=message) as caught:
        read_pickle_keypoints(path)
    assert str(path) in str(caught.value)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 5), people=st.integers(1, 3), protocol=st.integers(0, 5))
def test_round_trip(write, frames: int, people: int, protocol: int) -> None:
    points = walk(frames, 17, people)
    content = pickle.dumps({"keypoints": points, "skeleton": "coco_17"}, protocol)
    found = read_pickle_keypoints(write("a.pkl", content))
    np.testing.assert_array_equal(found.points, points.reshape(-1, 17, 3))
    assert found.facts.skeleton is COCO_17
