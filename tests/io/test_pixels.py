"""Picture sizes assumed from keypoints, and units turned into pixels, by hand."""

import numpy as np
import pytest

from lift3d.io.keypoints.pixels import assumed_size, pixels_from, share_outside


def corner(x: float, y: float, confidence: float = 0.9) -> np.ndarray:
    return np.array([[[10.0, 10.0, 0.9], [x, y, confidence]]])


@pytest.mark.parametrize(
    ("x", "y", "size"),
    [
        (600, 300, (360, 640)),
        (639.5, 479.5, (480, 640)),
        (639.6, 479.5, (480, 854)),
        (1200, 700, (720, 1280)),
        (700, 1200, (1280, 720)),
        (1900, 1000, (1080, 1920)),
        (1000, 1900, (1920, 1080)),
        (9000, 100, (101, 9001)),
    ],
)
def test_the_smallest_common_size_that_holds_all(x: float, y: float, size: tuple[int, int]) -> None:
    assert assumed_size(corner(x, y)) == size


def test_a_stray_keypoint_does_not_blow_up_the_picture() -> None:
    people = np.concatenate([corner(1200, 700)] * 40)
    people[0, 0] = (9e5, 300, 0.9)
    assert assumed_size(people) == (720, 1280)


def test_unsure_keypoints_do_not_enlarge_the_picture() -> None:
    assert assumed_size(corner(3000, 3000, 0.1)) == (360, 640)
    assert assumed_size(corner(600, 400, 0.1) * [1, 1, 0.1]) == (480, 640)


@pytest.mark.parametrize(
    ("space", "first", "last"),
    [
        ("pixels", 0, 639),
        ("normalised [0,1]", 0, 1),
        ("normalised [-1,1]", -1, 1),
        ("normalised [0,1] of width and height", 0.5 / 640, 639.5 / 640),
    ],
)
def test_centres_of_the_first_and_last_pixel(space, first: float, last: float) -> None:
    points = np.array([[[first, 0.0, 0.5], [last, 0.0, 0.5]]])
    pixels = pixels_from(points, space, (480, 640))
    assert pixels[0, :, 0] == pytest.approx([0, 639])
    assert pixels[..., 2].tolist() == [[0.5, 0.5]]


def test_share_outside() -> None:
    points = np.array([[[0, 0, 1], [-0.6, 0, 1], [639.4, 479.4, 1], [np.nan, np.nan, 0]]])
    assert share_outside(points, (480, 640)) == pytest.approx(1 / 3)
