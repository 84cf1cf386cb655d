"""A person drawn by hand, and files written in the exact layouts of detectors."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lift3d.skeleton import Skeleton
from lift3d_body_models import DefaultBody

# A walking person in pixels, seen from the front in a picture 640 wide and 480 high.
WALKER = {
    "nose": (322, 92),
    "left_eye": (330, 84),
    "right_eye": (315, 84),
    "left_ear": (341, 88),
    "right_ear": (305, 89),
    "head_top": (322, 58),
    "upper_neck": (322, 120),
    "mid_shoulder": (322, 142),
    "left_shoulder": (358, 142),
    "right_shoulder": (286, 143),
    "left_elbow": (378, 198),
    "right_elbow": (262, 196),
    "left_wrist": (366, 248),
    "right_wrist": (272, 250),
    "mid_hip": (321, 252),
    "left_hip": (342, 252),
    "right_hip": (300, 252),
    "left_knee": (352, 338),
    "right_knee": (296, 334),
    "left_ankle": (350, 420),
    "right_ankle": (288, 410),
    "left_heel": (348, 430),
    "right_heel": (287, 420),
    "left_big_toe": (356, 446),
    "right_big_toe": (280, 434),
    "left_small_toe": (366, 444),
    "right_small_toe": (270, 432),
}


@pytest.fixture
def walker() -> Callable[..., list[float]]:
    """x, y, confidence of the walker in a layout, moved by (dx, dy)."""

    def flat(layout: Skeleton, dx: float = 0.0, dy: float = 0.0, c: float = 0.9) -> list[float]:
        return [
            value
            for joint in layout.joints
            for value in (WALKER[joint][0] + dx, WALKER[joint][1] + dy, c)
        ]

    return flat


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write JSON (or text, or bytes) under a name in a fresh folder."""

    def to(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return to


@pytest.fixture
def openpose_frame() -> Callable[..., dict[str, Any]]:
    """A frame as OpenPose 1.3 writes it."""

    def frame(*people: list[float], key: str = "pose_keypoints_2d") -> dict[str, Any]:
        return {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1],
                    key: person,
                    "face_keypoints_2d": [],
                    "hand_left_keypoints_2d": [],
                    "hand_right_keypoints_2d": [],
                    "pose_keypoints_3d": [],
                    "face_keypoints_3d": [],
                    "hand_left_keypoints_3d": [],
                    "hand_right_keypoints_3d": [],
                }
                for person in people
            ],
        }

    return frame


@pytest.fixture(scope="session")
def helpers() -> Any:
    """Clips of bodies made by hand (`tests/helpers/body_clip.py`)."""
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("body_clip")


@pytest.fixture(scope="session")
def body() -> DefaultBody:
    return DefaultBody()
