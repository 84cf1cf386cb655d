"""MediaPipe landmarks: our sample, plain lists, arrays, several people."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.io import read_keypoints

SAMPLE = Path(__file__).parents[2] / "lift3d/samples/balancing_mediapipe.json"
SIZE = (480, 640)


def landmarks(shift: float = 0.0) -> list[dict[str, float]]:
    """33 landmarks on a grid; x and y are shares of width and height."""
    return [
        {"x": 0.3 + 0.01 * n + shift, "y": 0.2 + 0.015 * n, "z": -0.1, "visibility": 0.5}
        for n in range(33)
    ]


def as_lists(frame: list[dict[str, float]]) -> list[list[float]]:
    return [list(landmark.values()) for landmark in frame]


def saved(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def test_our_sample_in_pixels() -> None:
    """x covers [0, width] from edge to edge, pixel centres are whole: pixels = share * size - 0.5."""
    file = read_keypoints(SAMPLE)
    (person,) = file.people
    assert person.pose.keypoints.shape == (100, 33, 2)
    first = json.loads(SAMPLE.read_bytes())["frames"][0]["landmarks"][0]
    expected = torch.tensor([first["x"] * 1080 - 0.5, first["y"] * 1920 - 0.5])
    torch.testing.assert_close(person.pose.keypoints[0, 0], expected)
    torch.testing.assert_close(person.pose.confidence[0, 0], torch.tensor(first["visibility"]))
    assert (person.fps, person.pose.image_size) == (60.0, (1920, 1080))
    assert (file.report.fps_from, file.report.image_size_from) == ("file", "file")
    assert file.report.pixel_space == "normalised [0,1] of width and height"
    assert bool(person.observed.all())
    assert bool((person.pose.keypoints > 0).all())


def _check_three_frames(path: Path) -> None:
    (person,) = read_keypoints(path, image_size=SIZE).people
    assert person.observed.tolist() == [True, False, True]
    nose = torch.tensor([(0.3 + 0.1) * 640 - 0.5, 0.2 * 480 - 0.5])
    torch.testing.assert_close(person.pose.keypoints[2, 0], nose)
    assert person.pose.confidence[0].tolist() == [0.5] * 33


@pytest.mark.parametrize(
    "frame",
    [
        lambda f: f,
        as_lists,
        lambda f: [f],
        lambda f: [as_lists(f)],
        lambda f: {"landmarks": f},
        lambda f: {"pose_landmarks": as_lists(f)},
        lambda f: {"pose_landmarks": [f]},
        lambda f: [{**landmark, "presence": 0.9} for landmark in f],
    ],
)
@pytest.mark.parametrize("nobody", [[], None])
def test_plain_lists(frame: Callable[..., Any], nobody: Any, write: Callable[..., Path]) -> None:
    content = [frame(landmarks()), nobody, frame(landmarks(0.1))]
    _check_three_frames(write("pose.json", content))


@pytest.mark.parametrize("columns", [4, 5])
@pytest.mark.parametrize("nobody", [np.nan, 0.0])
def test_arrays(columns: int, nobody: float, write: Callable[..., Path]) -> None:
    array = np.full((3, 33, columns), nobody, dtype=np.float32)
    array[0, :, :4], array[2, :, :4] = as_lists(landmarks()), as_lists(landmarks(0.1))
    _check_three_frames(write("pose.npy", saved(array)))


def test_several_people(write: Callable[..., Path]) -> None:
    frames = [[landmarks(), landmarks(0.4)], [landmarks(0.4), landmarks()], [landmarks()]]
    file = read_keypoints(write("pose.json", frames), image_size=SIZE)
    assert [int(p.observed.sum()) for p in file.people] == [3, 2]
    assert file.people[0].pose.keypoints[:, 0, 0].unique().numel() == 1


def test_frame_numbers(write: Callable[..., Path]) -> None:
    frames = [{"frame": n, "landmarks": landmarks()} for n in (12, 14)]
    (person,) = read_keypoints(write("p.json", {"frames": frames}), image_size=SIZE).people
    assert (person.first_frame, person.observed.tolist()) == (12, [True, False, True])


def test_landmarks_in_pixels_stay(write: Callable[..., Path]) -> None:
    frame = [{**point, "x": 900 * point["x"], "y": 900 * point["y"]} for point in landmarks()]
    file = read_keypoints(write("p.json", [frame]))
    assert file.report.pixel_space == "pixels"
    torch.testing.assert_close(file.people[0].pose.keypoints[0, 0], torch.tensor([270.0, 180.0]))


def test_shares_ask_for_the_picture_size(write: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="expected the picture's size"):
        read_keypoints(write("p.json", [landmarks()]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([landmarks()[:32]], "expected 33 landmarks .* got 32"),
        ([[{"x": 0.1, "y": 0.1}] * 33], "got none of 'visibility'"),
        ([[[0.1, 0.2, 0.9]] * 33], "got 3 number each"),
        ([[["a", 0.2, 0.9, 1.0]] * 33], "expected a list of numbers"),
        ({"frames": {"a": 1}}, "expected a list of frames"),
        ({"frames": ["abc"]}, "expected a list of landmarks"),
        ({"frames": [], "fps": 30}, "expected frames"),
        ({"frames": [{"landmarks": landmarks()}], "fps": 0}, "frames per second above 0"),
        ({"frames": [{"landmarks": landmarks()}], "fps": "30"}, "frames per second above 0"),
        ({"frames": [{"landmarks": landmarks()}], "image_size": [0, 5]}, "image_size as"),
        ({"frames": [{"landmarks": landmarks()}], "image_size": 5}, "image_size as"),
        ({"frames": [{"frame": 1, "landmarks": landmarks()}] * 2}, "a number twice"),
        ({"frames": [{"frame": -3, "landmarks": landmarks()}]}, "frame numbers from 0"),
        ({"frames": [[], [], None]}, "3 frames without anybody"),
    ],
)
def test_bad_documents(content: Any, message: str, write: Callable[..., Path]) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_keypoints(write("p.json", content), image_size=SIZE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved(np.zeros((3, 17, 4))), r"got \[3, 17, 4\]"),
        (saved(np.zeros((3, 33, 3))), "3 frames without anybody"),
        (saved(np.zeros((3, 33, 4))), "3 frames without anybody"),
        (saved(np.full((3, 33, 4), "a")), "values of type <U1"),
        (saved(np.ones((3, 33, 4)))[:-50], "expected a plain numpy array"),
        (saved(np.ones((3, 33, 4)))[:20], "expected a plain numpy array"),
        (saved(np.array([{}], dtype=object), allow_pickle=True), "values of type object"),
    ],
)
def test_bad_arrays(content: bytes, message: str, write: Callable[..., Path]) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_keypoints(write("p.npy", content), image_size=SIZE)
